"""Crop store on disk: decoded rectangles of images, which several processes fill and read."""

from __future__ import annotations

import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from distilpose.errors import DistilPoseError, RunFailed
from distilpose.slot_files import open_slots, write_slot

from .plan import CropPlan, checksum_of_name

KIND = 'crop store'
_MARK = np.dtype([('checksum', '<u4'), ('file', '<u4'), ('size', '<i8'), ('time', '<i8')])
_FLIPS = {'vertical': 0, 'horizontal': 1, 'diagonal': -1}
_NO_PIXELS = bytes(1)
_ABSENT, _WHOLE = 0, 1
_scratch = threading.local()


@dataclass(frozen=True)
class StoredCrop:
    """A rectangle of an image that was decoded before, in the place of the image's file."""

    path: str
    """Of the file, for pixels beyond the rectangle."""
    width: int
    """Of the image."""
    height: int
    left: int
    """Of the rectangle, in pixels of the image."""
    top: int
    right: int
    bottom: int
    reduction: int
    """1, or 2, 4 or 8 where the pixels are means of squares of as many of the image."""
    pixels: np.ndarray
    """(h, w, 3) of 8 bits, in OpenCV's order of colours."""

    @property
    def placeholder(self) -> np.ndarray:
        """(H, W, 3), the image without memory."""
        return np.ndarray((self.height, self.width, 3), np.uint8, _NO_PIXELS, strides=(0, 0, 0))

    def image(self, region: tuple[int, int, int, int], flip: str | None) -> np.ndarray:
        """The image (H, W, 3), flipped and reduced. Only a region of it is sure to have the image's values.

        It is in memory that the next call of this thread overwrites. Beyond the rectangle the file is decoded.

        Args:
            region: left, top, right, bottom of what is read of the flipped image.
            flip: its direction, ``None`` for the image as it is.
        """
        region = self._unflipped(region, flip)
        left, right = (min(max(region[axis], 0), self.width) for axis in (0, 2))
        top, bottom = (min(max(region[axis], 0), self.height) for axis in (1, 3))
        if right <= left or bottom <= top:
            left, top, right, bottom = self.left, self.top, min(self.left + 1, self.right), self.top + 1
        if left < self.left or right > self.right or top < self.top or bottom > self.bottom:
            image = reduce_image(_decode(Path(self.path).read_bytes(), self.path), self.reduction)
            return image if flip is None else cv2.flip(image, _FLIPS[flip])
        step = self.reduction
        places = slice(top // step, -(-bottom // step)), slice(left // step, -(-right // step))
        rows, columns = (slice(one.start - start // step, one.stop - start // step)
                         for one, start in zip(places, (self.top, self.left), strict=True))
        part, image = self.pixels[rows, columns], _scratch_image(-(-self.height // step), -(-self.width // step))
        if flip is None:
            image[places] = part
        else:
            rows, columns = (slice(count - one.stop, count - one.start) if turned else one for one, count, turned in
                             zip(places, image.shape, (flip != 'horizontal', flip != 'vertical'), strict=False))
            cv2.flip(part, _FLIPS[flip], dst=image[rows, columns])
        return image

    def _unflipped(self, region: tuple[int, int, int, int], flip: str | None) -> tuple[int, int, int, int]:
        left, top, right, bottom = region
        if flip in ('horizontal', 'diagonal'):
            left, right = self.width - right, self.width - left
        if flip in ('vertical', 'diagonal'):
            top, bottom = self.height - bottom, self.height - top
        return left, top, right, bottom


class CropStore:
    """The decoded rectangles of a :class:`~distilpose.crop_store.CropPlan`, each filled when it is first read.

    Two files in a folder: the pixels, and for every image a mark with the checksums of the pixels and of the image's
    file, its size and time. The mark is written last, so an image whose writing was interrupted counts as empty. Files
    have their full length at once; empty places take no disk space. A run compares the checksum of the pixels and the
    file's size and time when it first reads an image; what one worker process compared counts for all.

    Args:
        folder: exists.
        plan: of the rectangles.

    Raises:
        DistilPoseError: the folder cannot be written.
    """

    def __init__(self, folder: Path, plan: CropPlan) -> None:
        self.folder, self.plan = folder, plan
        self.lengths = plan.lengths
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        paths, count = (folder / 'pixels.bin', folder / 'marks.bin'), len(self.lengths)
        try:
            self._pixel_file, self._mark_file = (
                open_slots(path, size, kind=KIND)
                for path, size in zip(paths, (int(self._offsets[-1]) or 1, (count or 1) * _MARK.itemsize), strict=True))
        except OSError as error:
            raise DistilPoseError(self._unwritable(error)) from error
        self._pixels = np.asarray(np.memmap(paths[0], np.uint8, 'r'))
        self._marks = np.asarray(np.memmap(paths[1], _MARK, 'r', shape=(count or 1,)))
        self._states = torch.zeros(count, dtype=torch.uint8).share_memory_().numpy()

    @property
    def bytes_in_all(self) -> int:
        """Of all pixels."""
        return int(self._offsets[-1])

    @property
    def bytes_filled(self) -> int:
        """Of images that have a mark."""
        return int(self.lengths[self._marks['checksum'][:len(self.lengths)] != 0].sum())

    def find(self, sample: int, path: str) -> StoredCrop | None:
        """The stored rectangle of a sample's image, filled now if it was not.

        Args:
            sample: its index in the data set.
            path: of the image.

        Returns:
            ``None`` for an image that cannot be read.

        Raises:
            DistilPoseError: the store is of other images, or the image's file has changed.
            RunFailed: the disk is full or broken.
        """
        image = int(self.plan.image_of_sample[sample])
        if int(self.plan.names[image]) != checksum_of_name(path):
            raise DistilPoseError(f'the crop store {self.folder} has another image for sample {sample} than {path}; '
                                  'name another folder for this run, or delete that one')
        if not self.lengths[image]:
            return None
        if self._states[image] != _WHOLE:
            if not self._is_whole(image, path) and not self._fill(image, path):
                return None
            self._states[image] = _WHOLE
        width, height = self.plan.sizes[image].tolist()
        left, top, right, bottom = self.plan.rectangles[image].tolist()
        return StoredCrop(path, width, height, left, top, right, bottom, int(self.plan.reductions[image]),
                          self._read(image))

    def _read(self, image: int) -> np.ndarray:
        rows, columns = self.plan.shape_of(image)
        start = int(self._offsets[image])
        return self._pixels[start:start + rows * columns * 3].reshape(rows, columns, 3)

    def _is_whole(self, image: int, path: str) -> bool:
        """Whether an image has a mark that fits its pixels.

        Raises:
            DistilPoseError: the image's file is not that of the mark.
        """
        mark = self._marks[image].copy()
        if not mark['checksum'] or mark['checksum'] != _checksum(self._read(image), mark):
            return False
        try:
            status = os.stat(path)
        except OSError:
            return False  # to be reported by what reads the file
        if (status.st_size, status.st_mtime_ns) != (mark['size'], mark['time']) and (
                status.st_size != mark['size'] or zlib.crc32(Path(path).read_bytes()) != mark['file']):
            raise DistilPoseError(f'the crop store {self.folder} has the pixels of another {path}: the image changed '
                                  'since they were stored; delete the store, or name another folder')
        return True

    def _fill(self, image: int, path: str) -> bool:
        """Decodes and stores an image; whether that was possible."""
        try:
            status = os.stat(path)
            data = Path(path).read_bytes()
            decoded = _decode(data, path)
        except (OSError, ValueError, cv2.error):
            return False
        if decoded.shape[1::-1] != tuple(self.plan.sizes[image].tolist()):
            return False
        left, top, right, bottom = self.plan.rectangles[image].tolist()
        pixels = reduce_image(decoded[top:bottom, left:right], int(self.plan.reductions[image]))
        mark = np.zeros((), _MARK)
        mark['file'], mark['size'], mark['time'] = zlib.crc32(data), status.st_size, status.st_mtime_ns
        pixels = np.ascontiguousarray(pixels)
        mark['checksum'] = _checksum(pixels, mark)
        try:
            write_slot(self._pixel_file, int(self._offsets[image]), pixels)
            write_slot(self._mark_file, image * _MARK.itemsize, mark.tobytes())
        except OSError as error:
            raise RunFailed(self._unwritable(error)) from error
        return True

    def close(self) -> None:
        """Ends writing; what was read stays."""
        self._pixel_file.close()
        self._mark_file.close()

    def _unwritable(self, error: OSError) -> str:
        return (f'the crop store {self.folder} cannot be written: {error.strerror or error}; make room and go on with '
                '--resume, or name another folder')

    def __deepcopy__(self, memo: dict) -> CropStore:
        """A copy of the data set reads the same store."""
        return self

    def __reduce__(self) -> tuple:  # for worker processes that are not forked
        return CropStore, (self.folder, self.plan)


class FindStoredCrop(BaseTransform):
    """A step in front of a data set's pipeline: the stored crop of a sample instead of its image's file.

    Sets ``encoded_img`` and a placeholder ``img``, as :class:`~distilpose.datasets.LoadEncodedImage` does, which then
    leaves them; :class:`~distilpose.datasets.DecodingTopdownAffine` reads the pixels.

    Args:
        store: of the data set.
    """

    def __init__(self, store: CropStore) -> None:
        self.store = store

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """See the class."""
        if 'img' not in results:
            found = self.store.find(results['sample_idx'], results['img_path'])
            if found is not None:
                results['encoded_img'], results['img'] = found, found.placeholder
        return results


def reduce_image(image: np.ndarray, reduction: int) -> np.ndarray:
    """An image (H, W, 3) as means of squares of pixels; at the last ones its edge is repeated."""
    if reduction == 1:
        return image
    rows, columns = (-(-side // reduction) for side in image.shape[:2])
    below, beside = rows * reduction - image.shape[0], columns * reduction - image.shape[1]
    whole = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE) if below or beside else image
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def _decode(data: bytes, path: str) -> np.ndarray:
    """An image (H, W, 3), as ``LoadImage`` decodes it."""
    image = mmcv.imfrombytes(data, flag='color', backend='cv2')
    if image is None:
        raise DistilPoseError(f'{path} cannot be decoded')
    return image


def _checksum(pixels: np.ndarray, mark: np.ndarray) -> int:
    """Of pixels and a mark, never 0."""
    numbers = np.array([mark['file'], mark['size'], mark['time']], np.int64)
    return zlib.crc32(pixels.data, zlib.crc32(numbers.data)) or 1


def _scratch_image(height: int, width: int) -> np.ndarray:
    """(height, width, 3) in memory that this thread uses again."""
    length = height * width * 3
    memory = getattr(_scratch, 'memory', None)
    if memory is None or len(memory) < length:
        memory = _scratch.memory = np.zeros(length, np.uint8)
    return memory[:length].reshape(height, width, 3)
