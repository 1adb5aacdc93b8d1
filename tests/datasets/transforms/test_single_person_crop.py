"""Crops against those of mmpose's step, for many boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mmpose.datasets.transforms import TopdownAffine

from distilpose.datasets.transforms.single_person_crop import SinglePersonTopdownAffine
from tests.datasets.transforms.comparing import assert_same_pixels, assert_same_values

SIZES = [(24, 32), (32, 32), (41, 29)]


def person(draw: np.random.Generator, **changes: Any) -> dict[str, Any]:
    """Someone in an image of noise, or partly or wholly outside of it, in any kind of box."""
    kind = draw.choice([np.float32, np.float64], p=[.8, .2])
    rotation = draw.choice([0, 90, -180, draw.normal() * 40], size=1).astype(kind)
    return dict(img=draw.integers(0, 256, (60, 80, 3), np.uint8), keypoints_visible=np.ones((1, 17), np.float32),
                bbox_center=draw.uniform(-20, 100, (1, 2)).astype(kind),
                bbox_scale=draw.uniform(1, 90, (1, 2)).astype(kind),
                keypoints=draw.uniform(-10, 90, (1, 17, 2)).astype(np.float32),
                **dict(bbox_rotation=rotation) if draw.random() < .8 else {}) | changes


def assert_equal_crops(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        assert type(ours[name]) is type(value), name
        if name == 'img':
            assert_same_pixels(ours[name], value)
        else:
            assert_same_values(ours[name], value, name)


@pytest.mark.parametrize('use_udp', [False, True])
@pytest.mark.parametrize('size', SIZES)
def test_crops_are_mmposes(size: tuple[int, int], use_udp: bool) -> None:
    draw = np.random.default_rng(0)
    quick, plain = (kind(input_size=size, use_udp=use_udp) for kind in (SinglePersonTopdownAffine, TopdownAffine))
    widened = set()
    for _ in range(50 if use_udp else 700):
        someone = person(draw)
        theirs = plain.transform(dict(someone))
        assert_equal_crops(quick.transform(dict(someone)), theirs)
        widened |= set(np.flatnonzero(theirs['bbox_scale'][0] > someone['bbox_scale'][0]))
    assert widened == {0, 1}


@pytest.mark.parametrize('changes', [
    dict(keypoints=None), dict(transformed_keypoints=np.full((1, 17, 2), 7, np.float32)),
    dict(img=[np.full((60, 80, 3), level, np.uint8) for level in (10, 200)])], ids=['no keypoints', 'moved', 'images'])
def test_what_is_less_usual_is_mmposes(changes: dict[str, Any]) -> None:
    someone = person(np.random.default_rng(0), **changes)
    quick, plain = (kind(input_size=(24, 32)) for kind in (SinglePersonTopdownAffine, TopdownAffine))
    assert_equal_crops(quick.transform(dict(someone)), plain.transform(dict(someone)))


def test_several_people_are_refused_as_by_mmpose() -> None:
    someone = person(np.random.default_rng(0), bbox_center=np.zeros((2, 2)), bbox_scale=np.ones((2, 2)))
    with pytest.raises(AssertionError, match='single instance'):
        SinglePersonTopdownAffine(input_size=(24, 32)).transform(someone)
