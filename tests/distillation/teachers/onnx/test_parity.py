"""Networks that are exported and read back distil as they do in torch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distilpose.distillation import FrozenTeacher, PoseDistiller
from distilpose.distillation.teachers import OnnxTeacher
from tests import rtmpose
from tests.networks import _BASE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER, batch, changed, teacher
from tests.onnx_files import export_teacher

TOLERANCE = dict(rtol=1e-4, atol=1e-6)
IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), channel_order='rgb')
HRNET = dict(
    _BASE,
    backbone=dict(type='HRNet', in_channels=3, extra={
        'stage1': dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(8,)),
        **{f'stage{index}': dict(num_modules=1, num_branches=index, block='BASIC', num_blocks=(1,) * index,
                                 num_channels=(8, 16, 32, 64)[:index]) for index in (2, 3, 4)}}),
    head=dict(type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
              loss=dict(type='KeypointMSELoss', use_target_weight=True),
              decoder=dict(type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1)))
DISTILPOSE_TERMS = dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm'), score=dict(type='ScoreTerm'))


def losses(student: dict, one: Any, terms: dict, data: tuple[Tensor, list]) -> dict[str, Tensor]:
    """Of the same student with a teacher."""
    torch.manual_seed(1)
    model = PoseDistiller(copy.deepcopy(student), one, terms=copy.deepcopy(terms), task_weight=0.0)
    model.init_weights()
    return {name: value.detach() for name, value in model.eval().loss(*data).items()}


def same_losses(file: Path, frozen: FrozenTeacher, *, student: dict, terms: dict, data: tuple[Tensor, list],
                outputs: dict, **options: Any) -> dict[str, Tensor]:
    """Asserts that the file gives the losses of the torch teacher, and returns them."""
    read = OnnxTeacher(file, input=IMAGENET, outputs=outputs, **options)
    found, expected = losses(student, read, terms, data), losses(student, frozen, terms, data)
    assert found.keys() == expected.keys() and {f'loss_{name}' for name in terms} <= found.keys()
    assert all(float(found[f'loss_{name}']) > 0 for name in terms)
    torch.testing.assert_close(found, expected, **TOLERANCE)
    return found


def test_tokenpose(tmp_path: Path) -> None:
    frozen = teacher(TEACHER)
    file = export_teacher(frozen, tmp_path / 'teacher.onnx')
    same_losses(file, frozen, student=STUDENT, terms=DISTILPOSE_TERMS, data=batch(5), outputs=dict(grid='i/n'))


def test_hrnet(tmp_path: Path) -> None:
    frozen, images = teacher(HRNET), torch.randn(5, 3, 96, 64, generator=torch.Generator().manual_seed(2))
    file = export_teacher(frozen, tmp_path / 'teacher.onnx')
    same_losses(file, frozen, student=HRNET, terms=dict(heatmap=dict(type='HeatmapTerm')), data=(images, batch(5)[1]),
                outputs=dict(grid='i/n'))


def test_a_udp_teacher(tmp_path: Path) -> None:
    codec = dict(type='UDPHeatmap', input_size=INPUT_SIZE, heatmap_size=(12, 16), sigma=1)
    frozen = teacher(changed(TEACHER, decoder=codec))
    file = export_teacher(frozen, tmp_path / 'teacher.onnx')
    found = same_losses(file, frozen, student=STUDENT, terms=DISTILPOSE_TERMS, data=batch(), outputs=dict(grid='udp'))
    other = losses(STUDENT, OnnxTeacher(file, input=IMAGENET, outputs=dict(grid='i/n')), DISTILPOSE_TERMS, batch())
    assert abs(found['loss_simulated_heatmap'] / other['loss_simulated_heatmap'] - 1) > 1e-3


def test_a_udp_teacher_of_a_udp_student_stays_on_its_grid(tmp_path: Path) -> None:
    codec = dict(type='UDPHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1)
    student = changed(HRNET, decoder=codec)
    frozen, images = teacher(student), torch.randn(5, 3, 96, 64, generator=torch.Generator().manual_seed(2))
    file = export_teacher(frozen, tmp_path / 'teacher.onnx')
    same_losses(file, frozen, student=student, terms=dict(heatmap=dict(type='HeatmapTerm')),
                data=(images, batch(5)[1]), outputs=dict(grid='udp'))
    read = OnnxTeacher(file, input=IMAGENET, outputs=dict(grid='udp'))
    drawn = frozen.outputs(images, own_grid=True).heatmaps[-1]
    torch.testing.assert_close(read.outputs(images, own_grid=True).heatmaps[-1], drawn, rtol=1e-3, atol=1e-5)
    assert (read.outputs(images).heatmaps[-1] - drawn).abs().max() > 0.01


def test_rtmpose(tmp_path: Path) -> None:
    drawn = dict(size=(16, 24), sigma=1.5)
    frozen, data = teacher(rtmpose.network(widen=0.1875), heatmaps=drawn), rtmpose.batch(3)
    file = export_teacher(frozen, tmp_path / 'teacher.onnx', fields=('simcc',), outputs=('simcc_x', 'simcc_y'))
    same_losses(file, frozen, student=rtmpose.network(), terms=dict(logit=rtmpose.LOGIT), data=data,
                outputs=dict(beta=10.0))
    read = OnnxTeacher(file, input=IMAGENET, outputs=dict(beta=10.0), heatmaps=drawn)
    torch.testing.assert_close(read.outputs(data[0]).heatmaps, frozen.outputs(data[0]).heatmaps, **TOLERANCE)


def test_a_teacher_of_coordinates_and_scores(tmp_path: Path) -> None:
    """No term of today reads a teacher's coordinates, so its outputs are compared."""
    frozen = teacher(STUDENT)
    file = export_teacher(frozen, tmp_path / 'teacher.onnx', fields=('coords', 'scores'))
    read = OnnxTeacher(file, input=IMAGENET, outputs=dict(unit='fractions'))
    images, _ = batch(5)
    found, expected = read.outputs(images), frozen.outputs(images)
    assert found.produced() == ('coords', 'scores')
    torch.testing.assert_close((found.coords, found.scores), (expected.coords, expected.scores), **TOLERANCE)
