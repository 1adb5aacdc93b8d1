"""Combination of teachers: identities of the three rules, hand-computed mixtures, masks, grids."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from distilpose.distillation.combination import Combination, TeacherFacts
from distilpose.distillation.combining import (
    combine,
    common_fields,
    confidence_weights,
    expert_ranks,
    expert_weights,
    mean_weights,
)
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, move
from distilpose.distillation.teacher_cache.layout import OnlyLast
from distilpose.structures import PoseOutputs
from tests.devices import on_device

BATCH, JOINTS = 3, 5
RULES = ['mean', 'confidence', 'expert']


def outputs(seed: int = 0, *, mask: Tensor | None = None, size: tuple[int, int] = (6, 8)) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.rand(BATCH, JOINTS, *shape, generator=generator)

    return PoseOutputs(heatmaps=(random(size[1], size[0]), random(size[1], size[0])), coords=random(2),
                       sigmas=random(2) + 1, scores=random(1), simcc=(random(12) * 4, random(16) * 4), mask=mask)


def experts(several: list[PoseOutputs], joints: list[tuple[int, ...]]) -> Tensor:
    return expert_weights(several, expert_ranks(joints, JOINTS).to(several[0].coords.device))


def weights_by(rule: str, several: list[PoseOutputs], factors: list[float]) -> Tensor:
    if rule == 'expert':
        return experts(several, [(0, 2), (3,)])
    if rule == 'confidence':
        return confidence_weights(several, factors, betas=[1.0] * len(several))
    return mean_weights(several, factors)


def equal(found: PoseOutputs, expected: PoseOutputs) -> None:
    """As distributions for SimCC, whose logits have any constant."""
    assert torch.equal(found.heatmaps[-1], expected.heatmaps[-1]) or torch.allclose(
        found.heatmaps[-1], expected.heatmaps[-1], atol=1e-6)
    for name in ('coords', 'sigmas', 'scores'):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    for one, other in zip(found.simcc, expected.simcc, strict=True):
        torch.testing.assert_close(one.softmax(-1), other.softmax(-1))


@on_device
@pytest.mark.parametrize('rule', RULES)
def test_two_copies_of_a_teacher_are_that_teacher(rule: str) -> None:
    one = outputs()
    equal(combine([one, one], weights_by(rule, [one, one], [1.0, 3.0]), betas=[1.0, 1.0]), one)


@on_device
@pytest.mark.parametrize('rule', RULES)
def test_weights_have_the_sum_1_and_one_teacher_has_all(rule: str) -> None:
    mask = (torch.rand(BATCH, JOINTS) > 0.5).float()
    several = [outputs(0), outputs(1, mask=mask)]
    weights = weights_by(rule, several, [1.0, 0.5])
    torch.testing.assert_close(weights.sum(0), torch.ones(BATCH, JOINTS))
    assert (weights[1] * (1 - mask) == 0).all()
    if rule != 'expert':
        assert (weights_by(rule, [outputs(0)], [0.25]) == 1).all()


@on_device
def test_a_mean_by_hand() -> None:
    several = [PoseOutputs(coords=torch.full((1, 1, 2), value)) for value in (0.2, 0.8)]
    found = combine(several, mean_weights(several, [1.0, 2.0]), betas=[1.0, 1.0])
    torch.testing.assert_close(found.coords, torch.full((1, 1, 2), 0.6))
    assert found.mask is None


@on_device
def test_a_mean_by_confidence_by_hand() -> None:
    """Confidences of 0.9 and 0.3 with factors of 1 and 2: shares of 0.6 and 0.4."""
    several = [PoseOutputs(coords=torch.full((1, 1, 2), place), scores=torch.full((1, 1, 1), score))
               for place, score in ((0.0, 0.9), (1.0, 0.3))]
    found = combine(several, confidence_weights(several, [1.0, 2.0], betas=[1.0, 1.0]), betas=[1.0, 1.0])
    torch.testing.assert_close(found.coords, torch.full((1, 1, 2), 0.4))
    torch.testing.assert_close(found.scores, torch.full((1, 1, 1), 0.66))


@on_device
def test_without_any_confidence_it_is_the_mean() -> None:
    several = [PoseOutputs(heatmaps=(torch.zeros(1, 2, 4, 4),)), PoseOutputs(heatmaps=(torch.zeros(1, 2, 4, 4),))]
    found = confidence_weights(several, [1.0, 3.0], betas=[1.0, 1.0])
    torch.testing.assert_close(found, torch.tensor([0.25, 0.75])[:, None, None].expand(2, 1, 2))


@on_device
def test_a_confidence_that_is_no_number_stays_one() -> None:
    several = [PoseOutputs(coords=torch.zeros(1, 1, 2), scores=torch.full((1, 1, 1), score))
               for score in (float('nan'), 0.5)]
    assert confidence_weights(several, [1.0, 1.0], betas=[1.0, 1.0]).isnan().all()


@on_device
def test_a_mixture_of_distributions_by_hand() -> None:
    """0.25 and 0.75 of two distributions over two bins, of teachers with other betas."""
    one, other = torch.tensor([[[0.9, 0.1]]]).log() / 10, torch.tensor([[[0.2, 0.8]]]).log()
    several = [PoseOutputs(simcc=(logits, logits)) for logits in (one, other)]
    found = combine(several, torch.tensor([0.25, 0.75]).view(2, 1, 1), betas=[10.0, 1.0], beta=10.0)
    torch.testing.assert_close((found.simcc[0] * 10).softmax(-1), torch.tensor([[[0.375, 0.625]]]))


@on_device
def test_distributions_of_other_bins_are_resampled_to_the_larger_number() -> None:
    coarse, fine = torch.zeros(1, 1, 8), torch.zeros(1, 1, 16)
    coarse[..., 4], fine[..., 8] = 20.0, 20.0  # the middle of either
    several = [PoseOutputs(simcc=(logits, logits)) for logits in (coarse, fine)]
    found = combine(several, mean_weights(several, [1.0, 1.0]), betas=[1.0, 1.0])
    assert found.simcc[0].shape == (1, 1, 16) and (found.simcc[0].argmax(-1) == 8).all()


@on_device
def test_an_expert_is_taken_for_its_joints_and_the_first_for_the_others() -> None:
    several = [outputs(0), outputs(1), outputs(2)]
    weights = experts(several, [(), (1, 2), (2, 4)])
    found = combine(several, weights, betas=[1.0] * 3)
    for joint, teacher in enumerate((0, 1, 1, 0, 2)):
        torch.testing.assert_close(found.coords[:, joint], several[teacher].coords[:, joint])
        torch.testing.assert_close(found.heatmaps[-1][:, joint], several[teacher].heatmaps[-1][:, joint])


@on_device
def test_where_an_expert_does_not_predict_its_joint_the_first_does_that_predicts_it() -> None:
    masks = [torch.ones(BATCH, JOINTS) for _ in range(3)]
    masks[2][1, 4] = masks[0][1, 4] = 0
    several = [outputs(seed, mask=mask) for seed, mask in enumerate(masks)]
    weights = experts(several, [(), (), (4,)])
    assert weights[:, 0, 4].tolist() == [0, 0, 1] and weights[:, 1, 4].tolist() == [0, 1, 0]


@on_device
@pytest.mark.parametrize('rule', RULES)
def test_a_joint_that_nobody_predicts_is_masked_and_finite(rule: str) -> None:
    mask = torch.ones(BATCH, JOINTS)
    mask[:, 2] = 0
    several = [outputs(0, mask=mask), outputs(1, mask=mask * torch.tensor([0, 1, 1, 1, 1]))]
    found = combine(several, weights_by(rule, several, [1.0, 1.0]), betas=[1.0, 1.0])
    assert torch.equal(found.mask, mask)
    for name in found.produced():
        value = getattr(found, name)
        assert all(one.isfinite().all() for one in (value if isinstance(value, tuple) else (value,)))


@on_device
def test_one_teacher_without_a_mask_predicts_all() -> None:
    several = [outputs(0), outputs(1, mask=torch.zeros(BATCH, JOINTS))]
    found = combine(several, mean_weights(several, [1.0, 1.0]), betas=[1.0, 1.0])
    assert found.mask is None
    torch.testing.assert_close(found.coords, several[0].coords)


@on_device
def test_only_what_all_have_is_combined() -> None:
    several = [outputs(0)._replace(features=(torch.rand(1, 2, 4, 4),)), outputs(1)._replace(scores=None, simcc=None)]
    assert common_fields(several) == ('heatmaps', 'coords', 'sigmas')
    found = combine(several, mean_weights(several, [1.0, 1.0]), betas=[1.0, 1.0])
    assert found.produced() == ('heatmaps', 'coords', 'sigmas') and len(found.heatmaps) == 1


def combination(rule: str = 'mean', **options: Any) -> Combination:
    udp = HeatmapGrid('udp', (24, 32))
    facts = dict(a=TeacherFacts(COMMON_GRID, 1.0), b=TeacherFacts(udp, 10.0))
    return Combination(rule, facts, **options)


@on_device
def test_heatmaps_are_moved_to_one_grid_and_size_first() -> None:
    udp = HeatmapGrid('udp', (24, 32))
    given = dict(a=outputs(0), b=outputs(1, size=(12, 16)))
    found = combination(grid=udp, size=(9, 12))(given, dict(a=1.0, b=1.0))
    expected = (move(given['a'].heatmaps[-1], COMMON_GRID, udp, size=(9, 12))
                + move(given['b'].heatmaps[-1], udp, udp, size=(9, 12))) / 2
    torch.testing.assert_close(found.heatmaps[-1], expected)


@on_device
def test_a_teacher_that_did_not_run_leaves_the_others_as_they_are() -> None:
    """Also the beta of the logits, which is that of the first of all."""
    given = dict(b=outputs(1))
    both = combination(grid=HeatmapGrid('udp', (24, 32)), size=(6, 8))
    found = both(given, dict(b=0.3))
    torch.testing.assert_close(found.heatmaps[-1], given['b'].heatmaps[-1])
    torch.testing.assert_close((found.simcc[0] * both.simcc_beta).softmax(-1), (given['b'].simcc[0] * 10).softmax(-1))


@on_device
def test_of_several_stacks_the_last_is_read_which_is_all_that_a_cache_has() -> None:
    given = dict(a=outputs(0), b=outputs(1))
    cached = {name: one._replace(heatmaps=OnlyLast(one.heatmaps[-1:])) for name, one in given.items()}
    both, factors = combination('confidence', size=(6, 8)), dict(a=1.0, b=1.0)
    torch.testing.assert_close(both(cached, factors).heatmaps[-1], both(given, factors).heatmaps[-1])


@on_device
def test_ranks_are_those_of_the_teachers_that_ran() -> None:
    ranks = expert_ranks([(0, 1, 2), ()], JOINTS)
    both = combination('expert', ranks=ranks, size=(6, 8))
    assert not both.state_dict()
    found = both(dict(b=outputs(1)), dict(b=1.0))
    torch.testing.assert_close(found.coords, outputs(1).coords)


@on_device
def test_half_precision_is_combined_in_float32() -> None:
    given = dict(a=outputs(0))
    with torch.autocast(given['a'].coords.device.type, dtype=torch.bfloat16):
        found = combination(size=(6, 8))(given, dict(a=1.0))
    assert found.heatmaps[-1].dtype == torch.float32
    torch.testing.assert_close(found.heatmaps[-1], given['a'].heatmaps[-1])
