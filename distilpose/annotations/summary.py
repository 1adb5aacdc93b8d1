"""Summary of an annotation file, in lines: images, categories, keypoints by name, sizes of boxes."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from distilpose.host.data_files import KEYPOINT_FIELDS

from .columns import is_number, table
from .findings import Expected, Finding

_SMALL = 32
"""Pixels; a person of a smaller box has few in a crop."""
_WIDTH = 110

Entry = Mapping[str, Any]


def expected_of(content: Mapping[str, Any], *, folder: str | None = None) -> Expected:
    """What a data set would read of a file in COCO format, as far as the file has it itself.

    Args:
        content: the parsed JSON.
        folder: of the images, ``None`` if it is not known.
    """
    people = [one for one in _dicts(content, 'annotations') if one.get('keypoints')]
    fields = [name for name in KEYPOINT_FIELDS if 2 * sum(name in one for one in people) > len(people)] or ['keypoints']
    names = keypoint_names(content)
    has_boxes = any('bbox' in one for one in people) or not all('center' in one and 'scale' in one for one in people)
    return Expected(tuple((name, tuple(names) if names and name == 'keypoints' else None) for name in fields),
                    image_keys=('id', 'file_name'), keys_with_keypoints=('bbox', ) * has_boxes, needs_categories=True,
                    reads_area=has_boxes, folder=folder, roots=(folder, ) if folder else ())


def keypoint_names(content: Mapping[str, Any]) -> list[str]:
    """Names of the keypoints by the categories, else numbers; empty where categories differ, or none are labelled."""
    named, count = _named(content), _usual_count(content)
    if len(named) > 1:
        return []
    if named and len(named[0]) >= count:
        return named[0]
    return [str(index) for index in range(count)]


def more_than_named(content: Mapping[str, Any]) -> Finding | None:
    """A finding on a file whose annotations have more keypoints than its categories name."""
    named, count = _named(content), _usual_count(content)
    if len(named) != 1 or len(named[0]) >= count:
        return None
    return Finding('keypoints without a name', f'annotations have {count} keypoints, and their category names '
                   f'{len(named[0])}; a config must name all: own_keypoints, or the metainfo of the data set', count)


def _named(content: Mapping[str, Any]) -> list[list[str]]:
    """The different lists of names of the categories."""
    return [list(names) for names in dict.fromkeys(
        tuple(map(str, one['keypoints'])) for one in _dicts(content, 'categories')
        if isinstance(one.get('keypoints'), list) and one['keypoints'])]


def _usual_count(content: Mapping[str, Any]) -> int:
    """Keypoints of most annotations that have some."""
    counts = Counter(len(one['keypoints']) for one in _dicts(content, 'annotations')
                     if isinstance(one.get('keypoints'), list) and one['keypoints'])
    return counts.most_common(1)[0][0] // 3 if counts else 0


def skeleton_links(content: Mapping[str, Any], count: int) -> list[tuple[int, int]]:
    """Links of the first category that has some, counted from 0; those of no keypoint are left out."""
    links: Any = next((one['skeleton'] for one in _dicts(content, 'categories') if one.get('skeleton')), [])
    pairs = [link for link in links if isinstance(link, list) and len(link) == 2
             and all(type(end) is int for end in link)] if isinstance(links, list) else []
    start = 0 if any(0 in link for link in pairs) else 1  # COCO counts from 1
    return [(one - start, other - start) for one, other in pairs if min(one, other) - start >= 0
            and max(one, other) - start < count]


def describe_coco(content: Mapping[str, Any]) -> Iterator[str]:
    """Lines on a file in COCO format; what is no dictionary or number in it is left out."""
    images, people = (_dicts(content, name) for name in ('images', 'annotations'))
    categories = ', '.join(str(one.get('name', one.get('id'))) for one in _dicts(content, 'categories')[:6])
    yield (f'COCO format: {len(images):,} images, {len(people):,} annotations, categories: {categories or "none"}')
    sizes = _table([(one.get('width'), one.get('height')) for one in images], 2)
    if len(sizes):
        yield f'images: {_range(sizes[:, 0])} wide, {_range(sizes[:, 1])} high'
    yield from describe_boxes(_table([one.get('bbox') for one in people], 4))
    names = keypoint_names(content)
    values = _table([one.get('keypoints') for one in people], 3 * len(names))
    if len(values):
        yield from describe_labelled(values.reshape(len(values), -1, 3)[..., 2] > 0, names)


def describe_boxes(boxes: np.ndarray) -> Iterator[str]:
    """Lines on (N, 4) boxes x, y, width, height."""
    if len(boxes):
        longer = boxes[:, 2:4].max(axis=1)
        small = int((longer < _SMALL).sum())
        yield (f'boxes: {_range(longer)} pixels on the longer side, median {np.median(longer):.0f}'
               + (f', {small:,} below {_SMALL}' if small else ''))


def describe_labelled(labelled: np.ndarray, names: Sequence[str]) -> Iterator[str]:
    """Lines on (N, K) whether each keypoint of each annotation is labelled."""
    people = labelled[labelled.any(axis=1)]
    yield f'keypoints: {len(names)}, labelled in {len(people):,} annotations'
    if not len(people):
        return
    share = people.mean(axis=0)
    if names[0] == '0':  # no category names them
        yield f'  each in {100 * share.min():.0f}% to {100 * share.max():.0f}% of these'
        return
    shares = ', '.join(f'{name.replace(" ", "_")}~{100 * one:.0f}%' for name, one in zip(names, share, strict=True))
    yield from (line.replace('~', ' ') for line in textwrap.wrap(shares, _WIDTH, initial_indent='  ',
                                                                subsequent_indent='  ', break_on_hyphens=False))
    never = [names[index] for index in np.flatnonzero(share == 0).tolist()]
    if never:
        more = f' and {len(never) - 8} more' if len(never) > 8 else ''
        yield f'  never labelled: {", ".join(never[:8])}{more}; nothing is learned of them'


def _dicts(content: Mapping[str, Any], name: str) -> list[Entry]:
    found = content.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _table(rows: Sequence[Any], length: int) -> np.ndarray:
    """(N, length) rows that are finite numbers; others are left out."""
    kept = [row for row in rows if isinstance(row, (list, tuple)) and len(row) == length > 0]
    found = table(kept, length) if kept else np.zeros((0, max(length, 1)))
    if found is None:
        found = np.array([row for row in kept if all(map(is_number, row))], dtype=float).reshape(-1, length)
    return found


def _range(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return f'{low:.0f}' if round(low) == round(high) else f'{low:.0f} to {high:.0f}'
