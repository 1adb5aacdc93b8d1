from __future__ import annotations

import pytest
import torch
from mmpose.models.losses import KeypointMSELoss
from torch import Tensor

from distilpose.distillation.terms import HeatmapTerm, draw_simulated_heatmaps, heatmap_loss
from distilpose.distillation.terms.heatmap import targets_for
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs
from tests.devices import in_dtype, on_device
from tests.distillation.labels import labels

BATCH, KEYPOINTS, SIZE = 3, 4, (8, 6)


def outputs(*, stacks: int = 1, seed: int = 0, size: tuple[int, int] = SIZE) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)
    return PoseOutputs(heatmaps=tuple(torch.randn(BATCH, KEYPOINTS, *size, generator=generator)
                                      for _ in range(stacks)))


def some_weights() -> Tensor:
    """Fractions, ones and zeros."""
    weights = torch.rand(BATCH, KEYPOINTS, generator=torch.Generator().manual_seed(5))
    weights[:, 0], weights[0, 1:3] = 1, 0
    return weights


def published(stacks: tuple[Tensor, ...], target: Tensor, weights: Tensor) -> Tensor:
    """Written out: both maps are weighted, then half of the squared difference, one joint after another."""
    total = torch.zeros(())
    for maps in stacks:
        for joint in range(maps.shape[1]):
            weight = weights[:, joint, None, None]
            total += 0.5 * ((weight * maps[:, joint] - weight * target[:, joint]) ** 2).mean() / maps.shape[1]
    return total


@on_device
def test_is_the_published_loss_written_out_and_so_are_its_gradients() -> None:
    student, teacher, weights = outputs(stacks=3), outputs(stacks=2, seed=1), some_weights()
    gradients = []
    for compute in (lambda maps: HeatmapTerm()(PoseOutputs(heatmaps=maps), teacher, labels(weights)),
                    lambda maps: published(maps, teacher.heatmaps[-1], weights)):
        maps = tuple(value.clone().requires_grad_() for value in student.heatmaps)
        value = compute(maps)
        value.backward()
        gradients.append((value.detach(), *(stack.grad for stack in maps)))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@on_device
def test_is_half_of_mmposes_loss_where_weights_are_zero_or_one() -> None:
    student, teacher, weights = outputs(), outputs(seed=1), some_weights().round()
    expected = KeypointMSELoss(use_target_weight=True, loss_weight=0.5)(
        student.heatmaps[0], teacher.heatmaps[0], weights)
    torch.testing.assert_close(HeatmapTerm()(student, teacher, labels(weights)), expected)


@in_dtype
def test_zero_when_equal() -> None:
    assert HeatmapTerm()(outputs(), outputs(), labels(some_weights())) == 0


@in_dtype
def test_only_the_teachers_last_stack_teaches_and_every_stack_of_the_student_learns() -> None:
    student, teacher, weights = outputs(stacks=2), outputs(stacks=3, seed=1), labels(some_weights())
    last = PoseOutputs(heatmaps=teacher.heatmaps[-1:])
    term = HeatmapTerm()
    assert term(student, teacher, weights) == term(student, last, weights)
    parts = [term(PoseOutputs(heatmaps=(maps,)), last, weights) for maps in student.heatmaps]
    torch.testing.assert_close(term(student, last, weights), sum(parts))


@on_device
def test_images_without_annotations_are_taught_everywhere_and_the_mean_is_over_the_whole_batch() -> None:
    student, teacher, weights = outputs(stacks=2), outputs(seed=1), some_weights()
    weights[1] = 0
    mixed = Labels(weights, torch.tensor([True, False, True]))
    factors = 0.5 * weights.square()
    factors[1] = 2.0
    expected = heatmap_loss(student.heatmaps, teacher.heatmaps[-1], weights=factors)
    found = HeatmapTerm(labelled_weight=0.5, unlabelled_weight=2.0)(student, teacher, mixed)
    torch.testing.assert_close(found, expected)
    everything = HeatmapTerm()(student, teacher, labels(torch.ones(BATCH, KEYPOINTS)))
    none = Labels(torch.zeros(BATCH, KEYPOINTS), torch.zeros(BATCH, dtype=torch.bool))
    torch.testing.assert_close(HeatmapTerm(labelled_weight=0.5)(student, teacher, none), everything)


