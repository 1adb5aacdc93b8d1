"""People of stored annotations: the samples of mmpose's top-down data sets, each built on access.

A sample equals that of mmpose in keys, their order, values and types. Data sets have the samples in the place of
pickled ones (``data_bytes``), so that the rest of mmengine's ``BaseDataset`` does not notice.
"""

from __future__ import annotations

import copy
import os.path as osp
import pickle
from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol, overload

import numpy as np

from distilpose.host.data_files import KEYPOINT_FIELDS

from .stored_file import StoredFile

Sample = dict[str, Any]


class SampleMaker(Protocol):
    """Makes the sample of a row of stored columns."""

    def image(self, row: Any) -> Any:
        """The place of a row's image, or those of an array of rows."""

    def path(self, image: int) -> str:
        """The ``img_path`` of an image."""

    def image_id(self, image: int) -> int:
        """The ``img_id`` of an image."""

    def __call__(self, row: int) -> Sample:
        """The sample, which belongs to the caller."""


class StoredPeople(Sequence[Sample]):
    """Samples that are built on access.

    Args:
        make: makes a sample.
        rows: (N,) of the samples in their order.
    """

    def __init__(self, make: SampleMaker, rows: np.ndarray) -> None:
        self.make, self.rows = make, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> StoredPeople: ...

    def __getitem__(self, index: int | slice) -> Sample | StoredPeople:
        if isinstance(index, slice):
            return StoredPeople(self.make, self.rows[index])
        return self.make(int(self.rows[index]))

    def take(self, indices: Sequence[int]) -> StoredPeople:
        """The people at some places, in the order of these."""
        return StoredPeople(self.make, self.rows[np.asarray(indices, dtype=np.int64)])

    def images(self) -> dict[str, int]:
        """``img_path`` -> ``img_id`` of the images with people, in order of appearance."""
        return {self.make.path(image): self.make.image_id(image) for image in self._images()}

    def image_numbers(self) -> np.ndarray:
        """(N,) the number of every person's image, paths counted in order of appearance."""
        numbers: dict[str, int] = {}
        of_image = {image: numbers.setdefault(self.make.path(image), len(numbers)) for image in self._images()}
        table = np.zeros(max(of_image, default=0) + 1, dtype=np.int64)
        table[list(of_image)] = list(of_image.values())
        return table[self.make.image(self.rows)]

    def _images(self) -> list[int]:
        return list(dict.fromkeys(self.make.image(self.rows).tolist()))


class PickledPeople:
    """Samples as the ``data_bytes`` of a data set whose ``data_address`` counts them: each is one long."""

    def __init__(self, people: StoredPeople) -> None:
        self.people = people

    @property
    def addresses(self) -> np.ndarray:
        """(N,) where each sample ends."""
        return np.arange(1, len(self.people) + 1, dtype=np.int64)

    def __getitem__(self, places: slice) -> np.ndarray:
        return np.frombuffer(pickle.dumps(self.people[places.start], protocol=4), dtype=np.uint8)

    def copy(self) -> PickledPeople:
        """The same, which does not change."""
        return self


class _OfImages:
    """What samples take from the images of an annotation file."""

    def __init__(self, file: StoredFile, prefix: str) -> None:
        self.file, self.prefix = file, prefix

    def path(self, image: int) -> str:
        return osp.join(self.prefix, self.file.name(image))

    def image_id(self, image: int) -> int:
        return int(self.file.column('image_id')[image])


class _OfPeople(_OfImages):
    """What samples take from the annotations of people."""

    def image(self, row: Any) -> Any:
        return self.file.column('person_image')[row]

    def numbers(self, row: int, image: int) -> Sample:
        """The first numbers of a sample, in mmpose's order."""
        column = self.file.column
        return dict(img_id=self.image_id(image), img_path=self.path(image), bbox=column('box')[row:row + 1].copy(),
                    bbox_score=np.ones(1, dtype=np.float32), num_keypoints=self.count(row))

    def count(self, row: int) -> Any:
        """``num_keypoints`` of the file, or as mmpose counts them, which numpy gives another type."""
        if self.file.column('has_count')[row]:
            return int(self.file.column('num_keypoints')[row])
        return np.count_nonzero(self.file.column('keypoints')[row:row + 1, :, :2].max(axis=2))

    def body(self, row: int) -> Sample:
        """The keypoints of a body and what follows them, in mmpose's order."""
        column = self.file.column
        keypoints = column('keypoints')[row:row + 1]
        return dict(keypoints=keypoints[..., :2].copy(), keypoints_visible=np.minimum(keypoints[..., 2], 1),
                    area=np.array(column('area')[row]), iscrowd=self.crowd(row))

    def crowd(self, row: int) -> int:
        """``iscrowd`` of a person who is not in a crowd, as the file or xtcocotools has it."""
        return False if self.file.column('is_false')[row] else 0

    def raw(self, row: int) -> Sample:
        """The annotation as xtcocotools has it."""
        entry = self.file.entry('people', row)
        entry.setdefault('iscrowd', False)
        return entry

    def crowd_index(self, image: int) -> Sample:
        """The ``crowd_index`` of people on an image, if it has one."""
        if not self.file.facts['has_crowd_index']:
            return {}
        entry = self.file.entry('images', image)
        return dict(crowd_index=entry['crowdIndex']) if 'crowdIndex' in entry else {}


