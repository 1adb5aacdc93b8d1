"""Export to ONNX: every head, an open batch, metadata, and a file that answers otherwise."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.codecs.utils import get_heatmap_maximum, refine_keypoints_dark, refine_keypoints_dark_udp
from mmpose.models.heads import HeatmapHead

import distilpose
from distilpose.apis import export_onnx, load_model, predict
from distilpose.config.models import build_estimator
from distilpose.distillation.teachers.onnx.graph import append_properties, read_properties
from distilpose.distillation.teachers.onnx.metadata import read_metadata
from distilpose.distillation.teachers.onnx.session import OnnxSession
from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.export import onnx as onnx_export
from distilpose.export.convert import convert
from distilpose.export.decoding import dark
from distilpose.export.onnx import export
from distilpose.models import TokenPoseHead
from tests import networks
from tests.checkpoints.made_files import published_names, student_weights, write_student_config
from tests.engine.test_onnx_evaluation import joints
from tests.engine.tiny import logged_losses, write_config, write_data
from tests.networks import ENCODER, HEATMAP_SIZE, INPUT_SIZE, NUM_KEYPOINTS, STUDENT, TEACHER
from tests.onnx_files import write_heatmaps

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

_MAPS = dict(input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE)
_REGRESSION = dict(type='RegressionLabel', input_size=INPUT_SIZE)


def _head(**head: Any) -> dict:
    return dict(copy.deepcopy({key: value for key, value in STUDENT.items() if key != 'head'}), head=head)


def _pooled(**head: Any) -> dict:
    return dict(_head(**head), neck=dict(type='GlobalAveragePooling'))


def _heatmap(decoder: dict) -> dict:
    return _head(type='HeatmapHead', in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                 loss=dict(type='KeypointMSELoss'), decoder=decoder)


def _hourglass() -> dict:
    size, cells = (64, 64), (16, 16)
    head = dict(type='CPMHead', in_channels=NUM_KEYPOINTS, out_channels=NUM_KEYPOINTS, num_stages=2, final_layer=None,
                deconv_out_channels=None, loss=dict(type='KeypointMSELoss'),
                decoder=dict(type='MSRAHeatmap', input_size=size, heatmap_size=cells, sigma=1))
    backbone = dict(type='StackedHourglass', num_keypoints=NUM_KEYPOINTS, num_stacks=2, channels=8)
    return dict(_head(**head), backbone=backbone)


_SIMCC = dict(type='SimCCLabel', input_size=INPUT_SIZE, sigma=(2.0, 2.0), simcc_split_ratio=2.0, normalize=False)
_SIMDR = dict(type='SimDRLabel', input_size=INPUT_SIZE, simdr_split_ratio=2.0)
MODELS = dict(
    distilpose=STUDENT,
    distilpose_rle=networks.changed(STUDENT, loss=dict(type='RLELoss', use_target_weight=True)),
    tokenpose=TEACHER,
    tokenpose_udp=networks.changed(TEACHER, decoder=dict(type='TokenPoseHeatmap', **_MAPS, sigma=1)),
    tokenpose_chained=networks.changed(TEACHER, encoder=dict(ENCODER, transformers=2, depth=1)),
    tokenpose_cycles=networks.changed(TEACHER, encoder=dict(ENCODER, cycles=2)),
    msra=_heatmap(dict(type='MSRAHeatmap', **_MAPS, sigma=1)),
    dark=_heatmap(dict(type='MSRAHeatmap', **_MAPS, sigma=1, unbiased=True)),
    udp=_heatmap(dict(type='UDPHeatmap', **_MAPS, sigma=1)),
    simcc=_head(type='SimCCHead', in_channels=8, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
                in_featuremap_size=HEATMAP_SIZE, simcc_split_ratio=2.0, deconv_out_channels=None,
                loss=dict(type='KLDiscretLoss', use_target_weight=True), decoder=_SIMCC),
    rtmcc=_head(type='RTMCCHead', in_channels=8, out_channels=NUM_KEYPOINTS, input_size=INPUT_SIZE,
                in_featuremap_size=HEATMAP_SIZE, simcc_split_ratio=2.0, final_layer_kernel_size=3,
                gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU',
                             use_rel_bias=False, pos_enc=False),
                loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True), decoder=_SIMCC),
    simdr=_head(type='SimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, decoder=_SIMDR),
    tokenpose_simdr=_head(type='TokenPoseSimDRHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, encoder=ENCODER,
                          decoder=_SIMDR),
    regression=_pooled(type='RegressionHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                       loss=dict(type='SmoothL1Loss', use_target_weight=True), decoder=_REGRESSION),
    rle=_pooled(type='RLEHead', in_channels=8, num_joints=NUM_KEYPOINTS,
                loss=dict(type='RLELoss', use_target_weight=True), decoder=_REGRESSION),
    direct=_pooled(type='DirectRegressionHead', in_channels=8, num_keypoints=NUM_KEYPOINTS, decoder=_REGRESSION),
    hourglass=_hourglass())


def write_checkpoint(model: dict, folder: Path, *, seed: int = 0) -> tuple[Config, Path]:
    """A config of a model and a checkpoint whose random weights are large enough to say something.

    Heatmaps are above 0, where their logarithm is smooth.
    """
    torch.manual_seed(seed)
    network = build_estimator(copy.deepcopy(model))
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    last = getattr(network.head, 'final_layer', None)
    if isinstance(last, torch.nn.Conv2d) and isinstance(network.head, HeatmapHead):
        torch.nn.init.constant_(last.bias, 5.0)
    elif isinstance(network.head, TokenPoseHead):
        torch.nn.init.constant_(network.head.readout[-1].bias, 5.0)
    torch.save(dict(state_dict=network.state_dict()), folder / 'net.pth')
    return Config(dict(model=copy.deepcopy(model))), folder / 'net.pth'


@pytest.mark.parametrize('name', MODELS)
def test_every_head(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True)
    assert made.comparison.share < 1e-4 and made.comparison.outliers < 0.01  # UDP's step is not stable on noise


@pytest.mark.parametrize('name', ['distilpose', 'tokenpose_udp', 'udp', 'rtmcc', 'simdr', 'rle'])
def test_half(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    whole = export(cfg, checkpoint, tmp_path / 'whole.onnx')
    made = export(cfg, checkpoint, tmp_path / 'half.onnx', half=True)
    assert made.comparison.share > whole.comparison.share  # it did compute in float16
    assert {port.dtype for port in ports(made.file)} == {torch.float32}
    assert made.file.stat().st_size < whole.file.stat().st_size


@pytest.mark.parametrize('name', MODELS)
def test_decoding(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True, with_decoding=True)
    assert made.comparison.pixels < 0.02 and made.outputs == ('coordinates', 'scores')


@pytest.mark.parametrize('name', MODELS)
def test_a_file_for_rtmlib(name: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', runtime='rtmlib')
    assert made.outputs == ('simcc_x', 'simcc_y')
    assert made.comparison.pixels <= 0.36  # half a bin along each axis


def test_only_what_predicts_is_in_the_file_and_it_says_what_it_is(tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    cfg.model.metainfo = dict(from_file='configs/_base_/datasets/coco.py')
    made = export(cfg, checkpoint, tmp_path / 'net.onnx')
    images, *outputs = ports(made.file)
    assert (images.name, images.shape) == ('images', (1, 3, 64, 48))
    assert [(port.name, port.shape) for port in outputs] == [('coordinates', (1, 17, 2)), ('scores', (1, 17, 1))]
    described = read_metadata(made.file)
    assert described is not None and described.keypoint_names is not None
    assert described.keypoint_names[:2] == ('nose', 'left_eye')
    assert described.input.mean == (123.675, 116.28, 103.53) and described.input.channel_order == 'rgb'
    assert described.outputs.unit == 'fractions' and described.input.size == INPUT_SIZE
    onnx = pytest.importorskip('onnx')
    graph = onnx.load(made.file)  # with the package, which this project does not write the metadata with
    onnx.checker.check_model(graph)
    keys = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(keys['distilpose.keypoints'])[0] == 'nose'


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = onnx_export._write

    def with_other_weights(plan: Any, *rest: Any, **options: Any) -> None:
        plan = copy.deepcopy(plan)
        torch.nn.init.zeros_(next(plan.network.parameters()))
        write(plan, *rest, **options)

    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    monkeypatch.setattr(onnx_export, '_write', with_other_weights)
    with pytest.raises(RunFailed, match=r'net\.onnx was not written, because .* outputs differ by') as error:
        export(cfg, checkpoint, tmp_path / 'net.onnx')
    assert error.value.exit_code == 1 and [file.name for file in tmp_path.iterdir()] == ['net.pth']


def test_a_batch_that_a_layer_fixes_is_no_dynamic_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = onnx_export.ExportedNetwork.forward

    def fixed(self: Any, images: torch.Tensor) -> Any:
        return plain(self, images + torch.zeros(int(images.shape[0]), 1, 1, 1))

    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    monkeypatch.setattr(onnx_export.ExportedNetwork, 'forward', fixed)
    with pytest.raises(RunFailed, match=r'was not written, because its graph takes \d+ images at once'):
        export(cfg, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True)
    assert [file.name for file in tmp_path.iterdir()] == ['net.pth']


@pytest.mark.parametrize('form', [{}, dict(with_decoding=True), dict(runtime='rtmlib')])
def test_an_overflow_of_float16_is_not_written(form: dict, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS['msra'], tmp_path)
    state = torch.load(checkpoint)['state_dict']
    state['head.final_layer.weight'] *= 1e8
    torch.save(dict(state_dict=state), checkpoint)
    with pytest.raises(RunFailed, match=r'net\.onnx was not written, .* of it has .* float16.*65504.* in float32'):
        export(cfg, checkpoint, tmp_path / 'net.onnx', half=True, **form)
    assert [file.name for file in tmp_path.iterdir()] == ['net.pth']


@pytest.mark.parametrize('file, options, message', [
    ('net.pth', {}, 'does not end in .onnx'),
    ('net.onnx', dict(runtime='rtmlib', with_decoding=True), 'decodes itself'),
    ('net.onnx', dict(runtime='other'), 'expected rtmlib'),
])
def test_what_is_refused(file: str, options: dict, message: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    with pytest.raises(DistilPoseError, match=message):
        export(cfg, checkpoint, tmp_path / file, **options)


def with_padding(cfg: Config, padding: float, *, udp: bool = False) -> Config:
    pipeline = [dict(type='GetBBoxCenterScale', padding=padding),
                dict(type='TopdownAffine', input_size=INPUT_SIZE, use_udp=udp)]
    cfg.train_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=pipeline))
    return cfg


def test_more_padding_than_rtmlib_has(tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    with pytest.raises(DistilPoseError, match='with padding 1.5, and rtmlib cuts them with 1.25'):
        export(with_padding(cfg, 1.5), checkpoint, tmp_path / 'net.onnx', runtime='rtmlib')


@pytest.mark.parametrize('name, padding, udp, size', [
    ('distilpose', 1.0, False, (60, 80)), ('rtmcc', 1.0, False, (60, 80)), ('distilpose', 1.2, False, (150, 200)),
    ('udp', 1.25, True, (192, 256)), ('udp', 1.0, True, (240, 320)), ('distilpose', 1.1, False, (219, 292))])
def test_other_crops_than_those_of_rtmlib(name: str, padding: float, udp: bool, size: tuple[int, int],
                                          tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(MODELS[name], tmp_path)
    made = export(with_padding(cfg, padding, udp=udp), checkpoint, tmp_path / 'net.onnx', runtime='rtmlib')
    described = read_metadata(made.file)
    assert described is not None and described.input.size == size and described.input.padding == 1.25
    assert str(size) in (made.runtime or '') and made.comparison.pixels <= 0.36
    for width, height in (size, (size[0] * 2, size[1] * 2)):
        session = OnnxSession(made.file)
        rows = session.run(torch.rand(1, 3, height, width), session.outputs)
        assert [value.shape[-1] for value in rows] == [2 * width, 2 * height]


def test_metadata_of_another_version(tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    file = export(cfg, checkpoint, tmp_path / 'net.onnx').file
    append_properties(file, {'distilpose.version': '7'})
    with pytest.raises(DistilPoseError, match='is of version 7; this distilpose reads version 1'):
        read_metadata(file)


def ports(file: Path) -> list:
    """The input and the outputs."""
    session = OnnxSession(file)
    return [session.input, *session.outputs]


def write_tiny(name: str, folder: Path) -> tuple[Path, Path]:
    """A config of one of the networks with data, and a checkpoint."""
    model = dict(copy.deepcopy(MODELS[name]), test_cfg=dict(flip_test=True))
    checkpoint = write_checkpoint(model, folder)[1]
    return write_config(folder / 'net.py', write_data(folder / 'data'), extra=f'\nmodel = {model!r}\n'), checkpoint


@pytest.mark.parametrize('name', ['distilpose', 'tokenpose', 'tokenpose_udp', 'dark', 'rtmcc', 'simdr', 'rle'])
def test_the_file_is_tested_as_the_checkpoint(name: str, tmp_path: Path) -> None:
    config, checkpoint = write_tiny(name, tmp_path)
    made = export(config, checkpoint, tmp_path / 'net.onnx', dynamic_batch=True)
    assert made.comparison.source == '8 crops of the validation data'
    for number, source in enumerate((checkpoint, made.file)):
        evaluate(config, source, work_dir=tmp_path / 'test', dump=tmp_path / f'{number}.pkl')
    found, expected = joints(tmp_path / '1.pkl'), joints(tmp_path / '0.pkl')
    np.testing.assert_allclose(found, expected, atol=2e-2)


FORMS: dict[str, dict] = dict(plain={}, dynamic=dict(dynamic_batch=True), half=dict(half=True),
                              decoding=dict(with_decoding=True), rtmlib=dict(runtime='rtmlib'))


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A distillation's config, whose teacher is an ONNX file that is gone since, and the checkpoint that it left."""
    folder = tmp_path_factory.mktemp('trained')
    config = write_tiny('distilpose', folder)[0]
    config.write_text(config.read_text().replace('max_epochs=2', 'max_epochs=1'))
    teacher = write_heatmaps(folder / 'teacher.onnx')
    train(config, teacher=teacher, work_dir=folder / 'run', validate=False, options={
        'model.teacher.input': dict(mean=127.5, std=127.5, channel_order='rgb'), 'model.teacher.outputs.grid': 'i/n'})
    teacher.unlink()
    return folder / 'run' / 'net_from_teacher.py', folder / 'run' / 'epoch_1.pth'