@on_device
def test_joints_without_a_label_are_taught_on_demand() -> None:
    student, teacher = outputs(stacks=2), outputs(seed=1)
    mixed = Labels(some_weights(), torch.tensor([True, False, True]), torch.tensor([0.0, 1, 1, 1]).expand(BATCH, -1))
    factors = torch.tensor([0.5, 2.0, 0.5])[:, None] * torch.tensor([0.0, 1, 1, 1])
    expected = heatmap_loss(student.heatmaps, teacher.heatmaps[-1], weights=factors)
    found = HeatmapTerm(labelled_weight=0.5, unlabelled_weight=2.0, weights='none')(student, teacher, mixed)
    torch.testing.assert_close(found, expected)
    with pytest.raises(DistilPoseError, match="HeatmapTerm got weights='all'; expected one of"):
        HeatmapTerm(weights='all')


@in_dtype
def test_gradients_are_those_of_finite_differences() -> None:
    student, teacher = outputs(size=(3, 2)).heatmaps[0].double(), outputs(size=(3, 2), seed=1).heatmaps[0].double()
    weights = some_weights().double()
    assert torch.autograd.gradcheck(lambda maps: heatmap_loss([maps], teacher, weights=weights),
                                    student.requires_grad_())


def gaussians(size: tuple[int, int], *, sigma: float = 1 / 16) -> Tensor:
    """Heatmaps (3, 4, H, W) of joints at the same places on any size; sigma is a fraction of the side."""
    places = torch.rand(BATCH, KEYPOINTS, 2, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.25
    return draw_simulated_heatmaps(places, sigma * torch.tensor([float(side) for side in size]).expand_as(places),
                                   size=size)


@on_device
@pytest.mark.parametrize('size', [(48, 48), (64, 64), (32, 32), (96, 96)])
def test_heatmaps_of_another_size_are_resampled(size: tuple[int, int]) -> None:
    student, teacher = PoseOutputs(heatmaps=(gaussians((48, 48)),) * 2), PoseOutputs(heatmaps=(gaussians(size),))
    assert HeatmapTerm().mismatch(student, teacher) is None
    target, _ = targets_for(student.heatmaps, teacher.heatmaps[-1])
    largest = 1e-5 if size in ((48, 48), (96, 96)) else 0.06  # linear between cells
    assert (target - student.heatmaps[0]).abs().max() < largest
    equal = HeatmapTerm()(student, teacher, labels(some_weights()))
    assert equal < 1e-3 * HeatmapTerm()(student, PoseOutputs(heatmaps=(teacher.heatmaps[0].flip(-1),)),
                                        labels(some_weights()))


@in_dtype
def test_heatmaps_of_one_size_are_left_alone() -> None:
    teacher = outputs().heatmaps[-1]
    assert all(target is teacher for target in targets_for(outputs(stacks=2).heatmaps, teacher))


@in_dtype
def test_far_finer_heatmaps_are_refused() -> None:
    student = PoseOutputs(heatmaps=(*outputs().heatmaps, *outputs(size=(4, 3)).heatmaps))
    assert HeatmapTerm().mismatch(outputs(stacks=2), outputs()) is None
    assert ("student's heatmaps are of 3x4 (width x height), the teacher's of 12x8: more than 2"
            in HeatmapTerm().mismatch(student, outputs(size=(8, 12))))


@pytest.mark.parametrize('options', [dict(labelled_weight=-0.5), dict(unlabelled_weight=-1)])
def test_negative_factors_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(DistilPoseError, match='cannot be negative'):
        HeatmapTerm(**options)
