"""The comparison as one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from distilpose.engine.teacher_report import TeacherReport
from distilpose.errors import printable
from distilpose.report import PersonPanel, draw_interval, limb_key, person_grid, whole_page
from distilpose.report.figures import in_units

from . import charts
from .colours import of_model
from .history import Series
from .style import STYLE
from .words import COMPARED, HEADINGS, MEANINGS, about_figures, about_gaps, closed, gained, runs, spread


@dataclass(frozen=True)
class Pictures:
    """Validation people and what is needed to draw them."""

    panels: Sequence[PersonPanel]
    links: Sequence[tuple[int, int]]
    joint_names: Sequence[str]


def render(summary: Mapping[str, Any], *, histories: Mapping[str, Mapping[str, Series]], pictures: Pictures,
           teacher: TeacherReport | None = None) -> str:
    """The whole page.

    Args:
        summary: from :func:`~distilpose.compare.summary.summarise`.
        histories: role -> what its training of the first seed has logged.
        pictures: of that seed.
        teacher: the report on the teacher before the training of the distilled student.
    """
    sections = (_hero(summary), _measured(summary), _gaps(summary), _teacher(teacher), charts.keypoints(summary),
                charts.learning(summary, histories), charts.gradients(summary, histories), _worst(summary, pictures),
                _facts(summary))
    return whole_page('distilpose: a comparison', sections, style=STYLE)


def _hero(summary: Mapping[str, Any]) -> str:
    seeds, models = summary['seeds'], summary['models']
    named = f'seed {seeds[0]}' if len(seeds) == 1 else f'{len(seeds)} seeds'
    return (f'<p class="eyebrow">distilpose · comparison</p><h1>{_headline(summary)}</h1>'
            f'<p class="lead">{len(models)} models, {named}. The students had the same data, length and schedule; '
            'what differs is what they were shown.</p>')


def _headline(summary: Mapping[str, Any]) -> str:
    won, share = summary['gain']['distilled']['ap'], summary['gap_closed']['distilled']['ap']
    if won['value'] is None or won['value'] <= 0:
        return 'The teacher did not help its student.'
    points = f'<em>{100 * won["value"]:+.1f} AP</em>'
    if won['low'] is not None and won['low'] <= 0:
        return f'The teacher may have helped: {points}, within the range of chance.'
    if share['value'] is None:
        return f'Taught: {points}, and the teacher itself is no better than the student alone.'
    if share['value'] >= 1:
        return f'Taught: {points}, on a par with its teacher.'
    return f'Taught: {points}, {100 * share["value"]:.0f} % of the way to its teacher.'


def _measured(summary: Mapping[str, Any]) -> str:
    head = ''.join(f'<th scope="col">{heading}</th>' for heading in [*HEADINGS.values(), 'params', 'MACs'])
    rows = []
    for role, model in summary['models'].items():
        cells = [_cell(summary['over_seeds'][role][name]) for name in HEADINGS]
        rows.append(f'<tr class="{of_model(role, summary)}"><th scope="row"><i></i>{escape(model["title"])}</th>'
                    f'{"".join(cells)}<td>{in_units(model["parameters"])}</td><td>{in_units(model["macs"])}</td></tr>')
    notes = ''.join(f'<div><dt>{HEADINGS[name]}</dt><dd>{escape(MEANINGS[name])}</dd></div>' for name in HEADINGS)
    return (f'<h2>Measured</h2><p class="under">{escape(about_figures(summary))}</p>'
            f'<div class="card"><div class="scroll"><table><thead><tr><th scope="col">model</th>{head}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></div><dl class="notes">{notes}</dl></div>')


def _cell(values: Mapping[str, float | None]) -> str:
    mean, _, bounds = spread(values).partition(' ')
    return f'<td>{mean}<small>{bounds.strip("()")}</small></td>'


def _gaps(summary: Mapping[str, Any]) -> str:
    head = ''.join(f'<th scope="col">gap closed, {HEADINGS[name]}</th>' for name in COMPARED)
    rows = []
    for role, entry in summary['gap_closed'].items():
        colour = of_model(role, summary)
        cells = ''.join(f'<td>{closed(entry[name])}{_interval(entry[name], colour)}</td>' for name in COMPARED)
        rows.append(f'<tr class="{colour}"><th scope="row"><i></i>{escape(summary["models"][role]["title"])}</th>'
                    f'<td>{gained(summary["gain"][role]["ap"])}</td>{cells}</tr>')
    return (f'<h2>Against the teacher</h2><p class="under">{escape(about_gaps(summary))}</p><div class="card">'
            '<div class="scroll"><table class="gaps"><thead><tr><th scope="col">student</th><th scope="col">gain in AP'
            f'</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{_by_seed(summary)}</div>')


def _teacher(report: TeacherReport | None) -> str:
    """What the report before the training said."""
    if report is None:
        return ''
    first, *rest = report.lines()
    lines = [line.strip() for line in rest] + [f'{finding.text}.' for finding in report.findings]
    items = ''.join(f'<li>{escape(printable(line))}</li>' for line in lines)
    return (f'<h2>The teacher, before the training</h2><p class="under">{escape(printable(first))}</p>'
            f'<div class="card"><ul>{items}</ul></div>')


def _interval(entry: Mapping[str, Any], colour: str) -> str:
    return draw_interval(entry['value'], entry['low'], entry['high'], role=colour, ends=('alone', 'teacher'))


def _by_seed(summary: Mapping[str, Any]) -> str:
    """Every run, folded."""
    if len(summary['seeds']) < 2:
        return ''
    head = ''.join(f'<th scope="col">{name}</th>' for name in ('model', *HEADINGS.values(), 'gap closed, AP'))
    body = ''.join(f'<tr><th scope="row">{"</th><td>".join(map(escape, row[:2]))}</td>'
                   + ''.join(f'<td>{escape(cell)}</td>' for cell in row[2:]) + '</tr>' for row in runs(summary))
    return (f'<details><summary>Every seed</summary><div class="scroll"><table><thead><tr><th scope="col">seed</th>'
            f'{head}</tr></thead><tbody>{body}</tbody></table></div></details>')


def _worst(summary: Mapping[str, Any], pictures: Pictures) -> str:
    if not pictures.panels:
        return ''
    titles = dict(baseline='alone', distilled='distilled', teacher='teacher')
    grid = person_grid(pictures.panels, links=pictures.links, names=pictures.joint_names, titles=titles)
    return (f'<h2>Where it fails</h2><p class="under">The validation people of whom the distilled student of seed '
            f'{summary["seeds"][0]} is most wrong (lowest OKS, among people of whom at least half of the joints are '
            f'labelled if there are enough). Dotted: the ground truth. The number is the OKS.</p>{limb_key()}'
            f'<div class="people">{grid}</div>')


def _facts(summary: Mapping[str, Any]) -> str:
    facts = {'command': f'<code>{escape(summary["command"])}</code>'}
    for model in summary['models'].values():
        changes = ' '.join(f'{key}={value}' for key, value in model['options'].items())
        facts[model['title']] = escape(f'{model["config"]} {changes}')
    facts['seeds'] = ', '.join(map(str, summary['seeds']))
    facts['versions'] = escape(', '.join(f'{name} {version}' for name, version in summary['versions'].items()))
    for index, note in enumerate(summary['notes'], start=1):
        facts[f'note {index}'] = escape(note)
    entries = ''.join(f'<dt>{escape(name)}</dt><dd>{text}</dd>' for name, text in facts.items())
    return f'<h2>Repeat it</h2><div class="card"><dl class="facts">{entries}</dl></div>'
