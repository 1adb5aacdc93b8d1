"""``FiniteCheckHook`` through a real Runner: what is not finite stops the training, or is left out, and is named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmpose.models.losses import SmoothL1Loss
from mmpose.registry import HOOKS, MODELS, OPTIM_WRAPPERS, TRANSFORMS
from torch import Tensor

from distilpose.checkpoints import load_file
from distilpose.distillation.terms import SimulatedHeatmapTerm
from distilpose.engine import train
from distilpose.engine.hooks import FiniteCheckHook
from distilpose.engine.mixed_precision import AutocastOptimWrapper
from distilpose.errors import DistilPoseError, RunFailed
from tests.devices import on_device
from tests.engine.tiny import logged_losses, write_distillation
from tests.faults.runs import start_two_processes

MakeConfig = Callable[..., Path]
LOSS = "model['head']['loss'] = dict(type='FailingLoss', use_target_weight=True, at={at}, value={value!r})\n"
GRADIENT = "model['head']['loss'] = dict(type='NanGradientLoss', use_target_weight=True, at={at})\n"
LABEL = "train_pipeline.insert(-1, dict(type='SpoilLabels', id={id}, value={value!r}))\n"
WEIGHT = "custom_hooks = [dict(type='SpoilWeight', at={at}, where={where!r})]\n"
SKIP = "default_hooks['finite_check'] = dict(type='FiniteCheckHook', action='skip({n})')\n"
CLIP = "optim_wrapper['clip_grad'] = dict(max_norm=1.0)\n"


class _Counting(SmoothL1Loss):
    calls = 0

    def __init__(self, *, at: list[int], value: str = 'nan', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at, self.value = at, float(value)
        type(self).calls = 0

    @property
    def is_wrong(self) -> bool:
        type(self).calls += 1
        return type(self).calls in self.at


@MODELS.register_module(force=True)
class FailingLoss(_Counting):
    """Another value in some calls, counted from 1; for infinity the gradients stay finite."""

    def forward(self, *args: Any) -> Tensor:
        loss = super().forward(*args)
        return loss + self.value if self.is_wrong else loss


@MODELS.register_module(force=True)
class NanGradientLoss(_Counting):
    """A finite value whose gradient is NaN, as that of a square root at 0."""

    def forward(self, *args: Any) -> Tensor:
        loss = super().forward(*args)
        return loss + (loss * 0).sqrt() if self.is_wrong else loss


@TRANSFORMS.register_module(force=True)
class SpoilLabels(BaseTransform):
    """Replaces the first label of one sample."""

    def __init__(self, id: int, value: str) -> None:
        self.id, self.value = id, float(value)

    def transform(self, results: dict) -> dict:
        if results['id'] == self.id:
            results['keypoint_labels'] = results['keypoint_labels'].copy()
            results['keypoint_labels'][0, 0, 0] = self.value
        return results


@HOOKS.register_module(force=True)
class SpoilWeight(Hook):
    """Makes a weight NaN behind the check of an iteration, in the model or in its average."""

    priority = 'LOWEST'

    def __init__(self, at: int, where: str) -> None:
        self.at, self.where = at, where

    def before_train(self, runner: Any) -> None:
        self.spoil(runner, now=0)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.spoil(runner, now=runner.iter + 1)

    def spoil(self, runner: Any, *, now: int) -> None:
        if now != self.at:
            return
        model = runner.model
        if self.where == 'average':
            model = next(hook.ema_model.module for hook in runner.hooks if hasattr(hook, 'ema_model'))
        values = model.head.fc.weight if self.where != 'buffer' else model.backbone.layers[3].running_var
        values.data.view(-1)[1] = math.nan


@pytest.fixture(autouse=True)
def no_calls() -> Iterator[None]:
    yield
    _Counting.calls = 0


def log_of(run: Path) -> str:
    return '\n'.join(file.read_text() for file in run.glob('*/*.log'))


def saved(run: Path) -> list[str]:
    return sorted(file.name for file in run.glob('*.pth'))


def weights(file: Path) -> dict[str, Tensor]:
    return dict(load_file(file)['state_dict'])


def failure(config: Path, run: Path, **kwargs: Any) -> str:
    with pytest.raises(RunFailed) as found:
        train(config, work_dir=run, **{'validate': False, **kwargs})
    assert found.value.exit_code == 1
    return str(found.value)


@on_device
@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
def test_a_loss_stops_the_training_in_its_iteration(make_config: MakeConfig, tmp_path: Path, value: str) -> None:
    """The fifth of six: what was saved before stays, nothing is saved after."""
    text = failure(make_config(extra=LOSS.format(at=[5], value=value)), tmp_path / 'run')
    assert text.startswith(f'iteration 5: loss_kpt is {value}. The batch has the images ')
    assert text.count('.png') == 4 and '/images/0' in text
    assert 'a learning rate that is too high (it is 0.01)' in text and '--amp' in text
    assert text.endswith(f'Nothing was saved; the last checkpoint is {tmp_path}/run/epoch_1.pth, and --resume '
                         'continues from it.')
    assert saved(tmp_path / 'run') == ['epoch_1.pth'] and len(logged_losses(tmp_path / 'run')) == 4


@on_device
def test_before_the_first_checkpoint_it_says_that_there_is_none(make_config: MakeConfig, tmp_path: Path) -> None:
    text = failure(make_config(extra=LOSS.format(at=[1], value='nan')), tmp_path / 'run')
    assert text.endswith('Nothing was saved, and there is no earlier checkpoint.')
    assert saved(tmp_path / 'run') == []


@on_device
@pytest.mark.parametrize('value', ['nan', 'inf'])
def test_a_label_is_named_by_its_image(make_config: MakeConfig, tmp_path: Path, value: str) -> None:
    text = failure(make_config(extra=LABEL.format(id=5, value=value)), tmp_path / 'run')
    assert 'The targets of' in text and text.partition('The targets of')[2].split()[0].endswith('/005.png')
    assert 'correct the annotations' in text and saved(tmp_path / 'run') == []


@on_device
def test_a_config_without_our_hooks_is_checked_too(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(extra=LOSS.format(at=[2], value='nan'))
    lines = config.read_text().splitlines()
    lines = ["_base_ = 'mmpose::_base_/default_runtime.py'" if line.startswith('_base_') else line for line in lines]
    config.write_text('\n'.join([*lines, 'val_cfg = test_cfg = dict()']))
    assert failure(config, tmp_path / 'run').startswith('iteration 2: loss_kpt is nan')
    runner = train(config, work_dir=tmp_path / 'skip', validate=False,
                   options={'default_hooks.finite_check.action': 'skip(1)'})
    assert 'The update is not applied (1 in a row' in Path(runner.logger.log_file).read_text()


@on_device
def test_it_can_be_turned_off(make_config: MakeConfig, tmp_path: Path) -> None:
    extra = LOSS.format(at=[5], value='nan') + "default_hooks['finite_check'] = None\n"
    train(make_config(extra=extra), work_dir=tmp_path / 'run', validate=False)


@on_device
def test_iterations_of_loops_without_epochs(make_config: MakeConfig, tmp_path: Path) -> None:
    extra = LOSS.format(at=[3], value='nan') + """
