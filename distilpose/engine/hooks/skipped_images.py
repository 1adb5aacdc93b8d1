"""Broken images in a training: those that cannot be decoded are skipped and logged."""

from __future__ import annotations

from typing import Any

from mmengine import dist
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...config.image_checks import reads_coco
from ...datasets import UnlabelledImages
from ...datasets.broken_images import BrokenImages, image_paths, labelled_datasets, leave_out_broken, nested_datasets
from ...image_files import ImageTable, check_images
from ...image_files.checks import DEFAULT_SHARE, checked_share


@HOOKS.register_module()
class SkippedImagesHook(Hook):
    """Lets other samples take the places of those whose image cannot be read, and logs which images these are.

    A labelled image that is missing, empty, cut off or no image is named when it is first met, up to a limit. Images
    are found to be broken by the worker processes of all processes, when their turn comes; after an epoch, and at the
    end, it is collected from all of them. The number of unlabelled images that were left out is logged then as well.

    Data sets whose annotations were not compared with their images before the run
    (:func:`~distilpose.config.image_checks.check_image_files`) are looked at when it starts.

    Args:
        max_share: of the labelled images, how many may be left out, 0 to 1; more end the training.
    """

    priority = 'LOW'  # after a hook that changes the pipeline

    def __init__(self, *, max_share: float = DEFAULT_SHARE) -> None:
        self.max_share = checked_share(max_share)
        self.logged: dict[int, int] = {}
        self.broken: BrokenImages | None = None
        self.seen = 0
        self.named = 0

    def prepare(self, runner: Runner, dataset: Any) -> None:
        """Looks at images that nothing has looked at, and prepares a data set before worker processes start.

        The runner calls it when it has built the training data: a loop that counts iterations starts its workers before
        :meth:`before_train`.

        Raises:
            DistilPoseError: more images than the limit are missing or broken.
        """
        if self.broken is None:
            self._look_at_others(runner, dataset, 'train_dataloader')
            paths = (path for part in labelled_datasets(dataset) for path in image_paths(part))
            self.broken = BrokenImages(paths, max_share=self.max_share)
        if len(self.broken.paths):
            leave_out_broken(dataset, self.broken)

    def before_train(self, runner: Runner) -> None:
        """Looks at images of the validation that nothing has looked at.

        Raises:
            DistilPoseError: some are missing or broken.
        """
        self.prepare(runner, runner.train_dataloader.dataset)
        loader = getattr(runner._val_loop, 'dataloader', None)
        if loader is not None:
            self._look_at_others(runner, loader.dataset, 'val_dataloader')

    def before_test(self, runner: Runner) -> None:
        """Looks at images of the test that nothing has looked at.

        Raises:
            DistilPoseError: some are missing or broken.
        """
        self._look_at_others(runner, runner.test_dataloader.dataset, 'test_dataloader')

    def before_train_epoch(self, runner: Runner) -> None:
        """Prepares a data set that was given another pipeline."""
        self.prepare(runner, runner.train_dataloader.dataset)

    def _look_at_others(self, runner: Runner, dataset: Any, name: str) -> None:
        for part in labelled_datasets(dataset) if is_main_process() else ():
            if not reads_coco(type(part)):
                table = ImageTable(str(part.ann_file or type(part).__name__), f'{name}.dataset', '', image_paths(part),
                                   root=part.data_root or None)
                for warning in check_images(table, max_share=self.max_share, is_training=name == 'train_dataloader'):
                    runner.logger.warning(f'{warning.sentence}.')

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Names the broken images that were met since the last iteration."""
        if self.broken is not None and int(self.broken.marks) != self.seen:
            self.seen = int(self.broken.marks)
            self._name(runner, self.broken.is_broken)

    def after_train_epoch(self, runner: Runner) -> None:
        """See the class.

        Raises:
            SampleFailed: all processes together met more broken images than the limit.
        """
        self._log(runner)

    def after_train(self, runner: Runner) -> None:
        """See the class; a training that counts iterations has no other moment."""
        self._log(runner)

    def _log(self, runner: Runner) -> None:
        if self.broken is not None:
            broken = self.broken.is_broken.clone()
            dist.all_reduce(broken, op='max')
            self._name(runner, broken)
            self.broken.check(broken)
        unlabelled = (part for part in nested_datasets(runner.train_dataloader.dataset)
                      if isinstance(part, UnlabelledImages))
        for place, dataset in enumerate(unlabelled):
            skipped = dataset.skipped.clone()
            dist.all_reduce(skipped, op='max')
            count = int(skipped.count_nonzero())
            if count > self.logged.get(place, 0):
                runner.logger.warning(f'{dataset.describe_skipped(skipped)}; others took their places.')
                self.logged[place] = count

    def _name(self, runner: Runner, broken: Any) -> None:
        count = int(broken.count_nonzero())
        if self.broken is not None and count > self.named:
            runner.logger.warning(f'{self.broken.describe(broken)}; other samples take their places. The training ends '
                                  f'when there are more than {self.broken.most} (default_hooks.skipped_images.'
                                  f'max_share={self.max_share:g}).')
            self.named = count
