"""Distillation through a real Runner: the checkpoint, the log, resuming, averaging, two processes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import CheckpointMismatch, load_file
from distilpose.config import PROJECT_ROOT, build_estimator
from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError
from tests.engine import tiny
from tests.networks import STUDENT, TEACHER, TERMS, changed, teacher

EMA = "custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]\n"
STUDENT_KEYS = set(build_estimator(changed(STUDENT)).state_dict())
BIT_IDENTICAL = "The teacher's weights are bit-identical to the loaded ones"


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def make_config(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a distillation config and its teacher's checkpoint."""
    torch.save(dict(state_dict=teacher().model.state_dict()), tmp_path / 'teacher.pth')
    source = dict(config=TEACHER, checkpoint=str(tmp_path / 'teacher.pth'))
    model = dict(type='PoseDistiller', student=STUDENT, teacher=source, terms=TERMS)

    def write(extra: str = '', **options: int) -> Path:
        return tiny.write_config(tmp_path / 'distillation.py', data, extra=f'model = {model!r}\n{extra}', **options)
    return write


def log_of(work_dir: Path) -> str:
    return max(work_dir.glob('*/*.log'), key=lambda file: file.stat().st_mtime_ns).read_text()


def test_a_run_leaves_a_student_checkpoint_and_an_untouched_teacher(make_config, tmp_path: Path) -> None:
    runner = train(make_config(), work_dir=tmp_path / 'run')
    stored = load_file(tmp_path / 'run' / 'epoch_2.pth')['state_dict']
    assert set(stored) == STUDENT_KEYS
    build_estimator(changed(STUDENT)).load_state_dict(stored, strict=True)
    log = log_of(tmp_path / 'run')
    assert BIT_IDENTICAL in log and runner.model.teacher.loaded_digest in log
    assert all(f'loss_{name}' in log for name in TERMS)


def test_a_changed_teacher_is_an_error(make_config, tmp_path: Path, monkeypatch) -> None:
    from distilpose.distillation import FrozenTeacher
    honest = FrozenTeacher.outputs

    def drifting(self: FrozenTeacher, images: torch.Tensor):
        self.model.backbone.bn1.running_mean += 1e-3
        return honest(self, images)
    monkeypatch.setattr(FrozenTeacher, 'outputs', drifting)
    with pytest.raises(Exception, match='teacher'):
        train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)


def test_evaluation_needs_no_teacher_and_a_plain_config_takes_the_checkpoint(make_config, data, tmp_path: Path) -> None:
    config = make_config(epochs=1)
    train(config, work_dir=tmp_path / 'run', validate=False)
    (tmp_path / 'teacher.pth').unlink()
    distilled = evaluate(config, tmp_path / 'run' / 'epoch_1.pth', work_dir=tmp_path / 'test')
    plain = tiny.write_config(tmp_path / 'plain.py', data, extra=f'model = {STUDENT!r}\n')
    assert evaluate(plain, tmp_path / 'run' / 'epoch_1.pth', work_dir=tmp_path / 'test2') == distilled


def test_resumed_equals_uninterrupted(make_config, tmp_path: Path) -> None:
    train(make_config(epochs=3), work_dir=tmp_path / 'whole', validate=False)
    train(make_config(epochs=2), work_dir=tmp_path / 'parts', validate=False)
    train(make_config(epochs=3), work_dir=tmp_path / 'parts', validate=False, resume='auto')
    whole, parts = (load_file(tmp_path / name / 'epoch_3.pth')['state_dict'] for name in ('whole', 'parts'))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_averaged_weights_are_the_students_too(make_config, tmp_path: Path) -> None:
    train(make_config(EMA, epochs=2), work_dir=tmp_path / 'run', validate=False)
    stored = load_file(tmp_path / 'run' / 'epoch_2.pth')
    averaged = {name.removeprefix('module.') for name in stored['ema_state_dict']} - {'steps'}
    assert set(stored['state_dict']) == averaged == STUDENT_KEYS
    assert any(not torch.equal(value, stored['ema_state_dict'][f'module.{name}'])
               for name, value in stored['state_dict'].items() if value.is_floating_point())


