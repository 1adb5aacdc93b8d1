"""Broken images in training: samples with an unreadable image are replaced by others, up to a limit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, Compose

from distilpose.annotation_store.data_sets import stored_people
from distilpose.errors import SampleFailed
from distilpose.host.data_files import LOCAL_BACKENDS
from distilpose.image_files import inspect_image, why_unreadable
from distilpose.image_files.checks import SHARE_OPTION

from .unlabelled import UnlabelledImages

_PACKAGES = ('mmengine', 'mmpose', 'distilpose')


class BrokenImages:
    """The broken labelled images of a training, in memory that all worker processes share.

    Args:
        paths: of all images.
        max_share: largest share of broken images.
    """

    def __init__(self, paths: Iterable[str], *, max_share: float) -> None:
        self.paths = np.unique(np.array([os.fsencode(path) for path in paths], dtype=bytes))
        self.max_share = max_share
        self.is_broken = torch.zeros(len(self.paths), dtype=torch.uint8).share_memory_()
        self.marks = torch.zeros((), dtype=torch.int64).share_memory_()
        """Number of broken images; cheaper to read than counting them."""

    @property
    def most(self) -> int:
        """Largest number of broken images."""
        return int(self.max_share * len(self.paths))

    def add(self, path: str) -> bool:
        """Marks an image as broken.

        Returns:
            Whether it is one of these images.

        Raises:
            SampleFailed: there are more than the limit.
        """
        name = os.fsencode(path)
        place = int(np.searchsorted(self.paths, name))
        if place == len(self.paths) or self.paths[place] != name:
            return False
        if not self.is_broken[place]:
            self.is_broken[place] = 1
            self.marks += 1
        self.check()
        return True

    def check(self, is_broken: torch.Tensor | None = None) -> None:
        """Compares the number with the limit.

        Args:
            is_broken: (N,) as the attribute of this name, gathered from several processes.

        Raises:
            SampleFailed: there are more than the limit.
        """
        found = self.is_broken if is_broken is None else is_broken
        count = int(found.count_nonzero())
        if count > self.most:
            needed = np.ceil(1000 * count / len(found)) / 1000
            raise SampleFailed(
                f'{self.describe(found)}; expected at most {self.most}. Get them again, or take them out of the '
                f'annotations, or leave out more: --cfg-options {SHARE_OPTION}={needed:g}')

    def describe(self, is_broken: torch.Tensor) -> str:
        """Number of broken images with the reasons for some of them, a sentence without its full stop."""
        found = is_broken.nonzero().flatten().tolist()
        paths = [os.fsdecode(self.paths[place]) for place in found[:5]]
        names = ', '.join(f'{path} {inspect_image(path).problem or "cannot be decoded"}' for path in paths)
        return (f'{len(found)} of the {len(self.paths)} images to train on cannot be read '
                f'({names}{", ..." if len(found) > 5 else ""})')


class SkippingPipeline(Compose):
    """A pipeline that returns ``None`` for a sample whose image is broken, for which a data set takes another one.

    mmengine's data sets draw the other one with numpy's generator, which a training of this package seeds with epoch
    and index. Errors that have another cause are raised as they are.

    Args:
        pipeline: of a data set.
        broken: the record of broken images.
    """

    def __init__(self, pipeline: Compose, broken: BrokenImages) -> None:
        self.pipeline, self.broken = pipeline, broken
        self.in_a_row = 0

    @property
    def transforms(self) -> Any:
        """Those of the pipeline."""
        return self.pipeline.transforms

    def with_steps(self, steps: list[Callable]) -> SkippingPipeline:
        """The same for other steps."""
        return SkippingPipeline(Compose(steps), self.broken)

    def __call__(self, data: dict) -> Any:
        """The sample, or ``None``."""
        try:
            sample = self.pipeline(data)
        except Exception as error:
            if not self.leaves_out(error, data):
                raise
            sample = None
        else:
            if sample is not None:
                self.in_a_row = 0
                return sample
            if isinstance(data.get('img_path'), str) and why_unreadable(data['img_path']):
                self.broken.add(data['img_path'])  # as LoadImage(ignore_empty=True) leaves it out
        self.in_a_row += 1
        self._reseed()
        return sample

    def _reseed(self) -> None:
        """Seeds numpy's generator from itself and the number of samples that were left out in a row.

        Where it is seeded for each sample anew, a sample would always be replaced by the same one, and one that is
        replaced by itself for ever.
        """
        np.random.seed((np.random.randint(2**31) + self.in_a_row) % 2**32)

    def leaves_out(self, error: Exception, data: Any) -> bool:
        """Whether an error comes from a broken image, which is then marked.

        Args:
            error: of a step.
            data: the input of the steps.

        Raises:
            SampleFailed: too many images are broken.
        """
        path = _image_of(error.__traceback__, data)
        if isinstance(error, (SampleFailed, MemoryError)) or path is None or '://' in path:
            return False
        return why_unreadable(path) is not None and self.broken.add(path)

    def __repr__(self) -> str:
        return repr(self.pipeline)


def _image_of(frame: TracebackType | None, data: Any) -> str | None:
    """The image that the innermost step worked on; a step that mixes images reads others than the sample's."""
    path = data.get('img_path') if isinstance(data, Mapping) else None
    while frame is not None:
        for name in ('data', 'results'):
            values = frame.tb_frame.f_locals.get(name)
            if isinstance(values, Mapping) and 'img_path' in values:
                path = values['img_path']
        frame = frame.tb_next
    return path if isinstance(path, str) else None


