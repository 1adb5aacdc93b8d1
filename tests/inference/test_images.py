"""Reading images: whatever form an image comes in, its pixels are those that training reads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from distilpose.errors import DistilPoseError
from distilpose.inference import read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]
DEEP = np.random.default_rng(1).integers(0, 1 << 16, (12, 9), dtype=np.uint16)
BGRA = np.dstack([PIXELS, GREY])


def opencv(file: Path) -> np.ndarray:
    return cv2.imread(str(file), cv2.IMREAD_COLOR)


@pytest.mark.parametrize('array', [PIXELS, GREY, GREY[..., None], BGRA, DEEP, np.dstack([DEEP] * 3)],
                         ids=['bgr', 'grey', 'one_channel', 'bgra', 'deep_grey', 'deep'])
def test_arrays_files_and_pil_images_are_the_same_pixels(array: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / 'image.png'
    cv2.imwrite(str(file), array)
    expected = opencv(file)
    assert expected.dtype == np.uint8 and expected.shape == (12, 9, 3)
    assert np.array_equal(read_image(array), expected)
    assert np.array_equal(read_image(file), expected) and np.array_equal(read_image(str(file)), expected)
    if not (array.dtype == np.uint16 and array.ndim == 3):  # which PIL does not open as 16 bits
        assert np.array_equal(read_image(Image.open(file)), expected)


def test_palettes_are_colours(tmp_path: Path) -> None:
    file = tmp_path / 'palette.png'
    Image.fromarray(PIXELS).quantize(16).save(file)
    assert np.array_equal(read_image(Image.open(file)), opencv(file))


@pytest.mark.parametrize('orientation', range(1, 9))
def test_an_exif_rotation_is_honoured(orientation: int, tmp_path: Path) -> None:
    file, exif = tmp_path / 'turned.png', Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(PIXELS[..., ::-1]).save(file, exif=exif)
    assert np.array_equal(read_image(Image.open(file)), read_image(file))
    assert read_image(file).shape == ((12, 9, 3) if orientation < 5 else (9, 12, 3))


@pytest.mark.parametrize(('image', 'sentence'), [
    (PIXELS.astype(np.float32), 'array of float32; expected uint8 or uint16'), (PIXELS[..., :2], r'shape \(12, 9, 2\)'),
    (PIXELS[:0], r'shape \(0, 9, 3\)'), (None, 'an image is a NoneType'), ('nowhere.png', 'nowhere.png does not exist'),
    ('.', 'is a folder'), (Image.new('F', (2, 2)), 'pixels of floating point')])
def test_what_is_no_image_is_a_sentence(image: object, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        read_image(image)


@pytest.mark.parametrize('content', [b'', b'not an image', cv2.imencode('.png', PIXELS)[1].tobytes()[:60]],
                         ids=['empty', 'text', 'cut'])
def test_a_broken_file_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / 'broken.png').write_bytes(content)
    with pytest.raises(DistilPoseError, match=r'broken\.png cannot be decoded'):
        read_image(tmp_path / 'broken.png')