train_cfg = dict(by_epoch=False, max_iters=5, val_interval=5)
train_dataloader['sampler'] = dict(type='InfiniteSampler')
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=1), logger=dict(interval=1))
log_processor = dict(by_epoch=False, window_size=1)
"""
    assert failure(make_config(extra=extra), tmp_path / 'run').startswith('iteration 3: loss_kpt is nan')
    assert saved(tmp_path / 'run') == ['iter_1.pth', 'iter_2.pth']


@on_device
def test_the_norm_of_gradients_where_it_is_computed(make_config: MakeConfig, tmp_path: Path) -> None:
    text = failure(make_config(extra=GRADIENT.format(at=[2]) + CLIP), tmp_path / 'run')
    assert text.startswith('iteration 2: the norm of the gradients (grad_norm) is nan')


@on_device
def test_gradients_without_a_norm_stop_the_next_iteration_or_the_checkpoint(make_config: MakeConfig,
                                                                           tmp_path: Path) -> None:
    assert failure(make_config(extra=GRADIENT.format(at=[2])), tmp_path / 'next').startswith('iteration 3: loss_kpt')
    text = failure(make_config(extra=GRADIENT.format(at=[3])), tmp_path / 'last')
    assert text.startswith('after iteration 3: of the weights ') and 'are not finite: backbone.layers.0.weight' in text
    assert saved(tmp_path / 'last') == []


@on_device
@pytest.mark.parametrize('where', ['weight', 'buffer'])
def test_weights_are_checked_before_a_checkpoint(make_config: MakeConfig, tmp_path: Path, where: str) -> None:
    """The last iteration of the first epoch spoils one, after which no loss is computed."""
    text = failure(make_config(extra=WEIGHT.format(at=3, where=where)), tmp_path / 'run')
    name = 'head.fc.weight (1 of 544 values)' if where == 'weight' else 'backbone.layers.3.running_var (1 of 16 values)'
    assert text.startswith('after iteration 3: of the weights 1 of ') and f'are not finite: {name}.' in text
    assert saved(tmp_path / 'run') == []


@on_device
def test_weights_are_checked_before_a_checkpoint_within_an_epoch(make_config: MakeConfig, tmp_path: Path) -> None:
    """The checkpoint's hook comes after that which spoils the weight."""
    extra = WEIGHT.format(at=2, where='weight').replace('dict(', "dict(priority='NORMAL', ", 1)
    extra += "default_hooks['checkpoint'] = dict(type='CheckpointHook', by_epoch=False, interval=1)\n"
    text = failure(make_config(extra=extra), tmp_path / 'run')
    assert text.startswith('after iteration 2: of the weights') and saved(tmp_path / 'run') == ['iter_1.pth']


