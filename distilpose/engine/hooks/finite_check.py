"""Finite check: losses, gradients and weights that are NaN or infinite stop a training, or are skipped."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sized
from typing import Any

from mmengine.hooks import Hook, RuntimeInfoHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import not_finite, require_finite
from ...checkpoints.finite import describe
from ...distillation import PoseDistiller
from ...errors import DistilPoseError, NotFinite
from ..non_finite import (
    BufferCopies,
    StepWatch,
    describe_batch,
    describe_saved,
    describe_values,
    first_of_all,
    scaler_of,
    spread_not_finite,
    weights_of,
    wrappers_of,
)
from ..unwrapped_model import unwrapped_model

_SKIP = re.compile(r'skip\((\d+)\)')
_LOWEST_SCALE = 1.0
_SCALED_STEPS = 50
"""Left out in a row, after which a scale that cannot fall is no remedy."""


@HOOKS.register_module()
class FiniteCheckHook(Hook):
    """Checks that the losses of every iteration are finite, and the weights before each validation and checkpoint.

    Losses are read from the log's history, where mmengine has brought them to the host, so that nothing waits for the
    device once more. Norms of gradients are checked where ``clip_grad`` computes them. Under a loss scaler gradients
    that are not finite are normal, until its scale falls below 1 (or its first value, if that is lower), or does not
    fall in 50 iterations in a row. Several processes share one number in every iteration and stop together.

    A term that is exactly 0 for a window of the log, or an epoch if that is shorter, while its weight is not 0 is
    named in a warning.

    Args:
        action: ``'stop'`` ends the training in the first iteration that has a loss or norm that is not finite;
            nothing is saved. ``'skip(n)'`` does not apply the update of up to n such iterations in a row, and logs
            them: weights, states of the optimizer and running statistics are those of the iteration before, and only
            the schedule of the learning rate advances. For that it reads all gradients in every iteration, which costs
            a synchronisation with the device.

    Raises:
        DistilPoseError: the action is none of these.
    """

    priority = 'ABOVE_NORMAL'  # after RuntimeInfoHook, before the hooks that average weights

    def __init__(self, action: str = 'stop') -> None:
        self.most = _read_action(action)
        self.watches: list[StepWatch] = []
        self.copies: BufferCopies | None = None
        self.failed: str | None = None
        self.done = self.in_a_row = self.skipped = self.scaled = 0
        self.has_history = False
        self.window = 0
        self.zeros: dict[str, int] = {}
        self._handles: list[Any] = []

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Checks the weights of the file that the run starts from or resumes.

        Raises:
            DistilPoseError: some are not finite.
        """
        for name in ('state_dict', 'ema_state_dict'):
            require_finite(checkpoint.get(name) or {}, source=str(runner._load_from))

    def before_train(self, runner: Runner) -> None:
        """Checks what the training starts with.

        Raises:
            DistilPoseError: weights, or options of the optimizer such as its learning rate, are not finite.
        """
        weights = weights_of(runner)
        names = not_finite(weights)
        if names:
            raise DistilPoseError(f'the weights that the training starts with are no numbers: '
                                  f'{describe(weights, names)}. Change load_from, checkpoint or init_cfg of the model')
        wrappers = list(wrappers_of(runner.optim_wrapper))
        for wrapper in wrappers:
            _check_options(wrapper.optimizer.param_groups)
        refuses = self.most > 0
        self.watches = [StepWatch(wrapper, refuses=refuses) for wrapper in wrappers
                        if refuses or scaler_of(wrapper) is not None]
        self._handles = list(self.watches)
        if refuses:
            self.copies = BufferCopies(unwrapped_model(runner))
            self._handles.append(unwrapped_model(runner).register_forward_hook(spread_not_finite))
        self.failed, self.done, self.in_a_row, self.skipped, self.scaled = None, runner.iter, 0, 0, 0
        self.has_history = any(isinstance(hook, RuntimeInfoHook) for hook in runner.hooks)
        self.zeros = {}
        loader = runner.train_dataloader
        window = runner.log_processor.window_size
        self.window = min(window, len(loader)) if isinstance(loader.dataset, Sized) else window

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Checks the learning rates.

        Raises:
            NotFinite: one is not finite.
        """
        for watch in self.watches:
            watch.has_stepped = False
        for name, rates in runner.optim_wrapper.get_lr().items():
            for rate in rates:
                if not math.isfinite(rate):
                    raise NotFinite(f'iteration {runner.iter + 1}: the learning rate ({name}) is {rate:g}; change '
                                    f'param_scheduler or optim_wrapper. {describe_saved(runner)}')

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: Mapping[str, Any] | None = None) -> None:
        """Checks losses and gradients.

        Raises:
            NotFinite: something is not finite, and is not to be skipped.
        """
        self.done = runner.iter + 1
        losses = self._losses(runner, outputs or {})
        wrong = {name: value for name, value in losses.items() if not math.isfinite(value)}
        found = describe_values(wrong) if wrong else self._wrong_gradients(runner)
        if found is not None:
            found = f'iteration {self.done}: {found}. {describe_batch(runner, data_batch, list(wrong))}.'
        found = first_of_all(found)
        if self.most == 0 and found is not None:
            raise NotFinite(f'{found} {describe_saved(runner)}.')
        if self.most > 0:
            self._skip(runner, found)
        self._watch_zeros(runner, losses)

    def after_train_epoch(self, runner: Runner) -> None:
        """Checks the weights in all processes, before the first of them saves.

        Raises:
            NotFinite: some are not finite.
        """
        self._check_weights(runner, everywhere=True)

    def before_val_epoch(self, runner: Runner) -> None:
        """Checks the weights, averaged ones too.

        Raises:
            NotFinite: some are not finite.
        """
        self._check_weights(runner, everywhere=True)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Checks the weights before anything is written; only the first process comes here.

        Raises:
            NotFinite: some are not finite.
        """
        self._check_weights(runner, everywhere=False)

    def after_train(self, runner: Runner) -> None:
        """Logs how many iterations were skipped."""
        if self.skipped:
            runner.logger.warning(f'The updates of {self.skipped} iterations were not applied, because losses or '
                                  'gradients were not finite; the log names them.')
        for handle in self._handles:
            handle.remove()
        self._handles, self.watches, self.copies = [], [], None

    def _losses(self, runner: Runner, outputs: Mapping[str, Any]) -> dict[str, float]:
        history = runner.message_hub.log_scalars
        return {name: float(history[f'train/{name}'].current()) if self.has_history else float(value)
                for name, value in outputs.items() if 'loss' in name}

    def _wrong_gradients(self, runner: Runner) -> str | None:
        """What is wrong with the gradients of an update that was due."""
        watches = {id(watch.wrapper): watch for watch in self.watches}
        for wrapper in wrappers_of(runner.optim_wrapper):
            if not wrapper.should_update():
                continue
            scaler = scaler_of(wrapper)
            if scaler is not None:
                found = self._wrong_scale(runner, scaler, has_stepped=watches[id(wrapper)].has_stepped)
            else:
                found = _wrong_norm(runner, wrapper) if wrapper.clip_grad_kwargs else None
            if found:
                return found
        return None

    def _wrong_scale(self, runner: Runner, scaler: Any, *, has_stepped: bool) -> str | None:
        """Reads the scale from the device after steps that were left out, and now and then."""
        self.scaled = 0 if has_stepped else self.scaled + 1
        if has_stepped and (runner.iter + 1) % _SCALED_STEPS:
            return None
        scale = float(scaler.get_scale())
        lowest = min(_LOWEST_SCALE, getattr(scaler, '_init_scale', _LOWEST_SCALE))
        if scale >= lowest and self.scaled < _SCALED_STEPS:
            return None
        return (f'gradients are not finite although the loss scale is {scale:g} ({self.scaled} updates in a row were '
                'left out)')

    def _skip(self, runner: Runner, found: str | None) -> None:
        """Counts an iteration that failed; all processes decide alike."""
        self.failed = self.failed or found
        if not all(watch.is_due for watch in self.watches):
            return
        assert self.copies is not None
        has_stepped = all(watch.has_stepped for watch in self.watches)
        failed, self.failed = self.failed, None
        if has_stepped and failed is None:
            self.copies.keep()
            self.in_a_row = 0
            return
        if has_stepped:
            raise NotFinite(f'{failed} The update could not be left out. {describe_saved(runner)}.')
        self.copies.restore()
        if failed is None and any(scaler_of(watch.wrapper) for watch in self.watches):
            return  # as a loss scaler does
        self.in_a_row += 1
        self.skipped += 1
        failed = failed or f'iteration {self.done}: gradients are not finite, and all losses are.'
        if self.in_a_row > self.most:
            raise NotFinite(f'{failed} {self.in_a_row} updates in a row cannot be applied, and skip({self.most}) '
                            f'allows {self.most}. {describe_saved(runner)}.')
        runner.logger.warning(f'{failed} The update is not applied ({self.in_a_row} in a row; {self.most} are '
                              'allowed).')

    def _check_weights(self, runner: Runner, *, everywhere: bool) -> None:
        weights = weights_of(runner)
        names = not_finite(weights)
        found = f'of the weights {describe(weights, names)}.' if names else None
        found = first_of_all(found) if everywhere else found
        if found is not None:
            raise NotFinite(f'after iteration {self.done}: {found} Likely causes: gradients that are not finite '
                            'although the losses are (set optim_wrapper.clip_grad to see their norm), a learning rate '
                            f'that is too high. {describe_saved(runner)}.')

    def _watch_zeros(self, runner: Runner, losses: Mapping[str, float]) -> None:
        """Names terms, and totals, that are exactly 0 for a whole window; once until they change."""
        for name, value in losses.items():
            if value != 0:
                self.zeros.pop(name, None)
                continue
            weight = _weight(unwrapped_model(runner), name)
            if weight == 0:
                self.zeros.pop(name, None)
                continue
            self.zeros[name] = self.zeros.get(name, 0) + 1
            if self.zeros[name] == self.window:
                runner.logger.warning(
                    f'{name} was exactly 0 in the last {self.window} iterations, and its weight is {weight:g}: nothing '
                    'is learnt from it. Likely causes: joints that all have the weight 0, images without annotations '
                    'that are packed by something else than PackMixedPoseInputs, or a student that equals its teacher.')


