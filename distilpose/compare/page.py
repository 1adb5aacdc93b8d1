"""Pages of a comparison: one HTML file that needs no other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from distilpose.distillation.teacher_report import TeacherReport
from distilpose.errors import DistilPoseError, printable
from distilpose.report import draw_interval, heatmap_rows, limb_key, person_grid
from distilpose.report.metrics import in_percent
from distilpose.report.page import environment
from distilpose.report.style import STYLE as PAGE_STYLE

from . import charts, formatting
from .history import Series, read_history, read_metrics
from .palette import STYLE, of_model
from .pictures import Pictures
from .templates import TEMPLATES

_ENVIRONMENT = environment(TEMPLATES)
_ENVIRONMENT.filters.update(zip=zip, percent=in_percent, split_range=formatting.split_range)
_PEOPLE_TITLES = dict(baseline='alone', distilled='distilled', teacher='teacher')


@dataclass(frozen=True)
class Texts:
    """Texts of a page beside metrics."""

    eyebrow: str = 'comparison'
    title: str = 'a comparison'
    lead: str = ('The students had the same data, length and schedule; what differs is what they learned from.')
    people: tuple[str, str] = (
        'Where it fails', 'The validation people with the largest errors of the distilled student (lowest OKS, among '
        'people with at least half of the joints labelled if there are enough).')
    """Heading, and how they were chosen."""
    footer: str = ''


def render(summary: Mapping[str, Any], *, histories: Mapping[str, Mapping[str, Series]], pictures: Pictures | None,
           teacher: TeacherReport | None = None, texts: Texts | None = None) -> str:
    """The whole page.

    Args:
        summary: from :func:`~distilpose.compare.summary.summarise`.
        histories: role -> scalars that its training of the first seed has logged.
        pictures: of that seed.
        teacher: the report on the teacher before the training of the distilled student.
        texts: for a page with other words.
    """
    texts = texts or Texts()
    has_teacher = formatting.has_teacher(summary) and 'distilled' in summary['gain']
    return _render(
        'comparison', texts=texts, title=f'distilpose: {texts.title}', summary=summary,
        headline=_headline(summary) if has_teacher else f'{len(summary["models"])} models, trained alike.',
        marks=_marks(summary) if has_teacher else [], formatting=formatting,
        colour=lambda role: of_model(role, summary),
        gaps=_gaps(summary), runs=formatting.runs_table(summary) if len(summary['seeds']) > 1 else None,
        teacher=_teacher_lines(teacher), keypoint_dots=charts.keypoint_dots(summary),
        loss_cards=charts.loss_cards(summary, histories), gradient_cards=charts.gradient_cards(summary, histories),
        people=_people(pictures), limb_key=Markup(limb_key()),
        heatmaps=Markup(heatmap_rows(pictures.heatmaps)) if pictures else '', facts=_facts(summary))


def render_runs(work_dirs: Sequence[Path], *, command: str) -> str:
    """A page of the logs of any work directories: losses, shares of the gradient, validation metrics.

    Raises:
        DistilPoseError: a work directory has no scalars.
    """
    histories, metrics, models = {}, {}, {}
    for index, folder in enumerate(work_dirs):
        role = f'run_{index}'
        histories[role], metrics[role] = read_history(folder), read_metrics(folder)
        models[role] = dict(title=_short_name(folder, work_dirs), folder=str(folder))
        if not histories[role] and not metrics[role]:
            raise DistilPoseError(f'{folder} has no scalars of a training; expected a work directory with '
                                  '*/vis_data/scalars.json')
    summary = dict(models=models)
    steps = {role: int(found['loss'].steps[-1]) if 'loss' in found else 0 for role, found in histories.items()}
    return _render('runs', title='distilpose: runs', models=models, steps=steps, command=command,
                   colour=lambda role: of_model(role, summary), loss_cards=charts.loss_cards(summary, histories),
                   gradient_cards=charts.gradient_cards(summary, histories),
                   metric_cards=charts.metric_cards(summary, metrics))


def _render(name: str, *, title: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(name).render(title=title, style=PAGE_STYLE + STYLE, **values)


def _short_name(folder: Path, others: Sequence[Path]) -> str:
    """The last parts of a path that no other of the paths has."""
    parts = folder.resolve().parts
    for count in range(1, len(parts) + 1):
        if sum(other.resolve().parts[-count:] == parts[-count:] for other in others) == 1:
            return '/'.join(parts[-count:])
    return str(folder)


def _headline(summary: Mapping[str, Any]) -> Markup:
    won, share = summary['gain']['distilled']['ap'], summary['gap_closed']['distilled']['ap']
    if won['value'] is None or won['value'] <= 0:
        return Markup('The teacher did not help its student.')
    points = Markup('<em>{:+.1f} AP</em>').format(100 * won['value'])
    if won['low'] is not None and won['low'] <= 0:
        return Markup('The teacher may have helped: {}, within the range of chance.').format(points)
    if share['value'] is None:
        return Markup('Distilled: {}, and the teacher itself is no better than the student alone.').format(points)
    if share['value'] >= 1:
        return Markup('Distilled: {}, on a par with its teacher.').format(points)
    return Markup('Distilled: {}, {:.0f}&nbsp;% of the way to its teacher.').format(points, 100 * share['value'])


def _marks(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Places of the three main models on a line from the lowest to the highest AP, in percent of its length."""
    values = {role: summary['over_seeds'][role]['ap']['mean'] for role in ('teacher', 'baseline', 'distilled')}
    if any(value is None or not math.isfinite(value) for value in values.values()):
        return []
    low, high = min(values.values()), max(values.values())
    return [dict(role=role, title=summary['models'][role]['title'], text=in_percent(value),
                 place=round(100 * (value - low) / (high - low), 2) if high > low else 50)
            for role, value in values.items()]


