"""Figures of result files as SVG: quality over cost, over the share of labels, and of families of models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

from distilpose.checkpoints.writing import write_atomically
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError
from distilpose.report.curves import log_ticks

from .cost import FILE as COSTS
from .family_figure import family_figure
from .figure_parts import TEACHER, WIDTH, colours_of, line, path, svg, text, width_of
from .formatting import HEADINGS
from .plot import HEIGHT, Plot
from .point_names import Box, Label, draw_names, spread_out
from .result_rows import ModelRow, find_row, read_rows
from .results import read_json
from .statistics import Interval

KINDS = ('cost', 'labels', 'families')
_APART, _APART_COSTS = 5.0, 3.5
"""Distance of points at one share of labels and of those of one cost, in units of the drawing, so that intervals are
seen beside one another."""
_MARGIN, _SAME_COST, _SAME_COST_LOG = 40.0, 10.0, 0.02
"""Points nearer to one another have one step of the stair: networks of one kind cost the same."""


@dataclass(frozen=True)
class FigureRequest:
    """Options of a figure."""

    kind: str
    """One of :data:`KINDS`."""
    results: Sequence[Path]
    """Folders of result files."""
    out: Path
    only: Sequence[str] = ()
    """``MODEL`` or ``PLAN/MODEL`` of those to draw, in this order; by default all."""
    lines: Mapping[str, Mapping[float, str]] = field(default_factory=dict)
    """Of the figure over the share of labels: name of a line -> percent of the labels -> model."""
    figure: str = 'pck'
    """What is drawn: ``'pck'``, ``'ap'`` or ``'mean_oks'``."""


def write_figure(request: FigureRequest) -> Path:
    """Draws result files, which are all that is read; returns the file.

    Raises:
        DistilPoseError: results, costs or lines are missing.
    """
    check_writable(request.out.parent, name='--out')
    every = read_rows(request.results)
    rows = [find_row(name, every) for name in request.only] or every
    rows = [row for row in rows if row.interval(request.figure).value is not None]
    if request.kind == 'cost':
        drawn = cost_figure(rows, read_costs(request.results), figure=request.figure)
    elif request.kind == 'labels':
        lines = {name: {share: find_row(model, every) for share, model in points.items()}
                 for name, points in request.lines.items()}
        drawn = label_figure(lines, teachers=[row for row in rows if row.is_teacher], figure=request.figure)
    else:
        drawn = family_figure(rows, figure=request.figure)
    write_atomically(request.out, drawn)
    return request.out


def read_costs(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of the only ``cost.json`` in some folders.

    Raises:
        DistilPoseError: there is none, or there are several, whose times do not compare.
    """
    files = [folder / COSTS for folder in folders if (folder / COSTS).is_file()]
    if len(files) != 1:
        raise DistilPoseError(f'{len(files)} of the folders {", ".join(map(str, folders))} have a {COSTS}, and times '
                              'compare within one only; measure all files at once with distilpose compare --cost NAME '
                              'FILE.onnx ... --out FOLDER')
    return list(read_json(files[0], needed=('rows', ))['rows'])


def cost_figure(rows: Sequence[ModelRow], costs: Sequence[Mapping[str, Any]], *, figure: str = 'pck') -> str:
    """Quality over milliseconds: models and teachers with their intervals, and the best for their time.

    A cost is that of the model of its name, of the teacher of the same file, or of all other models of the family of
    its name.

    Args:
        rows: those without a cost are left out.
        costs: of :func:`~distilpose.compare.cost.write_costs`.
        figure: what is drawn.

    Raises:
        DistilPoseError: no model has a cost.
    """
    points = [_Point(row, row.interval(figure), cost) for row in rows if (cost := _cost_of(row, costs)) is not None]
    if not points:
        raise DistilPoseError(f'{COSTS} has the names {", ".join(str(cost["name"]) for cost in costs)}, which are none '
                              f'of the models: {", ".join(row.key for row in rows)}; give files the names of models')
    margins = product((_MARGIN, _widest_at(points, min)), (_MARGIN, _widest_at(points, max)))
    content, _ = min((_draw_costs(points, margins=pair, figure=figure) for pair in margins),
                     key=lambda entry: entry[1])
    return svg(content, height=HEIGHT, label=f'{HEADINGS[figure]} in percent over milliseconds')


class _Point(NamedTuple):
    """A model with a cost."""

    row: ModelRow
    found: Interval
    milliseconds: float

    @property
    def x(self) -> float:
        """On the horizontal axis."""
        return math.log10(self.milliseconds)


def _widest_at(points: Sequence[_Point], end: Callable[..., float]) -> float:
    """The room that names beside the cheapest or the dearest points need."""
    last = end(point.x for point in points)
    return 30 + max(width_of(point.row.title) for point in points if abs(point.x - last) < _SAME_COST_LOG)


