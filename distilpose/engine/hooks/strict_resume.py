"""Resuming from a checkpoint that has exactly the weights of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import CheckpointMismatch, load_strict
from ...checkpoints.partial_loading import load_fitting
from ..unwrapped_model import unwrapped_model


@HOOKS.register_module()
class StrictResumeHook(Hook):
    """Refuses to resume from weights that do not fit the model; mmengine only logs the difference.

    Since the checkpoint has all weights, the launcher's Runner does not initialise the model: the files of its first
    weights may be gone.

    Args:
        allow_changed: with ``'model'`` in it the weights that fit are enough. If some do not, averaged weights and the
            optimizer start anew.
    """

    priority = 'VERY_HIGH'

    def __init__(self, allow_changed: Sequence[str] = ()) -> None:
        self.is_strict = 'model' not in allow_changed

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Loads the weights strictly, before mmengine loads them its own way.

        Raises:
            CheckpointMismatch: when a name is missing, left over or of another shape.
        """
        if not runner._resume:
            return
        model = unwrapped_model(runner)
        try:
            load_strict(model, checkpoint['state_dict'], source='the checkpoint to resume from')
        except CheckpointMismatch as error:
            if self.is_strict:
                raise CheckpointMismatch(f'{error} Resume with the model of that run, or add --allow-changed model to '
                                         'go on with the weights that fit.') from error
            fit = load_fitting(model, checkpoint['state_dict'])
            runner.logger.warning(fit.describe('the checkpoint to resume from'))
            checkpoint['state_dict'] = model.state_dict()
            for name in ('ema_state_dict', 'moving_average', 'optimizer'):
                checkpoint.pop(name, None)
