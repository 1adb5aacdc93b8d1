"""The terms on feature maps or heatmaps: attention transfer, channel- and pixel-wise divergence, PKD."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, move
from distilpose.distillation.terms import AttentionTerm, MapDivergenceTerm, PearsonTerm
from distilpose.distillation.terms.attention import attention_loss
from distilpose.distillation.terms.correlation import pearson_loss
from distilpose.distillation.terms.divergence import channel_divergence, pixel_divergence
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

TERMS: dict[str, tuple[Any, Any, Any]] = {
    'attention': (AttentionTerm, attention_loss, attention_loss),
    'channels': (MapDivergenceTerm, partial(channel_divergence, temperature=4),
                 partial(channel_divergence, temperature=0.1)),
    'pixels': (partial(MapDivergenceTerm, over='channels'), partial(pixel_divergence, temperature=4),
               partial(pixel_divergence, temperature=0.1)),
    'pearson': (PearsonTerm, pearson_loss, pearson_loss),
}
EACH = pytest.mark.parametrize(('make', 'of_features', 'of_heatmaps'), TERMS.values(), ids=TERMS)


def maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))


@on_device
@EACH
def test_features_are_projected_and_pooled(make, of_features, of_heatmaps) -> None:
    student = PoseOutputs(features=(maps(3, 4, 6).requires_grad_(),))
    teacher = PoseOutputs(features=(maps(5, 2, 3, seed=1),))
    term = make(resize='larger')
    assert term.mismatch(student, teacher) is None and term.student_fields == ('features',)
    term.prepare(student, teacher)
    assert isinstance(term.projector, nn.Identity if make is AttentionTerm else nn.Conv2d)
    loss = term(student, teacher, labels(torch.zeros(2, 17)))
    pooled = nn.functional.avg_pool2d(student.features[0], 2)
    torch.testing.assert_close(loss, of_features(term.projector(pooled), teacher.features[0]))
    loss.backward()
    assert student.features[0].grad.any() and loss > 0
    term.prepare(teacher, teacher)
    assert term(teacher, teacher, labels(torch.zeros(2, 17))).item() == pytest.approx(0, abs=1e-6)


@on_device
@EACH
def test_named_layers(make, of_features, of_heatmaps) -> None:
    outputs = PoseOutputs(layers={'backbone.layer2': maps(5, 4, 6), 'neck': maps(5, 4, 6, seed=1)})
    term = make(student_layer='backbone.layer2', teacher_layer='neck')
    assert (term.student_layers, term.teacher_layers, term.student_fields) == (
        ('backbone.layer2',), ('neck',), ('layers',))
    term.prepare(outputs, outputs)
    torch.testing.assert_close(term(outputs, outputs, labels(torch.zeros(2, 17))),
                               of_features(maps(5, 4, 6), maps(5, 4, 6, seed=1)))


@on_device
@EACH
def test_heatmaps_of_every_stack_with_weights_and_masks(make, of_features, of_heatmaps) -> None:
    stacks, weights = (maps(5, 8, 6).requires_grad_(), maps(5, 4, 3, seed=2).requires_grad_()), torch.ones(2, 5)
    weights[0, 1] = 0
    student, teacher = PoseOutputs(heatmaps=stacks), PoseOutputs(heatmaps=(maps(5, 2, 2), maps(5, 8, 6, seed=1)))
    masked = labels(weights)._replace(mask=torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0]] * 2))
    term = make(maps='heatmaps')
    assert term.mismatch(student, teacher) is None and term.student_fields == ('heatmaps',)
    term.prepare(student, teacher)
    loss = term(student, teacher, masked)
    used, target = masked.distillation_weights(), teacher.heatmaps[-1]
    torch.testing.assert_close(loss, of_heatmaps(stacks[0], target, weights=used) + of_heatmaps(
        stacks[1], move(target, COMMON_GRID, size=(3, 4)), weights=used))
    loss.backward()
    for stack in stacks:
        assert stack.grad[0, 1].abs().max() < 1e-20 and stack.grad[:, 4].abs().max() < 1e-20
        assert stack.grad[1, 1].any()
    unlabelled = masked._replace(labelled=torch.zeros(2, dtype=torch.bool), mask=None)
    everywhere = make(maps='heatmaps', certainty='soft')
    everywhere.prepare(student, teacher)
    assert everywhere.choose_certainty(teacher) is None
    assert torch.isfinite(everywhere(student, teacher, everywhere.weigh(unlabelled, teacher)))


@on_device
@EACH
def test_heatmaps_of_another_grid_are_moved(make, of_features, of_heatmaps) -> None:
    student, teacher = PoseOutputs(heatmaps=(maps(5, 8, 6),)), PoseOutputs(heatmaps=(maps(5, 8, 6, seed=1),))
    term = make(maps='heatmaps')
    term.prepare(student, teacher)
    term.teacher_grid = HeatmapGrid('udp', (24, 32))
    torch.testing.assert_close(term(student, teacher, labels(torch.ones(2, 5))), of_heatmaps(
        student.heatmaps[0], move(teacher.heatmaps[0], term.teacher_grid), weights=torch.ones(2, 5)))


@pytest.mark.parametrize('make, options, sentence', [
    (AttentionTerm, dict(maps='tokens'), "AttentionTerm got maps='tokens'; expected one of"),
    (AttentionTerm, dict(power=0.5), 'AttentionTerm got power=0.5; expected at least 1: below it, the gradient'),
    (AttentionTerm, dict(reduction='none'), "got reduction='none'; expected one of"),
    (AttentionTerm, dict(certainty='soft'), 'does not compare joint by joint'),
    (PearsonTerm, dict(maps='heatmaps', student_layer='neck'), "maps='heatmaps' and the names of layers .*; drop them"),
    (PearsonTerm, dict(resize='teacher'), "resize is 'teacher'; expected one of"),
    (MapDivergenceTerm, dict(over='joints'), "got over='joints'; expected one of"),
    (MapDivergenceTerm, dict(temperature=0), 'got temperature=0; expected a number above 0'),
    (MapDivergenceTerm, dict(temperature=float('inf')), 'temperature is inf')])
def test_refusals(make, options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        make(**options)


@on_device
@EACH
def test_maps_that_do_not_fit(make, of_features, of_heatmaps) -> None:
    square, wide = (PoseOutputs(features=(maps(3, *size),)) for size in ((4, 4), (4, 8)))
    assert 'of another aspect ratio' in make().mismatch(square, wide)
    coarse, fine = (PoseOutputs(heatmaps=(maps(3, *size),)) for size in ((4, 4), (16, 16)))
    assert 'more than 2 times as fine' in make(maps='heatmaps').mismatch(coarse, fine)