@on_device
def test_averaged_weights_are_checked(make_config: MakeConfig, tmp_path: Path) -> None:
    extra = WEIGHT.format(at=3, where='average').replace(
        '[', "[dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1), ", 1)
    text = failure(make_config(extra=extra), tmp_path / 'run')
    assert 'are not finite: averaged head.fc.weight' in text and saved(tmp_path / 'run') == []


@on_device
def test_weights_are_checked_before_validation(make_config: MakeConfig, tmp_path: Path) -> None:
    hook = FiniteCheckHook()
    spoiled = WEIGHT.format(at=6, where='weight') + "default_hooks['checkpoint'] = None\n"
    runner = train(make_config(extra=spoiled + "default_hooks['finite_check'] = None\n"), work_dir=tmp_path / 'run',
                   validate=False)
    with pytest.raises(RunFailed, match='of the weights 1 of'):
        hook.before_val_epoch(runner)


@on_device
def test_weights_to_start_from_are_checked(make_config: MakeConfig, tmp_path: Path) -> None:
    train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    checkpoint = load_file(tmp_path / 'run' / 'epoch_1.pth')
    checkpoint['state_dict']['head.fc.bias'][2] = math.inf
    torch.save(checkpoint, tmp_path / 'inf.pth')
    found = r'inf\.pth holds weights that are no numbers: 1 of \d+ are not finite: head\.fc\.bias \(1 of 34 values\)'
    for arguments in (dict(resume=str(tmp_path / 'inf.pth')), dict(options=dict(load_from=str(tmp_path / 'inf.pth')))):
        with pytest.raises(DistilPoseError, match=found) as error:
            train(make_config(), work_dir=tmp_path / 'again', validate=False, **arguments)
        assert error.value.exit_code == 2
    spoiled = WEIGHT.format(at=0, where='weight').replace('dict(', "dict(priority='VERY_HIGH', ")
    with pytest.raises(DistilPoseError, match='weights that the training starts with are no numbers: 1 of') as error:
        train(make_config(extra=spoiled), work_dir=tmp_path / 'again', validate=False)
    assert error.value.exit_code == 2


def test_numbers_of_the_config_are_checked_before_anything_is_written(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'optim_wrapper\.optimizer\.lr is nan; expected a number of at least 0'):
        train(make_config(), work_dir=tmp_path / 'run', options={'optim_wrapper.optimizer.lr': math.nan})
    assert not (tmp_path / 'run').exists()


@on_device
def test_a_learning_rate(make_config: MakeConfig, tmp_path: Path) -> None:
    """A scheduler that divides by 0, after the check of the config."""
    class Spoil(Hook):
        def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
            runner.optim_wrapper.param_groups[0]['lr'] = math.nan

    HOOKS.register_module(name='SpoilRate', force=True, module=Spoil)
    extra = "param_scheduler = []\ncustom_hooks = [dict(type='SpoilRate')]\n"
    text = failure(make_config(extra=extra), tmp_path / 'run')
    assert text.startswith('iteration 2: the learning rate (lr) is nan; change param_scheduler')


@pytest.mark.parametrize('action', ['go on', 'skip', 'skip(0)', 'skip(-1)', 'skip(x)', 'stop '])
def test_other_actions_are_refused(action: str) -> None:
    with pytest.raises(DistilPoseError, match=r"expected 'stop', or 'skip\(n\)'"):
        FiniteCheckHook(action=action)


