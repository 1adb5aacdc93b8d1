from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from distilpose.distillation.heatmap_grid import grid_of
from distilpose.distillation.teachers.heatmaps import draw_simcc_heatmaps, to_common_grid
from distilpose.errors import DistilPoseError
from tests.devices import on_device

SIZE = dict(input_size=(192, 256), heatmap_size=(48, 64))
JOINTS = np.array([[[10.0, 20.0], [100.5, 77.25], [190.0, 250.0]]])


def target(**codec) -> Tensor:
    encoder = KEYPOINT_CODECS.build(dict(SIZE, **codec))
    return torch.as_tensor(encoder.encode(JOINTS)['heatmaps'])[None]


def sure_logits(split: float = 2.0) -> tuple[Tensor, Tensor]:
    """Logits with all mass on one bin of every joint."""
    logits = []
    for axis, bins in enumerate((384, 512)):
        logits.append(torch.full((1, 3, bins), -50.0))
        for joint in range(3):
            logits[axis][0, joint, round(JOINTS[0, joint, axis] * split)] = 50.0
    return logits[0], logits[1]


@on_device
@pytest.mark.parametrize('codec', [dict(type='MSRAHeatmap', sigma=2, unbiased=True), dict(type='UDPHeatmap', sigma=2)],
                         ids=lambda codec: codec['type'])
def test_a_sure_classifier_draws_the_heatmap_target(codec: dict) -> None:
    grid = grid_of(KEYPOINT_CODECS.build(dict(SIZE, **codec)))
    drawn = draw_simcc_heatmaps(sure_logits(), size=(48, 64), sigma=2.0, beta=1.0, grid=grid)
    expected = target(**codec)
    inside = expected > 0  # mmpose cuts its gaussians off after three sigmas
    torch.testing.assert_close(drawn[inside], expected[inside], rtol=0, atol=0.04)  # a bin is an eighth of a cell
    assert drawn.max() <= 1


@on_device
def test_an_unsure_classifier_draws_the_mean_of_what_it_considers() -> None:
    logits_x, logits_y = torch.full((1, 1, 384), -50.0), torch.full((1, 1, 512), -50.0)
    logits_x[0, 0, [80, 240]] = 50.0
    logits_y[0, 0, 100] = 50.0
    drawn = draw_simcc_heatmaps((logits_x, logits_y), size=(48, 64), sigma=2.0, beta=1.0)
    row = drawn[0, 0].max(dim=0).values
    torch.testing.assert_close(row[[10, 30]], torch.tensor([0.47, 0.47]), rtol=0, atol=0.04)


@on_device
def test_beta_sharpens() -> None:
    logits = (torch.randn(1, 2, 384), torch.randn(1, 2, 512))
    blurred, sharp = (draw_simcc_heatmaps(logits, size=(48, 64), sigma=2.0, beta=beta) for beta in (1.0, 10.0))
    assert sharp.max() > blurred.max()


@on_device
@pytest.mark.parametrize('kind', ['UDPHeatmap', 'TokenPoseHeatmap'])
def test_udp_heatmaps_move_to_the_common_grid(kind: str) -> None:
    """Both codecs draw the same joint; after the move their means agree to a hundredth of a cell."""
    udp = target(type=kind, sigma=2)
    moved = to_common_grid(udp, KEYPOINT_CODECS.build(dict(SIZE, type=kind, sigma=2)))

    def mean(maps: Tensor, axis: int) -> Tensor:
        profile = maps[0, 1].sum(dim=axis)
        cells = torch.arange(len(profile), dtype=maps.dtype)
        return (profile * cells).sum() / profile.sum()

    for axis, size, input_size in ((0, 48, 192), (1, 64, 256)):
        expected = JOINTS[0, 1, axis] * size / input_size
        assert abs(mean(moved, axis) - expected) < 0.02
        assert abs(mean(udp, axis) - expected) > 0.1  # what would be wrong without the move


@on_device
def test_msra_heatmaps_stay() -> None:
    maps = torch.rand(1, 3, 64, 48)
    assert to_common_grid(maps, KEYPOINT_CODECS.build(dict(SIZE, type='MSRAHeatmap', sigma=2))) is maps
    assert to_common_grid(maps, None) is maps


@on_device
@pytest.mark.parametrize('codec', [dict(type='MegviiHeatmap', kernel_size=11),
                                   dict(type='UDPHeatmap', heatmap_type='combined')])
def test_other_maps_are_refused(codec: dict) -> None:
    with pytest.raises(DistilPoseError, match=f"the teacher's heatmaps are those of {codec['type']}"):
        to_common_grid(torch.rand(1, 3, 64, 48), KEYPOINT_CODECS.build(dict(SIZE, **codec)))
