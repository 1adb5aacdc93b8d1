"""Names of points: apart from each other, within the drawing, and beside their points."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from distilpose.compare.figure_parts import width_of
from distilpose.compare.point_names import Box, Label, draw_names, spread_out

AREA = Box(0, 0, 1000, 500)


@pytest.mark.parametrize('places, expected', [
    ([100, 200, 300], [100, 200, 300]),
    ([100, 100], [91.5, 108.5]),
    ([100, 104, 300], [93.5, 110.5, 300]),
    ([490, 492], [466, 483]),  # within the bounds
    ([5], [20]),
    ([], []),
])
def test_places_are_moved_apart_as_little_as_possible(places: list[float], expected: list[float]) -> None:
    assert spread_out(places, low=20, high=483, least=17) == pytest.approx(expected)


def boxes(drawing: str) -> list[Box]:
    found = []
    for x, y, anchor, words in re.findall(r'x="(\S+)" y="(\S+)" text-anchor="(\w+)"[^>]*>([^<]*)<', drawing):
        left = float(x) - (width_of(words) if anchor == 'end' else 0)
        found.append(Box(left, float(y) - 12, left + width_of(words), float(y) + 4))
    return found


def test_names_of_crowded_points_do_not_overlap() -> None:
    random.seed(0)
    labels = [Label(x, random.uniform(100, 400), f'a model with the number {index}', '#000')
              for index, x in enumerate([300, 301, 302, 330, 331, 600, 700, 701])]
    drawing, badness = draw_names(labels, area=AREA, obstacles=[])
    found = boxes(drawing)
    assert len(found) == len(labels)
    assert all(one is other or not one.overlap(other) for one in found for other in found)
    assert np.min([box.left for box in found]) >= 0 and np.max([box.right for box in found]) <= 1000
    crowded, more = draw_names([label._replace(x=500) for label in labels], area=Box(300, 0, 700, 150), obstacles=[])
    assert len(boxes(crowded)) == len(labels) and more > badness


def test_a_name_is_on_the_side_that_is_free() -> None:
    label = Label(500, 100, 'name', '#000')
    assert 'text-anchor="start"' in draw_names([label], area=AREA, obstacles=[])[0]
    assert 'text-anchor="end"' in draw_names([label], area=AREA, obstacles=[Box(505, 90, 600, 110)])[0]
    assert 'text-anchor="end"' in draw_names([label], area=Box(0, 0, 520, 500), obstacles=[])[0]


def test_a_name_is_above_a_line_that_goes_through_its_point() -> None:
    through = Box(0, 99, 1000, 101)
    drawing, badness = draw_names([Label(500, 100, 'name', '#000')], area=AREA, obstacles=[through])
    assert 'text-anchor="start"' in drawing and badness < 20
    assert '"leader"' not in drawing and boxes(drawing)[0].bottom <= 99
