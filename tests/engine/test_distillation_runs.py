"""What running a distillation means: teacher checked, checkpoint the student's, precision and resume as ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from distilpose.apis import load_model
from distilpose.checkpoints import load_file
from distilpose.config import build_estimator
from distilpose.engine import evaluate, read_config, train
from distilpose.errors import DistilPoseError

from . import tiny
from .processes import run_in_two_processes

EMA = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
FAST = {'model.teacher.dtype': 'bfloat16', 'optim_wrapper.optimizer.fused': True,
        'custom_hooks': [*EMA, dict(type='ChannelsLastHook')]}


@pytest.fixture
def configs(tmp_path: Path, tiny_data: Path) -> tuple[Path, Path]:
    return tiny.write_distillation(tmp_path, tiny_data)


def test_the_log_says_that_the_teacher_is_unchanged(configs: tuple[Path, Path], tmp_path: Path) -> None:
    runner = train(configs[1], work_dir=tmp_path / 'run', validate=False)
    log = Path(runner.logger.log_file).read_text()
    assert 'The teacher has the weights' in log
    assert "The teacher's weights are bit-identical to the loaded ones" in log
    assert 'loss_simulated_heatmap' in log


_TWO_PROCESSES = """
import sys
from pathlib import Path
from distilpose.engine import train
folder = Path(sys.argv[1])
train(folder / 'distillation.py', work_dir=folder / 'run', validate=False, launcher='pytorch',
      options={'model.terms.simulated_heatmap.schedule': 'warmup'})
"""


@pytest.mark.slow
def test_two_processes_train_while_a_schedule_is_zero(configs: tuple[Path, Path], tmp_path: Path) -> None:
    """In the first iteration nothing trains the sigmas of the term, and the second needs their gradients."""
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, tmp_path)
    lines = [line for line in output.splitlines() if 'Epoch(train)' in line]
    assert len(lines) == 4 and lines[0].endswith('loss_simulated_heatmap: 0.000000'), lines
    assert not lines[-1].endswith('loss_simulated_heatmap: 0.000000')


@HOOKS.register_module()
class TeacherChangingHook(Hook):
    """Trains the teacher in the second epoch, as a mistaken hook of a user may."""

    def before_train_epoch(self, runner: Runner) -> None:
        if runner.epoch == 1:
            with torch.no_grad():
                next(runner.model.teacher.model.parameters()).add_(0.1)


def test_no_checkpoint_is_saved_after_the_teacher_changed(configs: tuple[Path, Path], tmp_path: Path) -> None:
    options = dict(custom_hooks=[dict(type='TeacherChangingHook')])
    with pytest.raises(DistilPoseError, match='weights changed during training'):
        train(configs[1], work_dir=tmp_path / 'run', options=options)
    assert [file.name for file in sorted((tmp_path / 'run').glob('epoch_*.pth'))] == ['epoch_1.pth']


def test_the_student_is_tested_without_its_teacher(configs: tuple[Path, Path], tmp_path: Path) -> None:
    student, distillation = configs
    runner = train(distillation, work_dir=tmp_path / 'run')
    (tmp_path / 'teacher.pth').unlink()
    checkpoint = tmp_path / 'run' / 'epoch_2.pth'
    metrics = [evaluate(config, checkpoint, work_dir=tmp_path / 'test') for config in configs]
    assert metrics[0] == metrics[1]
    assert metrics[0]['coco/AP'] == pytest.approx(runner.message_hub.get_scalar('val/coco/AP').current())


@pytest.mark.parametrize('options', [dict(custom_hooks=EMA), FAST], ids=['plain', 'fast'])
def test_averaged_resumed_and_in_bfloat16(options: dict, configs: tuple[Path, Path], tmp_path: Path) -> None:
    train(configs[1], work_dir=tmp_path / 'whole', amp=True, validate=False, options=options)
    train(configs[1], work_dir=tmp_path / 'parts', amp=True, validate=False, options=options,
          resume=str(tmp_path / 'whole' / 'epoch_1.pth'))
    whole, parts = (load_file(tmp_path / name / 'epoch_2.pth') for name in ('whole', 'parts'))
    for key in ('state_dict', 'ema_state_dict'):
        assert all(torch.equal(value, parts[key][name]) for name, value in whole[key].items())
        assert not any('teacher' in name for name in whole[key])


def test_a_missing_teacher_is_named_before_anything_is_written(configs: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / 'teacher.pth').unlink()
    with pytest.raises(DistilPoseError, match='teacher.pth, which model.teacher.checkpoint names'):
        train(configs[1], work_dir=tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_a_teacher_and_a_tested_checkpoint_of_nan_are_refused(configs: tuple[Path, Path], tmp_path: Path) -> None:
    student, distillation = configs
    state = torch.load(tmp_path / 'teacher.pth')['state_dict']
    spoiled = {name: value * float('nan') if value.is_floating_point() else value for name, value in state.items()}
    torch.save(dict(state_dict=spoiled), tmp_path / 'teacher.pth')
    words = r'teacher\.pth holds weights that are no numbers: \d+ of \d+ are not finite: backbone\.layers\.0\.weight'
    with pytest.raises(DistilPoseError, match=words) as error:
        train(distillation, work_dir=tmp_path / 'run', validate=False)
    assert error.value.exit_code == 2
    with pytest.raises(DistilPoseError, match=words):
        evaluate(tmp_path / 'teacher.py', tmp_path / 'teacher.pth', work_dir=tmp_path / 'test')
    with pytest.raises(DistilPoseError, match=words):
        load_model(str(tmp_path / 'teacher.py'), tmp_path / 'teacher.pth')
    assert not (tmp_path / 'run').exists() or not list((tmp_path / 'run').glob('*.pth'))
    assert not (tmp_path / 'test').exists()


def test_another_checkpoint_is_refused(configs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='does not fit TopdownPoseEstimator'):
        evaluate(configs[1], tmp_path / 'teacher.pth', work_dir=tmp_path / 'test')


def test_a_quick_copy_measures_the_same(configs: tuple[Path, Path], tmp_path: Path) -> None:
    train(configs[0], work_dir=tmp_path / 'run', validate=False)
    checkpoint = tmp_path / 'run' / 'epoch_2.pth'
    metrics = {quick: evaluate(configs[0], checkpoint, work_dir=tmp_path / f'test_{quick}', quick=quick)
               for quick in (None, 'float32', 'bfloat16')}
    assert metrics['float32'] == pytest.approx(metrics[None], abs=1e-4)
    assert metrics['bfloat16'].keys() == metrics[None].keys()
    log = next((tmp_path / 'test_bfloat16').rglob('*.log')).read_text()
    assert 'Predicting with a copy optimised for inference, in bfloat16.' in log
    with pytest.raises(DistilPoseError, match="fast is 'int8'"):
        evaluate(configs[0], checkpoint, work_dir=tmp_path / 'none', quick='int8')
    assert not (tmp_path / 'none').exists()


def test_a_compiled_copy_measures_the_same(configs: tuple[Path, Path], tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that only traces, so that no compiler is needed."""
    traced, modes = torch._dynamo.optimize('eager'), []
    monkeypatch.setattr(torch, 'compile', lambda function, mode, **_: modes.append(mode) or traced(function))
    train(configs[0], work_dir=tmp_path / 'run', validate=False)
    checkpoint = tmp_path / 'run' / 'epoch_2.pth'
    metrics = {mode: evaluate(configs[0], checkpoint, work_dir=tmp_path / f'test_{mode}', quick='float32', compile=mode)
               for mode in (None, 'reduce-overhead')}
    assert metrics[None] == metrics['reduce-overhead'] and modes == ['reduce-overhead'] * 2
    log = next((tmp_path / 'test_reduce-overhead').rglob('*.log')).read_text()
    assert 'Predicting with a copy optimised for inference, in float32, compiled (reduce-overhead).' in log