@pytest.mark.parametrize('form', [form if form in ('plain', 'rtmlib') else pytest.param(form, marks=pytest.mark.slow)
                                  for form in FORMS])
def test_the_circle_closes(form: str, trained: tuple[Path, Path], tmp_path: Path) -> None:
    """A student that learned is exported: the file is tested and predicts as the checkpoint, and is a teacher."""
    distillation, checkpoint = trained
    student, images = checkpoint.parent.parent / 'net.py', checkpoint.parent.parent / 'data' / 'images'
    without_flip = {'model.test_cfg.flip_test': False}
    made = export_onnx(distillation, checkpoint, tmp_path / 'net.onnx', test=True, options={
        'model.student.test_cfg.flip_test': False}, **FORMS[form])
    expected = evaluate(student, checkpoint, work_dir=tmp_path / 'test', options=without_flip)
    assert made.metrics == pytest.approx(expected, abs=1e-2 if form in ('half', 'rtmlib') else 1e-3)
    assert evaluate(student, made.file, work_dir=tmp_path / 'test', options=without_flip) == made.metrics

    picture = sorted(images.iterdir())[0]
    network = load_model(student, checkpoint, options=without_flip)
    found, wanted = (predict(model, picture, [[2, 2, 58, 78]]).keypoints for model in (load_model(made.file), network))
    np.testing.assert_allclose(found, wanted, atol={'half': 1.0, 'rtmlib': 0.5}.get(form, 2e-2))

    plain = write_config(tmp_path / 'student.py', images.parent, epochs=1)
    runner = train(plain, teacher=made.file, work_dir=tmp_path / 'run', validate=False)
    assert runner.model.teacher.file.name == 'net.onnx' and logged_losses(tmp_path / 'run')