def test_a_skipped_iteration_leaves_nothing(make_config: MakeConfig, tmp_path: Path) -> None:
    """Weights, running statistics and the optimizer's state are those of the iteration before."""
    extra = SKIP.format(n=1) + LOSS.format(at=[2, 4], value='nan') + """
custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1, update_buffers=True)]
default_hooks['checkpoint'] = dict(type='CheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=-1)
"""
    runner = train(make_config(extra=extra), work_dir=tmp_path / 'run', validate=False)
    files = [load_file(tmp_path / 'run' / f'iter_{number}.pth') for number in range(1, 7)]
    for skipped in (2, 4):
        before, after = files[skipped - 2], files[skipped - 1]
        assert all(torch.equal(value, after['ema_state_dict'][name])  # mmengine keeps the weights here
                   for name, value in before['ema_state_dict'].items() if name != 'steps')
        states = before['optimizer']['state'], after['optimizer']['state']
        assert all(torch.equal(value, states[1][index][name]) for index, state in states[0].items()
                   for name, value in state.items())
    assert all(value.isfinite().all() for file in files for value in file['state_dict'].values())
    assert not torch.equal(files[2]['state_dict']['head.fc.weight'], files[1]['state_dict']['head.fc.weight'])
    log = Path(runner.logger.log_file).read_text()
    assert log.count('The update is not applied (1 in a row; 1 are allowed).') == 2
    assert 'iteration 4: loss_kpt is nan. The batch has the images' in log
    assert 'The updates of 2 iterations were not applied' in log


@on_device
@pytest.mark.parametrize('extra', [LOSS.format(at=[3, 4, 5], value='inf'), GRADIENT.format(at=[3, 4, 5]),
                                   GRADIENT.format(at=[3, 4, 5]) + CLIP])
def test_more_in_a_row_than_allowed_stop(make_config: MakeConfig, tmp_path: Path, extra: str) -> None:
    """An infinite loss with finite gradients, and NaN gradients of a finite loss, are left out as well."""
    text = failure(make_config(extra=SKIP.format(n=2) + extra), tmp_path / 'run')
    assert text.startswith('iteration 5: ') and '3 updates in a row cannot be applied, and skip(2) allows 2.' in text
    assert all(value.isfinite().all() for value in weights(tmp_path / 'run' / 'epoch_1.pth').values())


@on_device
def test_accumulated_gradients_are_left_out_as_a_whole(make_config: MakeConfig, tmp_path: Path) -> None:
    """The third of six iterations fails; the update of the third and the fourth is not applied."""
    extra = SKIP.format(n=1) + LOSS.format(at=[3], value='nan') + """
optim_wrapper['accumulative_counts'] = 2
default_hooks['checkpoint'] = dict(type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=-1)
"""
    train(make_config(extra=extra), work_dir=tmp_path / 'run', validate=False)
    two, four, six = (weights(tmp_path / 'run' / f'iter_{number}.pth') for number in (2, 4, 6))
    assert all(torch.equal(value, four[name]) for name, value in two.items())
    assert not torch.equal(six['head.fc.weight'], four['head.fc.weight'])


@on_device
def test_to_skip_nothing_changes_nothing(make_config: MakeConfig, tmp_path: Path) -> None:
    for name, extra in (('stop', ''), ('skip', SKIP.format(n=1))):
        train(make_config(epochs=1, extra=extra), work_dir=tmp_path / name, validate=False)
    one, other = (weights(tmp_path / name / 'epoch_1.pth') for name in ('stop', 'skip'))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@OPTIM_WRAPPERS.register_module(force=True)
class ScaledOptimWrapper(AutocastOptimWrapper):
    """With the loss scaler of float16, which this class has on GPUs only."""

    def __init__(self, *, init_scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=init_scale, growth_interval=1000)


SCALED = "optim_wrapper = dict(type='ScaledOptimWrapper', init_scale={scale}, optimizer=dict(type='Adam', lr=1e-2))\n"


@on_device
def test_a_loss_scaler_leaves_out_steps_until_its_scale_is_at_its_floor(make_config: MakeConfig,
                                                                        tmp_path: Path) -> None:
    """From 8 over 4, 2 and 1 to 0.5; of two steps that were left out nobody needs to know."""
    scaled = SCALED.format(scale=8.0)
    train(make_config(extra=scaled + GRADIENT.format(at=[2, 3])), work_dir=tmp_path / 'two', validate=False)
    assert all(value.isfinite().all() for value in weights(tmp_path / 'two' / 'epoch_2.pth').values())
    text = failure(make_config(extra=scaled + GRADIENT.format(at=[2, 3, 4, 5])), tmp_path / 'four')
    assert text.startswith('iteration 5: gradients are not finite although the loss scale is 0.5 (4 updates in a row '
                           'were left out).')
    text = failure(make_config(extra=scaled + LOSS.format(at=[2], value='nan')), tmp_path / 'loss')
    assert text.startswith('iteration 2: loss_kpt is nan')