class Annotated(_OfPeople):
    """Makes the samples of ``CocoDataset``."""

    def __call__(self, row: int) -> Sample:
        image, raw = int(self.image(row)), self.raw(row)
        return dict(**self.numbers(row, image), **self.body(row), segmentation=_copy(raw.get('segmentation')),
                    id=int(self.file.column('id')[row]), category_id=np.array(self.file.column('category')[row]),
                    raw_ann_info=raw, **self.crowd_index(image))


class WholeBody(_OfPeople):
    """Makes the samples of ``CocoWholeBodyDataset``."""

    def __call__(self, row: int) -> Sample:
        raw, column = self.raw(row), self.file.column
        keypoints = np.array(list(chain.from_iterable(raw[name] for name in KEYPOINT_FIELDS))).reshape(1, -1, 3)
        return dict(**self.numbers(row, int(self.image(row))), keypoints=keypoints[..., :2].copy(), keypoints_3d=None,
                    keypoints_visible=np.minimum(1, keypoints[..., 2] > 0), iscrowd=raw['iscrowd'],
                    segmentation=_copy(raw['segmentation']), area=np.array(column('area')[row]),
                    id=int(column('id')[row]), category_id=int(column('category')[row]), raw_ann_info=raw)


class LightWeight(_OfPeople):
    """Makes the samples of ``QuickCocoDataset``.

    Args:
        file: the annotations.
        prefix: the folder of the images.
        people_in_image: (number of images,) how many people of the data set each shows.
    """

    def __init__(self, file: StoredFile, prefix: str, people_in_image: np.ndarray) -> None:
        super().__init__(file, prefix)
        self._people_in_image = people_in_image

    @classmethod
    def of(cls, people: StoredPeople) -> StoredPeople:
        """The same people as :class:`Annotated` ones, without what training does not use."""
        make: Any = people.make
        counts = np.zeros(len(make.file.column('image_id')), dtype=np.int32)
        numbers = people.image_numbers()
        counts[make.image(people.rows)] = np.bincount(numbers)[numbers] if len(numbers) else 0
        return StoredPeople(cls(make.file, make.prefix, counts), people.rows)

    def __call__(self, row: int) -> Sample:
        image = int(self.image(row))
        scores = self.raw(row).get('keypoint_scores') if self.file.facts['has_keypoint_scores'] else None
        return dict(**self.numbers(row, image), **self.body(row), id=int(self.file.column('id')[row]),
                    category_id=np.array(self.file.column('category')[row]), **self.crowd_index(image),
                    people_in_image=int(self._people_in_image[image]),
                    **({} if scores is None else dict(keypoint_scores=scores)))


def _copy(outlines: Any) -> Any:
    """A copy of a list of polygons, or of anything else."""
    if type(outlines) is list and all(type(outline) is list and set(map(type, outline)) <= {int, float}
                                      for outline in outlines):
        return [outline[:] for outline in outlines]
    return copy.deepcopy(outlines)


class Detected(_OfImages):
    """Makes the samples of a detector's boxes, as ``BaseCocoStyleDataset._load_detection_results`` does."""

    def __init__(self, file: StoredFile, boxes: StoredFile, prefix: str, *, num_keypoints: int) -> None:
        super().__init__(file, prefix)
        self.boxes, self.num_keypoints = boxes, num_keypoints
        ids = file.column('image_id')
        order = np.argsort(ids, kind='stable')
        of_boxes = boxes.column('image_id')
        places = np.searchsorted(ids, of_boxes, sorter=order)
        self._image = order[np.minimum(places, max(len(ids) - 1, 0))].astype(np.int32)
        self.has_all_images = bool((ids[self._image] == of_boxes).all())
        """Whether every box is on an image of the annotations."""

    def image(self, row: Any) -> Any:
        return self._image[row]

    def __call__(self, row: int) -> Sample:
        image = self.file.entry('images', int(self._image[row]))
        box = self.boxes.column('box')[row:row + 1].copy()
        box[:, 2:] += box[:, :2]
        return dict(
            img_id=int(self.boxes.column('image_id')[row]), img_path=osp.join(self.prefix, image['file_name']),
            img_shape=(image['height'], image['width']), bbox=box,
            bbox_score=self.boxes.column('score')[row:row + 1].copy(),
            keypoints=np.zeros((1, self.num_keypoints, 2), dtype=np.float32),
            keypoints_visible=np.ones((1, self.num_keypoints), dtype=np.float32), id=row)
