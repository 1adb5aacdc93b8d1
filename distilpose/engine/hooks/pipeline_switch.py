"""Switches the training pipeline (augmentation) for the last epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import HOOKS

from ...errors import DistilPoseError
from ..environment import end_workers_of


@HOOKS.register_module()
class PipelineSwitchHook(Hook):
    """Prepares the training samples with another pipeline from an epoch on, as RTMPose does for its last 30.

    Takes the arguments of mmdet's hook of this name. A run that is resumed after that epoch continues with the new
    pipeline, and workers that outlive an epoch are replaced by new ones.

    Args:
        switch_epoch: the first epoch with the new pipeline, counted from 0.
        switch_pipeline: its transforms.
    """

    priority = 'NORMAL'

    def __init__(self, *, switch_epoch: int, switch_pipeline: Sequence[dict | Callable]) -> None:
        self.switch_epoch = switch_epoch
        self.switch_pipeline = switch_pipeline
        self.pipeline: Compose | None = None

    def before_train(self, runner: Runner) -> None:
        """Builds the pipeline, so that a mistake in it does not wait for its epoch.

        Raises:
            DistilPoseError: the run counts iterations, its data set has no pipeline of its own, or the new pipeline
                lacks targets or packing that the first one has.
        """
        if hasattr(runner.train_loop, 'dataloader_iterator'):
            raise DistilPoseError('PipelineSwitchHook waits for an epoch, and this run counts iterations; train with '
                                  'train_cfg.by_epoch=True or drop the hook')
        dataset = runner.train_dataloader.dataset
        if not hasattr(dataset, 'pipeline'):
            raise DistilPoseError(f'PipelineSwitchHook changes the pipeline of the training data, and '
                                  f'{type(dataset).__name__} has none; combine data sets with CombinedDataset')
        self.pipeline = Compose(self.switch_pipeline)
        _compare(dataset.pipeline, self.pipeline)

    def before_train_epoch(self, runner: Runner) -> None:
        """Switches when the epoch has come."""
        loader = runner.train_dataloader
        if self.pipeline is None or runner.epoch < self.switch_epoch or (
                loader.dataset.pipeline.transforms is self.pipeline.transforms):
            return
        loader.dataset.pipeline = self.pipeline
        end_workers_of(loader)  # they hold the old one, and the loader starts new ones
        runner.logger.info(f'From epoch {runner.epoch + 1} on, training samples are prepared with the pipeline of '
                           f'PipelineSwitchHook (switch_epoch={self.switch_epoch}).')


def _compare(first: Compose, new: Compose) -> None:
    """Refuses a pipeline from which the model would not be given what it learns from.

    Raises:
        DistilPoseError: names what is missing, and of which step of the first pipeline.
    """
    for kind, what in ((GenerateTarget, 'the targets'), (PackPoseInputs, 'the packed samples')):
        step = next((one for one in first.transforms if isinstance(one, kind)), None)
        if step is not None and not any(isinstance(one, kind) for one in new.transforms):
            raise DistilPoseError(f'switch_pipeline of PipelineSwitchHook has no {type(step).__name__}, which makes '
                                  f'{what} in the pipeline of the training data; add it')
