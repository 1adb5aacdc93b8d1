"""Joints weighed by how sure the teacher is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distilpose.distillation.terms import (
    CoordinateTerm,
    DistillationTerm,
    FeatureTerm,
    HeatmapMarginalTerm,
    HeatmapTerm,
    ScoreTerm,
    SimCCTerm,
    SimulatedHeatmapTerm,
    TokenTerm,
)
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels
from tests.networks import TERMS, batch, distiller, teacher

TERMS_THAT_WEIGH = [
    (HeatmapTerm, {}), (SimulatedHeatmapTerm, {}), (ScoreTerm, {}), (HeatmapMarginalTerm, {}), (SimCCTerm, {}),
    (SimCCTerm, dict(weights='gt')), (CoordinateTerm, {}), (CoordinateTerm, dict(loss='rle'))]


def certainties() -> torch.Tensor:
    return torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.6, 1.0]])


def outputs(*, seed: int = 0) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(2, 3, *shape, generator=generator)
    return PoseOutputs(heatmaps=(rand(16, 12),), coords=rand(2), sigmas=rand(2) + 0.5, error_scales=rand(2),
                       scores=certainties().unsqueeze(-1), simcc=(rand(24), rand(32)))


def by_joint(term: DistillationTerm, certainty: str | float | None) -> torch.Tensor:
    """(2, 3) what every joint costs alone: the loss with the labels of that joint only."""
    term.certainty = certainty
    term.choose_certainty(outputs(seed=1))
    costs = torch.zeros(2, 3)
    for place in range(6):
        alone = torch.zeros(6)
        alone[place] = 1
        given = labels(torch.ones(2, 3))._replace(mask=alone.view(2, 3))
        costs.view(-1)[place] = term(outputs(), outputs(seed=1), term.weigh(given, outputs(seed=1)))
    return costs


@pytest.mark.parametrize('kind, options', TERMS_THAT_WEIGH)
def test_soft_multiplies_what_a_joint_costs_and_a_threshold_leaves_out(kind: Any, options: dict) -> None:
    term = kind(**options)
    plain = by_joint(term, None)
    torch.testing.assert_close(by_joint(term, 'soft'), plain * certainties())
    term.certainty_field = None
    torch.testing.assert_close(by_joint(term, 0.5), plain * (certainties() >= 0.5))


@on_device
def test_without_it_the_labels_are_left_alone() -> None:
    term, given = HeatmapTerm(), labels(torch.ones(2, 3))
    assert term.choose_certainty(outputs()) is None and term.weigh(given, outputs()) is given
    assert term.teacher_fields == ('heatmaps',)


@on_device
@pytest.mark.parametrize('shown, field', [(('scores', 'heatmaps'), 'scores'), (('heatmaps', 'simcc'), 'heatmaps'),
                                          (('simcc', 'coords'), 'simcc')])
def test_what_says_it_is_read_and_so_cached(shown: tuple, field: str) -> None:
    term = CoordinateTerm(certainty='soft')
    assert term.choose_certainty(PoseOutputs(**{name: getattr(outputs(), name) for name in shown})) is None
    assert term.teacher_fields == (field,)


@on_device
def test_a_peaked_simcc_is_surer_and_beta_counts() -> None:
    logits = torch.zeros(1, 2, 100)
    logits[0, 0, 40] = 1.0
    shown = PoseOutputs(simcc=(logits, logits))
    weights = []
    for beta in (1.0, 10.0):
        term = SimCCTerm(certainty='soft')
        term.choose_certainty(shown, beta=beta)
        weights.append(term.weigh(labels(torch.ones(1, 2)), shown).mask[0])
    assert weights[0][0] < 0.1 and weights[1][0] > 0.9 and weights[1][1] < 0.1


def test_it_goes_with_the_mask_of_the_teacher() -> None:
    term = HeatmapMarginalTerm(certainty='soft')
    term.choose_certainty(outputs())
    mask = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    unlabelled = Labels(torch.zeros(2, 3), torch.zeros(2, dtype=torch.bool), mask)
    torch.testing.assert_close(term.weigh(unlabelled, outputs()).distillation_weights(), certainties() * mask)


@pytest.mark.parametrize('value', ['hard', 0, 1.5, -0.1, True, (0.5,)])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(DistilPoseError, match=r"HeatmapTerm got certainty=.*; expected 'soft', a threshold in \(0, 1"):
        HeatmapTerm(certainty=value)


@pytest.mark.parametrize('kind, options', [(FeatureTerm, {}), (TokenTerm, dict(tokens='visual'))])
def test_terms_that_do_not_compare_joints_refuse_it(kind: Any, options: dict) -> None:
    with pytest.raises(DistilPoseError, match="certainty='soft', and does not compare joint by joint"):
        kind(certainty='soft', **options)


@on_device
def test_a_teacher_of_coordinates_alone_has_none() -> None:
    reason = CoordinateTerm(certainty=0.3).choose_certainty(PoseOutputs(coords=outputs().coords))
    assert reason == ('certainty=0.3 needs scores, heatmaps or simcc of the teacher, which predicts coords; drop '
                      'certainty')


def unsure(shown: Any) -> Any:
    return lambda images: shown(images)._replace(scores=torch.full((len(images), 17, 1), 0.25))


def test_in_a_distillation() -> None:
    term, values = TERMS['simulated_heatmap'], []
    for certainty in (None, 'soft', 1.0):
        made = teacher()
        made.outputs = unsure(made.outputs)
        model = distiller(teacher=made, terms=dict(simulated_heatmap=dict(term, certainty=certainty)))
        values.append(model(*batch(), mode='loss')['loss_simulated_heatmap'].item())
    assert values == pytest.approx([values[0], 0.25 * values[0], 0]) and values[0] > 0


def test_a_teacher_with_gradients_has_none_from_its_certainty() -> None:
    """A student that is its own teacher would learn to be unsure."""
    term, own = CoordinateTerm(certainty='soft'), outputs()
    own = own._replace(scores=own.scores.requires_grad_())
    term.choose_certainty(own)
    assert not term.weigh(labels(torch.ones_like(own.scores[..., 0])), own).mask.requires_grad
