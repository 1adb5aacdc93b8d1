"""Figure of families of models as SVG: a bar a model with its seeds and its interval, teachers as dashed lines."""

from __future__ import annotations

from collections.abc import Sequence

from distilpose.errors import DistilPoseError
from distilpose.report.curves import linear_ticks

from .figure_parts import (
    COLOURS,
    TEACHER,
    WIDTH,
    bar,
    line,
    ring,
    svg,
    text,
    whisker,
    width_of,
)
from .formatting import HEADINGS
from .result_rows import ModelRow
from .statistics import Interval

_ROW, _FAMILY, _BAR, _LABEL = 30, 34, 18, 18
_RIGHT, _VALUE = 20, 46


def family_figure(rows: Sequence[ModelRow], *, figure: str = 'pck') -> str:
    """Bars from 0, family by family; the dots are seeds, the line the bootstrap interval over images of their mean.

    Args:
        rows: models in order, families in that of their first models; teachers are dashed lines through all families.
        figure: what is drawn.

    Raises:
        DistilPoseError: there are no models.
    """
    models, teachers = ([row for row in rows if row.is_teacher == kind] for kind in (False, True))
    if not models:
        raise DistilPoseError('there are no results of models but those of teachers, so there is nothing to draw bars '
                              'of; name others in --only or in --results')
    found = {row: row.interval(figure) for row in rows}
    left = 28 + max(width_of(row.title) for row in models)
    last = max(value for one in found.values() for value in (one.value, one.high) if value is not None)
    last = max(last, 0.01)  # of models that learnt nothing
    scale = (WIDTH - _RIGHT - _VALUE - left) / last
    families = list(dict.fromkeys(row.family for row in models))
    top = 26 + _LABEL * len(teachers)
    height = top + _ROW * len(models) + _FAMILY * sum(map(bool, families)) + 44
    content, y = _axis(left, scale, last, top=top, bottom=height - 44, title=HEADINGS[figure]), float(top)
    content += _teachers([(row, found[row]) for row in teachers], left=left, scale=scale, bottom=height - 44)
    for index, family in enumerate(families):
        if family:
            content += text(14, y + _FAMILY - 8, family, name=True)
            y += _FAMILY
        for row in (row for row in models if row.family == family):
            content += _model(row, found[row], figure, left=left, scale=scale, y=y + _ROW / 2,
                              colour=COLOURS[index % len(COLOURS)])
            y += _ROW
    return svg(content, height=height, label=f'{HEADINGS[figure]} of every model in percent')


def _axis(left: float, scale: float, last: float, *, top: float, bottom: float, title: str) -> str:
    ticks = [(tick, left + scale * tick / 100) for tick in linear_ticks(0, 100 * last)]
    grid = ''.join(line(x, top, x, bottom) + text(x, bottom + 18, f'{tick:g}', anchor='middle') for tick, x in ticks)
    return grid + text(left - 14, bottom + 18, f'{title}, percent', anchor='end')


def _model(row: ModelRow, found: Interval, figure: str, *, left: float, scale: float, y: float, colour: str) -> str:
    value, end = found.value or 0.0, found.high or found.value or 0.0
    seeds = row.seeds(figure)
    x = left + scale * value
    parts = [text(left - 14, y + 4.5, row.title, anchor='end'),
             bar(left, y - _BAR / 2, x - left, _BAR, colour=colour, tooltip=f'{row.title}: {100 * value:.1f}')]
    if found.low is not None and found.high is not None:
        parts.append(whisker((left + scale * found.low, y), (left + scale * found.high, y), colour=colour))
    parts += [ring(left + scale * seed, y, colour=colour, tooltip=f'{row.title}, a seed: {100 * seed:.1f}')
              for seed in seeds if len(seeds) > 1]
    end = max(end, *seeds, value)
    return ''.join((*parts, text(left + scale * end + 9, y + 4.5, f'{100 * value:.1f}', colour=colour, name=True)))


def _teachers(found: Sequence[tuple[ModelRow, Interval]], *, left: float, scale: float,
              bottom: float) -> str:
    """Dashed lines, whose names stand above each other."""
    parts = []
    ordered = sorted(found, key=lambda entry: -(entry[1].value or 0))
    for index, (row, one) in enumerate(ordered):
        x, y = left + scale * (one.value or 0), 20 + _LABEL * index
        parts.append(line(x, y + 5, x, bottom, kind='teacher'))
        parts.append(text(x - 6, y + 4.5, f'{row.title} {100 * (one.value or 0):.1f}', anchor='end', colour=TEACHER,
                          name=True))
    return ''.join(parts)
