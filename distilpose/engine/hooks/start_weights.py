"""Initial weights (``load_from``) from any supported file: a checkpoint of mmengine, a published one, a state dict."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import state_dict_of
from ...checkpoints.partial_loading import load_fitting
from ...checkpoints.published import to_our_names
from ...errors import DistilPoseError
from ..unwrapped_model import unwrapped_model


@HOOKS.register_module()
class StartWeightsHook(Hook):
    """Loads the weights that ``load_from`` names, renamed to ours, and logs in one line which of them were taken.

    Some of them are enough: a network for other keypoints starts from all but its last layer. None is refused. A run
    that is resumed needs all, see ``StrictResumeHook``.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Loads what fits, and leaves mmengine a state that fits exactly.

        Raises:
            DistilPoseError: no weight has a name and shape of the model.
        """
        if runner._resume:
            return
        source = str(runner._load_from)
        state = to_our_names(state_dict_of(checkpoint, source=source))
        model = unwrapped_model(runner)
        fit = load_fitting(model, state)
        if not fit.taken:
            raise DistilPoseError(f'none of the {len(state)} weights of {source} fits the model: it has '
                                  f'{_first(state)}, the model {_first(fit.kept)}; change load_from, or set it to None '
                                  'to start from nothing')
        print_log(fit.describe(source), 'current', logging.INFO if fit.is_complete else logging.WARNING)
        checkpoint['state_dict'] = model.state_dict()


def _first(names: Iterable[str]) -> str:
    return ', '.join(list(names)[:2]) + ', ...'
