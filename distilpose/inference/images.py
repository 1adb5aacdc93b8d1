"""Images for a network: paths, numpy arrays and PIL images as BGR pixels of 8 bits, as training data are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageOps

from distilpose.errors import DistilPoseError
from distilpose.image_files import read_image as decode_file

ImageLike: TypeAlias = 'str | os.PathLike[str] | np.ndarray | Image.Image'
"""A path, an array in OpenCV's order of channels, or a PIL image."""

_CHANNELS = (1, 3, 4)


def read_image(image: ImageLike) -> np.ndarray:
    """Reads an image as the training data are read (``cv2.IMREAD_COLOR``).

    Files and PIL images are rotated by their EXIF orientation. Transparency is left out, grey becomes three equal
    channels, and of 16 bits the upper 8 are taken.

    Args:
        image: a path; an array (H, W), (H, W, 1), (H, W, 3) in BGR or (H, W, 4) in BGRA, uint8 or uint16; a PIL image.

    Returns:
        (H, W, 3) BGR uint8.

    Raises:
        DistilPoseError: there is no such file, it is broken, or the array is no image.
    """
    if isinstance(image, Image.Image):
        return _from_pil(image)
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, (str, os.PathLike)):
        return _from_file(Path(image).expanduser())
    raise DistilPoseError(f'an image is a {type(image).__name__}; expected a path, a numpy array (H, W, 3) in BGR, or '
                          'a PIL image')


def _from_file(path: Path) -> np.ndarray:
    if not path.is_file():
        found = 'is a folder' if path.is_dir() else 'does not exist'
        raise DistilPoseError(f'the image {path} {found} (looked from {Path.cwd()}); name an image file')
    pixels = decode_file(path)
    if pixels is None:
        raise DistilPoseError(f'the image {path} cannot be decoded: it is cut off, broken, or of a format that OpenCV '
                              'does not read; convert it to JPEG or PNG, or leave it out')
    return pixels


def _from_array(image: np.ndarray) -> np.ndarray:
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS or 0 in pixels.shape:
        raise DistilPoseError(f'an image is an array of shape {image.shape}; expected (H, W), (H, W, 1), (H, W, 3) in '
                              'BGR or (H, W, 4) in BGRA')
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise DistilPoseError(f'an image is an array of {image.dtype}; expected uint8 or uint16. Scale it to 0 to 255 '
                              'and convert it: (255 * image).astype(numpy.uint8) where it is 0 to 1')
    return np.ascontiguousarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3])


def _from_pil(image: Image.Image) -> np.ndarray:
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode == 'F':
            raise DistilPoseError("a PIL image has the mode 'F', pixels of floating point; expected one of 8 or 16 "
                                  "bits. Scale it to 0 to 255 and convert it to 'L'")
        if upright.mode.startswith('I'):  # grey of 16 bits, which some versions of PIL open as 32
            return _from_array(np.asarray(upright).clip(0, np.iinfo(np.uint16).max).astype(np.uint16))
        return _from_array(np.asarray(upright.convert('RGBA').convert('RGB') if upright.mode in ('P', 'PA')
                                      else upright.convert('RGB'))[..., ::-1])
    except (OSError, SyntaxError) as error:  # PIL reads a file when its pixels are accessed
        raise DistilPoseError(f'a PIL image{_file_of(image)} cannot be decoded: {error}') from error


def _file_of(image: Image.Image) -> str:
    name = getattr(image, 'filename', '')
    return f' ({name})' if name else ''
