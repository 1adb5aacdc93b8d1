"""Plain checkpoints: training checkpoints that can be read, and resumed from, without unpickling objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints.plain_data import flatten


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Turn what mmengine pickles as objects (log history, numpy arrays) into plain data when a checkpoint is saved.

    Reading gives the objects back (:mod:`distilpose.host`), so a resumed run continues the same history. It belongs
    to the default hooks of a config, which leaf configs extend and do not replace:
    ``default_hooks = dict(plain_checkpoint=dict(type='PlainCheckpointHook'))``.
    """

    priority = 'LOWEST'  # after every hook that puts something into the checkpoint, such as the EMA's

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Flatten the checkpoint in place."""
        flatten(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep mmengine, which compares pickled bytes, from warning that equal dataset infos differ."""
        dataset = getattr(runner.train_dataloader, 'dataset', None)
        current = getattr(dataset, 'metainfo', None)
        meta = checkpoint.get('meta', {})
        if current is not None and _are_equal(meta.get('dataset_meta'), current):
            meta['dataset_meta'] = current


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two nested dictionaries and lists hold the same values, numpy arrays included."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_are_equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return bool(one == other)
