"""Targets of SimDR and SimDR*: the published ones, and what must hold for any joint."""

from __future__ import annotations

import numpy as np
import pytest
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import KEYPOINT_CODECS

from distilpose.codecs import SimDRGaussianLabel, SimDRLabel, draw_axis_gaussians
from tests.parity.reference import fixture

SIZE = (192, 256)


@pytest.fixture(scope='module')
def published() -> dict[str, np.ndarray]:
    """Joints at halves, at corners, outside and invisible, with what the published data set makes of them."""
    return fixture('simdr_targets_losses_decode')


def encode(codec: SimDRLabel | SimDRGaussianLabel, published: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return codec.encode(published['targets.joints'][None, :, :2], published['targets.joints_vis'][None, :, 0])


def test_classes_and_weights_are_the_published_ones(published: dict[str, np.ndarray]) -> None:
    encoded = encode(SimDRLabel(SIZE, 2), published)
    classes = np.stack((encoded['keypoint_x_labels'][0], encoded['keypoint_y_labels'][0]), axis=-1)
    np.testing.assert_array_equal(classes, published['targets.target'])
    np.testing.assert_array_equal(encoded['keypoint_weights'][0], published['targets.target_weight'][:, 0])


def test_gaussians_and_weights_are_the_published_ones(published: dict[str, np.ndarray]) -> None:
    encoded = encode(SimDRGaussianLabel(SIZE, 2, sigma=4), published)
    np.testing.assert_array_equal(encoded['keypoint_weights'][0], published['sa_targets.target_weight'][:, 0])
    for axis in 'xy':
        np.testing.assert_allclose(encoded[f'keypoint_{axis}_labels'][0], published[f'sa_targets.target_{axis}'],
                                   rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize('x, expected, weight', [
    (0.25, 0, 1), (0.75, 2, 1), (1.25, 2, 1),  # halves go to the even class
    (-0.2, 0, 1), (-0.3, 0, 0), (191.7, 383, 1), (191.8, 383, 0),
])
def test_class_of_a_coordinate(x: float, expected: int, weight: float) -> None:
    encoded = SimDRLabel(SIZE, 2).encode(np.array([[[x, 100.0]]]))
    assert encoded['keypoint_x_labels'].item() == expected and encoded['keypoint_weights'].item() == weight


@pytest.mark.parametrize('x, weight', [(-13.0, 1), (-13.1, 0), (203.9, 1), (204.0, 0)])
def test_reach_of_the_gaussian_is_measured_in_pixels(x: float, weight: float) -> None:
    """Three sigmas of 4 and a pixel; outside of it a joint has no weight and no target."""
    encoded = SimDRGaussianLabel(SIZE, 2, sigma=4).encode(np.array([[[x, 100.0]]]))
    assert encoded['keypoint_weights'].item() == weight
    assert (encoded['keypoint_y_labels'].sum() > 0.99) == bool(weight)


@pytest.mark.parametrize('ratio', [1, 1.5, 2, 3])
def test_mean_of_the_gaussian_is_not_rounded(ratio: float) -> None:
    codec = SimDRGaussianLabel(SIZE, ratio, sigma=4)
    x = 77.3
    target = codec.encode(np.array([[[x, 100.0]]]))['keypoint_x_labels'][0, 0]
    assert len(target) == int(192 * ratio) and target.sum() == pytest.approx(1, abs=1e-5)
    assert (target * np.arange(len(target))).sum() == pytest.approx(x * ratio, abs=1e-3)


def test_gaussian_on_the_border_is_half_a_gaussian() -> None:
    assert draw_axis_gaussians(np.array([[-0.5]]), 100, sigma=5).sum() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize('codec', [SimDRLabel(SIZE, 3), SimDRGaussianLabel(SIZE, 3, sigma=4)], ids=['simdr', 'sa'])
def test_decoding_undoes_encoding_to_half_a_bin(codec: SimDRLabel | SimDRGaussianLabel) -> None:
    joints = np.random.RandomState(0).uniform(5, 180, size=(4, 7, 2))
    encoded = codec.encode(joints)
    along = [encoded[f'keypoint_{axis}_labels'] for axis in 'xy']
    if along[0].ndim == 2:
        along = [np.eye(bins)[labels] for labels, bins in zip(along, codec.bins, strict=True)]
    keypoints, scores = codec.decode(*along)
    assert np.abs(keypoints - joints).max() <= 0.5 / 3 + 1e-5 and scores.shape == (4, 7)


@pytest.mark.parametrize('kind', ['SimDRLabel', 'SimDRGaussianLabel'])
def test_labels_pass_through_the_pipeline_of_mmpose(kind: str) -> None:
    assert KEYPOINT_CODECS.get(kind) is not None
    joints = np.random.RandomState(0).uniform(5, 180, size=(1, 17, 2)).astype(np.float32)
    results = dict(img=np.zeros((256, 192, 3), np.uint8), keypoints=joints, transformed_keypoints=joints,
                   keypoints_visible=np.ones((1, 17), np.float32), bbox=np.zeros((1, 4), np.float32))
    results = GenerateTarget(encoder=dict(type=kind, input_size=SIZE)).transform(results)
    labels = PackPoseInputs(meta_keys=()).transform(results)['data_samples'].gt_instance_labels
    expected = KEYPOINT_CODECS.build(dict(type=kind, input_size=SIZE)).encode(joints)
    for name, value in expected.items():
        np.testing.assert_array_equal(labels[name].cpu().numpy(), value)
