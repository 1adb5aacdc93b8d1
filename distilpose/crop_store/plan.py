"""Plan of a crop store: which rectangle of every image is stored, at which size and place, before anything is decoded.

A rectangle holds what the augmentation can reach of all people of an image.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process

from distilpose.errors import DistilPoseError
from distilpose.image_files import inspect_image
from distilpose.progress import tracked
from distilpose.slot_files import create_file

from .reach import People, Reach, half_boxes

NAME = 'plan.npz'
_CHUNK = 1000  # people at once
_MANY = 5000
_REDUCTIONS = (8, 4, 2)


@dataclass(frozen=True)
class CropPlan:
    """The rectangles of M images, which N samples show."""

    image_of_sample: np.ndarray
    """(N,) int32."""
    names: np.ndarray
    """(M,) uint32 checksums of the file names, without folders."""
    sizes: np.ndarray
    """(M, 2) int32 width and height of the images."""
    rectangles: np.ndarray
    """(M, 4) int32 left, top, right, bottom in pixels of the image; empty for an image that cannot be read."""
    reductions: np.ndarray
    """(M,) int32: 1, or 2, 4 or 8 where means of squares of as many pixels are stored."""

    @property
    def shapes(self) -> np.ndarray:
        """(M, 2) rows and columns that are stored."""
        left, top, right, bottom = self.rectangles.T
        return -(-np.stack([bottom - top, right - left], axis=1) // self.reductions[:, None])

    def shape_of(self, image: int) -> tuple[int, int]:
        """Rows and columns that are stored of an image."""
        left, top, right, bottom = self.rectangles[image].tolist()
        step = int(self.reductions[image])
        return -(-(bottom - top) // step), -(-(right - left) // step)

    @property
    def lengths(self) -> np.ndarray:
        """(M,) bytes of each image."""
        return self.shapes.astype(np.int64).prod(axis=1) * 3

    @classmethod
    def of(cls, samples: Iterable[Any], reach: Reach, *, halves: Sequence[Sequence[int]] = (),
           reduced: bool = False, count: int = 0) -> CropPlan:
        """The plan for the people of a data set.

        Args:
            samples: the input of the pipeline, in the order of the data set, without images.
            reach: of the augmentation.
            halves: indices of the keypoints of the upper and the lower body.
            reduced: store means of squares of pixels where all people of an image have as many in their crops.
            count: of the samples, for the display of the progress.
        """
        paths: dict[str, int] = {}
        image_of_sample: list[int] = []
        corners, densities = [], []
        shown = iter(_shown(samples, count, 'people'))
        for people, images in _chunks(shown, halves if reach.half_body is not None else ()):
            image_of_sample += [paths.setdefault(path, len(paths)) for path in images]
            corners.append(reach.corners(people))
            densities.append(reach.density(people))
        owner = np.array(image_of_sample, np.int32)
        sizes = np.array([_size_of(path) for path in _shown(paths, len(paths), 'images')], np.int32).reshape(-1, 2)
        reductions = np.ones(len(paths), np.int32)
        if reduced:
            lowest = np.full(len(paths), np.inf)
            np.minimum.at(lowest, owner, np.concatenate(densities))
            for factor in _REDUCTIONS[::-1]:
                reductions[lowest >= factor] = factor
        rectangles = _rectangles(np.concatenate(corners), owner, sizes, reductions)
        names = np.array([checksum_of_name(path) for path in paths], np.uint32)
        return cls(owner, names, sizes, rectangles, reductions)

    def pack(self) -> bytes:
        """The content of a file."""
        file = io.BytesIO()
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        return file.getvalue()

    def write(self, folder: Path) -> None:
        """Writes it to a folder, unless it is there."""
        create_file(folder / NAME, self.pack())

    @classmethod
    def read(cls, folder: Path, *, samples: int, checksum: int) -> CropPlan | None:
        """The plan in a folder; ``None`` where it is not there yet.

        Args:
            folder: of the store.
            samples: their number.
            checksum: of the plan, see :meth:`checksum`.

        Raises:
            DistilPoseError: it is broken.
        """
        file = folder / NAME
        if not file.exists():
            return None
        try:
            with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as content:
                plan = cls(**{field.name: content[field.name] for field in fields(cls)})
            if len(plan.image_of_sample) != samples or plan.checksum() != checksum:
                raise ValueError('its checksum is not that of the header')
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise DistilPoseError(f'{file} cannot be read as the plan of a crop store ({error}); delete {folder}, or '
                                  'name another folder') from error
        return plan

    def checksum(self) -> int:
        """Of all numbers."""
        value = 0
        for field in fields(self):
            value = zlib.crc32(getattr(self, field.name).tobytes(), value)
        return value


def _shown(items: Iterable[Any], count: int, unit: str) -> Iterable[Any]:
    """The items, with their progress where they are many."""
    if count < _MANY or not is_main_process():
        return items
    return tracked(items, total=count, description=f'Planning the crop store, {unit}', unit=unit)


def checksum_of_name(path: str) -> int:
    """Of a file's name without folders, so that data can be moved."""
    return zlib.crc32(os.path.basename(path).encode('utf-8', 'surrogateescape'))


def _rectangles(corners: np.ndarray, owner: np.ndarray, sizes: np.ndarray, reductions: np.ndarray) -> np.ndarray:
    """(M, 4) around the corners (N, 4) of the people of each image, within it, on a grid of reduced pixels."""
    low, high = (np.full((len(sizes), 2), start) for start in (np.inf, -np.inf))
    np.minimum.at(low, owner, corners[:, :2])
    np.maximum.at(high, owner, corners[:, 2:])
    step = reductions[:, None]
    low, high = (np.clip(edge, 0, sizes) for edge in (np.floor(low / step) * step, np.ceil(high / step) * step))
    return np.where((high > low).all(1, keepdims=True), np.concatenate([low, high], axis=1), 0).astype(np.int32)


def _chunks(samples: Iterator[Any], halves: Sequence[Sequence[int]]) -> Iterator[tuple[People, list[str]]]:
    while chunk := list(islice(samples, _CHUNK)):
        centers, scales = zip(*map(_box, chunk), strict=True)
        parts: Any = np.zeros((0, len(chunk), 4))
        if halves:
            keypoints, visible = (np.concatenate([one[key] for one in chunk])
                                  for key in ('keypoints', 'keypoints_visible'))
            visible = visible if visible.ndim == 2 else visible[..., 0]
            parts = np.stack([half_boxes(keypoints[..., :2], visible, ids) for ids in halves])
        yield People(np.array(centers, float), np.array(scales, float), parts), [one['img_path'] for one in chunk]


def _box(sample: Any) -> tuple[np.ndarray, np.ndarray]:
    """Center and sides of a person's box, as GetBBoxCenterScale takes them."""
    if 'bbox_center' in sample and 'bbox_scale' in sample:
        return sample['bbox_center'][0], sample['bbox_scale'][0]
    left, top, right, bottom = sample['bbox'][0].tolist()
    return np.array([(left + right) / 2, (top + bottom) / 2]), np.array([right - left, bottom - top])


def _size_of(path: str) -> tuple[int, int]:
    facts = inspect_image(path)
    return (0, 0) if facts.problem else (facts.width, facts.height)