def nested_datasets(dataset: Any) -> Iterator[Any]:
    """A data set and those that it combines or repeats."""
    yield dataset
    inner = getattr(dataset, 'dataset', None)
    for child in (*(getattr(dataset, 'datasets', None) or ()), *([] if inner is None else [inner])):
        yield from nested_datasets(child)


def labelled_datasets(dataset: Any) -> list[BaseDataset]:
    """The data sets of annotated images on this machine among those of :func:`nested_datasets`."""
    found = list(nested_datasets(dataset))
    if not all(_is_local(one) for one in found):
        return []
    return [one for one in found if isinstance(one, BaseDataset) and not hasattr(one, 'datasets')
            and not isinstance(one, UnlabelledImages)]


def _is_local(dataset: Any) -> bool:
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return all(getattr(step, name, None) in LOCAL_BACKENDS for step in steps
               for name in ('backend_args', 'file_client_args'))


def image_paths(dataset: BaseDataset) -> list[str]:
    """The images of a data set, each once; empty where its entries do not have one image each."""
    files = getattr(dataset, 'image_files', None)
    if files is not None and dataset._indices is None:
        return [os.fsdecode(path) for path in files]
    people = stored_people(dataset)
    if people is not None:
        return list(people.images())
    entries = (BaseDataset.get_data_info(dataset, index) for index in range(len(dataset)))
    return list(dict.fromkeys(entry['img_path'] for entry in entries if isinstance(entry.get('img_path'), str)))


def leave_out_broken(dataset: Any, broken: BrokenImages) -> None:
    """Gives a :class:`SkippingPipeline` to a data set and to those in it, if they take another sample for ``None``."""
    for one in nested_datasets(dataset):
        pipeline = getattr(one, 'pipeline', None)
        if isinstance(pipeline, Compose) and not isinstance(pipeline, SkippingPipeline) and _takes_another(one):
            one.pipeline = SkippingPipeline(pipeline, broken)


def _takes_another(dataset: Any) -> bool:
    prepare = type(dataset).prepare_data if hasattr(type(dataset), 'prepare_data') else None
    return (type(dataset).__getitem__ is BaseDataset.__getitem__ and not dataset.test_mode
            and getattr(prepare, '__module__', '').partition('.')[0] in _PACKAGES)
