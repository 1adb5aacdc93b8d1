"""FPD: a stacked hourglass teaches a smaller one through its heatmaps, labelled images and others."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation import FrozenTeacher, PoseDistiller
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, move
from distilpose.distillation.terms import DistillationTerm
from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

KEYPOINTS, SIDE, MAP = 5, 64, 16
CODEC = dict(type='MSRAHeatmap', input_size=(SIDE, SIDE), heatmap_size=(MAP, MAP), sigma=2)
FPD = dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=0.5))


def hourglass(stacks: int, channels: int, *, codec: dict = CODEC) -> dict:
    """As ``configs/_base_/models/hourglass_8x256.py``, of other sizes."""
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                               bgr_to_rgb=False),
        backbone=dict(type='StackedHourglass', num_keypoints=KEYPOINTS, num_stacks=stacks, channels=channels),
        head=dict(type='CPMHead', in_channels=KEYPOINTS, out_channels=KEYPOINTS, num_stages=stacks, final_layer=None,
                  deconv_out_channels=None, decoder=codec,
                  loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)))


STUDENT, TEACHER = hourglass(2, 8), hourglass(3, 16)


def distiller(*, terms: dict, student: dict = STUDENT, teacher: dict = TEACHER,
              task_weight: float = 0.5) -> PoseDistiller:
    torch.manual_seed(0)
    frozen = FrozenTeacher(build_estimator(copy.deepcopy(teacher)))
    asked = dict(type=lambda: frozen, crop='student')
    torch.manual_seed(1)
    model = PoseDistiller(copy.deepcopy(student), asked, terms=terms, task_weight=task_weight)
    model.init_weights()
    return model.train()


def batch(*, labelled: tuple[bool, ...] = (True, True, True)) -> tuple[Tensor, list[PoseDataSample]]:
    """Images and their samples; joints that are not labelled, and images without annotations, weigh 0."""
    generator = torch.Generator().manual_seed(2)
    samples = []
    for is_labelled in labelled:
        weights = (torch.rand(1, KEYPOINTS, generator=generator) > 0.3).float() * is_labelled
        maps = torch.rand(KEYPOINTS, MAP, MAP, generator=generator) * is_labelled
        samples.append(PoseDataSample(metainfo=dict(labelled=is_labelled), gt_fields=PixelData(heatmaps=maps),
                                      gt_instance_labels=InstanceData(keypoint_weights=weights)))
    return torch.randn(len(labelled), 3, SIDE, SIDE, generator=generator), samples


def train_steps(model: nn.Module, steps: int = 3) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        model.parse_losses(model(*batch(), mode='loss'))[0].backward()
        optimizer.step()


def published_mse(maps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """The publication's loss written out: joint by joint, both maps weighted, half of the mean squared difference."""
    losses = []
    for joint in range(KEYPOINTS):
        weight = weights[:, joint].reshape(-1, 1)
        losses.append(0.5 * nn.functional.mse_loss(maps[:, joint].flatten(1) * weight,
                                                   target[:, joint].flatten(1) * weight))
    return torch.stack(losses).mean()


