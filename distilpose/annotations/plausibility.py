"""Plausibility of people's boxes, keypoints and areas: errors about other units, and warnings with a count."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from distilpose.host.xtcoco import AREA_OF_BOX

from .columns import MISSING, column
from .findings import Expected, Finding
from .messages import File, finding, more
from .people import People
from .usage import UNUSUAL, Usage, num_keypoints

_FEWEST = 8
"""People of whom the form of boxes can be guessed."""


def check_units(people: People, usage: Usage, file: File) -> None:
    """Refuses boxes that are corners or shares of the image, keypoints that are shares, and negative visibilities.

    Raises:
        DistilPoseError: names the first person, and what the numbers seem to be.
    """
    chosen = np.flatnonzero(usage.used & (people.facts.labelled > 0))
    if not len(chosen):
        return
    first = f'annotation {people.ids[chosen[0]]} of'
    facts, sizes = people.facts, people.sizes[chosen]
    is_larger = not np.isnan(sizes).any() and bool((sizes > 2).all())
    largest = facts.largest_labelled[chosen].max()
    if is_larger and 0 < largest <= 1:
        raise file.error(f'the keypoints of {first}', f'are at most {largest:g}, as those of all people: shares of the '
                         'image', 'x and y in pixels: multiply them by width and height of the image')
    if people.boxes is None or not is_larger:
        return
    boxes = people.boxes[chosen]
    if boxes.max() <= 1:
        raise file.error(f'the bbox of {first}', f'is {_listed(boxes[0])}, and no number of any box is above 1: shares '
                         'of the image', 'x, y, width, height in pixels: multiply them by width and height of the '
                         'image')
    _check_corners(people, chosen, file)


def _check_corners(people: People, chosen: np.ndarray, file: File) -> None:
    """Boxes that leave their images, and fit into them and around the keypoints as left, top, right, bottom."""
    assert people.boxes is not None
    boxes, sizes, facts = people.boxes[chosen], people.sizes[chosen], people.facts
    leaves = (boxes[:, :2] + boxes[:, 2:] > sizes + 2).any(axis=1)
    fits = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (boxes[:, 2:] <= sizes + 1).all(axis=1)
    surrounds = facts.in_corners[chosen] >= 0.9 * facts.labelled[chosen]
    if len(chosen) >= _FEWEST and leaves.mean() > 0.3 and fits.mean() > 0.99 and surrounds.mean() > 0.9:
        place = int(np.flatnonzero(leaves)[0])
        raise file.error(
            f'the bbox of annotation {people.ids[chosen[place]]} of', f'is {_listed(boxes[place])}, which ends at '
            f'{_listed(boxes[place, :2] + boxes[place, 2:])} in an image of {_listed(sizes[place])}; {leaves.sum():,} '
            f'of {len(chosen):,} boxes leave their images, and all fit as left, top, right, bottom',
            'x, y, width, height: subtract left and top from right and bottom')


def _listed(values: np.ndarray) -> str:
    return str([round(float(value), 2) for value in values])


def check_visibility(people: People, file: File) -> None:
    """Refuses visibilities below 0, which mmpose takes for the weight of a keypoint in the loss.

    Raises:
        DistilPoseError: names the first person.
    """
    wrong = np.flatnonzero(people.facts.lowest_visibility < 0)
    if len(wrong):
        place = wrong[0]
        value = people.facts.lowest_visibility[place]
        raise file.error(f'a visibility of annotation {people.ids[place]} of', f'is {value:g}{more(len(wrong))}: '
                         'mmpose would weigh the loss of the keypoint by it',
                         '0 for a keypoint that is not labelled, 1 for a hidden one, 2 for a visible one')


def people_warnings(people: People, usage: Usage, expected: Expected, file: File, *,
                    declared: Collection[int]) -> list[Finding]:
    """What is unusual about people, one finding a kind."""
    rules = [*_left_out(usage, len(people), file), *_about_keypoints(people, usage, expected, file)]
    if expected.reads_area:
        rules += _about_areas(people, usage, file)
    if declared and not expected.needs_categories:
        known = np.isin(np.array(column(people.entries, 'category_id')), list(declared))
        rules.append(('undeclared category', np.flatnonzero(~known & usage.used),
                      f'{{count}} people of {file.path} are of a category that the file does not declare; they are '
                      'used all the same; the first is {first}'))
    rules.append(('person listed twice', _repeated(people, usage),
                  f'{{count}} people of {file.path} have the image, box and keypoints of somebody before them, and '
                  'count twice; the first is {first}'))
    return [finding(kind, sentence, places=places, image_ids=people.image_ids, annotation_ids=people.ids)
            for kind, places, sentence in rules if len(places)]


_Rule = tuple[str, np.ndarray, str]


def _left_out(usage: Usage, total: int, file: File) -> Iterator[_Rule]:
    for reason in UNUSUAL:
        if reason in usage.places:
            yield (reason, usage.places[reason], f'{usage.used.sum():,} of {total:,} people of {file.path} used, '
                   f'{{count}} left out: {reason}; the first is {{first}}')


def _about_keypoints(people: People, usage: Usage, expected: Expected, file: File) -> Iterator[_Rule]:
    facts, used = people.facts, usage.used
    stored = num_keypoints(people)
    claims_more = (stored > facts.of_body) & (facts.of_body > 0)
    yield ('num_keypoints', np.flatnonzero(used & claims_more), f'num_keypoints of {{count}} people of {file.path} is '
           'larger than the number of their labelled keypoints (visibility above 0); the first is {first}')
    yield ('no labelled keypoint', np.flatnonzero(used & (facts.labelled == 0)), f'{{count}} people of {file.path} are '
           'used without a labelled keypoint (visibility above 0), since their num_keypoints or coordinates are not 0; '
           'nothing is learned of them; the first is {first}')
    weighs = expected.opens_images and len(expected.fields) == 1  # the reader of the whole body asks whether it is > 0
    yield ('visibility', np.flatnonzero(used & facts.is_odd & weighs), f'{{count}} people of {file.path} have a '
           'visibility other than 0, 1 and 2; mmpose weighs the keypoint by it, by at most 1; the first is {first}')
    yield ('keypoint at (0, 0)', np.flatnonzero(used & (facts.at_origin > 0)), f'{{count}} people of {file.path} have '
           'labelled keypoints at (0, 0), where a missing one is often put: give it visibility 0; the first is {first}')
    yield ('keypoint far outside', np.flatnonzero(used & (facts.far > 0)), f'{{count}} people of {file.path} have '
           'labelled keypoints outside of the image by more than a tenth of its longer side; the first is {first}')
    has_size = True if people.boxes is None else (people.boxes[:, 2:] > 0).all(axis=1)
    is_off = (facts.labelled >= 3) & (2 * facts.near_box < facts.labelled) & has_size
    yield ('keypoints outside of the box', np.flatnonzero(used & is_off), f'{{count}} people of {file.path} have most '
           'of their labelled keypoints far from their box; the first is {first}')


def _about_areas(people: People, usage: Usage, file: File) -> Iterator[_Rule]:
    values = column(people.entries, 'area')
    is_missing = np.array([value is MISSING for value in values], dtype=bool)
    areas = np.array([1.0 if value is MISSING else value for value in values], dtype=np.float64)
    yield ('area missing', np.flatnonzero(usage.used & is_missing), f'{{count}} people of {file.path} have no area; '
           f'{AREA_OF_BOX} of the box is taken, as in xtcocotools and mmpose; OKS scales distances by it, AP (M) and '
           'AP (L) sort people by it, and figures cannot be compared with those on areas of segments, as COCO has; the '
           'first is {first}')
    yield ('area 0', np.flatnonzero(usage.used & (areas <= 0)), f'{{count}} people of {file.path} have an area of 0 or '
           'below: their OKS is 0 for any prediction that is not exact, so that they count as missed in AP, and they '
           'are neither in AP (M) nor in AP (L); the first is {first}')


def _repeated(people: People, usage: Usage) -> np.ndarray:
    """Places of people whose image, box and keypoints are those of somebody before."""
    chosen = np.flatnonzero(usage.used)
    boxes = np.zeros((len(people), 4)) if people.boxes is None else people.boxes
    rows = np.column_stack([people.image_ids[chosen], boxes[chosen] @ (1.0, np.pi, 10.7, 101.3),
                            people.facts.digests[chosen]]).round(4)
    order = np.lexsort(rows.T)
    is_same = (rows[order][1:] == rows[order][:-1]).all(axis=1)
    return np.sort(chosen[[place for place, before in zip(order[1:][is_same], order[:-1][is_same], strict=True)
                           if _are_equal(people.entries[chosen[place]], people.entries[chosen[before]])]].astype(int))


def _are_equal(one: Any, other: Any) -> bool:
    return bool(one.get('keypoints') == other.get('keypoints') and one.get('bbox') == other.get('bbox'))


