"""DWPose through a real Runner: one stage after the other, resumed, averaged, in two processes, tested plainly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import load_file
from distilpose.config import PROJECT_ROOT, build_estimator
from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError
from tests import rtmpose
from tests.engine import tiny

JOINTS = 17
SMALL, LARGE = rtmpose.network(keypoints=JOINTS), rtmpose.network(widen=0.1875, keypoints=JOINTS)
EMA = ("custom_hooks = [dict(type='EMAHook', ema_type='ExactExpMomentumEMA', momentum=0.1, gamma=10, "
       "update_buffers=True, priority=49)]\n")
KEYS = set(build_estimator(SMALL).state_dict())
Write = Callable[..., Path]


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def write(data: Path, tmp_path: Path) -> Write:
    """Writes a config of a model, with RTMPose's targets and AdamW."""
    def config(name: str, model: dict, extra: str = '', *, epochs: int = 2) -> Path:
        steps = f"""
codec = dict({rtmpose.CODEC!r})
train_pipeline = [
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', direction='horizontal'),
    dict(type='TopdownAffine', input_size=codec['input_size']), dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')]
val_pipeline = [
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']), dict(type='PackPoseInputs')]
train_dataloader['dataset']['pipeline'] = train_pipeline
val_dataloader['dataset']['pipeline'] = val_pipeline
test_dataloader = val_dataloader
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05), clip_grad=dict(max_norm=1.0, norm_type=2),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True))
model = {model!r}
{extra}"""
        return tiny.write_config(tmp_path / f'{name}.py', data, extra=steps, epochs=epochs)
    return config


@pytest.fixture
def stage_1(write: Write, tmp_path: Path) -> Write:
    torch.manual_seed(0)
    torch.save(dict(state_dict=build_estimator(LARGE).state_dict()), tmp_path / 'large.pth')

    def config(extra: str = '', **teacher: str) -> Path:
        source = dict(config=LARGE, checkpoint=str(tmp_path / 'large.pth'), **teacher)
        return write('stage_1', dict(type='PoseDistiller', student=SMALL, teacher=source, terms=rtmpose.STAGE_1), extra)
    return config


@pytest.fixture
def stage_2(write: Write, tmp_path: Path) -> Write:
    torch.manual_seed(1)
    torch.save(dict(state_dict=build_estimator(SMALL).state_dict()), tmp_path / 'small.pth')

    def config(extra: str = '', *, checkpoint: Path = tmp_path / 'small.pth', mode: str = 'eval',
               epochs: int = 2) -> Path:
        model = dict(type='PoseDistiller', student=SMALL, share_backbone=True, task_weight=0.0,
                     teacher=dict(config=SMALL, checkpoint=str(checkpoint), mode=mode),
                     terms=dict(logit=rtmpose.LOGIT))
        return write('stage_2', model, extra, epochs=epochs)
    return config


def weights(file: Path, key: str = 'state_dict') -> dict[str, torch.Tensor]:
    return load_file(file)[key]


def changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """Names of the tensors that differ."""
    assert one.keys() == other.keys()
    return {name for name, value in one.items() if not torch.equal(value, other[name])}


def test_one_stage_after_the_other_and_a_plain_test(stage_1: Write, stage_2: Write, write: Write,
                                                    tmp_path: Path) -> None:
    train(stage_1(EMA), work_dir=tmp_path / 'one', validate=False)
    first = tmp_path / 'one' / 'epoch_2.pth'
    assert set(weights(first)) - KEYS == {f'distillation.feature.projector.{name}' for name in ('weight', 'bias')}
    runner = train(stage_2(EMA, checkpoint=first), work_dir=tmp_path / 'two')
    second = tmp_path / 'two' / 'epoch_2.pth'
    student = {name: value for name, value in weights(first).items() if name in KEYS}
    assert set(weights(second)) == KEYS
    heads = {name for name in KEYS if name.startswith('head.')}
    assert changed(weights(second), student) == heads  # the averaged file too
    log = Path(runner.logger.log_file).read_text()
    assert "The teacher's weights are bit-identical" in log and 'loss_logit' in log and 'loss_kpt' not in log
    plain = write('plain', SMALL)
    (tmp_path / 'one' / 'epoch_2.pth').unlink()
    metrics = [evaluate(config, second, work_dir=tmp_path / 'test') for config in (plain, tmp_path / 'stage_2.py')]
    assert metrics[0] == metrics[1]
    assert metrics[0]['coco/AP'] == pytest.approx(runner.message_hub.get_scalar('val/coco/AP').current())


