"""Fast data of a config that was read: the steps and loaders of ``with_fast_data``, for a training with ``--fast``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from .data import HAND_OVER, LATE

PLAIN_TYPES = {**{fast: plain for plain, fast in LATE.items()}, 'LoadImageOnce': 'LoadImage',
               'QuickCocoDataset': 'CocoDataset', 'PeopleOfImageSampler': 'DefaultSampler'}
"""Type of a faster step, data set or sampler -> mmpose's own, with the same samples."""
_ARGUMENTS = dict(LoadImage=('backend_args', ), TopdownAffine=('input_size', 'use_udp'), PackPoseInputs=(),
                  PackMixedPoseInputs=())
"""Step that has a faster form -> arguments that this form takes."""
_FAST = {**LATE, 'PackMixedPoseInputs': LATE['PackPoseInputs']}
_WITHOUT_PIXELS = frozenset({'GetBBoxCenterScale', 'RandomBBoxCenterShift', 'RandomBBoxTransform', 'RandomFlip',
                             'RandomHalfBody', 'RandomScaleRotation'})
"""Steps before the crop that need no pixels."""
_TYPES = frozenset({'CocoDataset'})
_COLLATE = (None, 'pseudo_collate', 'default_collate')


def use_fast_data(cfg: Config) -> str | None:
    """Puts faster steps into the pipelines of a config, in place; the samples stay the same, to the bit.

    As :func:`~distilpose.config.with_fast_data`, which a config file calls. A pipeline switched to by
    ``PipelineSwitchHook`` is changed, too. Where the training has steps that are not known to leave the pixels alone
    until the crop, nothing is changed.

    Returns:
        Why nothing was changed, as :func:`why_no_fast_data`; ``None`` for a config with fast data.
    """
    reason = why_no_fast_data(cfg)
    if reason is not None:
        return reason
    train, switched = cfg.train_dataloader, _switches(cfg)
    train.dataset.pipeline = _fast_training(train.dataset.pipeline)
    for hook in switched:
        hook['switch_pipeline'] = _fast_training(hook['switch_pipeline'])
    for dataset in (train.dataset, *_datasets_without_pipeline(train.dataset)):
        if dataset['type'] in _TYPES:
            dataset['type'] = 'QuickCocoDataset'
    _use_compact_collate(train)
    for loader in _validation_loaders(cfg):
        steps = [step['type'] for step in loader.dataset.pipeline]
        if steps.count('LoadImage') == 1 and _is_known(loader.dataset.pipeline[steps.index('LoadImage')]):
            loader.dataset.pipeline = [_with_type(step, 'LoadImageOnce') if step['type'] == 'LoadImage' else step
                                       for step in loader.dataset.pipeline]
        if 'PackPoseInputs' in steps and 'TopdownAffine' in steps:
            _use_compact_collate(loader)
    return None


def why_no_fast_data(cfg: Config) -> str | None:
    """Why the pipelines of a training have to stay as they are; ``None`` where :func:`use_fast_data` changes them."""
    train = cfg.get('train_dataloader')
    if not train or 'pipeline' not in train.dataset:
        return 'the training data has no pipeline of its own'
    pipelines = (train.dataset.pipeline, *(hook['switch_pipeline'] for hook in _switches(cfg)))
    return next(filter(None, map(_why_not, pipelines)), None)


def has_fast_data(cfg: Config) -> bool:
    """Whether a training decodes images at the crop."""
    train = cfg.get('train_dataloader') or {}
    return any(step['type'] == LATE['TopdownAffine'] for step in train.get('dataset', {}).get('pipeline') or ())


def with_plain_types(value: Any) -> Any:
    """Nested dictionaries and lists of a config with mmpose's own steps and loaders in the place of faster ones."""
    if isinstance(value, Mapping):
        kind = value.get('type')
        plain = {} if not isinstance(kind, str) else dict(type=PLAIN_TYPES.get(kind, kind))
        return {**{key: with_plain_types(entry) for key, entry in value.items()
                   if key != 'collate_fn' or entry != HAND_OVER[key]}, **plain}
    return list(map(with_plain_types, value)) if isinstance(value, (list, tuple)) else value


def _datasets_without_pipeline(dataset: Any) -> list[Any]:
    """Those of a CombinedDataset that leave all steps to its pipeline."""
    return [one for one in dataset.get('datasets', ()) if not one.get('pipeline')]


def _switches(cfg: Config) -> list[Any]:
    """Hooks that switch the training to another pipeline."""
    return [hook for hook in cfg.get('custom_hooks') or () if hook.get('switch_pipeline')]


def _why_not(pipeline: Sequence[Mapping[str, Any]]) -> str | None:
    kinds = [step['type'] for step in pipeline]
    if LATE['TopdownAffine'] in kinds:
        return None
    for names in (('LoadImage', ), ('TopdownAffine', ), ('PackPoseInputs', 'PackMixedPoseInputs')):
        if sum(map(kinds.count, names)) != 1:
            return f'a pipeline of the training has not one step {" or ".join(names)}'
    load, crop = kinds.index('LoadImage'), kinds.index('TopdownAffine')
    unknown = [kind for kind in kinds[load + 1:crop] if kind not in _WITHOUT_PIXELS]
    unknown += [step['type'] for step in pipeline if not _is_known(step)]
    return f'{unknown[0]} in a pipeline of the training may need the whole image' if unknown or crop < load else None


def _is_known(step: Mapping[str, Any]) -> bool:
    """Whether the faster form of a step takes all of its arguments."""
    return step['type'] not in _ARGUMENTS or step.keys() <= {'type', *_ARGUMENTS[step['type']]}


def _fast_training(pipeline: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [_with_type(step, _FAST.get(step['type'], step['type'])) for step in pipeline]


def _with_type(step: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {**step, 'type': kind}


def _use_compact_collate(loader: Any) -> None:
    collate = loader.get('collate_fn')
    if (collate.get('type') if isinstance(collate, Mapping) else collate) in _COLLATE:
        for key, value in HAND_OVER.items():
            loader[key] = value


def _validation_loaders(cfg: Config) -> Iterator[Any]:
    for name in ('val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader and loader.get('dataset', {}).get('pipeline'):
            yield loader
