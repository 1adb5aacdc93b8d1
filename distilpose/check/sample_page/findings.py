"""Counts and findings of data: people left out and why, keypoints that are never labelled, flip pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from distilpose.distillation.teachers.keypoint_names import side_of
from distilpose.host.data_files import read_json

from .samples import Source
from .targets import Keypoints

_NAMED = 5
"""Most annotations that are named for each reason."""
_OTHER = 'for another reason, such as indices, a filter or a category'


@dataclass(frozen=True)
class Counts:
    """How many samples a data set has, of how many annotations."""

    used: int
    annotated: int | None = None
    """``None`` where it is not known."""
    left_out: Mapping[str, list[str]] = field(default_factory=dict)
    """Reason -> the annotations, by name."""
    others: int = 0
    """How many more are left out, for no reason that is known here."""
    labelled: np.ndarray | None = None
    """(K,) share of the people with keypoints in whom each keypoint is labelled."""

    def lines(self) -> Iterator[str]:
        """What is left out, with the first of each kind by name."""
        for reason, named in self.left_out.items():
            more = ', …' if len(named) > _NAMED else ''
            yield f'{len(named)} {reason} ({"; ".join(named[:_NAMED])}{more})'
        if self.others:
            yield f'{self.others} {_OTHER}'


def count_people(source: Source) -> Counts:
    """Counts of a data set, and why annotations are not used."""
    dataset, used = source.dataset, len(source.dataset)
    if not source.is_labelled:
        skipped = int(np.count_nonzero(dataset.skipped.numpy()))
        return Counts(used - skipped, used, others=0,
                      left_out={dataset.describe_skipped(dataset.skipped): ['unlabelled'] * skipped} if skipped else {})
    named = getattr(dataset, 'ann_file', None)
    if getattr(dataset, 'bbox_file', None) or not isinstance(dataset, BaseCocoStyleDataset) or not (
            named and Path(named).is_file() and Path(named).suffix == '.json'):
        return Counts(used)
    content = read_json(named)
    if not isinstance(content, Mapping) or not isinstance(content.get('annotations'), list):
        return Counts(used)
    images = {image['id']: image for image in content.get('images', ())}
    left_out: dict[str, list[str]] = {}
    for annotation in content['annotations']:
        image = images.get(annotation.get('image_id'), {})
        reason = _reason(annotation, image)
        if reason is not None:
            name = Path(str(image.get('file_name', 'no image'))).name
            left_out.setdefault(reason, []).append(f'{annotation.get("id")} of {name}')
    total = len(content['annotations'])
    others = max(total - used - sum(map(len, left_out.values())), 0)
    return Counts(used, total, left_out, others, _share_labelled(content['annotations'], dataset))


def _reason(annotation: Mapping[str, Any], image: Mapping[str, Any]) -> str | None:
    """Why mmpose leaves an annotation out of the people that are cropped, as far as that can be seen here."""
    if annotation.get('iscrowd'):
        return 'of a crowd (iscrowd)'
    if 'bbox' not in annotation or 'keypoints' not in annotation:
        return 'without a box or keypoints'
    x, y, width, height = annotation['bbox']
    sides = [np.clip(start + length, 0, most - 1) - np.clip(start, 0, most - 1) if most else length
             for start, length, most in ((x, width, image.get('width')), (y, height, image.get('height')))]
    if min(sides) <= 0:
        return 'whose box has no size in its image'
    if not annotation.get('num_keypoints', 1) or max(annotation['keypoints'], default=0) <= 0:
        return 'without a labelled keypoint'
    return None


def _share_labelled(annotations: list[dict[str, Any]], dataset: Any) -> np.ndarray | None:
    count = 3 * int(dataset.metainfo['num_keypoints'])
    values = [entry['keypoints'] for entry in annotations if len(entry.get('keypoints') or ()) == count]
    labelled = np.asarray(values, dtype=float).reshape(-1, count // 3, 3)[..., 2] > 0
    people = labelled[labelled.any(1)]
    return people.mean(0) if len(people) else None


def flip_findings(metainfo: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the pairs that a flip exchanges."""
    names, flip = Keypoints.of(metainfo).names, [int(index) for index in metainfo['flip_indices']]
    for index, other in enumerate(flip):
        side, other_side = side_of(names[index]), side_of(names[other])
        if flip[other] != index:
            yield (f'a flip turns {names[index]} into {names[other]}, and that into {names[flip[other]]}: swap is set '
                   'for one of them only')
        elif index == other and side is not None:
            yield f'a flip leaves {names[index]} what it is, although its name has a side'
        elif index < other and side is not None and side == other_side:
            yield f'a flip exchanges {names[index]} and {names[other]}, which are on the same side by their names'


def order_findings(train: Mapping[str, Any], val: Mapping[str, Any]) -> Iterator[str]:
    """Whether training and validation name other keypoints, or flip them otherwise."""
    if Keypoints.of(train).names != Keypoints.of(val).names:
        yield 'training and validation data have other keypoints, or the same in another order'
    elif list(train['flip_indices']) != list(val['flip_indices']):
        yield 'training and validation data flip other keypoints'


def count_outside(points: np.ndarray, visible: np.ndarray, size: tuple[int, int]) -> int:
    """How many labelled keypoints lie outside of a crop of this (width, height)."""
    return int(((visible > 0) & ~((points >= 0) & (points < size)).all(1)).sum())
