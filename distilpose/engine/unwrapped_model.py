"""The unwrapped model of a run, without DistributedDataParallel."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from distilpose.renamed import forward_names

__getattr__ = forward_names(__name__, {
    'bare_model': 'distilpose.engine.unwrapped_model.unwrapped_model',
    'replace_bare_model': 'distilpose.engine.unwrapped_model.replace_unwrapped_model'})


def unwrapped_model(runner: Runner) -> Any:
    """The runner's model, taken out of the wrapper that trains it in several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def replace_unwrapped_model(runner: Runner, model: Any) -> None:
    """Puts another model in its place, wrapped as the first one was."""
    if is_model_wrapper(runner.model):
        runner.model.module = model
    else:
        runner.model = model
