from __future__ import annotations

import errno
import io
import os
import struct
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from mmpose.datasets.transforms import LoadImage
from PIL import Image

from distilpose.image_files import LARGEST_SIDE, inspect_image, why_unreadable
from tests.datasets import odd_images

_EXIF_FORMATS = {'JPEG': 'jpg', 'PNG': 'png', 'WEBP': 'webp', 'TIFF': 'tif'}


def _saved(path: Path, form: str, *, size: tuple[int, int] = (60, 40), **options: object) -> Path:
    Image.new('RGB', size, (90, 120, 30)).save(path, form, **options)
    return path


def _png_of_size(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(bytes(height))) + chunk(b'IEND', b''))


@pytest.mark.parametrize('name', sorted({**odd_images.readable(), **odd_images.tiny()}))
def test_the_size_of_every_kind_of_image_is_that_of_the_decoded_one(tmp_path: Path, name: str) -> None:
    files = {**odd_images.readable(), **odd_images.tiny()}
    path = odd_images.write(tmp_path, {name: files[name]}) / name
    facts = inspect_image(path)
    assert facts.problem is None
    assert (facts.height, facts.width) == LoadImage()(dict(img_path=str(path)))['img'].shape[:2]


@pytest.mark.parametrize('orientation', range(10))
@pytest.mark.parametrize('form', sorted(_EXIF_FORMATS))
def test_exif_turns_the_size_as_it_turns_the_image(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    path = _saved(tmp_path / f'a.{_EXIF_FORMATS[form]}', form, exif=exif)
    facts = inspect_image(path)
    assert (facts.height, facts.width) == LoadImage()(dict(img_path=str(path)))['img'].shape[:2]
    assert form == 'TIFF' or (facts.orientation >= 5) == (5 <= orientation <= 8)  # TIFF is decoded


def test_a_long_preview_before_the_picture_is_read_over(tmp_path: Path) -> None:
    path = _saved(tmp_path / 'a.jpg', 'JPEG')
    data = path.read_bytes()
    preview = b'\xff\xe2' + (60000).to_bytes(2, 'big') + bytes(59998)
    path.write_bytes(data[:2] + preview * 3 + data[2:])
    assert inspect_image(path)[:2] == (60, 40)


@pytest.mark.parametrize(('name', 'says'), [
    ('empty.jpg', 'is empty (0 bytes)'), ('text.jpg', 'is no image but a web page'), ('half.jpg', 'is cut off'),
    ('half.png', 'is cut off'), ('header.jpg', 'is cut off')])
def test_broken_files_are_called_what_they_are(tmp_path: Path, name: str, says: str) -> None:
    path = odd_images.write(tmp_path, odd_images.unreadable()) / name
    assert says in str(inspect_image(path).problem)


@pytest.mark.parametrize('name', sorted(odd_images.unreadable()))
def test_what_cannot_be_decoded_has_a_reason(tmp_path: Path, name: str) -> None:
    assert why_unreadable(odd_images.write(tmp_path, odd_images.unreadable()) / name)


@pytest.mark.parametrize(('content', 'says'), [
    (b'version https://git-lfs.github.com/spec/v1\n', 'Git LFS'), (bytes(5000), 'nothing but zeros'),
    (b'%PDF-1.7', 'a PDF file'), (b'\x00\x01\x02 something', 'no image that OpenCV reads')])
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / 'a.jpg').write_bytes(content)
    assert says in str(inspect_image(tmp_path / 'a.jpg').problem)


def test_places_without_a_file(tmp_path: Path) -> None:
    (tmp_path / 'link.jpg').symlink_to(tmp_path / 'nowhere.jpg')
    assert inspect_image(tmp_path / 'no.jpg').problem == 'is missing'
    assert inspect_image(tmp_path).problem == 'is a folder'
    assert inspect_image(tmp_path / 'a\0b.png').problem == 'has a name that no file can have'
    assert inspect_image(tmp_path / ('a' * 300)).problem == 'cannot be read (File name too long)'
    assert inspect_image(tmp_path / 'link.jpg').problem == 'is a link to a file that is not there'
    with mock.patch('builtins.open', side_effect=OSError(errno.EACCES, os.strerror(errno.EACCES))):
        assert inspect_image(tmp_path / 'no.jpg').problem == 'cannot be read (Permission denied)'


def test_a_machine_without_descriptors_is_not_a_broken_image(tmp_path: Path) -> None:
    no_descriptor = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    with mock.patch('builtins.open', side_effect=no_descriptor), pytest.raises(OSError, match='Too many open files'):
        inspect_image(tmp_path / 'a.jpg')


@pytest.mark.parametrize(('width', 'height'), [(40000, 40000), (LARGEST_SIDE + 1, 2)])
def test_panoramas_beyond_the_limits_of_opencv(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / 'a.png').write_bytes(_png_of_size(width, height))
    assert f'has {width}x{height} pixels' in str(inspect_image(tmp_path / 'a.png').problem)
    (tmp_path / 'b.png').write_bytes(_png_of_size(LARGEST_SIDE, 1))
    assert inspect_image(tmp_path / 'b.png').problem is None


def test_a_jpeg_with_data_behind_its_end_is_whole(tmp_path: Path) -> None:
    path = _saved(tmp_path / 'a.jpg', 'JPEG')
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert inspect_image(path) == (60, 40, 1, None)


def test_a_jpeg_that_ends_in_zeros_is_cut_off(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 60, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, 'JPEG')
    data = stream.getvalue()
    (tmp_path / 'a.jpg').write_bytes(data[:len(data) // 2] + bytes(len(data) // 2))
    assert 'is cut off' in str(inspect_image(tmp_path / 'a.jpg').problem)
