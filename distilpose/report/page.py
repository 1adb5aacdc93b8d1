"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from distilpose.checkpoints.writing import write_atomically

from .curves import Curve, draw_curves
from .figures import ModelFigures, gap_closed, in_percent, in_words
from .pictures import HeatmapPair, PersonPanel, heatmap_rows, person_grid
from .style import STYLE
from .table import figures_html


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    teacher: ModelFigures
    baseline: ModelFigures
    distilled: ModelFigures
    budget: str
    """One sentence: what the two students have in common."""
    student_curves: Sequence[Curve]
    """Task loss of both students, on the same axes."""
    teacher_curves: Sequence[Curve]
    panels: Sequence[PersonPanel]
    heatmaps: Sequence[HeatmapPair]
    links: Sequence[tuple[int, int]]
    """Pairs of joints that a skeleton connects."""
    joint_names: Sequence[str]
    facts: Mapping[str, str]
    """What is needed to repeat the run: seed, command, versions, ..."""
    durations: Mapping[str, float]
    """Stage -> seconds."""

    @property
    def rows(self) -> tuple[ModelFigures, ModelFigures, ModelFigures]:
        """The models in the order of the table."""
        return self.teacher, self.baseline, self.distilled

    @property
    def gap_closed(self) -> float | None:
        """See :func:`~distilpose.report.figures.gap_closed`, in AP."""
        return gap_closed(self.baseline.ap, self.distilled.ap, teacher=self.teacher.ap)


def write_page(report: Report, path: Path) -> None:
    """Writes the page; an older one is replaced at once, never half."""
    write_atomically(path, render_page(report))


def render_page(report: Report) -> str:
    """The whole page as HTML."""
    sections = (_hero(report), _figures(report), _training(report), _people(report), _heatmaps(report), _facts(report))
    return whole_page('distilpose: what a teacher is worth', sections)


def whole_page(title: str, sections: Sequence[str], *, style: str = '') -> str:
    """A complete HTML file of sections.

    Args:
        title: plain text.
        sections: HTML.
        style: rules beyond those of every page.
    """
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{escape(title)}</title><style>{STYLE}{style}</style></head>'
            f'<body><main>{"".join(sections)}</main></body></html>\n')


def _hero(report: Report) -> str:
    return (f'<p class="eyebrow">distilpose · quickstart</p><h1>{_headline(report)}</h1>'
            f'<p class="lead">{escape(report.budget)}</p>{_gap_bar(report)}')


def _headline(report: Report) -> str:
    closed = report.gap_closed
    gain = report.distilled.ap - report.baseline.ap
    if closed is None or not gain > 0:
        return 'In this run, the teacher did not help its student.'
    if closed >= 1:
        return f'One network, taught: <em>{100 * gain:+.1f} AP</em>, on a par with its teacher.'
    return f'One network, taught: <em>{100 * gain:+.1f} AP</em>, {100 * closed:.0f} % of the way to its teacher.'


def _gap_bar(report: Report) -> str:
    """The three APs on a line that runs from the worst to the best of them."""
    values = {row.role: row.ap for row in report.rows}
    if not all(map(math.isfinite, values.values())):
        return ''
    low, high = min(values.values()), max(values.values())
    place = {role: 100 * (value - low) / (high - low) if high > low else 50 for role, value in values.items()}
    start, end = sorted((place['baseline'], place['distilled']))
    marks = ''.join(
        f'<span class="mark {row.role}" style="left:{place[row.role]:.2f}%"></span>'
        f'<span class="name {row.role} {"above" if row.role == "distilled" else "below"}" '
        f'style="left:{place[row.role]:.2f}%"><b>{in_percent(row.ap)}</b>{escape(row.title)}</span>'
        for row in report.rows)
    return ('<div class="gap card"><div class="track"><div class="bar" style="left:0;width:100%"></div>'
            f'<div class="gain" style="left:{start:.2f}%;width:{end - start:.2f}%"></div>{marks}</div></div>')


def _figures(report: Report) -> str:
    closed = report.gap_closed
    share = f'{100 * closed:.0f} %' if closed is not None else 'undefined (the teacher is not better than the baseline)'
    return ('<h2>Measured</h2><p class="under">All people of the validation images, none of which was trained on. '
            f'Gap closed, (distilled − baseline) / (teacher − baseline): {share}.</p>'
            f'<div class="card">{figures_html(report.rows)}</div>')


def _training(report: Report) -> str:
    return ('<h2>Learning</h2><p class="under">Both students with the same seed, for the same number of '
            'iterations, on the same pictures in the same order. Their curves are the same loss on coordinates; what '
            'the distilled one learns from its teacher comes on top and is not drawn.</p><div class="two">'
            f'<div class="card"><h3>Students: coordinate loss</h3>'
            f'{draw_curves(report.student_curves, label="coordinate loss of the students")}</div>'
            f'<div class="card"><h3>Teacher: heatmap loss</h3>'
            f'{draw_curves(report.teacher_curves, label="heatmap loss of the teacher")}</div></div>')


def _people(report: Report) -> str:
    if not report.panels:
        return ''
    titles = dict(teacher='teacher', baseline='alone', distilled='distilled')
    grid = person_grid(report.panels, links=report.links, names=report.joint_names, titles=titles)
    return ('<h2>Seen</h2><p class="under">Validation people at even distances through the set, not chosen by result. '
            'Dotted: the ground truth. The number is the similarity (OKS) to it.</p>'
            f'{limb_key()}<div class="people">{grid}</div>')


def limb_key() -> str:
    """Which colour of a skeleton is which side."""
    entries = ''.join(f'<span><i style="background:var(--{side})"></i>{text}</span>'
                      for side, text in (('left', 'left limbs'), ('right', 'right limbs'), ('middle', 'across')))
    return f'<div class="key">{entries}</div>'


def _heatmaps(report: Report) -> str:
    if not report.heatmaps:
        return ''
    return ('<h2>Shown to the student</h2><p class="under">Left, the heatmap that the teacher draws for one joint. '
            'Right, the one that the distilled student would have drawn: a gaussian from its coordinate and its two '
            f'predicted sigmas.</p><div class="pairs">{heatmap_rows(report.heatmaps)}</div>')


def _facts(report: Report) -> str:
    entries = ''.join(f'<dt>{escape(name)}</dt><dd>{_fact(name, text)}</dd>' for name, text in report.facts.items())
    spent = ', '.join(f'{escape(stage)} {in_words(seconds)}' for stage, seconds in report.durations.items())
    total = sum(seconds for seconds in report.durations.values() if math.isfinite(seconds))
    return (f'<h2>Repeat it</h2><div class="card"><dl class="facts">{entries}'
            f'<dt>durations</dt><dd>{spent}; {in_words(total)} in all</dd></dl></div>'
            '<footer>Synthetic people, minutes of training: this page shows that the method works on your machine. '
            'It says nothing about real photographs.</footer>')


def _fact(name: str, text: str) -> str:
    return f'<code>{escape(text)}</code>' if name == 'command' else escape(text)
