from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS

from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.distillation.terms.coordinate_reader import CoordinateReader, expected_coordinates
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device

from .test_coordinate import gaussians


@on_device
def test_expected_coordinates_of_distributions_and_heatmaps() -> None:
    places = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(3)) * 0.5 + 0.25
    logits = tuple(gaussians(places, count, axis, 0.03).clamp(min=1e-12).log() / 10
                   for axis, count in enumerate((384, 512)))
    found = expected_coordinates(PoseOutputs(simcc=logits), 'simcc', beta=10)
    torch.testing.assert_close(found, places, atol=1e-4, rtol=0)
    maps = draw_simulated_heatmaps(places, torch.full_like(places, 2.0), size=(48, 64))
    found = expected_coordinates(PoseOutputs(heatmaps=(maps,)), 'heatmaps', beta=25)
    torch.testing.assert_close(found, places, atol=2e-3, rtol=0)


@on_device
def test_a_joint_outside_the_crop_has_no_place_on_any_side() -> None:
    reader = CoordinateReader('SomeTerm', student='coords', teacher='auto', beta=None)
    places = torch.tensor([[[0.0, 1.0], [-0.1, 0.5], [0.5, -0.1], [1.1, 0.5], [0.5, 1.1]]])
    found, has_place = reader.target(PoseOutputs(coords=places))
    assert found is places and has_place.tolist() == [[True, False, False, False, False]]


@on_device
def test_reads_what_there_is_and_refuses_the_rest() -> None:
    places = torch.full((1, 2, 2), 0.5)
    maps = draw_simulated_heatmaps(places, torch.full_like(places, 2.0), size=(48, 64))
    maps[:, 1] = 0
    reader = CoordinateReader('SomeTerm', student='heatmaps', teacher='auto', beta=None)
    found, has_place = reader.target(PoseOutputs(heatmaps=(maps,)))
    assert has_place.tolist() == [[True, False]] and (reader.beta, reader.teacher_fields) == (25.0, ())
    torch.testing.assert_close(found[:, 0], places[:, 0], atol=1e-4, rtol=0)
    assert 'the teacher predicts scores, from which coordinates cannot be decoded' in str(
        reader.mismatch(PoseOutputs(scores=torch.ones(1, 2, 1))))
    for options, sentence in ((dict(student='scores', teacher='auto', beta=None), "SomeTerm got student='scores'"),
                              (dict(student='coords', teacher='tokens', beta=None), "SomeTerm got teacher='tokens'"),
                              (dict(student='coords', teacher='auto', beta=float('nan')), 'beta is nan')):
        with pytest.raises(DistilPoseError, match=sentence):
            CoordinateReader('SomeTerm', **options)


@pytest.mark.parametrize('config', [
    dict(type='CoordinateTerm'), dict(type='JointRelationTerm'), dict(type='BoneVectorTerm', bones=[(0, 1)]),
    dict(type='SampleRelationTerm', embedding='coordinates')], ids=lambda config: config['type'])
def test_the_field_of_the_certainty_is_kept(config: dict) -> None:
    """A cache keeps the fields that terms name; without that of the certainty it would be missing when read."""
    term = MODELS.build(dict(config, certainty='soft'))
    outputs = PoseOutputs(coords=torch.rand(1, 2, 2), scores=torch.rand(1, 2, 1))
    assert term.choose_certainty(outputs) is None
    term.prepare(outputs, outputs)
    assert set(term.teacher_fields) == {'coords', 'scores'}
