"""Detection files checked: the boxes of a detector, which a top-down data set reads in place of annotated boxes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .columns import Entry, column, finite_numbers, have_all, is_number, table, types_of, whole_numbers, wrong_places
from .findings import Finding, Findings
from .messages import File, finding, more

PERSON = 1
"""The category whose boxes mmpose takes."""


def check_detections(boxes: Any, image_ids: Collection[int], *, path: str | Path, named_by: str,
                     images_with_people: Collection[int] = (), score_threshold: float | None = None) -> Findings:
    """Checks the boxes of a detector against the images of the annotations.

    Args:
        boxes: the parsed JSON; not changed.
        image_ids: of the annotation file that is read with it.
        path: the file, for messages.
        named_by: the place in the config that names it, for messages; ``''`` where there is no config.
        images_with_people: of them, those in which people are annotated, see :func:`images_with_people`.
        score_threshold: ``bbox_score_thr`` of the data set's ``filter_cfg``: boxes below are left out.

    Raises:
        DistilPoseError: as :func:`~distilpose.annotations.check_content`.
    """
    file = File(path, named_by)
    people = _people_of(boxes, file)
    for key in ('image_id', 'bbox', 'score'):
        _require(people, key, file)
    images = _read_images(people, image_ids, file)
    corners = _read_boxes(people, file)
    scores = _read_scores(people, file)
    used = np.ones(len(people), dtype=bool) if score_threshold is None else scores >= np.float32(score_threshold)
    if not used.any():
        raise file.error(f'none of the {len(people):,} boxes in', f'has a score of {score_threshold} or more '
                         f'(filter_cfg.bbox_score_thr); the highest is {scores.max():g}', 'a lower threshold')
    left_out = {f'category other than {PERSON}': len(boxes) - len(people),
                'score below bbox_score_thr': len(people) - int(used.sum())}
    return Findings(str(path), len(boxes), int(used.sum()), len(np.unique(images[used])),
                    {reason: count for reason, count in left_out.items() if count},
                    tuple(_warnings(images, corners, scores, images_with_people, file)))


def images_with_people(content: Mapping[str, Any]) -> set[Any]:
    """Ids of the images of a checked annotation file that have a person with a labelled keypoint, crowds apart."""
    return {person['image_id'] for person in content.get('annotations', ())
            if not person.get('iscrowd') and any((person.get('keypoints') or ())[2::3])}


def _people_of(boxes: Any, file: File) -> list[Entry]:
    """The boxes of people."""
    form = 'a list of dictionaries with image_id, category_id, bbox and score'
    if isinstance(boxes, dict) and 'annotations' in boxes:
        raise file.error('the content of', 'is an annotation file, a dict with images and annotations', form)
    if not isinstance(boxes, list):
        raise file.error('the content of', f'is a {type(boxes).__name__}', form)
    if types_of(boxes) - {dict}:
        place = wrong_places(boxes, lambda box: isinstance(box, dict))[0]
        raise file.error(f'entry {place} of', f'is {boxes[place]!r:.60}', form)
    _require(boxes, 'category_id', file)
    people = [box for box in boxes if box['category_id'] == PERSON and type(box['category_id']) is not bool]
    if not people:
        others = sorted({repr(box['category_id']) for box in boxes})[:5]
        found = f'; found category {", ".join(others)}' if others else ''
        raise file.error(f'none of the {len(boxes):,} boxes in', f'is of category {PERSON}, a person{found}',
                         f'boxes of people with category_id {PERSON}, the only ones that mmpose reads')
    return people


def _require(boxes: Sequence[Entry], key: str, file: File) -> None:
    lacking = [] if have_all(boxes, key) else [
        place for place, box in enumerate(boxes) if key not in box]
    if lacking:
        raise file.error(f'box number {lacking[0]} of', f'has no {key}, only '
                         f'{sorted(map(str, boxes[lacking[0]]))[:12]}{more(len(lacking))}', f'{key} in every box')


def _read_images(people: Sequence[Entry], image_ids: Collection[int], file: File) -> np.ndarray:
    """(N,) image ids, which must be those of the annotations."""
    values = column(people, 'image_id')
    known = set(image_ids)
    found = whole_numbers(values) if types_of(values) <= {int} else None
    if found is None or not set(values) <= known:
        wrong = wrong_places(values, lambda value: type(value) is int and value in known)
        value = values[wrong[0]]
        is_number_of_other_kind = not isinstance(value, (int, list, dict)) and (
            str(value).removesuffix('.0').isdecimal() and int(float(value)) in known)
        advice = f': write it as {int(float(value))}' if is_number_of_other_kind else ''
        state = 'which is no whole number' if type(value) is not int else 'which is no image of the annotations'
        raise file.error(f'the image_id of box {wrong[0]} of', f'is {value!r:.60}, {state}{more(len(wrong))}',
                         f'the id of an image of ann_file, a whole number as there{advice}')
    return found


def _read_boxes(people: Sequence[Entry], file: File) -> np.ndarray:
    """(N, 4) x, y, width, height; further values are ignored, as mmpose does."""
    values = column(people, 'bbox')
    found = table(values, 4)
    if found is None and types_of(values) <= {list}:
        found = table([box[:4] for box in values], 4)
    if found is None:
        wrong = wrong_places(values, lambda box: isinstance(box, list) and len(box) >= 4 and (
            all(map(is_number, box[:4]))))
        raise file.error(f'the bbox of box {wrong[0]} of', f'is {values[wrong[0]]!r:.60}{more(len(wrong))}',
                         'x, y, width, height in pixels')
    if (found[:, 2:] > 0).all(axis=1).any() and found.max() > 1:
        return found
    if found.max() > 1:
        raise file.error('no bbox in', f'has a size; the first is {values[0]!r:.60}', 'x, y, width, height in pixels')
    raise file.error('the bbox of box 0 of', f'is {values[0]!r:.60}, and no number of any box is above 1: shares of '
                     'the image', 'x, y, width, height in pixels: multiply them by width and height of the image')


def _read_scores(people: Sequence[Entry], file: File) -> np.ndarray:
    """(N,) float32, as mmpose compares them."""
    values = column(people, 'score')
    found = finite_numbers(values)
    if found is None:
        wrong = wrong_places(values, is_number)
        raise file.error(f'the score of box {wrong[0]} of', f'is {values[wrong[0]]!r:.60}{more(len(wrong))}',
                         'a finite number')
    return found.astype(np.float32)


def _warnings(images: np.ndarray, corners: np.ndarray, scores: np.ndarray, with_people: Collection[int],
              file: File) -> list[Finding]:
    places = np.arange(len(images))
    rules = [
        ('box of no size', (corners[:, 2:] <= 0).any(axis=1), f'{{count}} {{box|boxes}} of people in '
         f'{file.path} {{has|have}} no width or height; keypoints are predicted all the same; the first is {{first}}'),
        ('score', (scores < 0) | (scores > 1), f'{{count}} {{score|scores}} in {file.path} {{is|are}} not between 0 '
         f'and 1 (the highest is {scores.max():g}); bbox_score_thr and the scores of people, which are multiplied by '
         'them, expect that; the first is {first}'),
        ('scores of 0', np.full(len(scores), not scores.any()), f'all {{count}} scores in {file.path} are 0; people '
         'are ranked by them, and all would be equal; the first is {first}')]
    found = [finding(kind, sentence, places=np.flatnonzero(applies), image_ids=images, annotation_ids=places)
             for kind, applies, sentence in rules if applies.any()]
    empty = np.array(sorted(set(with_people) - set(images.tolist())))
    if len(empty):
        found.append(finding('image without a box', f'{{count}} of {len(set(with_people)):,} images with people '
                             f'{{has|have}} no box in {file.path}; the people there count as missed; the first is '
                             f'{{first}}',
                             places=np.arange(len(empty)), image_ids=empty))
    return found
