"""Headers of image files, read without decoding them: size, EXIF orientation, and what is wrong with a file."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import mmcv
import numpy as np

LARGEST_SIDE = 32766
"""Pixels; OpenCV cannot crop from an image with a longer side."""
_MOST_PIXELS = int(os.environ.get('OPENCV_IO_MAX_IMAGE_PIXELS') or 2**30)
_HEAD, _LONG_HEAD, _TAIL = 2048, 2**18, 1024  # bytes; cameras write previews before a picture and data behind it
_JPEG, _JPEG_END, _PNG = b'\xff\xd8', b'\xff\xd9', b'\x89PNG\r\n\x1a\n'
_EXIF, _SCAN = 0xE1, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_USUAL_FRAMES = (0xC0, 0xC1, 0xC2)
_ORIENTATION = 0x112
_FORMATS = ('BMP', 'GIF', 'PPM', 'WEBP')
"""Of which Pillow reads the headers, and which OpenCV decodes."""
_OF_THE_FILE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.EIO,
                errno.ENAMETOOLONG)
_KINDS = ((b'version https://git-lfs', 'the pointer of Git LFS (git lfs pull gets the image)'),
          (b'%PDF', 'a PDF file'), (b'PK', 'a ZIP archive'), (b'{', 'JSON'), (b'<?xml', 'XML'),
          (b'<svg', 'an SVG file'), (b'<', 'a web page, as a download leaves that was refused'))


class ImageFacts(NamedTuple):
    """The header of an image file."""

    width: int = 0
    """Pixels, as ``LoadImage`` returns the image: after the rotation that EXIF data ask for; 0 if unknown."""
    height: int = 0
    orientation: int = 1
    """Of the EXIF data; from 5 on width and height are exchanged."""
    problem: str | None = None
    """Why it cannot be trained on, as the end of a sentence: ``'is empty (0 bytes)'``; ``None`` where nothing is."""


def inspect_image(path: str | Path) -> ImageFacts:
    """Reads the beginning and the end of an image file, in tens of microseconds.

    A JPEG or PNG file without its end and a file of no known format are decoded, so that nothing that OpenCV reads is
    called broken. Damage in the middle of a file is not seen.

    Raises:
        OSError: the machine, not the file, is the reason that it cannot be opened, such as too many open files.
    """
    try:
        with open(path, 'rb', buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                return ImageFacts(problem='is empty (0 bytes)')
            head = file.read(_HEAD)
            facts = _of_jpeg(head) if head[:2] == _JPEG else _of_png(head) if head[:8] == _PNG else None
            if facts is None and head[:2] == _JPEG and size > len(head):
                head += file.read(_LONG_HEAD)
                facts = _of_jpeg(head)
            if facts is not None and not _has_end(head, file, size):
                facts = None
    except OSError as error:
        return ImageFacts(problem=_describe_error(error, path))
    except ValueError:
        return ImageFacts(problem='has a name that no file can have')
    return _within_limits(facts if facts is not None else _of_unusual(path, head, size))


def read_image(path: str | Path) -> np.ndarray | None:
    """Decodes an image as ``LoadImage`` decodes labelled ones: rotated by its EXIF orientation, without transparency.

    Grey, palette, 16-bit and CMYK images become colour images of 8 bits.

    Returns:
        (H, W, 3) BGR uint8, or ``None`` when the file is missing, cut off, or not an image.
    """
    try:
        return mmcv.imfrombytes(Path(path).read_bytes(), flag='color', backend='cv2')
    except (OSError, ValueError, cv2.error):  # of a name; of a file of 0 bytes, or of more pixels than allowed
        return None


def why_unreadable(path: str | Path) -> str | None:
    """Why an image cannot be trained on, ``'is empty (0 bytes)'``; ``None`` for one that can be decoded.

    Raises:
        OSError: as :func:`inspect_image`.
    """
    problem = inspect_image(path).problem
    if problem is None and read_image(path) is None:
        problem = 'cannot be decoded; it is damaged'
    return problem


def _describe_error(error: OSError, path: str | Path) -> str:
    if error.errno not in _OF_THE_FILE:
        raise error
    if os.path.isdir(path):
        return 'is a folder'
    if error.errno == errno.ENOENT:
        return 'is a link to a file that is not there' if os.path.islink(path) else 'is missing'
    return f'cannot be read ({error.strerror})'


def _of_jpeg(data: bytes) -> ImageFacts | None:
    """Of the segments before the pixels; ``None`` where there is more to read, or nothing that is usual."""
    orientation = 1
    with contextlib.suppress(IndexError):
        for marker, at in _segments(data):
            if marker == _EXIF and data[at + 2:at + 6] == b'Exif' and orientation == 1:
                length = int.from_bytes(data[at:at + 2], 'big')
                orientation = _orientation(data[at + 8:at + length])
            elif marker in _FRAMES:
                height, width = (int.from_bytes(data[place:place + 2], 'big') for place in (at + 3, at + 5))
                is_usual = marker in _USUAL_FRAMES and data[at + 2] == 8 and height and width and len(data) > at + 7
                return _turned(width, height, orientation) if is_usual else None
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG file and where their lengths are, up to the first pixels."""
    at = 2
    while data[at] == 0xFF and data[at + 1] != _SCAN:
        if data[at + 1] == 0xFF:  # fills
            at += 1
            continue
        yield data[at + 1], at + 2
        at += 2 + int.from_bytes(data[at + 2:at + 4], 'big')


