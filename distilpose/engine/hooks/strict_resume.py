"""A run goes on only from weights that are completely its own."""

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

    Since a checkpoint has all weights, first ones are not made: the files that they came from may be gone.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Keeps the model from being initialised when its weights will come from a checkpoint."""
        if runner._resume and runner._load_from:
            bare_model(runner).init_weights = _do_nothing

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Loads the weights strictly, before mmengine loads them its own way.

        Raises:
            CheckpointMismatch: when a name is missing, left over or of another shape.
        """
        if not runner._resume:
            return
        load_strict(bare_model(runner), checkpoint['state_dict'], source='the checkpoint to resume from')


def _do_nothing() -> None:
    """In the place of ``init_weights``."""