@pytest.mark.parametrize('form', FORMS)
def test_the_same_bytes_again(form: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    files = [export(cfg, checkpoint, tmp_path / name / 'net.onnx', **FORMS[form]).file for name in 'ab']
    assert files[0].read_bytes() == files[1].read_bytes()
    onnx = pytest.importorskip('onnx')
    graph = onnx.load(files[0])
    onnx.checker.check_model(graph, full_check=True)
    assert [(one.domain, one.version) for one in graph.opset_import] == [('', 17)] and graph.ir_version <= 8


@pytest.mark.slow
def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    cfg.dump(tmp_path / 'net.py')
    program = 'import sys; from distilpose.apis import export_onnx; export_onnx(*sys.argv[1:])'
    for seed in ('1', '2'):
        subprocess.run([sys.executable, '-c', program, str(tmp_path / 'net.py'), str(checkpoint),
                        str(tmp_path / f'{seed}.onnx')], check=True, env={**os.environ, 'PYTHONHASHSEED': seed})
    assert (tmp_path / '1.onnx').read_bytes() == (tmp_path / '2.onnx').read_bytes()


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_the_file_names_the_checkpoint_that_it_was_made_of(suffix: str, tmp_path: Path) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    if suffix == 'safetensors':
        checkpoint = convert(checkpoint, tmp_path / 'net.safetensors', config=cfg).destination
    properties = read_properties(export(cfg, checkpoint, tmp_path / 'net.onnx').file)
    assert json.loads(properties['distilpose.checkpoint']) == dict(
        name=checkpoint.name, sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    assert json.loads(properties['distilpose.made_by']) == f'distilpose {distilpose.__version__}'


def test_a_published_file_is_recognised(tmp_path: Path) -> None:
    config = write_student_config(tmp_path / 'student.py', write_data(tmp_path / 'data'))
    torch.save(published_names(student_weights()), tmp_path / 'published.pth')
    made = export(config, tmp_path / 'published.pth', tmp_path / 'net.onnx')
    assert made.outputs == ('coordinates', 'scores') and made.comparison.share < 1e-4


@pytest.mark.parametrize('error', [KeyboardInterrupt, RunFailed('as it may be')])
def test_an_older_file_outlives_a_stop(error: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    (tmp_path / 'net.onnx').write_bytes(b'older')
    monkeypatch.setattr(onnx_export, 'compare', mock.Mock(side_effect=error))
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        export(cfg, checkpoint, tmp_path / 'net.onnx')
    assert (tmp_path / 'net.onnx').read_bytes() == b'older'
    assert sorted(file.name for file in tmp_path.iterdir()) == ['net.onnx', 'net.pth']


def test_what_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, checkpoint = write_checkpoint(STUDENT, tmp_path)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx').file
    with pytest.raises(DistilPoseError, match=r'net\.onnx is an ONNX file already'):
        export(cfg, made, tmp_path / 'again.onnx')
    with pytest.raises(DistilPoseError, match='cannot be made: .*net.pth is a file'):
        export(cfg, checkpoint, checkpoint / 'net.onnx')
    monkeypatch.setattr(onnx_export, '_LARGEST', 1000)
    with pytest.raises(DistilPoseError, match='GB of weights, and an ONNX file holds at most .*; add --half'):
        export(cfg, checkpoint, tmp_path / 'large.onnx')


@pytest.mark.parametrize('form', FORMS)
def test_heatmaps_with_offsets_are_refused(form: str, tmp_path: Path) -> None:
    model = _heatmap(dict(type='UDPHeatmap', **_MAPS, heatmap_type='combined'))
    model['head'].update(out_channels=3 * NUM_KEYPOINTS)
    cfg, checkpoint = write_checkpoint(model, tmp_path)
    with pytest.raises(DistilPoseError, match=r'heatmaps of UDPHeatmap \(combined\) cannot be exported'):
        export(cfg, checkpoint, tmp_path / 'net.onnx', **FORMS[form])


def test_flat_heatmaps_are_not_compared(tmp_path: Path) -> None:
    """Joints that no label had: DARK's step on their heatmaps is what rounding makes it."""
    cfg, checkpoint = write_checkpoint(MODELS['udp'], tmp_path)
    state = torch.load(checkpoint)['state_dict']
    state['head.final_layer.weight'][:6] *= 1e-5
    state['head.final_layer.bias'][:6] = 1e-3
    torch.save(dict(state_dict=state), checkpoint)
    made = export(cfg, checkpoint, tmp_path / 'net.onnx', runtime='rtmlib')
    assert made.comparison.undecided > 0.1 and 'whose place rounding decides, not compared' in str(made)
    assert made.comparison.pixels < 0.36


@pytest.mark.parametrize('kernel', [3, 5, 7, 9, 11, 17])
@pytest.mark.parametrize('udp', [False, True])
def test_dark_is_that_of_mmpose(kernel: int, udp: bool) -> None:
    """Also of small kernels, which OpenCV has in a table."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:24, :16]
    x, y = generator.uniform(3, 12, 17), generator.uniform(3, 20, 17)
    maps = np.exp(-((columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2) / 4.5)
    maps = (maps * 0.5 + generator.uniform(0, 0.02, maps.shape)).astype(np.float32)
    refine = refine_keypoints_dark_udp if udp else refine_keypoints_dark
    expected = refine(get_heatmap_maximum(maps)[0][None], maps.copy(), kernel)[0]
    found = dark(torch.from_numpy(maps)[None], kernel=kernel, udp=udp)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)