def _gaps(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table of students, with the intervals of the gaps as drawings."""
    table, rows = formatting.students_table(summary), []
    entries = summary.get('gap_closed') or summary['gain']
    for (role, entry), (title, *cells) in zip(entries.items(), table.rows, strict=True):
        colour = of_model(role, summary)
        drawn = [Markup(draw_interval(entry[name]['value'], entry[name]['low'], entry[name]['high'], role=colour,
                                      ends=('alone', 'teacher'))) for name in formatting.COMPARED]
        drawings = [Markup(''), *drawn] if formatting.has_teacher(summary) else [Markup('')] * len(cells)
        rows.append(dict(colour=colour, title=title, cells=list(zip(cells, drawings, strict=True))))
    return rows


def _teacher_lines(report: TeacherReport | None) -> list[str]:
    """The report on the teacher before the training: a sentence, then its lines and findings."""
    if report is None:
        return []
    first, *rest = report.lines()
    return [printable(line) for line in (first, *(line.strip() for line in rest),
                                         *(f'{finding.text}.' for finding in report.findings))]


def _people(pictures: Pictures | None) -> Markup:
    if pictures is None or not pictures.panels:
        return Markup('')
    titles = {role: title for role, title in _PEOPLE_TITLES.items() if role in pictures.panels[0].predictions}
    return Markup(person_grid(pictures.panels, links=pictures.links, names=pictures.joint_names, titles=titles))


def _facts(summary: Mapping[str, Any]) -> dict[str, str]:
    facts = {model['title']: ' '.join([model['config'], *(f'{key}={value}' for key, value in model['options'].items())])
             for model in summary['models'].values()}
    facts['seeds'] = ', '.join(map(str, summary['seeds']))
    facts.update(summary.get('facts', {}))
    facts['versions'] = ', '.join(f'{name} {version}' for name, version in summary['versions'].items())
    return facts | {f'note {index}': note for index, note in enumerate(summary['notes'], start=1)}
