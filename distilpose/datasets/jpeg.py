"""Partial JPEG decoding: only the rows that a crop needs.

With `simplejpeg` installed (an optional package), a file is decoded from its top down to the last row that is
needed; the values are those that OpenCV decodes, to the bit. Without it OpenCV decodes the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from distilpose.errors import DistilPoseError

try:
    import simplejpeg
except ImportError:  # optional, see docs/dependencies.md
    simplejpeg = None

_START, _END, _SCAN, _EXIF = b'\xff\xd8', b'\xff\xd9', 0xDA, 0xE1
_LAST_BYTES = 1024  # some cameras write a little behind the end
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_FRAMES = tuple(marker for marker in range(0xC0, 0xD0) if marker not in (0xC4, 0xC8, 0xCC))
_MARGIN = 2  # rows: libjpeg interpolates the colour of a row from the next one's
_REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
            8: cv2.IMREAD_REDUCED_COLOR_8}


@dataclass(frozen=True)
class JpegImage:
    """A JPEG file that is not decoded yet, of one or three channels of 8 bits and in no need of being rotated."""

    data: bytes
    height: int
    width: int
    height_at: int | None
    """Offset of the height in the file; None where rows are not stored in order (progressive files)."""

    @classmethod
    def read(cls, data: bytes) -> JpegImage | None:
        """Reads the header of a file; None for any other image, and for one that has EXIF data, which may
        rotate it, or no end.

        Args:
            data: the whole file.
        """
        try:
            return _read(data) if data[:2] == _START and _END in data[-_LAST_BYTES:] else None
        except IndexError:  # the file ends before its picture begins
            return None

    def decode(self, *, rows: int | None = None, reduction: int = 1) -> np.ndarray:
        """The image (H, W, 3), or its upper part, of 8 bits, in OpenCV's order of colours.

        Args:
            rows: how many from the top are needed, before the reduction; more may come.
            reduction: 1, or 2, 4 or 8 for the means of squares of so many pixels, which libjpeg makes while it decodes.

        Raises:
            DistilPoseError: the file is broken.
        """
        try:
            image = _with_opencv(self, reduction) if simplejpeg is None else _with_simplejpeg(self, rows, reduction)
        except (cv2.error, ValueError) as error:
            raise DistilPoseError(f'a JPEG file of {self.width}x{self.height} cannot be decoded: {error}') from error
        if image is None:
            raise DistilPoseError(f'a JPEG file of {self.width}x{self.height} cannot be decoded')
        return image


class WholeJpegImage:
    """A JPEG file that is decoded once, in full, for all callers.

    Args:
        image: the file.
    """

    def __init__(self, image: JpegImage) -> None:
        self.image, self.height, self.width = image, image.height, image.width
        self._decoded: dict[int, np.ndarray] = {}

    def decode(self, *, rows: int | None = None, reduction: int = 1) -> np.ndarray:
        """As :meth:`JpegImage.decode`; the same memory for every caller, who may not write to it."""
        decoded = self._decoded.get(reduction)
        if decoded is None:
            decoded = self.image.decode(reduction=reduction)
            decoded.flags.writeable = False
            self._decoded = {reduction: decoded}
        return decoded[:None if rows is None else -(-rows // reduction) + _MARGIN]


def _read(data: bytes) -> JpegImage | None:
    """Goes from segment to segment, up to the first that holds pixels."""
    frame, start = 0, 2
    while data[start] == 0xFF:
        marker = data[start + 1]
        if marker == 0xFF:  # fills
            start += 1
            continue
        if marker == _EXIF and data[start + 4:start + 8] == b'Exif':
            return None
        if marker in _FRAMES:
            frame = start
        if marker == _SCAN:
            return _describe(data, frame, channels_of_scan=data[start + 4]) if frame else None
        start += 2 + int.from_bytes(data[start + 2:start + 4], 'big')
    return None


def _describe(data: bytes, frame: int, *, channels_of_scan: int) -> JpegImage | None:
    kind, bits, channels = data[frame + 1], data[frame + 4], data[frame + 9]
    height, width = (int.from_bytes(data[at:at + 2], 'big') for at in (frame + 5, frame + 7))
    if kind not in (*_SEQUENTIAL, _PROGRESSIVE) or bits != 8 or channels not in (1, 3) or not (height and width):
        return None
    is_sequential = kind in _SEQUENTIAL and channels_of_scan == channels
    return JpegImage(data, height, width, frame + 5 if is_sequential else None)


def _with_opencv(image: JpegImage, reduction: int) -> np.ndarray | None:
    return cv2.imdecode(np.frombuffer(image.data, np.uint8), _REDUCED[reduction])


def _with_simplejpeg(image: JpegImage, rows: int | None, reduction: int) -> np.ndarray:
    data, height = image.data, image.height
    if rows is not None and image.height_at is not None and rows + _MARGIN * reduction < height:
        # libjpeg only stops early if the header has a smaller height.
        height = -(-rows // reduction) * reduction + _MARGIN * reduction
        at = image.height_at
        data = b''.join((data[:at], height.to_bytes(2, 'big'), memoryview(data)[at + 2:]))
    # Not strict, as OpenCV is not: the rows that are left would count as a defect.
    return simplejpeg.decode_jpeg(data, 'BGR', strict=False, min_factor=reduction,
                                  min_height=-(-height // reduction), min_width=-(-image.width // reduction))
