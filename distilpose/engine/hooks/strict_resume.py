"""Resuming from a checkpoint that has exactly the weights of the model."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import load_strict
from ..bare_model import bare_model


@HOOKS.register_module()
class StrictResumeHook(Hook):
    """Refuses to resume from weights that do not fit the model; mmengine logs the difference and goes on without.

    Since the checkpoint has all weights, the launcher's Runner does not initialise the model: the files of its first
    weights may be gone.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Loads the weights strictly, before mmengine loads them its own way.

        Raises:
            CheckpointMismatch: when a name is missing, left over or of another shape.
        """
        if not runner._resume:
            return
        load_strict(bare_model(runner), checkpoint['state_dict'], source='the checkpoint to resume from')
