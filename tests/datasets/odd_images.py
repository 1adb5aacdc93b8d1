"""Images of every kind that a folder from anywhere may hold, and files that only look like images."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 60, 80
_ORIENTATION, _TURNED_RIGHT = 0x112, 6  # the EXIF tag, and its value for a camera held upright


def picture() -> np.ndarray:
    """(80, 60, 3) RGB of smooth colours, bright at the top left."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([230 - rows, 200 - columns, 90 + rows // 2 - columns // 3], axis=-1).astype(np.uint8)


def readable() -> dict[str, bytes]:
    """Name -> content of images that show the picture."""
    image = Image.fromarray(picture())
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_RIGHT
    wide = picture().astype(np.uint16)[..., ::-1] * 257
    alpha = Image.fromarray(np.full((HEIGHT, WIDTH), 128, np.uint8))
    return {
        'colour.png': _encoded(image, 'PNG'),
        'colour.jpg': _encoded(image, 'JPEG', quality=95),
        'progressive.JPEG': _encoded(image, 'JPEG', quality=95, progressive=True),
        'grey.jpg': _encoded(image.convert('L'), 'JPEG', quality=95),
        'grey_alpha.png': _encoded(Image.merge('LA', (image.convert('L'), alpha)), 'PNG'),
        'alpha.png': _encoded(Image.merge('RGBA', (*image.split(), alpha)), 'PNG'),
        'palette.png': _encoded(image.quantize(256), 'PNG'),
        'cmyk.jpg': _encoded(image.convert('CMYK'), 'JPEG', quality=95),
        'deep/sixteen.png': cv2.imencode('.png', wide)[1].tobytes(),
        'deep/sixteen_grey.tif': cv2.imencode('.tif', cv2.cvtColor(wide, cv2.COLOR_BGR2GRAY))[1].tobytes(),
        'deep/turned.jpg': _encoded(image.transpose(Image.Transpose.ROTATE_90), 'JPEG', quality=95, exif=exif),
    }


def unreadable() -> dict[str, bytes]:
    """Name -> content of files that cannot be decoded."""
    image = Image.fromarray(picture())
    jpeg, png = _encoded(image, 'JPEG', quality=95), _encoded(image, 'PNG')
    return {
        'empty.jpg': b'',
        'text.jpg': b'<html>404 not found</html>',
        'half.jpg': jpeg[:len(jpeg) // 2],
        'half.png': png[:len(png) // 2],
        'damaged.png': png[:len(png) // 2] + bytes(20) + png[len(png) // 2 + 20:],
        'header.jpg': jpeg[:20],
    }


def tiny() -> dict[str, bytes]:
    """Name -> content of images that are too small to show anybody."""
    image = Image.fromarray(picture())
    return {'dot.png': _encoded(image.resize((1, 1)), 'PNG'), 'strip.png': _encoded(image.resize((60, 31)), 'PNG')}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()
