"""The log of a run: a summary, then the first training line; details in a file of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from distilpose.engine import train
from distilpose.engine.runner import require_batches
from distilpose.errors import DistilPoseError

from . import tiny

LINES = 60
RTMPOSE = """
codec = dict(type='SimCCLabel', input_size=(48, 64), sigma=(2.0, 2.5), simcc_split_ratio=2.0, normalize=False)
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
train_dataloader['dataset']['pipeline'] = train_pipeline
model = dict(
    type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='CSPNeXt', deepen_factor=0.167, widen_factor=0.125, out_indices=(4, ), norm_cfg=dict(type='BN')),
    head=dict(type='RTMCCHead', in_channels=128, out_channels=17, input_size=(48, 64), in_featuremap_size=(2, 2),
              simcc_split_ratio=2.0, final_layer_kernel_size=1,
              gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0., drop_path=0., act_fn='SiLU',
                           use_rel_bias=False, pos_enc=False),
              loss=dict(type='KLDiscretLoss', use_target_weight=True), decoder=codec),
    test_cfg=dict(flip_test=True))
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05), paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0))
"""
RTMPOSE_OF_MMPOSE = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'


def lines_before_training(text: str) -> int:
    lines = text.splitlines()
    return next(number for number, line in enumerate(lines) if 'Epoch(train)' in line)


def log_of(runner: Runner) -> str:
    return Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


def details_of(runner: Runner) -> str:
    return Path(runner.log_dir, 'details.txt').read_text()


def test_runs_of_one_second_have_folders_of_their_own(make_config: Callable[..., Path], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, 'time', lambda: 1e9 + 0.5)
    runs = [train(make_config(), work_dir=tmp_path / 'out', validate=False, options={'train_cfg.max_epochs': epochs},
                  resume=epochs > 1) for epochs in (1, 2, 3)]
    assert len({run.log_dir for run in runs}) == 3 and len(list(Path(runs[0].work_dir).glob('2001*'))) == 3
    assert [log_of(run).count('Epoch(train)') for run in runs] == [log_of(runs[0]).count('Epoch(train)')] * 3


@pytest.mark.parametrize('kind', ['plain', 'rtmpose', 'distilled'])
def test_the_first_training_line_comes_soon(kind: str, make_config: Callable[..., Path], tiny_data: Path,
                                            tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    distilled = kind == 'distilled'
    config = tiny.write_distillation(tmp_path, tiny_data)[1] if distilled else make_config(
        extra=RTMPOSE * (kind == 'rtmpose'))
    runner = train(config, work_dir=tmp_path / 'run')
    console, log = capfd.readouterr(), log_of(runner)
    assert lines_before_training(console.out) + len(console.err.splitlines()) < LINES
    assert lines_before_training(log) < LINES
    assert 'Samples: 12 to train on in batches of 4, 12 to validate on; 6 iterations.' in log
    assert ('Teacher: TinyBackbone, HeatmapHead, 0.0047 M parameters, frozen, ' in log) == distilled
    assert ('terms: simulated_heatmap (1).' in log) == distilled
    details = details_of(runner)
    assert 'PyTorch compiling details' in details and 'before_train_epoch:' in details
    assert 'Initialization information' in details and 'Initialization information' not in log
    assert ('paramwise_options' in details) == (kind == 'rtmpose')


def test_the_log_is_mmengines_by_an_option(make_config: Callable[..., Path], tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False, options=dict(log_level='DEBUG'))
    log = log_of(runner)
    assert 'Initialization information' in log and 'before_train_epoch:' in log and 'Config:\n' in log
    assert not Path(runner.log_dir, 'details.txt').exists()


def test_warnings_of_what_has_only_details_are_logged(make_config: Callable[..., Path], tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    with runner._details():
        runner.logger.warning('mind the step')
        runner.logger.info('a step')
    runner.logger.info('no step')
    assert [line.rpartition(' - ')[2] for line in log_of(runner).splitlines()[-2:]] == ['mind the step', 'no step']
    assert details_of(runner).splitlines()[-2:] == ['mind the step', 'a step']


def run(*command: str) -> str:
    """The output of a command of this Python, in which worker processes warn always."""
    environment = {**os.environ, 'PYTHONPATH': str(tiny.PROJECT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '',
                   'PYTHONWARNINGS': 'default'}
    result = subprocess.run([sys.executable, *command], env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=400)
    assert result.returncode == 0, result.stdout[-3000:]
    return result.stdout


@pytest.mark.slow
def test_the_pinned_packages_do_not_warn(tmp_path: Path, tiny_data: Path) -> None:
    """In one process with workers, in two, and in a test."""
    config = str(tiny.write_config(tmp_path / 'rtmpose.py', tiny_data, workers=1, epochs=1, extra=RTMPOSE))
    tools, work_dir = tiny.PROJECT / 'tools', tmp_path / 'run'
    outputs = [
        run(str(tools / 'train.py'), config, '--work-dir', str(work_dir)),
        run(str(tools / 'test.py'), config, str(work_dir / 'epoch_1.pth'), '--work-dir', str(tmp_path / 'test')),
        run('-m', 'torch.distributed.run', '--nproc-per-node=2', '--rdzv-backend=c10d', '--rdzv-endpoint=localhost:0',
            str(tools / 'train.py'), config, '--work-dir', str(tmp_path / 'two'), '--launcher', 'pytorch')]
    for output in outputs:
        assert 'FutureWarning' not in output and 'metainfo config file' not in output
        assert '"FileClient"' not in output


@pytest.mark.slow
def test_a_config_of_mmpose_has_the_short_log(tmp_path: Path, tiny_data: Path,
                                              capfd: pytest.CaptureFixture[str]) -> None:
    loaders = {f'{name}_dataloader.{key}': value for name in ('train', 'val', 'test') for key, value in {
        'dataset.data_root': f'{tiny_data}/', 'dataset.ann_file': 'annotations/people.json',
        'dataset.data_prefix.img': 'images/', 'batch_size': 4, 'num_workers': 0,
        'persistent_workers': False}.items()}
    runner = train(RTMPOSE_OF_MMPOSE, work_dir=tmp_path / 'run', validate=False, options={
        **loaders, 'train_cfg.max_epochs': 1, 'model.backbone.init_cfg': None, 'default_hooks.logger.interval': 1,
        'custom_hooks': [], 'val_evaluator.ann_file': str(tiny_data / 'annotations/people.json'),
        'test_evaluator.ann_file': str(tiny_data / 'annotations/people.json')})
    console = capfd.readouterr()
    assert lines_before_training(console.out) + len(console.err.splitlines()) < LINES
    assert lines_before_training(log_of(runner)) < LINES


@pytest.mark.parametrize(('people', 'batch', 'drop_last', 'words'), [
    (3, 4, True, '3 people, and with drop_last=True a batch needs 4, so no batch'), (3, 4, False, None),
    (4, 4, True, None), (0, 4, False, 'has no people to train on')])
def test_a_training_without_a_batch_is_refused(people: int, batch: int, drop_last: bool, words: str | None) -> None:
    loader: DataLoader = DataLoader(range(people), batch_size=batch, drop_last=drop_last)  # type: ignore[arg-type]
    with nullcontext() if words is None else pytest.raises(DistilPoseError, match=words):
        require_batches(loader)
