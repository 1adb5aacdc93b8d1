"""Data pipelines of a config, changed by the types of their steps; config files import these functions.

The import comes below ``_base_ = ...``: mmengine takes a config that imports first for one of its other style. What is
imported does not become part of the config.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distilpose.errors import DistilPoseError

Step = Mapping[str, Any]
Loader = dict[str, Any]

_BOX_AUGMENTATION = ('RandomBBoxCenterShift', 'RandomBBoxTransform', 'RandomHalfBody', 'RandomScaleRotation')
HAND_OVER: Loader = dict(collate_fn=dict(type='compact_collate'), pin_memory=True)
"""What a loader hands batches over with."""
LATE = dict(LoadImage='LoadEncodedImage', TopdownAffine='DecodingTopdownAffine', PackPoseInputs='PackTrainingInputs')
"""mmpose's step -> the one that decodes no more of a file than a crop needs."""


def with_codec(base: Mapping[str, Any], codec: Mapping[str, Any], *,
               use_udp: bool = False) -> tuple[list[Step], list[Step], Loader, Loader, Loader]:
    """The pipelines of a config for another codec: the size of the crops, and the targets.

    Args:
        base: has ``train_pipeline`` and ``val_pipeline``, as ``_base_`` has.
        codec: makes the targets of crops of its ``input_size``.
        use_udp: crops put the centre of the last pixel, not its far edge, on that of the box (Huang et al., CVPR 2020).

    Returns:
        ``train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader``; a dataloader is what
        changes in that of the base.

    Raises:
        DistilPoseError: a pipeline does not crop once, or that for training does not make targets once.
    """
    crop = dict(type='TopdownAffine', input_size=codec['input_size'])
    if use_udp:
        crop['use_udp'] = True
    train_pipeline = replace_steps(base['train_pipeline'], crop, dict(type='GenerateTarget', encoder=codec))
    val_pipeline = replace_steps(base['val_pipeline'], crop)
    return train_pipeline, val_pipeline, _loader(train_pipeline), _loader(val_pipeline), _loader(val_pipeline)


def with_augmentation(base: Mapping[str, Any], steps: Sequence[Step]) -> tuple[list[Step], Loader]:
    """The training pipeline of a config with other steps between a person's box and the crop; flips stay.

    Args:
        base: has a ``train_pipeline``, as ``_base_`` has.
        steps: take the place of all that shift, scale or turn the box, or keep half of the body.

    Returns:
        ``train_pipeline, train_dataloader``; the dataloader is what changes in that of the base.

    Raises:
        DistilPoseError: the pipeline does not crop once.
    """
    kept = [step for step in base['train_pipeline'] if step['type'] not in _BOX_AUGMENTATION]
    crop = _place(kept, 'TopdownAffine')
    train_pipeline = [*kept[:crop], *steps, *kept[crop:]]
    return train_pipeline, _loader(train_pipeline)


def with_fast_data(base: Mapping[str, Any], *, reduced: bool = False, together: bool = False,
                   crops: str | None = None) -> tuple[list[Step], list[Step], Loader, Loader, Loader]:
    """The pipelines and loaders of a config that take less time: no more of a file is decoded than a crop needs, in
    validation once for all people of an image, and batches are handed over in one piece.

    Samples stay the same up to rounding, unless ``reduced``. Apply it last: other functions look for mmpose's steps.

    Args:
        base: has ``train_pipeline`` and ``val_pipeline``, as ``_base_`` has. In the former, what changes the values of
            pixels comes after ``TopdownAffine``.
        reduced: as of :class:`~distilpose.datasets.DecodingTopdownAffine`, in training.
        together: in training too, the people of an image follow each other, and it is decoded once; the samples are
            the same, but the batches are others (:class:`~distilpose.datasets.PeopleOfImageSampler`).
        crops: folder of a crop store: images are decoded in the first epoch and read from there afterwards
            (:class:`~distilpose.engine.hooks.CropStoreHook`).

    Returns:
        As :func:`with_codec`.

    Raises:
        DistilPoseError: a pipeline does not load, crop or pack once.
    """
    load, crop, pack = (_place(base['train_pipeline'], kind) for kind in LATE)
    train_pipeline = list(base['train_pipeline'])
    for place in (load, crop, pack):
        train_pipeline[place] = dict(train_pipeline[place], type=LATE[train_pipeline[place]['type']])
    if reduced:
        train_pipeline[crop] = dict(train_pipeline[crop], reduced=True)
    val_pipeline = list(base['val_pipeline'])
    place = _place(val_pipeline, 'LoadImage')
    val_pipeline[place] = dict(val_pipeline[place], type='LoadImageOnce')
    train_loader, val_loader, test_loader = (
        dict(_loader(pipeline), **HAND_OVER) for pipeline in (train_pipeline, val_pipeline, val_pipeline))
    if base['train_dataloader']['dataset']['type'] == 'CocoDataset':
        train_loader['dataset']['type'] = 'QuickCocoDataset'
    if crops is not None:
        train_pipeline[load] = dict(train_pipeline[load], crops=crops)
    if together:
        train_pipeline[load] = dict(train_pipeline[load], remember=True)
        train_loader['sampler'] = dict(_delete_=True, type='PeopleOfImageSampler')
    return train_pipeline, val_pipeline, train_loader, val_loader, test_loader


def replace_steps(pipeline: Sequence[Step], *steps: Step) -> list[Step]:
    """A pipeline in which every given step takes the place of the one of its type.

    Raises:
        DistilPoseError: the pipeline has none of a type, or several.
    """
    replaced = list(pipeline)
    for step in steps:
        replaced[_place(pipeline, step['type'])] = step
    return replaced


def change_step(pipeline: Sequence[Step], kind: str, **options: Any) -> list[Step]:
    """A pipeline in which the step of a type has other options; those that are not named stay.

    Raises:
        DistilPoseError: the pipeline has none of the type, or several.
    """
    return replace_steps(pipeline, dict(pipeline[_place(pipeline, kind)], **options))


def _place(pipeline: Sequence[Step], kind: str) -> int:
    types = [step['type'] for step in pipeline]
    if types.count(kind) != 1:
        raise DistilPoseError(f'a pipeline should have one step of type {kind}, and this one has {types.count(kind)}: '
                              f'{", ".join(types)}. Write the pipeline out in the config')
    return types.index(kind)


def _loader(pipeline: list[Step]) -> Loader:
    return dict(dataset=dict(pipeline=pipeline))