def _of_png(head: bytes) -> ImageFacts | None:
    if head[12:16] != b'IHDR' or len(head) < 33:
        return None
    width, height = int.from_bytes(head[16:20], 'big'), int.from_bytes(head[20:24], 'big')
    exif = head.find(b'eXIf')
    return _turned(width, height, 1 if exif < 0 else _orientation(head[exif + 4:]))


def _orientation(exif: bytes) -> int:
    """Of a block of EXIF data, which has the form of a TIFF file; 1 where it has none."""
    order = {b'II': 'little', b'MM': 'big'}.get(exif[:2])
    if order is None:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at:at + size], order)  # type: ignore[arg-type]

    entries = number(4, 4)
    for place in range(entries + 2, entries + 2 + 12 * number(entries, 2), 12):
        if number(place, 2) == _ORIENTATION:
            return number(place + 8, 2)
        if place > len(exif):
            break
    return 1


def _turned(width: int, height: int, orientation: int) -> ImageFacts:
    known = orientation if 1 <= orientation <= 8 else 1
    sides = (height, width) if known >= 5 else (width, height)
    return ImageFacts(*sides, orientation=known)


def _has_end(head: bytes, file: BinaryIO, size: int) -> bool:
    """Whether the mark of the end is in the last bytes of a JPEG or PNG file."""
    tail = head[-_TAIL:]
    if size > len(head):
        file.seek(max(size - _TAIL, 0))
        tail = file.read(_TAIL)
    return (_JPEG_END if head[:2] == _JPEG else b'IEND') in tail


def _of_unusual(path: str | Path, head: bytes, size: int) -> ImageFacts:
    """Of a file whose first and last bytes do not suffice: by Pillow for some formats, else by decoding it."""
    is_jpeg, is_png = head[:2] == _JPEG, head[:8] == _PNG
    facts = _of_jpeg(head) if is_jpeg else _of_png(head) if is_png else _of_pillow(path)
    if facts is not None and (not (is_jpeg or is_png) or _within_limits(facts).problem):
        return facts
    image = read_image(path)
    if image is None and (is_jpeg or is_png):
        return ImageFacts(problem=f'is cut off or damaged, a {"JPEG" if is_jpeg else "PNG"} file of {size} bytes')
    if image is None:
        return ImageFacts(problem=_describe_content(head, size))
    if is_jpeg and _JPEG_END not in Path(path).read_bytes():  # OpenCV may fill the rest with grey
        return ImageFacts(problem=f'is cut off, a JPEG file of {size} bytes without its end')
    return ImageFacts(image.shape[1], image.shape[0], orientation=1 if facts is None else facts.orientation)


def _of_pillow(path: str | Path) -> ImageFacts | None:
    from PIL import Image  # here, since most files need no Pillow

    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            return _turned(width, height, int(image.getexif().get(_ORIENTATION, 1) or 1))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _describe_content(head: bytes, size: int) -> str:
    text = head.lstrip(b'\xef\xbb\xbf \t\r\n')
    for beginning, kind in _KINDS:
        if text.lower().startswith(beginning.lower()):
            return f'is no image but {kind}'
    if not text.strip(b'\0'):
        return f'has nothing but zeros in {size} bytes, as an interrupted copy leaves'
    return f'is damaged, or no image that OpenCV reads (it begins with {head[:12]!r})'


def _within_limits(facts: ImageFacts) -> ImageFacts:
    if facts.width * facts.height > _MOST_PIXELS or max(facts.width, facts.height) > LARGEST_SIDE:
        limit = (f'sides of at most {LARGEST_SIDE} pixels, and {_MOST_PIXELS} pixels, which are the limits of OpenCV')
        return facts._replace(problem=f'has {facts.width}x{facts.height} pixels; expected {limit}')
    return facts
