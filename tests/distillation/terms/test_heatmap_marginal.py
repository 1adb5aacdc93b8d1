from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap

from distilpose.codecs import SimDRGaussianLabel
from distilpose.distillation.terms import HeatmapMarginalTerm, heatmap_marginals
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

SIZE, BINS = (192, 256), (384, 512)
JOINTS = np.array([[[70.3, 101.9], [120.0, 40.0]]], dtype=np.float32)


def heatmaps() -> torch.Tensor:
    codec = MSRAHeatmap(SIZE, (48, 64), sigma=2, unbiased=True)
    return torch.as_tensor(codec.encode(JOINTS)['heatmaps'])[None]


def test_marginals_of_a_gaussian_are_the_gaussians_of_simdr() -> None:
    """Two cells are eight pixels, or sixteen bins; linear interpolation widens that by a little."""
    targets = SimDRGaussianLabel(SIZE, 2, sigma=16).encode(JOINTS)
    for axis, marginal in zip('xy', heatmap_marginals(heatmaps(), BINS), strict=True):
        expected = targets[f'keypoint_{axis}_labels'][0]
        assert np.abs(marginal[0].cpu().numpy() - expected).max() < 0.05 * expected.max()
        mean = (marginal[0] * torch.arange(marginal.shape[-1])).sum(-1).cpu().numpy() / 2
        np.testing.assert_allclose(mean, JOINTS[0, :, 'xy'.index(axis)], atol=0.02)
        torch.testing.assert_close(marginal.sum(-1), torch.ones(1, 2))


@on_device
def test_negative_cells_do_not_count_and_an_empty_map_teaches_nothing() -> None:
    maps = heatmaps()
    maps[:, 1] = -1
    along_x, _ = heatmap_marginals(torch.where(maps < 1e-6, -maps.abs(), maps), BINS)
    assert not along_x[0, 1].any() and (along_x >= 0).all()
    logits = tuple(torch.randn(1, 2, bins, requires_grad=True) for bins in BINS)
    HeatmapMarginalTerm()(PoseOutputs(simcc=logits), PoseOutputs(heatmaps=(maps,)), labels(torch.ones(1, 2))).backward()
    assert not logits[0].grad[0, 1].any() and logits[0].grad[0, 0].any()


@on_device
def test_zero_when_the_student_has_the_marginals() -> None:
    logits = tuple(marginal.clamp(min=1e-30).log() / 2 for marginal in heatmap_marginals(heatmaps(), BINS))
    loss = HeatmapMarginalTerm(beta=2)(PoseOutputs(simcc=logits), PoseOutputs(heatmaps=(heatmaps(),)),
                                       labels(torch.ones(1, 2)))
    assert loss.item() == pytest.approx(0, abs=1e-5)


@on_device
def test_only_the_last_stack_and_only_labelled_joints_teach() -> None:
    logits = tuple(torch.randn(1, 2, bins) for bins in BINS)
    student, teacher = PoseOutputs(simcc=logits), PoseOutputs(heatmaps=(torch.rand(1, 2, 64, 48), heatmaps()))
    last = PoseOutputs(heatmaps=(heatmaps(),))
    weights = torch.tensor([[1.0, 0.0]])
    term = HeatmapMarginalTerm()
    assert term(student, teacher, labels(weights)) == term(student, last, labels(weights))
    alone = HeatmapMarginalTerm(weights='none')(
        PoseOutputs(simcc=tuple(part[:, :1] for part in logits)), PoseOutputs(heatmaps=(heatmaps()[:, :1],)),
        labels(torch.ones(1, 1)))
    torch.testing.assert_close(term(student, last, labels(weights)), alone / 2)
    with pytest.raises(DistilPoseError, match='HeatmapMarginalTerm got weights'):
        HeatmapMarginalTerm(weights='all')
