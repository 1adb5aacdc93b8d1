"""What mmpose's ``Albumentation`` builds without albumentations, through mmpose's own class."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cv2
import numpy as np
import pytest
from mmpose.datasets.transforms import Albumentation, common_transforms

from distilpose.datasets.transforms import CoarseDropout, RandomBlur
from distilpose.errors import DistilPoseError
from distilpose.host.albumentations import AlbumentationsStandIn

RECIPE = [dict(type='Blur', p=0.1), dict(type='MedianBlur', p=0.1),
          dict(type='CoarseDropout', max_holes=1, max_height=0.4, max_width=0.4, min_holes=1, min_height=0.2,
               min_width=0.2, p=1.0)]
"""As RTMPose's recipes write it."""


@pytest.fixture(autouse=True)
def _without_albumentations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common_transforms, 'albumentations', AlbumentationsStandIn())
    np.random.seed(0)


def built(*transforms: dict) -> list[Any]:
    return Albumentation(list(transforms)).aug.transforms


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (60, 40, 3), dtype=np.uint8)


def test_the_recipe_is_what_the_projects_own_configs_have() -> None:
    mean, median, dropout = built(*RECIPE)
    for blur, own in ((mean, RandomBlur('mean', prob=0.1)), (median, RandomBlur('median', prob=0.1))):
        assert isinstance(blur, RandomBlur) and vars(blur) == vars(own)
    assert isinstance(dropout, CoarseDropout) and vars(dropout) == vars(CoarseDropout(prob=1.0))


def test_the_image_goes_through_and_all_else_stays() -> None:
    given = dict(img=noise(), keypoints=np.ones((1, 5, 2)), keypoints_visible=np.ones((1, 5)))
    results = Albumentation(RECIPE)(dict(given))
    assert results.keys() == given.keys() and (given['img'] == noise()).all()
    assert (results['img'] == 0).all(axis=-1).sum() >= 12 * 8
    assert results['keypoints'] is given['keypoints'] and results['keypoints_visible'] is given['keypoints_visible']


def test_transforms_follow_each_other() -> None:
    transform = Albumentation([dict(type='Blur', blur_limit=(5, 5), p=1), dict(type='MedianBlur', blur_limit=3, p=1)])
    assert (transform(dict(img=noise()))['img'] == cv2.medianBlur(cv2.blur(noise(), (5, 5)), 3)).all()


def test_probabilities_and_sizes_that_are_not_given() -> None:
    """Half of all images; squares of 3 to 7; eight holes of eight pixels; no minimum, no choice."""
    blur, dropout = built(dict(type='Blur'), dict(type='CoarseDropout'))
    assert (blur.prob, blur.sizes) == (0.5, (3, 5, 7))
    assert (dropout.prob, dropout.holes, dropout.side, dropout.width, dropout.in_pixels) == (
        0.5, (8, 8), (8, 8), (8, 8), True)
    dropout, = built(dict(type='CoarseDropout', max_holes=8, max_height=40, max_width=30, min_holes=1, min_height=10))
    assert (dropout.holes, dropout.side, dropout.width) == ((1, 8), (10, 40), (30, 30))
    assert built(dict(type='MedianBlur', blur_limit=8))[0].sizes == (3, 5, 7)


def test_it_can_be_copied_and_sent_to_workers() -> None:
    transform = Albumentation(RECIPE)
    for other in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        np.random.seed(1)
        expected = transform(dict(img=noise()))['img']
        np.random.seed(1)
        assert (other(dict(img=noise()))['img'] == expected).all()


@pytest.mark.parametrize('transform, sentence', [
    (dict(type='GridDropout', p=0.5), 'names the transform GridDropout, .* Blur, MedianBlur, CoarseDropout are served'),
    (dict(type='OneOf', transforms=[dict(type='Blur')], p=0.1), 'names the transform OneOf'),
    (dict(type='Blur', limit=3), 'Blur of Albumentation has the argument limit, .* blur_limit, p are served'),
    (dict(type='CoarseDropout', fill_value=128), 'CoarseDropout of Albumentation has the argument fill_value'),
    (dict(type='CoarseDropout', max_height=0.4), 'expected integers .* or floats .* for all four'),
    (dict(type='MedianBlur', blur_limit=(4, 8)), r'MedianBlur of Albumentation got blur_limit=\(4, 8\)'),
])
def test_anything_else_is_refused_by_name(transform: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        Albumentation([transform])


def test_other_values_than_the_image_are_refused() -> None:
    transform = Albumentation(RECIPE, keymap=dict(img='image', keypoints='keypoints'))
    with pytest.raises(DistilPoseError, match='keymap of Albumentation passes keypoints'):
        transform(dict(img=noise(), keypoints=np.ones((1, 5, 2))))
