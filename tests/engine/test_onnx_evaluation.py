"""ONNX files in a Runner: training, resuming and caching with one as the teacher, and evaluating one."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError
from tests import rtmpose
from tests.engine.processes import run_in_two_processes
from tests.engine.tiny import NUM_IMAGES, logged_losses, write_config, write_data
from tests.networks import STUDENT, TEACHER, changed, teacher
from tests.onnx_files import Shows, export, export_teacher, write_heatmaps

INPUT = dict(mean=[127.5], std=[127.5], channel_order='bgr')
_DISTILLATION = """
_base_ = {student!r}
model = dict(
    _delete_=True, type='PoseDistiller', student=_base_.model,
    teacher=dict(type='OnnxTeacher', file={file!r}, input={input}, outputs=dict(grid='i/n')),
    terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned', weight=1.0)))
"""


def write_distillation(folder: Path, *, file: Path | None = None, extra: str = '', **options: Any) -> Path:
    student = write_config(folder / 'student.py', write_data(folder / 'data'), **options)
    config = folder / 'distillation.py'
    config.write_text(_DISTILLATION.format(student=str(student), file=str(file or write_heatmaps(folder / 'net.onnx')),
                                           input=INPUT) + extra)
    return config


def test_an_onnx_teacher_trains_and_is_proved_frozen(tmp_path: Path) -> None:
    runner = train(write_distillation(tmp_path), work_dir=tmp_path / 'run', amp=True)
    losses = logged_losses(tmp_path / 'run')
    assert len(losses) == 6
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    digest = runner.model.teacher.loaded_digest
    assert f'bit-identical to the loaded ones ({digest})' in log
    assert 'Teacher: ONNX graph net.onnx, heatmaps, ' in log
    assert 'net.onnx takes images of 48x64 (width x height, nchw, float32), BGR, mean 127.5, std 127.5.' in log
    assert "net.onnx predicts heatmaps of 17 keypoints (output 'heatmaps'), 12x16 (width x height), grid i/n." in log
    assert not any('teacher' in name for name in runner.model.state_dict())


def test_another_file_is_noticed_at_the_next_checkpoint(tmp_path: Path) -> None:
    config = write_distillation(tmp_path)
    replacing = f"""
custom_imports = dict(imports=['distilpose', 'tests.engine.tiny', 'tests.engine.test_onnx_evaluation'])
custom_hooks = [dict(type='ReplaceFileHook', file={str(tmp_path / 'net.onnx')!r})]
"""
    config.write_text(config.read_text() + replacing)
    from mmengine.hooks import Hook
    from mmpose.registry import HOOKS

    class ReplaceFileHook(Hook):
        def __init__(self, file: str) -> None:
            self.file = Path(file)

        def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
            self.file.write_bytes(self.file.read_bytes() + b'\x00')

    HOOKS.register_module(module=ReplaceFileHook, force=True)
    with pytest.raises(DistilPoseError, match=r"teacher's weights changed .* no process may replace its file"):
        train(config, work_dir=tmp_path / 'run')
    assert not list((tmp_path / 'run').glob('epoch_*.pth'))


def test_resuming_compares_file_and_description(tmp_path: Path) -> None:
    config = write_distillation(tmp_path)
    train(config, work_dir=tmp_path / 'run', options={'train_cfg.max_epochs': 1})
    moved = tmp_path / 'elsewhere' / 'teacher.onnx'
    moved.parent.mkdir()
    moved.write_bytes((tmp_path / 'net.onnx').read_bytes())
    for options, change in (({'model.teacher.outputs.grid': 'centers'}, "grid 'i/n' -> 'centers'"),
                            ({'model.teacher.file': str(write_heatmaps(tmp_path / 'b.onnx', stride=8))}, 'SHA-256')):
        with pytest.raises(DistilPoseError, match=f'with another model: .*{change}'):
            train(config, work_dir=tmp_path / 'run', resume=True, options=options)
    runner = train(config, work_dir=tmp_path / 'run', resume=True, options={'model.teacher.file': str(moved)})
    assert runner.epoch == 2


def test_a_cached_teacher_gives_the_same_losses_and_is_not_asked_again(tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    from distilpose.distillation.teachers import OnnxTeacher

    config = write_distillation(tmp_path)
    cache = {'default_hooks.teacher_cache.folder': str(tmp_path / 'cache'), 'default_hooks.teacher_cache.variants': 2,
             'default_hooks.teacher_report': None}
    train(config, work_dir=tmp_path / 'one', options=cache)
    asked: list[int] = []
    outputs = OnnxTeacher.outputs
    monkeypatch.setattr(OnnxTeacher, 'outputs', lambda self, images: asked.append(len(images)) or outputs(self, images))
    train(config, work_dir=tmp_path / 'two', options=cache)
    assert sum(asked) < NUM_IMAGES  # of a pair that is checked, and of a first batch
    assert logged_losses(tmp_path / 'two') == pytest.approx(logged_losses(tmp_path / 'one'))
    with pytest.raises(DistilPoseError, match="teacher's config"):
        train(config, work_dir=tmp_path / 'three', options={**cache, 'model.teacher.outputs.grid': 'centers'})


def test_a_missing_file_is_named_before_the_training(tmp_path: Path) -> None:
    config = write_distillation(tmp_path, file=tmp_path / 'absent.onnx')
    with pytest.raises(DistilPoseError, match=r'no ONNX file .*absent.onnx.*model.teacher.file'):
        train(config, work_dir=tmp_path / 'run')


def test_weights_of_a_file_cannot_be_taken(tmp_path: Path) -> None:
    config = write_distillation(tmp_path, extra="model['init_from_teacher'] = ('backbone',)\n")
    with pytest.raises(DistilPoseError, match=r'init_from_teacher takes weights .* net.onnx is a file'):
        train(config, work_dir=tmp_path / 'run')


def joints(file: Path) -> np.ndarray:
    """(people, K, 3) predicted coordinates in the image and scores, from a dump."""
    people = [sample['pred_instances'] for sample in pickle.loads(file.read_bytes())]
    return np.concatenate([np.dstack([one['keypoints'], one['keypoint_scores']]) for one in people])


def heatmaps_of(codec: str) -> dict:
    decoder = dict(type=codec, input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
    return dict(changed(TEACHER, decoder=decoder), test_cfg=dict(flip_test=True, shift_heatmap=codec == 'MSRAHeatmap'))


NETWORKS: dict[str, tuple[dict, tuple[str, ...], tuple[str, ...], dict]] = dict(
    heatmaps=(heatmaps_of('MSRAHeatmap'), ('heatmaps',), ('maps',), {'model.outputs.grid': 'i/n'}),
    udp=(heatmaps_of('UDPHeatmap'), ('heatmaps',), ('maps',), {'model.outputs.grid': 'udp'}),
    simcc=(dict(rtmpose.network(keypoints=17), test_cfg=dict(flip_test=True)), ('simcc',), ('simcc_x', 'simcc_y'), {}),
    coordinates=(dict(STUDENT, test_cfg=dict(flip_test=True)), ('coords', 'scores'), ('points', 'scores'),
                 {'model.outputs.unit': 'fractions'}))


@pytest.mark.parametrize('kind', NETWORKS)
def test_evaluating_a_file_is_evaluating_the_network(kind: str, tmp_path: Path) -> None:
    """With flip test; crops take the size of the file and not of the config, and options describe the file."""
    network, fields, names, outputs = NETWORKS[kind]
    frozen, decoder = teacher(network), network['head']['decoder']
    file = export_teacher(frozen, tmp_path / 'net.onnx', batch=1, fields=fields, outputs=names)
    config = write_config(tmp_path / 'student.py', write_data(tmp_path / 'data'))
    described = {'model.input.mean': [123.675, 116.28, 103.53], 'model.input.std': [58.395, 57.12, 57.375],
                 'model.input.channel_order': 'rgb', 'model.test_cfg.flip_test': True,
                 'test_dataloader.dataset.pipeline.2.input_size': (24, 32), **outputs}
    evaluate(config, file, work_dir=tmp_path / 'onnx', options=described, dump=tmp_path / 'onnx.pkl')
    torch.save(dict(state_dict=frozen.model.state_dict()), tmp_path / 'net.pth')
    (tmp_path / 'plain.py').write_text(f'_base_ = {str(config)!r}\nmodel = {dict(network, _delete_=True)}\n')
    evaluate(tmp_path / 'plain.py', tmp_path / 'net.pth', work_dir=tmp_path / 'torch', dump=tmp_path / 'torch.pkl',
             options={'train_dataloader.dataset.pipeline.5.encoder': decoder, **{
                 f'{loader}_dataloader.dataset.pipeline.{place}.input_size': decoder['input_size']
                 for loader, place in (('train', 4), ('val', 2), ('test', 2))}})
    found, expected = joints(tmp_path / 'onnx.pkl'), joints(tmp_path / 'torch.pkl')
    assert found.shape == (12, 17, 3) and np.ptp(expected[..., 0]) > 5
    # Of a random network two cells may be the highest, up to rounding.
    assert (np.abs(found - expected) <= 2e-3).mean() > 0.99
    log = next((tmp_path / 'onnx').glob('*/*.log')).read_text()
    assert 'Model: ONNX graph net.onnx, ' in log and 'net.onnx does not name its keypoints' in log


def test_keypoints_of_another_definition_are_matched_by_name(tmp_path: Path) -> None:
    """The body comes first in COCO-WholeBody."""
    config = write_config(tmp_path / 'student.py', write_data(tmp_path / 'data'))
    described = {'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'bgr',
                 'model.outputs.grid': 'i/n', 'model.test_cfg.flip_test': True}
    for name, count, more in (('whole', 133, {'model.keypoints': 'wholebody'}), ('body', 17, {})):
        network = Shows(lambda maps, count=count: maps[:, :count], channels=133)
        file = export(network, tmp_path / f'{name}.onnx', outputs=['maps'])
        evaluate(config, file, work_dir=tmp_path / name, options={**described, **more}, dump=tmp_path / f'{name}.pkl')
    np.testing.assert_allclose(joints(tmp_path / 'whole.pkl'), joints(tmp_path / 'body.pkl'), atol=1e-4)
    assert 'whole.onnx has other keypoints than the data' in next((tmp_path / 'whole').glob('*/*.log')).read_text()


def test_a_file_is_described_by_the_teacher_of_the_config(tmp_path: Path) -> None:
    config = write_distillation(tmp_path)
    found = evaluate(config, tmp_path / 'net.onnx', work_dir=tmp_path / 'a', out=tmp_path / 'a.json')
    described = {'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'bgr',
                 'model.outputs.grid': 'i/n'}
    assert found == evaluate(tmp_path / 'student.py', tmp_path / 'net.onnx', work_dir=tmp_path / 'b', options=described)
    assert 'its crops have that of the config, 1.25' in next((tmp_path / 'a').glob('*/*.log')).read_text()
    assert (tmp_path / 'a.json').is_file()


def test_crops_of_the_student_are_resampled_to_the_size_of_the_file(tmp_path: Path) -> None:
    """Joints come to lie where those of an own crop of the same padding do, and of an equal size they are equal."""
    config = write_config(tmp_path / 'student.py', write_data(tmp_path / 'data'))
    described = {'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'bgr',
                 'model.outputs.grid': 'i/n'}
    for size in ((48, 64), (96, 128)):
        network = Shows(lambda maps: maps)
        torch.nn.init.constant_(network.layers.weight, 1 / 768)  # the brightness of 16x16 pixels
        file = export(network, tmp_path / f'{size[0]}.onnx', outputs=['maps'], size=size)
        for crop in ('own', 'student'):
            options = {**described, 'model.crop': crop, 'model.input.padding': 1.25 if crop == 'own' else 7.0}
            evaluate(config, file, work_dir=tmp_path / crop, options=options,
                     dump=tmp_path / f'{size[0]}_{crop}.pkl')
    np.testing.assert_array_equal(joints(tmp_path / '48_own.pkl'), joints(tmp_path / '48_student.pkl'))
    distance = np.linalg.norm((joints(tmp_path / '96_own.pkl') - joints(tmp_path / '96_student.pkl'))[..., :2], axis=-1)
    assert distance.mean() > 0 and np.median(distance) < 3  # pixels of the image; a cell has 14


@pytest.mark.parametrize('options, message', [
    ({'model.crop': 'mine'}, r"model.crop is 'mine'; expected 'own' .* or 'student'"),
    ({'model.crop': 'student', 'test_dataloader.dataset.pipeline.2.input_size': (64, 64)},
     r"config's crops are of 64x64 .* ONNX file takes 48x64, which is another shape"),
    ({}, r'net.onnx lacks facts .* set model\.input\.mean .*model\.outputs\.grid='),
    ({'model.inputs.mean': 1}, r"OnnxEstimator has no 'inputs'"),
    ({'model.input.men': 1}, r"model.input has a key 'men'; did you mean 'mean'"),
])
def test_what_is_missing_or_misspelt_is_named(options: dict, message: str, tmp_path: Path) -> None:
    config = write_config(tmp_path / 'student.py', write_data(tmp_path / 'data'))
    described = {} if 'model.crop' not in options else {
        'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'bgr',
        'model.outputs.grid': 'i/n'}
    with pytest.raises(DistilPoseError, match=message):
        evaluate(config, write_heatmaps(tmp_path / 'net.onnx'), work_dir=tmp_path / 'run',
                 options={**described, **options})


def test_other_keypoints_than_those_of_the_data(tmp_path: Path) -> None:
    config = write_distillation(tmp_path)
    file = write_heatmaps(tmp_path / 'other.onnx', keypoints=5)
    with pytest.raises(DistilPoseError, match=r'shows 5 keypoints, and the test data has 17'):
        evaluate(config, file, work_dir=tmp_path / 'run')
    with pytest.raises(DistilPoseError, match='--quick'):
        evaluate(config, file, work_dir=tmp_path / 'run', quick='float32')


def test_an_estimator_of_a_file_is_not_trained(tmp_path: Path) -> None:
    from distilpose.distillation.teachers.onnx import OnnxEstimator

    estimator = OnnxEstimator(write_heatmaps(tmp_path / 'net.onnx'), input=INPUT, outputs=dict(grid='i/n'))
    with pytest.raises(DistilPoseError, match='cannot be trained'):
        estimator(torch.zeros(1, 3, 64, 48), [], mode='loss')


_TWO_PROCESSES = """
import sys
from pathlib import Path
from distilpose.engine import evaluate, train

folder = Path(sys.argv[1])
runner = train(folder / 'distillation.py', work_dir=folder / 'two', launcher='pytorch')
print('digest', runner.model.module.teacher.loaded_digest)
evaluate(folder / 'distillation.py', folder / 'net.onnx', work_dir=folder / 'test', launcher='pytorch',
         dump=folder / 'two.pkl')
"""


@pytest.mark.slow
def test_two_processes(tmp_path: Path) -> None:
    config = write_distillation(tmp_path)
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, tmp_path)
    digests = re.findall(r'digest ([0-9a-f]{64})', output)  # lines of two processes may run into one another
    assert len(digests) == 2 and len(set(digests)) == 1
    assert len(logged_losses(tmp_path / 'two')) == 4  # 12 samples in batches of 2 x 4
    evaluate(config, tmp_path / 'net.onnx', work_dir=tmp_path / 'one', dump=tmp_path / 'one.pkl')
    np.testing.assert_allclose(joints(tmp_path / 'two.pkl'), joints(tmp_path / 'one.pkl'), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('name, precision', [('lightning', 0.534), ('thunder', 0.580)])
def test_the_published_figures_of_real_teachers(name: str, precision: float, shared: Path, tmp_path: Path) -> None:
    file, data = shared / 'teachers' / f'movenet_{name}.onnx', shared / 'data' / 'lspet'
    if not (file.is_file() and data.is_dir()):
        pytest.skip(f'{file} or {data} is not on this machine')
    config = 'configs/body/2d_kpt_sview_rgb_img/distilpose/lspet/DistilPose_XS_lspet_96x64.py'
    found = evaluate(config, file, data_root=data, work_dir=tmp_path, options={
        'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'rgb',
        'model.input.padding': 1.0, 'model.outputs.grid': 'i/n', 'model.test_cfg.flip_test': False})
    assert found['coco/AP'] == pytest.approx(precision, abs=3e-3)
