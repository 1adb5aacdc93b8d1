from __future__ import annotations

import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from distilpose.config import load_config
from distilpose.datasets.transforms import RandomBBoxCenterShift, RandomScaleRotation

COUNT = 20_000


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


def boxes() -> dict:
    return dict(bbox_center=np.full((COUNT, 2), 100, np.float32),
                bbox_scale=np.tile(np.array([[50, 125]], np.float32), (COUNT, 1)))


def test_centre_moves_by_a_share_of_the_unpadded_box() -> None:
    shift = RandomBBoxCenterShift(prob=0.3, factor=0.2, padding=1.25)(boxes())['bbox_center'] - 100
    moved = shift.any(axis=1)
    assert moved.mean() == pytest.approx(0.3, abs=0.02)
    assert abs(shift[:, 0]).max() == pytest.approx(0.2 * 40, rel=0.01)  # 50 / 1.25
    assert abs(shift[:, 1]).max() == pytest.approx(0.2 * 100, rel=0.01)
    assert shift[moved].std(axis=0) == pytest.approx(np.array([16, 40]) / 12 ** 0.5, rel=0.05)  # uniform


def test_scale_is_a_clipped_normal() -> None:
    scale = RandomScaleRotation(scale_factor=0.35)(boxes())['bbox_scale'][:, 0] / 50
    assert scale.min() == pytest.approx(0.65) and scale.max() == pytest.approx(1.35)
    assert np.isclose(scale, 1.35).mean() == pytest.approx(0.1587, abs=0.01)  # P(n > 1) lies on the limit
    assert scale.mean() == pytest.approx(1, abs=0.01)


def test_rotation_is_a_clipped_normal_in_six_of_ten() -> None:
    rotation = RandomScaleRotation(rotation_factor=45)(boxes())['bbox_rotation']
    assert (rotation != 0).mean() == pytest.approx(0.6, abs=0.02)
    assert abs(rotation).max() == 90
    assert (abs(rotation[rotation != 0]) == 90).mean() == pytest.approx(0.0455, abs=0.01)  # P(|n| > 2)


def test_mmposes_normals_are_truncated_instead() -> None:
    """The other distribution, selectable by the config DistilPose_S_truncated_coco_256x192.py."""
    config = load_config('configs/body/2d_kpt_sview_rgb_img/distilpose/coco/'
                         'DistilPose_S_truncated_coco_256x192.py')
    transforms = {step.type: step for step in config.train_dataloader.dataset.pipeline}
    assert not {'RandomBBoxCenterShift', 'RandomScaleRotation'} & set(transforms)
    results = TRANSFORMS.build(transforms['RandomBBoxTransform'])(boxes())
    scale, rotation = results['bbox_scale'][:, 0] / 50, results['bbox_rotation']
    assert 0.65 <= scale.min() < 0.66 and 1.34 < scale.max() <= 1.35 and abs(rotation).max() <= 90
    assert np.isclose(scale, 1.35).mean() < 0.001 and (abs(rotation) == 90).mean() < 0.001  # nothing on the limits


def test_dtypes_stay_and_nothing_else_changes() -> None:
    given = dict(boxes(), img='untouched')
    results = RandomScaleRotation()(RandomBBoxCenterShift()(given))
    assert results['bbox_center'].dtype == results['bbox_scale'].dtype == np.float32
    assert results['img'] == 'untouched' and (results['bbox_rotation'].shape == (COUNT,))
