"""Codecs of heatmaps: where a joint's cell is, and what decoding makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.models.heads.base_head import BaseHead

from distilpose.codecs import TokenPoseHeatmap, UnrefinedHeatmap
from distilpose.host.speedups.head_decoding import sample_by_sample
from distilpose.host.switch import SWITCH
from tests.devices import on_device

SIZES = dict(input_size=(192, 256), heatmap_size=(48, 64), sigma=2)


@pytest.fixture
def joints() -> np.ndarray:
    return np.random.RandomState(0).uniform(30, 150, size=(1, 20, 2)).astype(np.float32)


def test_the_last_cell_is_the_last_pixel() -> None:
    corner = np.array([[[191.0, 255.0]]], dtype=np.float32)
    assert TokenPoseHeatmap(**SIZES).encode(corner)['heatmaps'][0, -1, -1] == pytest.approx(1, abs=1e-5)


def test_the_gaussian_is_neither_rounded_nor_cut_off(joints: np.ndarray) -> None:
    heatmaps = TokenPoseHeatmap(**SIZES).encode(joints)['heatmaps']
    assert (heatmaps.sum((1, 2)) == pytest.approx(2 * np.pi * 4, rel=1e-4)) and (heatmaps[:, ::8, ::8] > 0).any()
    cells = joints[0] * [47 / 191, 63 / 255]
    centre = np.stack([(heatmaps * np.arange(48)).sum((1, 2)), (heatmaps * np.arange(64)[:, None]).sum((1, 2))], -1)
    np.testing.assert_allclose(centre / heatmaps.sum((1, 2))[:, None], cells, atol=1e-2)


def test_joints_come_back_as_those_of_udp_do(joints: np.ndarray) -> None:
    """That is where mmpose maps them to the image from: the last pixel at the input size."""
    codec, udp = TokenPoseHeatmap(**SIZES), UDPHeatmap(**SIZES)
    keypoints, _ = codec.decode(codec.encode(joints)['heatmaps'])
    np.testing.assert_allclose(keypoints[0], joints[0] * [192 / 191, 256 / 255], atol=0.05)
    np.testing.assert_allclose(keypoints, udp.decode(udp.encode(joints)['heatmaps'])[0], atol=0.3)


def test_without_refinement_a_joint_is_at_its_cell(joints: np.ndarray) -> None:
    heatmaps = MSRAHeatmap(**SIZES).encode(joints)['heatmaps']
    keypoints, scores = UnrefinedHeatmap(**SIZES).decode(heatmaps)
    refined, same_scores = MSRAHeatmap(**SIZES).decode(heatmaps)
    np.testing.assert_allclose(keypoints, np.floor(joints / 4 + 0.5) * 4, atol=1e-4)
    assert np.array_equal(scores, same_scores) and np.abs(refined - keypoints).max() <= 1.0 + 1e-5


@on_device
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize('kind', [UnrefinedHeatmap, TokenPoseHeatmap])
def test_a_batch_is_decoded_as_its_samples(kind: type, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit without a Newton step; with one, kernels blur in another order (2e-5 of a cell for gaussians)."""
    codec = kind(**SIZES)
    joints = np.random.RandomState(1).uniform(0, 190, size=(5, 1, 20, 2)).astype(np.float32)
    maps = torch.as_tensor(np.stack([codec.encode(sample)['heatmaps'] for sample in joints])).to(dtype)
    head: Any = SimpleNamespace(decoder=codec)
    assert codec.support_batch_decoding
    found = BaseHead.decode(head, maps)
    monkeypatch.setenv(SWITCH, 'off')
    assert not codec.support_batch_decoding
    expected = sample_by_sample(head, maps)
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        assert sorted(one.keys()) == sorted(other.keys())
        np.testing.assert_array_equal(one.keypoint_scores, other.keypoint_scores)
        np.testing.assert_allclose(one.keypoints, other.keypoints, rtol=0,
                                   atol=0 if kind is UnrefinedHeatmap else 1e-3 if dtype is torch.bfloat16 else 1e-4)
        assert one.keypoints.dtype == other.keypoints.dtype
        assert one.keypoint_scores.dtype == other.keypoint_scores.dtype


@on_device
def test_a_subclass_that_decodes_otherwise_is_not_decoded_as_a_batch() -> None:
    class Shifted(UnrefinedHeatmap):
        def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            keypoints, scores = super().decode(encoded)
            return keypoints + 1, scores

    maps = torch.rand(2, 4, 64, 48)
    plain, shifted = (BaseHead.decode(SimpleNamespace(decoder=kind(**SIZES)), maps)
                      for kind in (UnrefinedHeatmap, Shifted))
    np.testing.assert_array_equal(shifted[1].keypoints, plain[1].keypoints + 1)
