"""Templates (jinja2) of the comparison's pages; text is escaped, charts are given as markup."""

_MACROS = """
{% macro cards(found) %}
<div class="two">
{% for title, chart in found %}
<div class="card"><h3>{{ title }}</h3>{{ chart }}</div>
{% endfor %}
</div>
{% endmacro %}

{% macro table(head, rows) %}
<div class="scroll"><table>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr><th scope="row">{{ row[0] }}</th>{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}

{% macro gradient_section(found) %}
{% if found %}
<h2>Shares of the gradient</h2>
<p class="under">The gradient of the student by loss: the norm of each loss's own gradient over all weights of the
student, divided by the sum of those norms.</p>
{{ cards(found) }}
{% endif %}
{% endmacro %}
"""

_COMPARISON = """
{% extends 'page' %}
{% import 'macros' as macros %}
{% block content %}
<p class="eyebrow">distilpose · {{ texts.eyebrow }}</p><h1>{{ headline }}</h1>
<p class="lead">{{ summary.models|length }} models, {{ 'seed %s'|format(summary.seeds[0]) if summary.seeds|length == 1
  else '%s seeds'|format(summary.seeds|length) }}. {{ texts.lead }}</p>
{% if marks %}
{% set places = marks|map(attribute='place')|list %}
<div class="gap card"><div class="track"><div class="bar" style="left:0;width:100%"></div>
<div class="gain" style="left:{{ places[1:]|min }}%;width:{{ (places[1] - places[2])|abs }}%"></div>
{% for mark in marks %}
<span class="mark {{ mark.role }}" style="left:{{ mark.place }}%"></span>
<span class="name {{ mark.role }} {{ 'above' if mark.role == 'distilled' else 'below' }}"
  style="left:{{ mark.place }}%"><b>{{ mark.text }}</b>{{ mark.title }}</span>
{% endfor %}
</div></div>
{% endif %}

{% set measured = formatting.model_table(summary) %}
<h2>Measured</h2><p class="under">{{ formatting.about_figures(summary) }}</p>
<div class="card"><div class="scroll"><table>
<thead><tr>{% for name in measured.head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for role, row in summary.models|zip(measured.rows) %}
<tr class="{{ colour(role) }}"><th scope="row"><i></i>{{ row[0] }}</th>
{% for cell in row[1:] %}
{% set mean, bounds = cell|split_range %}
<td>{{ mean }}<small>{{ bounds }}</small></td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
<dl class="notes">{% for name, meaning in formatting.columns(summary).items() %}<div><dt>{{ name }}</dt>
<dd>{{ meaning }}</dd></div>{% endfor %}</dl></div>

{% if gaps %}
{% if formatting.has_teacher(summary) %}
<h2>Against the teacher</h2><p class="under">{{ formatting.about_gaps(summary) }}</p>
{% else %}
<h2>Gains</h2><p class="under">{{ formatting.about_draws(summary) }}</p>
{% endif %}
<div class="card"><div class="scroll"><table class="gaps">
<thead><tr>{% for name in formatting.students_table(summary).head %}<th scope="col">{{ name }}</th>{% endfor %}</tr>
</thead><tbody>
{% for row in gaps %}
<tr class="{{ row.colour }}"><th scope="row"><i></i>{{ row.title }}</th>
{% for cell, interval in row.cells %}<td>{{ cell }}{{ interval }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% if runs %}
<details><summary>Every seed</summary>{{ macros.table(runs.head, runs.rows) }}</details>
{% endif %}
</div>
{% endif %}

{% if teacher %}
<h2>The teacher, before the training</h2><p class="under">{{ teacher[0] }}</p>
<div class="card"><ul>{% for line in teacher[1:] %}<li>{{ line }}</li>{% endfor %}</ul></div>
{% endif %}

<h2>Every keypoint</h2><p class="under">{{ formatting.ABOUT_KEYPOINTS }}</p>
<div class="card">{{ keypoint_dots }}
<details><summary>Figures: AP, the mean similarity (OKS) of this keypoint alone, PCK@0.1</summary>
<div class="scroll"><table>
<thead><tr><th></th>{% for model in summary.models.values() %}<th scope="col" colspan="3">{{ model.title }}</th>
{% endfor %}</tr>
<tr><th></th>{% for model in summary.models %}<th scope="col">AP</th><th scope="col">OKS</th><th scope="col">PCK</th>
{% endfor %}</tr></thead>
<tbody>
{% for joint in summary.keypoints.values()|first %}
<tr><th scope="row">{{ joint|replace('_', ' ') }}</th>
{% for values in summary.keypoints.values() %}{% for name in ['ap', 'oks', 'pck'] %}
<td>{{ values[joint][name]|percent }}</td>
{% endfor %}{% endfor %}</tr>
{% endfor %}
</tbody></table></div></details></div>

<h2>Learning</h2><p class="under">Losses of seed {{ summary.seeds[0] }} as logged, with their weights. Students are
compared by the loss that they have in common; further losses are what they learn from the teacher.</p>
{{ macros.cards(loss_cards) }}
{{ macros.gradient_section(gradient_cards) }}

{% if people %}
<h2>{{ texts.people[0] }}</h2><p class="under">{{ texts.people[1] }} Seed {{ summary.seeds[0] }}. Dotted: the ground
truth. The number is the OKS.</p>{{ limb_key }}
<div class="people">{{ people }}</div>
{% endif %}
{% if heatmaps %}
<h2>Heatmaps</h2><p class="under">Left, the heatmap of the teacher for one keypoint. Right, the simulated heatmap of the
distilled student: a gaussian at its coordinate with its two predicted sigmas.</p>
<div class="pairs">{{ heatmaps }}</div>
{% endif %}

<h2>Repeat it</h2><div class="card"><dl class="facts"><dt>command</dt><dd><code>{{ summary.command }}</code></dd>
{% for name, text in facts.items() %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl></div>
{% if texts.footer %}
<footer>{{ texts.footer }}</footer>
{% endif %}
{% endblock %}
"""

_RUNS = """
{% extends 'page' %}
{% import 'macros' as macros %}
{% block content %}
<p class="eyebrow">distilpose · logs</p><h1>{{ models|length }} {{ 'run' if models|length == 1 else 'runs' }}</h1>
<p class="lead">Scalars in the logs of these work directories, finished or running.</p>
<div class="card"><div class="scroll"><table><thead><tr><th scope="col">run</th><th scope="col">iterations</th>
<th scope="col">work directory</th></tr></thead><tbody>
{% for role, model in models.items() %}
<tr class="{{ colour(role) }}"><th scope="row"><i></i>{{ model.title }}</th><td>{{ '{:,}'.format(steps[role]) }}</td>
<td>{{ model.folder }}</td></tr>
{% endfor %}
</tbody></table></div></div>
{% if metric_cards %}
<h2>Validation</h2><p class="under">Metrics of every validation, by epoch, or by iteration of trainings that count
those.</p>
{{ macros.cards(metric_cards) }}
{% endif %}
{% if loss_cards %}
<h2>Losses</h2><p class="under">As logged, with their weights. Losses of several runs share a chart.</p>
{{ macros.cards(loss_cards) }}
{% endif %}
{{ macros.gradient_section(gradient_cards) }}
<h2>Repeat it</h2><div class="card"><dl class="facts"><dt>command</dt><dd><code>{{ command }}</code></dd></dl></div>
{% endblock %}
"""

TEMPLATES = dict(macros=_MACROS, comparison=_COMPARISON, runs=_RUNS)
"""Name -> source."""
