"""A training starts from any file of weights that it knows how to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import state_dict_of
from ...checkpoints.published import to_our_names
from ...errors import DistilPoseError
from ..bare_model import bare_model


@HOOKS.register_module()
class StartWeightsHook(Hook):
    """Gives the weights that ``load_from`` names our names, and refuses them when the model takes none of them.

    Some of them are enough: a network for other keypoints starts from all but its last layer, and mmengine logs what
    is missing and left over. A run that is resumed needs all, see ``StrictResumeHook``.
    """

    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Puts the renamed weights where mmengine takes them from.

        Raises:
            DistilPoseError: no weight has a name and shape that the model knows.
        """
        if runner._resume:
            return
        source = str(runner._load_from)
        state = to_our_names(state_dict_of(checkpoint, source=source))
        model = bare_model(runner)
        own = {name: value.shape for name, value in model.state_dict().items()}
        if not any(own.get(name) == value.shape for name, value in state.items()):
            raise DistilPoseError(f'none of the {len(state)} weights of {source} fits the model: it has '
                                  f'{_first(state)}, the model {_first(own)}; change load_from, or set it to None to '
                                  'start from nothing')
        checkpoint['state_dict'] = state


def _first(names: Iterable[str]) -> str:
    return ', '.join(list(names)[:2]) + ', ...'
