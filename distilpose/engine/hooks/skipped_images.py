"""Says which unlabelled images a training could not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...datasets import UnlabelledImages


@HOOKS.register_module()
class SkippedImagesHook(Hook):
    """Logs after an epoch, and at the end, how many unlabelled images were left out, when there are more than before.

    Images are found to be broken by the worker processes of all processes, when their turn comes; this collects it.
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self.logged: dict[int, int] = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """See the class."""
        self._log(runner)

    def after_train(self, runner: Runner) -> None:
        """See the class; a training that counts iterations has no other moment."""
        self._log(runner)

    def _log(self, runner: Runner) -> None:
        for place, dataset in enumerate(_unlabelled(runner.train_dataloader.dataset)):
            skipped = dataset.skipped.clone()
            dist.all_reduce(skipped, op='max')
            count = int(skipped.count_nonzero())
            if count > self.logged.get(place, 0):
                runner.logger.warning(f'{dataset.describe_skipped(skipped)}; others took their places.')
                self.logged[place] = count


def _unlabelled(dataset: Any) -> Iterator[UnlabelledImages]:
    """The data set itself, or those that it combines."""
    if isinstance(dataset, UnlabelledImages):
        yield dataset
    for part in getattr(dataset, 'datasets', ()):
        yield from _unlabelled(part)