def published_step(model: PoseDistiller, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pose loss, loss against the teacher and total of one published step; gradients are left in the student."""
    images, samples = batch()
    truth = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])
    stacks = model.backbone(images)
    with torch.no_grad():
        target = model.teacher.model.backbone(images)[-1]
    pose = sum(published_mse(maps, truth, weights) for maps in stacks)
    taught = sum(published_mse(maps, target, weights) for maps in stacks)
    total = (1 - alpha) * pose + alpha * taught
    total.backward()
    return pose, taught, total


@pytest.mark.parametrize('alpha', [0.5, 0.2])
def test_losses_and_gradients_are_those_of_the_published_step(alpha: float) -> None:
    terms = dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=alpha))
    model, reference = (distiller(terms=terms, task_weight=1 - alpha) for _ in range(2))
    pose, taught, total = published_step(reference, alpha)
    losses = model(*batch(), mode='loss')
    assert {name for name in losses if 'loss' in name} == {'loss_kpt', 'loss_heatmaps'}
    torch.testing.assert_close(losses['loss_kpt'], (1 - alpha) * pose)
    torch.testing.assert_close(losses['loss_heatmaps'], alpha * taught)
    found, _ = model.parse_losses(losses)
    torch.testing.assert_close(found, total)
    found.backward()
    largest = max(parameter.grad.abs().max().item() for parameter in reference.parameters())
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5 * largest)
    assert all(p.grad is None for p in model.teacher.model.parameters())


def test_a_weight_of_zero_is_plain_training_bit_for_bit() -> None:
    model = distiller(terms=dict(heatmaps=dict(type='HeatmapTerm', weight=0.0)), task_weight=1.0)
    plain = build_estimator(copy.deepcopy(STUDENT))
    plain.load_state_dict(model.state_dict(), strict=True)
    train_steps(model)
    train_steps(plain)
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_batch_without_annotations_is_taught_in_full() -> None:
    model = distiller(terms=FPD)
    images, samples = batch(labelled=(False, False))
    losses = model(images, samples, mode='loss')
    assert losses['loss_kpt'] == 0
    with torch.no_grad():
        target, stacks = model.teacher.model.backbone(images)[-1], model.backbone(images)
    expected = sum(published_mse(maps, target, torch.ones(2, KEYPOINTS)) for maps in stacks)
    torch.testing.assert_close(losses['loss_heatmaps'], expected)
    model.parse_losses(losses)[0].backward()
    assert all(layer.weight.grad.any() for layer in model.backbone.score)


def test_a_mixed_batch_is_averaged_as_a_whole() -> None:
    """One labelled image of three: its task loss is a third of what it would be alone."""
    model = distiller(terms=FPD)
    model.eval()
    images, samples = batch(labelled=(True, False, False))
    mixed = model(images, samples, mode='loss')
    alone = model(images[:1], samples[:1], mode='loss')
    others = model(images[1:], samples[1:], mode='loss')
    torch.testing.assert_close(mixed['loss_kpt'], alone['loss_kpt'] / 3)
    torch.testing.assert_close(mixed['loss_heatmaps'], (alone['loss_heatmaps'] + 2 * others['loss_heatmaps']) / 3)


def test_a_twin_of_the_teacher_has_nothing_to_learn_from_it_in_its_last_stack() -> None:
    model = distiller(student=hourglass(1, 8), teacher=hourglass(1, 8), terms=FPD)
    model.load_state_dict(model.teacher.model.state_dict())
    model.eval()
    assert model(*batch(), mode='loss')['loss_heatmaps'] < 1e-9  # rounding: the teacher's normalisation is folded


def test_training_approaches_the_teacher_and_leaves_it_as_it_was() -> None:
    model = distiller(terms=FPD)
    first = model(*batch(), mode='loss')['loss_heatmaps'].item()
    train_steps(model, 10)
    assert model(*batch(), mode='loss')['loss_heatmaps'].item() < 0.7 * first
    assert model.teacher.digest() == model.teacher.loaded_digest
    assert set(model.state_dict()) == set(build_estimator(copy.deepcopy(STUDENT)).state_dict())


def test_prediction_is_the_last_stacks() -> None:
    model = distiller(terms=FPD).eval()
    images, samples = batch(labelled=(True,))
    samples[0].set_metainfo(dict(input_size=(SIDE, SIDE), input_center=np.full(2, SIDE / 2),
                                 input_scale=np.full(2, float(SIDE))))
    samples[0].gt_instances = InstanceData(bboxes=np.zeros((1, 4), dtype=np.float32), bbox_scores=np.ones(1))
    with torch.no_grad():
        last = model.backbone(images)[-1]
        found = model(images, samples, mode='predict')[0].pred_instances.keypoint_scores
    np.testing.assert_allclose(found[0], last[0].flatten(1).amax(1).cpu().numpy(), rtol=1e-5)


def test_heatmaps_of_another_size_are_resampled_and_far_finer_ones_are_refused() -> None:
    def of(factor: int) -> dict:
        return hourglass(1, 8, codec=dict(CODEC, input_size=(factor * SIDE,) * 2, heatmap_size=(factor * MAP,) * 2))
    assert distiller(teacher=of(2), terms=FPD)(*batch(labelled=(True, False)), mode='loss')['loss_heatmaps'] > 0
    with pytest.raises(DistilPoseError, match="term 'heatmaps': the student's heatmaps are of 16x16 .*, the teacher's "
                                              'of 64x64: more than 2 times as fine'):
        distiller(teacher=of(4), terms=FPD)


UDP, TOKENPOSE = dict(CODEC, type='UDPHeatmap'), dict(CODEC, type='TokenPoseHeatmap')
COORDINATES = dict(coordinates=dict(type='CoordinateTerm', student='heatmaps'))


@pytest.mark.parametrize('terms', [FPD, COORDINATES], ids=['heatmaps', 'coordinates'])
@pytest.mark.parametrize('student', [UDP, TOKENPOSE], ids=['udp', 'tokenpose'])
@pytest.mark.parametrize('teacher', [CODEC, UDP], ids=['msra', 'udp'])
def test_a_student_on_another_grid_learns(student: dict, teacher: dict, terms: dict) -> None:
    model = distiller(student=hourglass(2, 8, codec=student), teacher=hourglass(1, 16, codec=teacher), terms=terms)
    name = f'loss_{next(iter(terms))}'
    first = model(*batch(), mode='loss')[name].item()
    train_steps(model, 20)
    assert 0 < model(*batch(), mode='loss')[name].item() < first


@pytest.mark.parametrize('student', [UDP, TOKENPOSE], ids=['udp', 'tokenpose'])
def test_a_pair_on_one_grid_is_compared_as_it_is(student: dict) -> None:
    """Its maps are bit for bit the networks' own, so that the costs are those of a pair that draws MSRAHeatmap."""
    pairs = [distiller(student=hourglass(2, 8, codec=one), teacher=hourglass(1, 16, codec=two), terms=FPD).eval()
             for one, two in ((student, UDP), (CODEC, CODEC))]
    images, samples = batch()
    assert all(torch.equal(one, two) for one, two in zip(*(pair.run_teacher(images).heatmaps for pair in pairs),
                                                         strict=True))
    found, expected = (pair(images, samples, mode='loss') for pair in pairs)
    assert torch.equal(found['loss_heatmaps'], expected['loss_heatmaps'])


def test_a_student_on_another_grid_imitates_the_teachers_map_on_its_own() -> None:
    model = distiller(student=hourglass(1, 8, codec=UDP), teacher=hourglass(1, 8), terms=FPD).eval()
    images, samples = batch(labelled=(False, False))
    with torch.no_grad():
        moved = move(model.run_teacher(images).heatmaps[-1], COMMON_GRID, HeatmapGrid('udp', (SIDE, SIDE)))
        expected = published_mse(model.backbone(images)[-1], moved, torch.ones(2, KEYPOINTS))
    torch.testing.assert_close(model(images, samples, mode='loss')['loss_heatmaps'], expected)


@pytest.mark.parametrize(('codec', 'sentence'), [
    (dict(UDP, heatmap_type='combined'), r"those of UDPHeatmap \(combined\); give the codec of its head and its data "
                                         "heatmap_type='gaussian'"),
    (dict(type='MegviiHeatmap', input_size=(SIDE, SIDE), heatmap_size=(MAP, MAP), kernel_size=5),
     'those of MegviiHeatmap; give the codec of its head and its data one of these')])
def test_maps_that_are_no_gaussians_are_refused(codec: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=f"term 'heatmaps' compares heatmaps of MSRAHeatmap, .* draws {sentence}"):
        distiller(student=hourglass(1, 8, codec=codec), terms=FPD)


class Peaks(DistillationTerm):
    """A term that knows nothing of grids."""

    student_fields = teacher_fields = ('heatmaps',)

    def forward(self, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
        return (student.heatmaps[-1] - teacher.heatmaps[-1]).square().mean()


def test_terms_that_know_the_common_grid_only_are_refused_on_another() -> None:
    terms = dict(peaks=dict(type=Peaks))
    distiller(terms=terms)
    with pytest.raises(DistilPoseError, match=r"term 'peaks' \(Peaks\) reads heatmaps of the grid of MSRAHeatmap only, "
                                              r'and the student draws those of UDPHeatmap \(gaussian\)'):
        distiller(student=hourglass(1, 8, codec=UDP), terms=terms)
