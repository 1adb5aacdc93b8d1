"""Plausibility of people's boxes, keypoints and areas: errors about other units, and warnings with a count."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from distilpose.host.xtcoco import AREA_OF_BOX

from .columns import MISSING, column
from .findings import Expected, Finding, agree
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


_Rule = tuple[str, np.ndarray, str]
"""Kind, whether it applies to each of the people with keypoints, and the sentence about those."""


def people_warnings(people: People, usage: Usage, expected: Expected, file: File, *,
                    declared: Collection[int]) -> list[Finding]:
    """What is unusual about people, one finding a kind."""
    rules = [*_about_keypoints(people, expected), ('person listed twice', _repeated(people, usage), '{has|have} the '
             'image, box and keypoints of an earlier person, and {counts|count} twice')]
    if expected.reads_area:
        rules += _about_areas(people)
    if declared and not expected.needs_categories:
        known = np.isin(np.array(column(people.entries, 'category_id')), list(declared))
        rules.append(('undeclared category', ~known, '{is|are} of a category that the file does not declare, and '
                      '{is|are} used all the same'))
    total = f'{usage.used.sum():,} of {len(people):,} {_persons(len(people))} of {file.path} used'
    named = [(reason, usage.places[reason], f'{total}, {{count}} left out: {reason}; the first is {{first}}')
             for reason in UNUSUAL if reason in usage.places]
    named += [(kind, np.flatnonzero(applies & usage.used), f'{{count}} of {usage.used.sum():,} '
               f'{_persons(usage.used.sum())} of {file.path} {text}; the first is {{first}}')
              for kind, applies, text in rules]
    return [finding(kind, sentence, places=places, image_ids=people.image_ids, annotation_ids=people.ids)
            for kind, places, sentence in named if len(places)]


def _persons(count: int) -> str:
    """``person`` or ``people``."""
    return agree('{person|people}', count)


def _about_keypoints(people: People, expected: Expected) -> Iterator[_Rule]:
    facts, stored = people.facts, num_keypoints(people)
    is_few = (stored > 0) & (2 * stored < facts.of_body) & (stored != facts.visible)  # some files count those only
    yield ('num_keypoints', (facts.of_body > 0) & ((stored > facts.of_body) | is_few), '{has|have} a num_keypoints '
           'larger than the number of labelled keypoints (visibility above 0), or below half of it')
    yield ('no labelled keypoint', facts.labelled == 0, '{is|are} used without a labelled keypoint (visibility above '
           '0), since num_keypoints or coordinates are not 0; nothing is learned of them')
    if expected.opens_images and len(expected.fields) == 1:  # the reader of the whole body compares it with 0
        yield ('visibility', facts.is_odd, '{has|have} a visibility other than 0, 1 and 2; mmpose weighs the keypoint '
               'by it, by at most 1')
    yield ('keypoint at (0, 0)', facts.at_origin > 0, '{has|have} labelled keypoints at (0, 0), where a missing one is '
           'often put: give it visibility 0')
    yield ('keypoint far outside', facts.far > 0, '{has|have} labelled keypoints outside of the image by more than a '
           'tenth of its longer side')
    if people.boxes is not None:
        yield ('keypoints outside of the box', (facts.labelled >= 3) & (2 * facts.near_box < facts.labelled)
               & (people.boxes[:, 2:] > 0).all(axis=1), '{has|have} most labelled keypoints far from the box')


def _about_areas(people: People) -> Iterator[_Rule]:
    values = column(people.entries, 'area')
    yield ('area missing', np.array([value is MISSING for value in values], dtype=bool), '{has|have} no area; '
           f'{AREA_OF_BOX} of the box is taken, as in xtcocotools and mmpose; OKS scales distances by it, AP (M) and '
           'AP (L) sort people by it, and metrics cannot be compared with those on areas of segments, as COCO has')
    yield ('area 0', np.array([value is not MISSING and value <= 0 for value in values], dtype=bool), '{has|have} an '
           'area of 0 or below: OKS is 0 for any prediction that is not exact, so that {it counts|they count} as '
           'missed in AP, and {is|are} neither in AP (M) nor in AP (L)')


def _repeated(people: People, usage: Usage) -> np.ndarray:
    """(N,) whether image, box and keypoints are those of an earlier annotation."""
    chosen = np.flatnonzero(usage.used)
    boxes = np.zeros((len(people), 4)) if people.boxes is None else people.boxes
    rows = np.column_stack([people.image_ids[chosen], boxes[chosen] @ (1.0, np.pi, 10.7, 101.3),
                            people.facts.digests[chosen]]).round(4)
    order = np.lexsort(rows.T)
    is_same = np.flatnonzero((rows[order][1:] == rows[order][:-1]).all(axis=1))
    found = np.zeros(len(people), dtype=bool)
    for before, place in zip(chosen[order[is_same]].tolist(), chosen[order[is_same + 1]].tolist(), strict=True):
        one, other = people.entries[before], people.entries[place]
        found[place] = one.get('keypoints') == other.get('keypoints') and one.get('bbox') == other.get('bbox')
    return found