@on_device
def test_skipping_under_a_loss_scaler(make_config: MakeConfig, tmp_path: Path) -> None:
    """A loss that is not finite counts, with its running statistics; gradients that overflow do not."""
    extra = SCALED.format(scale=1024.0) + SKIP.format(n=1)
    train(make_config(extra=extra + GRADIENT.format(at=[2, 3, 4])), work_dir=tmp_path / 'gradients', validate=False)
    runner = train(make_config(extra=extra + LOSS.format(at=[2, 4], value='inf')), work_dir=tmp_path / 'losses',
                   validate=False)
    assert Path(runner.logger.log_file).read_text().count('The update is not applied (1 in a row; 1 are allowed)') == 2
    text = failure(make_config(extra=extra + LOSS.format(at=[2, 3], value='inf')), tmp_path / 'two')
    assert '2 updates in a row cannot be applied' in text


def test_a_scale_that_cannot_fall() -> None:
    """Constant scales, as mmengine's ``loss_scale=512.0``; what is skipped now and then is no fault."""
    hook, runner = FiniteCheckHook(), type('Runner', (), dict(iter=2))()
    scaler = type('Scaler', (), dict(get_scale=lambda self: 512.0))()
    found = [hook._wrong_scale(runner, scaler, has_stepped=False) for _ in range(50)]
    assert found[:49] == [None] * 49
    assert found[49] == ('gradients are not finite although the loss scale is 512 (50 updates in a row were left out)')
    assert hook._wrong_scale(runner, scaler, has_stepped=True) is None and hook.scaled == 0


@pytest.mark.parametrize(('factor', 'weight', 'warnings'), [(0, 1.0, 1), (0, 0.0, 0), (1, 1.0, 0)])
def test_a_term_that_is_exactly_zero_is_named(tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch,
                                              factor: int, weight: float, warnings: int) -> None:
    forward = SimulatedHeatmapTerm.forward
    monkeypatch.setattr(SimulatedHeatmapTerm, 'forward', lambda *args: factor * forward(*args))
    _, config = write_distillation(tmp_path, tiny_data)
    config.write_text(f"{config.read_text()}model['terms']['simulated_heatmap']['weight'] = {weight}\n"
                      'log_processor = dict(window_size=2)\n')
    runner = train(config, work_dir=tmp_path / 'run', validate=False)
    log = Path(runner.logger.log_file).read_text()
    assert log.count('loss_simulated_heatmap was exactly 0 in the last 2 iterations, and its weight is 1') == warnings


def test_a_zero_is_named_again_after_it_changed() -> None:
    named: list[str] = []
    logger = type('Logger', (), dict(warning=lambda self, text: named.append(text)))()
    runner: Any = type('Runner', (), dict(model=torch.nn.Identity(), logger=logger))()
    hook = FiniteCheckHook()
    hook.window = 3
    for value in (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0):
        hook._watch_zeros(runner, dict(loss=value))
    assert len(named) == 2


TWO_PROCESSES = """
custom_imports = dict(imports=['distilpose', 'tests.engine.tiny', 'tests.engine.hooks.test_finite_check'],
                      allow_failed_imports=False)
train_dataloader['batch_size'] = 2
"""


@pytest.mark.slow
@pytest.mark.parametrize('stop', [True, False])
def test_two_processes_stop_together(make_config: MakeConfig, tmp_path: Path, stop: bool) -> None:
    """The label of one image is spoiled, so that one process alone finds it, in its first epoch."""
    extra = TWO_PROCESSES + LABEL.format(id=5, value='nan') + ('' if stop else SKIP.format(n=2))
    run = start_two_processes(make_config(extra=extra), tmp_path / 'run', '--no-validate')
    code, output = run.end(), run.output
    if stop:
        assert code == 1 and 'Traceback' not in output and saved(tmp_path / 'run') == []
        assert output.count('loss_kpt is nan') == output.count('005.png are not finite') == 1
        assert re.search(r'\(Process [01] of 2\.\) Nothing was saved', output)
        return
    assert code == 0 and saved(tmp_path / 'run') == ['epoch_1.pth', 'epoch_2.pth'], output[-3000:]
    assert output.count('The update is not applied (1 in a row; 2 are allowed).') == 2
    assert all(value.isfinite().all() for value in weights(tmp_path / 'run' / 'epoch_2.pth').values())
