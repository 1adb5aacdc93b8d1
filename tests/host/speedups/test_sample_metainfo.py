"""Metainfo of predicted samples against mmpose's own forward."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.models.pose_estimators.base import BasePoseEstimator

from distilpose.config.models import build_estimator
from distilpose.host.speedups.sample_metainfo import forward, once_per_sample
from tests.networks import STUDENT, batch

METAINFO = dict(dataset_name='four', keypoint_info={
    index: dict(name=f'joint{index}', id=index, color=[0, 0, 0], type='', swap='') for index in range(4)},
    skeleton_info={}, joint_weights=[1.0] * 4, sigmas=[0.1] * 4)


@pytest.fixture(scope='module')
def model() -> Any:
    return build_estimator(dict(copy.deepcopy(STUDENT), metainfo=METAINFO)).eval()


def test_it_replaces_mmposes() -> None:
    assert BasePoseEstimator.forward is forward


@torch.no_grad()
@pytest.mark.parametrize('as_list', [False, True])
def test_samples_are_mmposes(model: Any, as_list: bool) -> None:
    images, samples = batch()
    images = list(images) if as_list else images
    found = forward(model, images, copy.deepcopy(samples), 'predict')
    expected = once_per_sample(model, images, copy.deepcopy(samples), 'predict')
    for one, other in zip(found, expected, strict=True):
        assert one.metainfo.keys() == other.metainfo.keys() and one.dataset_name == 'four'
        for name, value in other.metainfo.items():
            np.testing.assert_equal(one.metainfo[name], value)
        assert (one.pred_instances.keypoints == other.pred_instances.keypoints).all()


@torch.no_grad()
def test_the_estimators_own_metainfo_is_not_shared(model: Any) -> None:
    images, samples = batch()
    found = model(images, samples, mode='predict')
    found[0].sigmas[0] = 7
    assert model.metainfo['sigmas'][0] == pytest.approx(0.1)