def test_predictions_and_metrics_are_written(configs: tuple[Path, Path], tmp_path: Path) -> None:
    train(configs[0], work_dir=tmp_path / 'run', validate=False)
    evaluate(configs[0], tmp_path / 'run' / 'epoch_2.pth', work_dir=tmp_path / 'test', dump=tmp_path / 'all.pkl',
             out=tmp_path / 'new' / 'metrics.json')
    assert (tmp_path / 'all.pkl').stat().st_size > 0
    assert '"coco/AP"' in (tmp_path / 'new' / 'metrics.json').read_text()


def test_pictures_are_written(configs: tuple[Path, Path], tmp_path: Path) -> None:
    train(configs[0], work_dir=tmp_path / 'run', validate=False)
    evaluate(configs[0], tmp_path / 'run' / 'epoch_2.pth', work_dir=tmp_path / 'test', show_dir=tmp_path / 'pictures')
    assert len(list((tmp_path / 'pictures').rglob('*.png'))) == tiny.NUM_IMAGES


def test_dump_wants_a_pickle(configs: tuple[Path, Path], tmp_path: Path) -> None:
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), tmp_path / 'x.pth')
    with pytest.raises(DistilPoseError, match='.pkl or .pickle'):
        evaluate(configs[0], tmp_path / 'x.pth', dump=tmp_path / 'all.json')


_WITHOUT_TASK_LOSS = """
import sys
from pathlib import Path
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
head = dict(_delete_=True, type='DirectRegressionHead', in_channels=16, num_keypoints=17,
            loss=dict(type='RLELoss', use_target_weight=True),
            decoder=dict(type='RegressionLabel', input_size=(48, 64)))
options = {'model.task_weight': 0.0, 'model.student.head': head, 'log_processor.window_size': 1}
train(sys.argv[1], work_dir=Path(sys.argv[2]) / 'run', validate=False, launcher='pytorch', options=options)
"""


@pytest.mark.slow
def test_two_processes_train_rle_without_its_task_loss(configs: tuple[Path, Path], tmp_path: Path) -> None:
    run_in_two_processes(_WITHOUT_TASK_LOSS, tmp_path, configs[1], tmp_path)
    assert sorted(tiny.logged_losses(tmp_path / 'run')) == [1, 2, 3, 4]
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert re.search(r'no term trains \d+ parameters in head.loss_module: they keep their initial values', log)


_SYNC_BN = """
model['backbone'] = dict(type='CSPNeXt', arch='P5', deepen_factor=0.167, widen_factor=0.125, out_indices=(3, ),
                         norm_cfg=dict(type='SyncBN'))
model['head']['in_channels'] = 64
"""
_TEACHER_IN_TRAIN_MODE = """
import sys
from pathlib import Path
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
train(sys.argv[1], work_dir=Path(sys.argv[2]) / 'run', validate=False, launcher='pytorch',
      options={'model.teacher.mode': 'train', 'log_processor.window_size': 1})
"""


@pytest.mark.slow
def test_two_processes_ask_a_teacher_with_sync_bn_in_train_mode(configs: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / 'teacher.py'
    file.write_text(file.read_text() + _SYNC_BN)
    weights = build_estimator(read_config(file).model.to_dict()).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'teacher.pth')
    run_in_two_processes(_TEACHER_IN_TRAIN_MODE, tmp_path, configs[1], tmp_path)
    assert sorted(tiny.logged_losses(tmp_path / 'run')) == [1, 2, 3, 4]
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert 'SyncBN takes statistics over all processes on GPUs only' in log
    assert 'The teacher ran in train mode' in log