def test_mixed_precision(make_config, tmp_path: Path) -> None:
    train(make_config(epochs=1), work_dir=tmp_path / 'half', validate=False, amp=True)
    train(make_config(epochs=1), work_dir=tmp_path / 'full', validate=False)
    half, full = (tiny.logged_losses(tmp_path / name) for name in ('half', 'full'))
    assert half != full and half == pytest.approx(full, rel=0.05)


def train_in_two_processes(config: Path, folder: Path) -> None:
    """By the launch script, into ``folder / 'run'``."""
    script = PROJECT_ROOT / 'tools' / 'dist_train.sh'
    command = ['bash', script, config, '2', '--work-dir', folder / 'run', '--no-validate']
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_two_processes(make_config, tmp_path: Path) -> None:
    train_in_two_processes(make_config(epochs=1), tmp_path)
    assert set(load_file(tmp_path / 'run' / 'epoch_1.pth')['state_dict']) == STUDENT_KEYS
    log = log_of(tmp_path / 'run')
    assert BIT_IDENTICAL in log and 'Epoch(train) [1][2/2]' in log  # 12 people, 2 processes of 4


def test_missing_and_wrong_teachers_stop_before_training(make_config, tmp_path: Path) -> None:
    config = make_config()
    torch.save(dict(state_dict=build_estimator(changed(STUDENT)).state_dict()), tmp_path / 'teacher.pth')
    with pytest.raises(CheckpointMismatch, match=r'head\.readout'):
        train(config, work_dir=tmp_path / 'run')
    (tmp_path / 'teacher.pth').unlink()
    with pytest.raises(DistilPoseError, match='teacher.pth'):
        train(config, work_dir=tmp_path / 'run')
    assert not list(tmp_path.glob('run/*.pth'))


@pytest.fixture
def self_taught(data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the config of a student that is its own teacher."""
    terms = {name: TERMS[name] for name in ('visual_tokens', 'keypoint_tokens')}
    model = dict(_delete_=True, type='PoseDistiller', student=TEACHER, terms=terms,
                 teacher=dict(type='SelfDistillationTeacher', cycles=3))
    decoder = TEACHER['head']['decoder']

    def write(**options: int) -> Path:
        base = tiny.write_config(tmp_path / 'base.py', data, **options)
        file = tmp_path / 'self_taught.py'
        file.write_text(f"""
_base_ = {str(base)!r}
from distilpose.data_config import with_codec
codec = dict(_delete_=True, **{decoder!r})
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, {decoder!r})
model = {model!r}
""")
        return file
    return write


def test_a_student_that_is_its_own_teacher_learns(self_taught, data: Path, tmp_path: Path) -> None:
    """Its checkpoint is the plain student's, and no hook takes the teacher for one with weights of its own."""
    train(self_taught(epochs=6), work_dir=tmp_path / 'run', validate=False)
    losses = list(tiny.logged_losses(tmp_path / 'run').values())
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
    log = log_of(tmp_path / 'run')
    assert 'Teacher: the student itself, 3 cycles.' in log and 'TEACHER' not in log and 'bit-identical' not in log
    assert all(name in log for name in ('loss_kpt', 'loss_kpt_cycle2', 'loss_kpt_cycle3', 'acc_pose_cycle3'))
    stored = load_file(tmp_path / 'run' / 'epoch_6.pth')['state_dict']
    build_estimator(changed(TEACHER)).load_state_dict(stored, strict=True)


@pytest.mark.slow
def test_a_student_that_is_its_own_teacher_resumes(self_taught, tmp_path: Path) -> None:
    train(self_taught(epochs=3), work_dir=tmp_path / 'whole', validate=False)
    train(self_taught(epochs=2), work_dir=tmp_path / 'parts', validate=False)
    train(self_taught(epochs=3), work_dir=tmp_path / 'parts', validate=False, resume='auto')
    whole, parts = (load_file(tmp_path / name / 'epoch_3.pth')['state_dict'] for name in ('whole', 'parts'))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.slow
def test_a_student_that_is_its_own_teacher_in_two_processes(self_taught, tmp_path: Path) -> None:
    train_in_two_processes(self_taught(epochs=1), tmp_path)
    stored = load_file(tmp_path / 'run' / 'epoch_1.pth')['state_dict']
    build_estimator(changed(TEACHER)).load_state_dict(stored, strict=True)
