"""Staged pipeline: a batch goes through the pipeline step by step instead of sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

from mmengine.dataset import BaseDataset, Compose
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs

from distilpose.host.views import view_of

from .broken_images import SkippingPipeline
from .transforms import (
    DecodingTopdownAffine,
    PackMixedPoseInputs,
    PackTeacherCrop,
    PackTrainingInputs,
    TeacherCrop,
    WeighByCertainty,
)

_DRAW_NOTHING = (DecodingTopdownAffine, GenerateTarget, PackPoseInputs, PackMixedPoseInputs, PackTrainingInputs,
                 WeighByCertainty)


def prepare_batch(dataset: BaseCocoStyleDataset, indices: Sequence[int]) -> list[Any]:
    """The samples ``dataset[index]`` of a batch, with the same random numbers, in less time.

    Decoding an image evicts the data of all other steps from the processor's caches, which triples their time. So the
    steps before decoding run sample by sample, and each later step runs on the whole batch.

    Samples are made one by one where the result could differ: if a step from the decoding one on may draw random
    numbers, or if ``prepare_data`` or ``__getitem__`` are not mmpose's. Seeding
    (:class:`~distilpose.engine.hooks.randomness.SeededPreparation`) is allowed. The early steps run on a view of the
    data set, whose own pipeline stays as it is.

    Args:
        dataset: of mmpose's kind, with a pipeline of its own.
        indices: of the samples; one may come several times.
    """
    early, late = split_steps(dataset.pipeline.transforms)
    if not late or not _is_only_seeded(dataset):
        return [dataset[index] for index in indices]
    skipping = dataset.pipeline if isinstance(dataset.pipeline, SkippingPipeline) else None
    view = _with_pipeline(dataset, Compose(early) if skipping is None else skipping.with_steps(early))
    samples = [view[index] for index in indices]
    for step in late:
        samples = [_apply(step, sample, skipping) for sample in samples]
    # Made again one by one, those with a broken image are replaced as without stages.
    return [dataset[index] if sample is None else sample for index, sample in zip(indices, samples, strict=True)]


def _apply(step: Callable, sample: Any, skipping: SkippingPipeline | None) -> Any:
    """The sample after a step; ``None`` for one whose image is broken."""
    if sample is None:
        return None
    try:
        return step(sample)
    except Exception as error:
        if skipping is None or not skipping.leaves_out(error, sample):
            raise
        return None


def split_steps(steps: Sequence[Callable]) -> tuple[list[Callable], list[Callable]]:
    """The steps that run sample by sample, and those that run on a whole batch."""
    kinds = [type(_student_step(step)) for step in steps]
    start = kinds.index(DecodingTopdownAffine) if DecodingTopdownAffine in kinds else len(steps)
    if any(kind not in _DRAW_NOTHING for kind in kinds[start:]):
        start = len(steps)
    return list(steps[:start]), list(steps[start:])


def _student_step(step: Callable) -> Callable:
    """A step, or the student's in one that also makes or packs a crop for the teacher, which draws nothing more."""
    if type(step) is TeacherCrop:
        return step.crop
    return step.pack if type(step) is PackTeacherCrop else step


def _with_pipeline(dataset: BaseCocoStyleDataset, pipeline: Compose) -> Any:
    """A view of the data set with another pipeline, seeded as the data set is and counting draws for it."""
    view = view_of(dataset, pipeline=pipeline)
    if not hasattr(dataset.prepare_data, 'prepare'):
        return view
    prepare = MethodType(BaseCocoStyleDataset.prepare_data, view)
    return view_of(dataset, prepare_data=view_of(dataset.prepare_data, prepare=prepare))


def _is_only_seeded(dataset: BaseCocoStyleDataset) -> bool:
    prepare = getattr(dataset.prepare_data, 'prepare', dataset.prepare_data)
    return (getattr(prepare, '__func__', None) is BaseCocoStyleDataset.prepare_data
            and type(dataset).__getitem__ is BaseDataset.__getitem__)