@pytest.mark.parametrize('mode', ['eval', 'train'])
def test_resumed_equals_uninterrupted(stage_2: Write, tmp_path: Path, mode: str) -> None:
    train(stage_2(EMA, mode=mode, epochs=3), work_dir=tmp_path / 'whole', validate=False)
    train(stage_2(EMA, mode=mode, epochs=1), work_dir=tmp_path / 'parts', validate=False)
    train(stage_2(EMA, mode=mode, epochs=3), work_dir=tmp_path / 'parts', validate=False, resume='auto')
    for key in ('state_dict', 'ema_state_dict'):
        assert not changed(*(weights(tmp_path / name / 'epoch_3.pth', key) for name in ('whole', 'parts')))


def test_the_log_tells_the_truth_of_train_mode(stage_2: Write, tmp_path: Path) -> None:
    runner = train(stage_2(mode='train'), work_dir=tmp_path / 'run', validate=False)
    moved = changed(weights(tmp_path / 'run' / 'epoch_2.pth'), weights(tmp_path / 'small.pth'))
    assert 'backbone.stem.0.bn.running_mean' in moved
    assert not any(name.startswith('backbone.') and name.endswith('.weight') for name in moved)
    log = Path(runner.logger.log_file).read_text()
    assert "The teacher's weights are bit-identical" in log and 'running statistics that it has are no longer' in log


def test_another_shared_backbone_is_refused_before_training(stage_2: Write, tmp_path: Path) -> None:
    train(stage_2(epochs=1), work_dir=tmp_path / 'run', validate=False)
    torch.manual_seed(5)
    torch.save(dict(state_dict=build_estimator(SMALL).state_dict()), tmp_path / 'other.pth')
    other = dict(work_dir=tmp_path / 'run', validate=False, resume='auto')
    with pytest.raises(DistilPoseError, match="with another model: SHA-256 of the teacher's weights"):
        train(stage_2(checkpoint=tmp_path / 'other.pth'), **other)
    with pytest.raises(DistilPoseError, match='share a backbone, and the checkpoint that this run starts from'):
        train(stage_2(checkpoint=tmp_path / 'other.pth'), **other, allow_changed='model')


def test_stage_2_in_bfloat16(stage_2: Write, tmp_path: Path) -> None:
    train(stage_2(epochs=1), work_dir=tmp_path / 'half', validate=False, amp=True)
    train(stage_2(epochs=1), work_dir=tmp_path / 'full', validate=False)
    half, full = (tiny.logged_losses(tmp_path / name) for name in ('half', 'full'))
    assert half != full and half == pytest.approx(full, rel=0.05)


@pytest.mark.slow
def test_stage_2_in_two_processes(stage_2: Write, tmp_path: Path) -> None:
    """Without ``find_unused_parameters``: every trainable weight takes part in every step."""
    command = ['bash', PROJECT_ROOT / 'tools' / 'dist_train.sh', stage_2(EMA, epochs=1), '2', '--work-dir',
               tmp_path / 'run', '--no-validate']
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    moved = changed(weights(tmp_path / 'run' / 'epoch_1.pth'), weights(tmp_path / 'small.pth'))
    assert moved == {name for name in KEYS if name.startswith('head.')}
