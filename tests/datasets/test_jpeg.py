"""A JPEG file decoded in part is the whole one's upper part, to the bit."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from distilpose.datasets import jpeg
from distilpose.errors import DistilPoseError
from tests.datasets.odd_images import readable, unreadable

SAMPLINGS = ['411', '420', '422', '440', '444']


@pytest.fixture(params=['opencv', 'simplejpeg'])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which package decodes."""
    module = None if request.param == 'opencv' else pytest.importorskip('simplejpeg')
    monkeypatch.setattr(jpeg, 'simplejpeg', module)
    return request.param


def picture(width: int, height: int) -> np.ndarray:
    """(height, width, 3) of colours that change from row to row."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def encode(image: np.ndarray, *, sampling: str = '420', restart: int = 0) -> bytes:
    options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f'IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}'),
               cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode('.jpg', image, options)[1].tobytes()


def pillow(image: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'JPEG', **options)
    return file.getvalue()


def by_opencv(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize('restart', [0, 3])
@pytest.mark.parametrize('sampling', SAMPLINGS)
def test_upper_rows_are_those_of_the_whole_image(decoder: str, sampling: str, restart: int,
                                                 capfd: pytest.CaptureFixture[str]) -> None:
    data = encode(picture(157, 123), sampling=sampling, restart=restart)
    image, whole = jpeg.JpegImage.read(data), by_opencv(data)
    assert (image.width, image.height) == (157, 123)
    for rows in (None, 1, 15, 16, 17, 64, 121, 122, 123, 400):
        decoded = image.decode(rows=rows)
        needed = min(rows or 123, 123)
        assert len(decoded) >= needed and decoded.shape[1:] == (157, 3)
        np.testing.assert_array_equal(decoded[:needed], whole[:needed])
    if decoder == 'simplejpeg':
        assert len(image.decode(rows=20)) < 30
    assert capfd.readouterr().err == ''  # libjpeg speaks of the rows that are left where nobody stops it


def test_a_whole_image_is_decoded_once_for_all(decoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = jpeg.JpegImage.read(encode(picture(157, 123)))
    whole, shared = image.decode(), jpeg.WholeJpegImage(image)
    assert (shared.width, shared.height) == (157, 123)
    first = shared.decode(rows=20)
    monkeypatch.delattr(jpeg.JpegImage, 'decode')
    for rows in (None, 1, 50, 123, 400):
        decoded = shared.decode(rows=rows)
        assert np.shares_memory(decoded, first) and not decoded.flags.writeable
        assert len(decoded) >= min(rows or 123, 123)
        np.testing.assert_array_equal(decoded, whole[:len(decoded)])


@pytest.mark.parametrize('reduction', [2, 4, 8])
@pytest.mark.parametrize('sampling', SAMPLINGS)
def test_reduced_pixels_are_means_of_squares(decoder: str, sampling: str, reduction: int) -> None:
    smooth = cv2.GaussianBlur(picture(160, 128), (0, 0), 6)[..., :1].repeat(3, axis=2)  # colours are coarser anyway
    data = encode(smooth, sampling=sampling)
    whole = by_opencv(data).astype(float).reshape(128 // reduction, reduction, 160 // reduction, reduction, 3)
    reduced = jpeg.JpegImage.read(data).decode(reduction=reduction)
    assert reduced.shape == (128 // reduction, 160 // reduction, 3)
    assert np.abs(reduced - whole.mean(axis=(1, 3))).max() < 3
    upper = jpeg.JpegImage.read(data).decode(rows=64, reduction=reduction)
    np.testing.assert_array_equal(upper[:64 // reduction], reduced[:64 // reduction])


@pytest.mark.parametrize('reduction', [1, 2, 4, 8])
def test_both_packages_reduce_alike(monkeypatch: pytest.MonkeyPatch, reduction: int) -> None:
    pytest.importorskip('simplejpeg')
    image = jpeg.JpegImage.read(encode(picture(157, 123)))
    decoded = image.decode(reduction=reduction)
    monkeypatch.setattr(jpeg, 'simplejpeg', None)
    np.testing.assert_array_equal(decoded, image.decode(reduction=reduction))


@pytest.mark.parametrize('data', [
    pillow(picture(61, 47), progressive=True), pillow(picture(61, 47)[..., 0]), pillow(picture(61, 47), keep_rgb=True),
    pillow(picture(61, 47), comment=b'\xff\xda' * 50)], ids=['progressive', 'grey', 'rgb', 'comment'])
def test_other_kinds_of_files(decoder: str, data: bytes) -> None:
    image = jpeg.JpegImage.read(data)
    np.testing.assert_array_equal(image.decode(), by_opencv(data))
    np.testing.assert_array_equal(image.decode(rows=20)[:20], by_opencv(data)[:20])


def test_what_is_left_to_others() -> None:
    left = {name for name, data in {**readable(), **unreadable()}.items() if jpeg.JpegImage.read(data) is None}
    assert {'cmyk.jpg', 'deep/turned.jpg', 'colour.png', 'empty.jpg', 'text.jpg', 'half.jpg', 'header.jpg'} <= left
    assert not {'colour.jpg', 'progressive.JPEG', 'grey.jpg'} & left


def test_a_broken_file_is_a_sentence(decoder: str) -> None:
    data = bytearray(encode(picture(157, 123)))
    tables = data.index(b'\xff\xc4')
    data[tables + 5:tables + 21] = bytes([255] * 16)  # a Huffman table that cannot be
    with pytest.raises(DistilPoseError, match='157x123 cannot be decoded'):
        jpeg.JpegImage.read(bytes(data)).decode()