def _read_action(action: str) -> int:
    """How many iterations in a row may be left out."""
    match = _SKIP.fullmatch(str(action))
    if action != 'stop' and (match is None or int(match[1]) < 1):
        raise DistilPoseError(f"FiniteCheckHook got action={action!r}; expected 'stop', or 'skip(n)' with n iterations "
                              "that may fail in a row, such as 'skip(3)'")
    return int(match[1]) if match else 0


def _check_options(groups: list[dict[str, Any]]) -> None:
    for group in groups:
        for name, value in group.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise DistilPoseError(f"the optimizer's {name} is {value}; change optim_wrapper to a number that is "
                                      'finite')


def _wrong_norm(runner: Runner, wrapper: Any) -> str | None:
    history = runner.message_hub.log_scalars.get(f'train/{wrapper.grad_name}')
    norm = 0.0 if history is None else float(history.current())
    return None if math.isfinite(norm) else f'the norm of the gradients ({wrapper.grad_name}) is {norm:g}'


def _weight(model: Any, name: str) -> float:
    """The factor of a term at this point of the training; 1 for the total, 0 for losses of which it is not known."""
    if not isinstance(model, PoseDistiller):
        return float(name == 'loss')
    if name == 'loss':
        return model.task_weight or sum(map(abs, map(model.factor, model.terms)))
    term = name.removeprefix('loss_')
    return model.factor(term) if term in model.terms else 0.0
