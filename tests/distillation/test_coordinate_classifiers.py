"""Coordinate classifiers as teachers and as students, one step of each pair."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distilpose.distillation import PoseDistiller
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, HeatmapGrids
from distilpose.distillation.teachers.heatmaps import draw_simcc_heatmaps
from distilpose.errors import DistilPoseError
from tests.networks import ENCODER, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER, batch, changed, teacher

BINS = dict(type='SimDRLabel', input_size=INPUT_SIZE, simdr_split_ratio=2)
CLASSIFIER = dict(STUDENT, head=dict(type='SimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, decoder=BINS))
TOKEN_CLASSIFIER = dict(STUDENT, head=dict(type='TokenPoseSimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS,
                                           encoder=ENCODER, decoder=BINS))
SIMCC, MARGINALS = dict(type='SimCCTerm'), dict(type='HeatmapMarginalTerm')
DRAWN = dict(type='SimulatedHeatmapTerm', sigma='predicted')
UDP_STUDENT = changed(TEACHER, decoder=dict(type='UDPHeatmap', input_size=INPUT_SIZE, heatmap_size=(12, 16), sigma=1))


def labelled_batch() -> tuple[torch.Tensor, list]:
    images, samples = batch()
    for sample in samples:
        labels = sample.gt_instance_labels
        classes = (labels.keypoint_labels * 2 * torch.tensor(INPUT_SIZE)).long()
        labels.keypoint_x_labels, labels.keypoint_y_labels = classes.unbind(-1)
    return images, samples


@pytest.mark.parametrize('student, teaching, term, options', [
    (TOKEN_CLASSIFIER, CLASSIFIER, SIMCC, {}),
    (CLASSIFIER, TOKEN_CLASSIFIER, SIMCC, {}),
    (CLASSIFIER, TEACHER, MARGINALS, {}),
    (STUDENT, CLASSIFIER, DRAWN, dict(heatmaps=dict(size=(12, 16), sigma=1.0))),
    (UDP_STUDENT, CLASSIFIER, dict(type='HeatmapTerm'), dict(heatmaps=dict(size=(12, 16), sigma=1.0))),
], ids=['tokens from maps', 'maps from tokens', 'classes from heatmaps', 'coordinates from classes',
        'UDP heatmaps from classes'])
def test_a_step_of_every_pair(student: dict, teaching: dict, term: dict, options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    frozen = teacher(teaching, **options)
    model = PoseDistiller(student, frozen, terms=dict(taught=term))
    model.init_weights()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, samples = labelled_batch()
    values = []
    for _ in range(8):
        losses = model.loss(images, samples)
        assert {'loss_kpt', 'loss_taught'} <= losses.keys()
        optimizer.zero_grad()
        losses['loss_taught'].backward()
        optimizer.step()
        values.append(losses['loss_taught'].item())
    assert values[-1] < values[0]  # the term alone, without the task, brings the student nearer
    assert frozen.digest() == frozen.loaded_digest


def test_a_classifier_draws_on_the_grid_of_the_student() -> None:
    frozen = teacher(CLASSIFIER, heatmaps=dict(size=(12, 16), sigma=1.0))
    images = batch()[0]
    for student, grid in ((UDP_STUDENT, HeatmapGrid('udp', INPUT_SIZE)), (TEACHER, COMMON_GRID)):
        model = PoseDistiller(student, frozen, terms=dict(taught=dict(type='HeatmapTerm')))
        assert model.grids == HeatmapGrids(grid, grid, grid)
        shown = model.run_teacher(images)
        expected = draw_simcc_heatmaps(shown.simcc, size=(12, 16), sigma=1.0, beta=1.0, grid=grid)
        torch.testing.assert_close(shown.heatmaps[-1], expected)


def test_other_bins_are_resampled_and_far_more_are_refused_when_the_model_is_built() -> None:
    finer, finest = (dict(CLASSIFIER, head=dict(CLASSIFIER['head'], decoder=dict(BINS, simdr_split_ratio=ratio)))
                     for ratio in (3, 9))
    model = PoseDistiller(CLASSIFIER, teacher(finer), terms=dict(taught=SIMCC))
    assert model.loss(*labelled_batch())['loss_taught'] > 0
    with pytest.raises(DistilPoseError, match=r"term 'taught': the student has 96 bins .* the teacher 432 and 576: mo"):
        PoseDistiller(CLASSIFIER, teacher(finest), terms=dict(taught=SIMCC))


def test_a_heatmap_teacher_has_no_logits() -> None:
    with pytest.raises(DistilPoseError, match='needs simcc of the teacher'):
        PoseDistiller(CLASSIFIER, teacher(TEACHER), terms=dict(taught=SIMCC))