def _draw_costs(points: Sequence[_Point], *, margins: tuple[float, float], figure: str) -> tuple[str, float]:
    """The drawing, and how much of it names cover, with a little for the margins."""
    plot = Plot.around([point.x for point in points], [point.found for point in points], least=0.3,
                       margins=margins)
    colours = colours_of(point.row.family for point in points if not point.row.is_teacher)
    marks, labels, obstacles = '', list[Label](), list[Box]()
    points = sorted(points, key=lambda point: (point.milliseconds, point.found.value))
    places = _moved_apart([plot.x(point.x) for point in points])
    for x, (row, found, milliseconds) in zip(places, points, strict=True):
        colour = TEACHER if row.is_teacher else colours[row.family]
        marks += plot.point(x, found, colour=colour, tooltip=f'{row.title}, {milliseconds:.3g} ms')
        labels.append(Label(x, plot.y(found.value or 0), row.title, colour))
        obstacles += plot.space_of(x, found)
    front = _front(plot, [(x, point.found.value or 0) for x, point in zip(places, points, strict=True)])
    obstacles += [Box(min(x, x_2) - 1, min(y, y_2) - 1, max(x, x_2) + 1, max(y, y_2) + 1)
                  for (x, y), (x_2, y_2) in pairwise(front)]
    names, badness = draw_names(labels, area=plot.area, obstacles=obstacles)
    ticks = [(math.log10(tick), f'{tick:g}') for tick in log_ticks(plot.first, plot.last)]
    grid = plot.grid(ticks, below='milliseconds for one crop on one processor thread (logarithmic)',
                     above=f'{HEADINGS[figure]}, percent')
    stair = path(front, kind='front', tooltip='the best for at most this time')
    return grid + stair + marks + names, badness + sum(margins)


def _moved_apart(places: Sequence[float]) -> list[float]:
    """Horizontal places, of which three neighbours of one cost are a little apart."""
    return [place + _APART_COSTS * (index % 3 - 1) * (sum(abs(place - other) < _SAME_COST for other in places) > 1)
            for index, place in enumerate(places)]


def _cost_of(row: ModelRow, costs: Sequence[Mapping[str, Any]]) -> float | None:
    """Milliseconds of the model of this name, of the teacher of the same file, or of the model's family."""
    files = [result.get('checkpoint_sha256') for result in row.results] if row.is_teacher else []
    found = [*(cost for cost in costs if cost['name'] in (row.key, f'{row.plan}/{row.key}')),
             *(cost for cost in costs if cost['sha256'] in files),
             *(cost for cost in costs if cost['name'] == row.family)]
    return float(found[0]['milliseconds']) if found else None


def _front(plot: Plot, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Corners of a stair through the points (horizontal place, fraction), the cheapest first, that beat all before."""
    best: list[tuple[float, float]] = []
    for x, value in points:
        if best and value > best[-1][1] and x - best[-1][0] < _SAME_COST:
            best[-1] = best[-1][0], value
        elif not best or value > best[-1][1]:
            best.append((x, value))
    places = [(x, plot.y(value)) for x, value in best]
    stair = [places[0]]
    for before, after in pairwise(places):
        stair += [(after[0], before[1]), after]
    return [*stair, (plot.right, places[-1][1])]


def label_figure(lines: Mapping[str, Mapping[float, ModelRow]], *, teachers: Sequence[ModelRow] = (),
                 figure: str = 'pck') -> str:
    """Quality over the share of labels, a line a method, with intervals; teachers are dashed.

    Args:
        lines: name -> percent of the labels -> model.
        teachers: which need no labels.
        figure: what is drawn.

    Raises:
        DistilPoseError: there are no lines, or a share is none.
    """
    shares = sorted({share for points in lines.values() for share in points})
    if not shares or shares[0] < 0 or shares[-1] > 100:
        raise DistilPoseError('a figure over the share of labels needs lines with shares of 0 to 100 percent, and has '
                              f'the shares {shares}; name them with --line NAME PERCENT=MODEL ...')
    names = [*lines, *(row.title for row in teachers)]
    end = WIDTH - 40 - max(map(width_of, names))
    found = {name: {share: row.interval(figure) for share, row in points.items()} for name, points in lines.items()}
    limits = [row.interval(figure) for row in teachers]
    plot = Plot.around(shares, [*(one for points in found.values() for one in points.values()), *map(_alone, limits)],
                       least=20,
                       margins=(30, 30), right=end)
    content = plot.grid([(share, f'{share:g} %') for share in shares], below='share of the labels',
                        above=f'{HEADINGS[figure]}, percent')
    labels = []
    for row, one in zip(teachers, limits, strict=True):
        y = plot.y(one.value or 0)
        content += line(plot.left_end, y, end, y, kind='teacher')
        labels.append(Label(end, y, row.title, TEACHER))
    colours = colours_of(lines)
    for index, (name, points) in enumerate(found.items()):
        move = _APART * (index - (len(found) - 1) / 2)
        places = [(plot.x(share) + move, plot.y(points[share].value or 0)) for share in sorted(points)]
        content += path(places, kind='curve', colour=colours[name]) + ''.join(
            plot.point(plot.x(share) + move, one, colour=colours[name], tooltip=f'{name}, {share:g} % of the labels',
                       radius=5) for share, one in points.items())
        labels.append(Label(*places[-1], name, colours[name]))
    return svg(content + _at_the_end(labels, end, plot), height=HEIGHT,
               label=f'{HEADINGS[figure]} in percent over the share of labels')


def _alone(found: Interval) -> Interval:
    """A value without its interval, which is not drawn."""
    return Interval(found.value, None, None)


def _at_the_end(labels: Sequence[Label], end: float, plot: Plot) -> str:
    """Names right of the axis, at the height of the last points, or as near as others leave room."""
    labels = sorted(labels, key=lambda label: label.y)
    places = spread_out([label.y for label in labels], low=plot.area.top, high=plot.area.bottom)
    return ''.join(
        line(label.x + 8, label.y, end + 18, place, kind='leader')
        + text(end + 22, place + 4.5, label.text, colour=label.colour, name=True)
        for label, place in zip(labels, places, strict=True))
