from __future__ import annotations

import pytest
import torch

from distilpose.distillation.terms import ScoreTerm, draw_simulated_heatmaps, score_loss
from distilpose.errors import DistilPoseError
from tests.devices import in_dtype, on_device


def one_joint(x: float, y: float, heatmap: torch.Tensor, score: float = 0.0, **options) -> float:
    return score_loss(torch.full((1, 1, 1), score), torch.tensor([[[x, y]]]), heatmap[None, None],
                      weights=torch.ones(1, 1), **options).item()


@in_dtype
def test_reads_the_heatmap_where_the_student_points() -> None:
    heatmap = torch.arange(12.0).reshape(3, 4)
    assert one_joint(2 / 4, 1 / 3, heatmap) == heatmap[1, 2]


@on_device
def test_a_student_on_the_peak_learns_the_peak() -> None:
    coords = torch.tensor([[[0.9, 0.9]]])
    heatmap = draw_simulated_heatmaps(coords, torch.full((1, 1, 2), 2.0), size=(48, 64))[0, 0]
    assert one_joint(0.9, 0.9, heatmap) > 0.97
    # the published index is a pixel short at the right: 42 for 43.2, and 57 for 57.6
    expected = torch.tensor(-((43.2 - 42) ** 2 + (57.6 - 57) ** 2) / 8).exp().item()
    assert one_joint(0.9, 0.9, heatmap, index='official') == pytest.approx(expected, rel=1e-4)


@in_dtype
@pytest.mark.parametrize('x, column', [(-0.5, 0), (0.0, 0), (1.0, 3), (1.5, 3)])
def test_spots_outside_of_the_map_read_its_border(x: float, column: int) -> None:
    heatmap = torch.arange(1.0, 5.0).reshape(1, 4)
    assert one_joint(x, 0.0, heatmap) == heatmap[0, column]


@in_dtype
def test_zero_when_the_score_is_right_and_absolute_otherwise() -> None:
    heatmap = torch.full((3, 4), 0.7)
    assert one_joint(0.5, 0.5, heatmap, 0.7) == pytest.approx(0)
    assert one_joint(0.5, 0.5, heatmap, 0.9) == pytest.approx(one_joint(0.5, 0.5, heatmap, 0.5))


@in_dtype
def test_no_gradient_reaches_the_coordinates_and_unlabelled_joints_give_none() -> None:
    scores = torch.zeros(1, 2, 1, requires_grad=True)
    coords = torch.rand(1, 2, 2, requires_grad=True)
    score_loss(scores, coords, torch.ones(1, 2, 3, 4), weights=torch.tensor([[1.0, 0.0]])).backward()
    assert coords.grad is None
    assert scores.grad.flatten().tolist() == [-0.5, 0.0]


def test_unknown_index_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="index='nearest'"):
        ScoreTerm(index='nearest')
