"""Tensors inside of a graph as layers of a teacher: they are what onnxruntime computes for them."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from distilpose.distillation.teachers import OnnxTeacher
from distilpose.distillation.teachers.onnx.graph import read_node_outputs, with_outputs
from distilpose.errors import DistilPoseError, RunFailed
from tests.distillation.teachers.onnx.test_teacher import to_float16
from tests.networks import batch, distiller
from tests.onnx_files import PIXELS, Shows, export

CONV, SIGMOID = '/layers/Conv_output_0', '/Sigmoid_output_0'


@pytest.fixture(scope='module')
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp('onnx') / 'net.onnx')


def write(file: Path, **options: Any) -> Path:
    """Heatmaps (B, 17, 16, 12) of a convolution (B, 17, 4, 3); an activation comes between."""
    network = Shows(lambda maps: nn.functional.interpolate(maps.sigmoid(), scale_factor=4.0) * 0.5)
    return export(network, file, outputs=['heatmaps'], **options)


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 3, 64, 48, generator=torch.Generator().manual_seed(1))


def recording(file: Path, *layers: str) -> OnnxTeacher:
    one = OnnxTeacher(file, input=PIXELS, outputs=dict(grid='i/n'))
    one.record(layers)
    return one


def by_onnx(file: Path, values: Tensor, *names: str) -> list[np.ndarray]:
    """As the package onnx adds outputs to a graph."""
    model = onnx.load(file)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(list(names), dict(images=values.numpy()))


def test_they_are_what_onnxruntime_computes(file: Path) -> None:
    one = recording(file, CONV, SIGMOID)
    outputs = one.outputs(images())
    assert list(outputs.layers) == [CONV, SIGMOID]
    for value, expected in zip(outputs.layers.values(), by_onnx(file, images(), CONV, SIGMOID), strict=True):
        torch.testing.assert_close(value, torch.from_numpy(expected), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(outputs.heatmaps, OnnxTeacher(file, input=PIXELS, outputs=dict(grid='i/n')).outputs(
        images()).heatmaps, rtol=1e-5, atol=1e-6)
    assert one.outputs(images(5)).layers[CONV].shape == (5, 17, 4, 3)


def test_without_them_the_file_is_opened_as_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    original = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, 'InferenceSession',
                        lambda source, **options: opened.append(source) or original(source, **options))
    assert recording(file).outputs(images()).layers is None
    assert opened == [str(file)]


def test_an_output_of_the_graph_is_a_layer_too(file: Path) -> None:
    outputs = recording(file, 'heatmaps', CONV).outputs(images())
    torch.testing.assert_close(outputs.layers['heatmaps'], outputs.heatmaps[-1])
    assert outputs.layers[CONV].shape == (3, 17, 4, 3)


def test_a_graph_of_a_fixed_batch(tmp_path: Path, file: Path) -> None:
    fixed = recording(write(tmp_path / 'net.onnx', batch=2), CONV)
    torch.testing.assert_close(fixed.outputs(images(5)).layers, recording(file, CONV).outputs(images(5)).layers)


def test_a_graph_in_half_precision(tmp_path: Path) -> None:
    plain = export(Shows(torch.sigmoid), tmp_path / 'net.onnx', outputs=['heatmaps'])
    half, expected = (recording(one, CONV).outputs(images()).layers[CONV]
                      for one in (to_float16(plain, tmp_path / 'half.onnx'), plain))
    assert half.dtype is torch.float32
    torch.testing.assert_close(half, expected, rtol=1e-2, atol=1e-2)


def test_a_graph_with_external_data(tmp_path: Path, file: Path) -> None:
    target = tmp_path / 'net.onnx'
    onnx.save_model(onnx.load(file), target, save_as_external_data=True, location='weights.bin', size_threshold=0)
    torch.testing.assert_close(recording(target, CONV).outputs(images()).layers,
                               recording(file, CONV).outputs(images()).layers)


def test_copies_show_the_same_layers(file: Path) -> None:
    one = recording(file, CONV)
    for twin in (pickle.loads(pickle.dumps(one)), copy.copy(one)):
        torch.testing.assert_close(twin.outputs(images()).layers, one.outputs(images()).layers)


def test_a_name_that_no_node_has_is_refused(file: Path) -> None:
    with pytest.raises(DistilPoseError, match=r"net.onnx has no tensor 'layers/Conv'; the nearest are "
                                              r"'/layers/Conv_output_0'"):
        recording(file, 'layers/Conv')


def test_the_nearest_names_are_those_of_layers(file: Path) -> None:
    with pytest.raises(DistilPoseError) as error:
        recording(file, 'Constant_output_0')
    assert any('Constant' in name for name in read_node_outputs(file)) and "'/Constant" not in str(error.value)


def test_what_is_no_layer_is_refused(tmp_path: Path) -> None:
    network = Shows(lambda maps: maps.sigmoid() * (maps.sum((0, 1)) * 0 + 1))
    file = export(network, tmp_path / 'net.onnx', outputs=['heatmaps'], batch=2)
    name = next(name for name in read_node_outputs(file) if 'ReduceSum' in name)
    with pytest.raises(DistilPoseError, match=r'ReduceSum.* for 3 images; expected a tensor \(B, ...\)'):
        recording(file, name)


def test_numbers_that_are_not_finite_stop_the_run(tmp_path: Path) -> None:
    network = Shows(lambda maps: (1 / (maps - maps)).clamp(0, 1).nan_to_num() + maps.sigmoid())
    file = export(network, tmp_path / 'net.onnx', outputs=['heatmaps'])
    one = recording(file, next(name for name in read_node_outputs(file) if 'Div' in name or 'Reciprocal' in name))
    with pytest.raises(RunFailed, match='has numbers that are not finite'):
        one.outputs(images())


def test_added_outputs_are_what_the_package_onnx_reads(file: Path) -> None:
    model = onnx.load_from_string(with_outputs(file, [CONV]))
    assert [output.name for output in model.graph.output] == ['heatmaps', CONV]
    assert read_node_outputs(file) == {name: node.op_type for node in model.graph.node for name in node.output}


def test_a_student_learns_from_a_layer_of_a_file(file: Path) -> None:
    """Its map of 17 channels and 3x4 cells, from one of 8 channels and 12x16."""
    term = dict(type='FeatureTerm', student_layer='backbone.layer1', teacher_layer=CONV)
    teacher = OnnxTeacher(file, input=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                                           channel_order='rgb'), outputs=dict(grid='i/n'))
    model = distiller(teacher=teacher, terms=dict(feature=term))
    loss = model(*batch(), mode='loss')['loss_feature']
    loss.backward()
    assert model.terms['feature'].projector.weight.shape == (17, 8, 1, 1)
    assert model.backbone.conv1.weight.grad.abs().sum() > 0
