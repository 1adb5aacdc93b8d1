"""Order of a top-down pipeline: load, box, augment, crop, target, pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmpose.registry import DATASETS, TRANSFORMS

from distilpose.errors import DistilPoseError

from .teacher_crop import CROP_STEPS, WRAPPERS
from .tree import ConfigTree
from .walk import class_of, type_name

Step = tuple[str, str]
"""Path and type of a step."""
_KNOWN = ('mmpose.', 'mmcv.', 'mmengine.', 'distilpose.')
_ORDER = 'LoadImage, GetBBoxCenterScale, augmentations, TopdownAffine, GenerateTarget, PackPoseInputs'


def check_pipelines(config: Config | ConfigTree) -> None:
    """Looks for top-down pipelines whose steps are missing or in another order.

    A target that is generated before the crop is one of the whole image, with which a network trains without an error.
    Pipelines with a step or a data set of another package, which may do anything, are left out.

    Raises:
        DistilPoseError: names the step and the order.
    """
    tree = ConfigTree.of(config)
    if type_name(tree.student.get('type')) != 'TopdownPoseEstimator':
        return
    for loader in tree.loaders:
        dataset = (tree.cfg.get(f'{loader}_dataloader') or {}).get('dataset')
        for path, steps in _pipelines(f'{loader}_dataloader.dataset', dataset, []):
            if all(_is_known(kind, TRANSFORMS) for _, kind in steps):
                _check_order(f'{path}.pipeline', steps)


def _pipelines(path: str, dataset: Any, after: list[Step]) -> Iterator[tuple[str, list[Step]]]:
    """Path and all steps of every data set that reads files; those that combine others add steps of their own."""
    if not isinstance(dataset, Mapping):
        return
    own = dataset.get('pipeline') or []
    steps = [*_steps(f'{path}.pipeline', own), *after]
    parts = dataset.get('datasets') or ([dataset['dataset']] if isinstance(dataset.get('dataset'), Mapping) else [])
    for index, part in enumerate(parts):
        yield from _pipelines(f'{path}.datasets[{index}]' if 'datasets' in dataset else f'{path}.dataset', part, steps)
    if not parts and dataset.get('data_mode', 'topdown') != 'topdown':
        raise DistilPoseError(f'{path}.data_mode is {dataset["data_mode"]!r}, and the model is a TopdownPoseEstimator, '
                              "which is given one person at a time; set it to 'topdown'")
    if not parts and isinstance(own, (list, tuple)) and _is_known(dataset.get('type'), DATASETS):
        yield path, steps


def _steps(path: str, pipeline: Any) -> Iterator[Step]:
    """The steps of a pipeline, those within another step in its place."""
    for index, step in enumerate(pipeline if isinstance(pipeline, (list, tuple)) else ()):
        kind = type_name(step.get('type')) if isinstance(step, Mapping) else ''
        if kind in WRAPPERS:
            kind = type_name((step.get(WRAPPERS[kind]) or {}).get('type'))
        inner = step.get('transforms') if isinstance(step, Mapping) else None
        if isinstance(inner, (list, tuple)) and kind != 'Albumentation':
            yield from _steps(f'{path}[{index}].transforms', inner)
        else:
            yield f'{path}[{index}]', kind


def _is_known(kind: Any, registry: Registry) -> bool:
    return getattr(class_of(registry, kind), '__module__', '').startswith(_KNOWN)


def _check_order(path: str, steps: Sequence[Step]) -> None:
    """Refuses what a top-down network cannot learn from or predict on."""
    kinds = [kind for _, kind in steps]
    crop = next((place for place, kind in enumerate(kinds) if kind in CROP_STEPS), None)
    for where, kind in steps:
        if kind.startswith('Bottomup'):
            raise DistilPoseError(f'{where} is {kind}, which is for bottom-up networks, and the model is a '
                                  'TopdownPoseEstimator, which is given one person; expected TopdownAffine')
    if not kinds or not kinds[-1].startswith('Pack'):
        raise DistilPoseError(f'{path} ends with {kinds[-1] if kinds else "nothing"}; expected PackPoseInputs as its '
                              f'last step: {_ORDER}')
    if crop is None:
        raise DistilPoseError(f'{path} has no TopdownAffine, which crops the person for a TopdownPoseEstimator; the '
                              f'order is {_ORDER}')
    for kind in ('LoadImage', 'GetBBoxCenterScale')[kinds[crop] == 'DecodingTopdownAffine':]:  # which loads itself
        place = next((place for place, found in enumerate(kinds) if kind in found), None)
        if place is None or place > crop:
            state = 'is missing' if place is None else f'comes after {kinds[crop]}'
            raise DistilPoseError(f'{path}: {kind} {state}, and {kinds[crop]} needs it before; the order is {_ORDER}')
    target = next((place for place, kind in enumerate(kinds) if kind == 'GenerateTarget'), None)
    if target is not None and target < crop:
        raise DistilPoseError(f'{steps[target][0]} is GenerateTarget, and {kinds[crop]} comes after it: the target '
                              f'would be one of the whole image; the order is {_ORDER}')
