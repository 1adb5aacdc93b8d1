"""An image is decoded once for people that follow each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.datasets.test_jpeg import picture
from tests.datasets.transforms.test_lazy_decoding import compose

CROP = dict(type='TopdownAffine', input_size=(48, 64))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / name) for name in ('a.jpg', 'b.jpg')]
    for path, size in zip(paths, ((160, 120), (90, 130)), strict=True):
        cv2.imwrite(path, picture(*size))
    return paths


def person(path: str) -> dict[str, Any]:
    return dict(img_path=path, bbox_center=np.float32([[50, 60]]), bbox_scale=np.float32([[60, 80]]))


def test_results_are_mmposes_and_files_are_read_once(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    order = [files[i] for i in (0, 0, 0, 1, 1, 0)]
    plain = [compose([dict(type='LoadImage'), CROP])(person(path)) for path in order]
    read: list[int] = []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, 'imdecode', lambda *args: (read.append(1), decode(*args))[1])
    pipeline = compose([dict(type='LoadImageOnce'), CROP])
    for path, expected in zip(order, plain, strict=True):
        found = pipeline(person(path))
        assert set(found) == set(expected) and found['img_shape'] == expected['img_shape']
        np.testing.assert_array_equal(found['img'], expected['img'])
    assert len(read) == 3


def test_the_image_cannot_be_written_to(files: list[str]) -> None:
    image = compose([dict(type='LoadImageOnce')])(person(files[0]))['img']
    with pytest.raises(ValueError, match='read-only'):
        image[0] = 0
