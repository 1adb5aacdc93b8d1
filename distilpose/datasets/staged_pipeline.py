"""Staged pipeline: the samples of a batch go through its steps together instead of one after the other."""

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
    """The samples ``dataset[index]`` of a batch, and what is drawn for them, in less time.

    Decoding an image drives out of the processor's caches what all other steps need, which by itself triples their
    time. Here people come first, each with all steps up to the decoding one, and after that every step has its turn for
    all of them.

    Where that could change a sample, they are made one by one: if a step from the decoding one on may draw random
    numbers, and if a ``prepare_data`` or ``__getitem__`` other than mmpose's may read samples. Seeding
    (:class:`~distilpose.engine.hooks.randomness.SeededPreparation`) is allowed. The data set keeps its pipeline
    meanwhile: the early steps are those of a view of it.

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
    """Those that are for one sample after the other, and those that follow for all of a batch, each in its turn."""
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
