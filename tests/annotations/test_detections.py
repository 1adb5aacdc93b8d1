"""Detection files: one small change, and what is said of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from distilpose.annotations import Findings, check_detections, images_with_people
from distilpose.errors import DistilPoseError

Boxes = list[dict[str, Any]]
Change = Callable[[Boxes], Any]


@pytest.fixture
def boxes() -> Boxes:
    """Six boxes on images 1 to 3."""
    return [dict(image_id=1 + place % 3, category_id=1, bbox=[2.5, 4, 30 + place, 60], score=0.9 - place / 10)
            for place in range(6)]


def check(boxes: Any, **options: Any) -> Findings:
    return check_detections(boxes, {1, 2, 3, 4}, path='boxes.json', named_by='test_dataloader.dataset.bbox_file',
                            **options)


def box(key: str, value: Any, *places: int) -> Change:
    """Sets a key of some boxes, of all without places; removes it for ``...``."""
    def change(boxes: Boxes) -> None:
        for place in places or range(len(boxes)):
            if value is ...:
                boxes[place].pop(key)
            else:
                boxes[place][key] = value
    return change


@pytest.mark.parametrize(('how', 'words'), [
    (box('image_id', ..., 2), r'box number 2 of .* has no image_id, only \['), (box('score', ...), 'has no score,'),
    (box('bbox', ..., 0, 1), 'box number 0 of .* has no bbox, .* .and 1 more.'), (box('category_id', ...), 'no cat'),
    (box('image_id', 1.0, 1), 'the image_id of box 1 of .* is 1.0, which is no whole number; .*: write it as 1'),
    (box('image_id', '3'), "of box 0 of .* is '3', which is no whole number .and 5 more.; expected .* write it as 3"),
    (box('image_id', True, 0), 'is True, which is no whole number'), (box('image_id', None, 0), 'is None, which'),
    (box('image_id', [1], 0), r'is \[1\], which'), (box('image_id', 'a.jpg', 0), "is 'a.jpg', which is no whole"),
    (box('image_id', 99, 4, 5), 'of box 4 of .* is 99, which is no image of the annotations .and 1 more.'),
    (box('bbox', None, 0), 'the bbox of box 0 of .* is None'), (box('bbox', [1, 2, 3], 3), r'box 3 of .* \[1, 2, 3\]'),
    (box('bbox', [1, 2, math.nan, 4], 0), 'nan'), (box('bbox', ['1', 2, 3, 4], 0), "is .'1', 2, 3, 4."),
    (box('bbox', [.1, .2, .3, .4]), r'is \[0.1, 0.2, 0.3, 0.4\], and no number of any box is above 1: shares of the'),
    (box('bbox', [9, 9, 0, 0]), r'no bbox in .* has a size; the first is \[9, 9, 0, 0\]'),
    (box('score', math.nan, 1), 'the score of box 1 of .* is nan'), (box('score', '0.9', 0), "is '0.9'"),
    (box('score', None), 'the score of box 0 of .* is None .and 5 more.'), (box('score', True, 0), 'is True'),
    (box('category_id', 0), 'none of the 6 boxes in .* is of category 1, a person; found category 0; expected boxes'),
    (box('category_id', '1'), "found category '1';"), (box('category_id', True), 'found category True'),
    (list.clear, 'none of the 0 boxes in .* is of category 1, a person;'),
    (lambda boxes: boxes.append(None), 'entry 6 of .* is None; expected a list of dictionaries'),
])
def test_files_that_cannot_be_used_are_refused(boxes: Boxes, how: Change, words: str) -> None:
    how(boxes)
    with pytest.raises(DistilPoseError, match=words) as error:
        check(boxes)
    assert 'boxes.json (named by test_dataloader.dataset.bbox_file)' in str(error.value)


@pytest.mark.parametrize(('content', 'words'), [
    (dict(images=[], annotations=[]), 'is an annotation file, a dict with images and annotations; expected a list'),
    ({}, 'is a dict; expected a list'), ('boxes', 'is a str'), (None, 'is a NoneType'), (3, 'is a int')])
def test_other_forms_are_refused(content: Any, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'the content of boxes.json .*{words}'):
        check(content)


@pytest.mark.parametrize(('how', 'kind', 'words', 'places'), [
    (box('bbox', [5, 5, 0, 9], 2), 'box of no size', '1 box of people .* no width or height; .* annotation 2', (2, )),
    (box('score', 97.5, 0, 3), 'score', r'2 scores in .* not between 0 and 1 .the highest is 97.5.', (0, 3)),
    (box('score', -0.5, 1), 'score', '1 score in .* is not between', (1, )),
    (lambda boxes: [one.update(score=0) for one in boxes], 'scores of 0', 'all . scores in boxes.json are 0', None),
])
def test_what_is_unusual_is_one_warning(boxes: Boxes, how: Change, kind: str, words: str,
                                        places: tuple[int, ...] | None) -> None:
    how(boxes)
    warning, = check(boxes).warnings
    assert warning.kind == kind and places in (None, warning.annotation_ids)
    assert re.search(words, warning.sentence), warning.sentence


def test_what_mmpose_reads_passes(boxes: Boxes) -> None:
    box('bbox', [1, 2, 30, 40, 0.9], 0)(boxes)
    found = check([*boxes, dict(category_id=2, bbox=None)])
    assert (found.people, found.used, found.images, found.warnings) == (7, 6, 3, ())
    assert found.left_out == {'category other than 1': 1}


def test_images_with_people_and_without_a_box(boxes: Boxes) -> None:
    people = [dict(image_id=1, keypoints=[4, 5, 2]), dict(image_id=4, keypoints=[4, 5, 1]),
              dict(image_id=2, keypoints=[0, 0, 0]), dict(image_id=5, keypoints=[4, 5, 1], iscrowd=1), dict(image_id=6)]
    images = images_with_people(dict(annotations=people))
    assert images == {1, 4}
    warning, = check(boxes, images_with_people=images).warnings
    assert warning.image_ids == (4, ) and not warning.annotation_ids
    assert '1 of 2 images with people has no box in boxes.json' in warning.sentence


def test_a_threshold_that_leaves_nobody(boxes: Boxes) -> None:
    found = check(boxes, score_threshold=0.65)
    assert found.used == 3 and found.left_out == {'score below bbox_score_thr': 3}
    assert check(boxes, score_threshold=0.9).used == 1  # compared in float32, as mmpose does
    with pytest.raises(DistilPoseError, match=r'none of the 6 boxes in .* a score of 0.95 or more .* highest is 0.9;'):
        check(boxes, score_threshold=0.95)
