"""Checks of mixed data: labelled people and images without annotations in one training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmpose.registry import MODELS

from distilpose.errors import DistilPoseError

from .tree import ConfigTree
from .walk import dictionaries, type_name


def check_mixed_data(config: Config | ConfigTree) -> None:
    """Checks the sampler of combined data sets, and that unlabelled images reach the distiller as such.

    Raises:
        DistilPoseError: something would hang, or train on joints without annotations; names what to change.
    """
    tree = ConfigTree.of(config)
    trains = 'train' in tree.loaders
    loader = tree.cfg.get('train_dataloader') or {}
    if trains and type_name((loader.get('sampler') or {}).get('type')) == 'MultiSourceSampler':
        _check_shares(loader)
    evaluated = ('val', 'test') if trains else tree.loaders
    for path, dataset in tree.of_type('UnlabelledImages', *(f'{name}_dataloader' for name in evaluated)):
        if trains and path.startswith('val_dataloader') and _is_agreement(tree):
            _check_held_out(path, dataset, tree)
            continue
        raise DistilPoseError(f'{path} is UnlabelledImages, and images without annotations cannot be evaluated on; '
                              'use labelled data there' + (", or val_evaluator=dict(type='AgreementWithTeacher')"
                                                           if trains and path.startswith('val') else ''))
    if trains and tree.of_type('UnlabelledImages', 'train_dataloader'):
        _check_unlabelled(tree)


def _is_agreement(tree: ConfigTree) -> bool:
    """Whether the validation needs no annotations."""
    found = tree.cfg.get('val_evaluator') or ()
    evaluators = [found] if isinstance(found, Mapping) else list(found)
    return bool(evaluators) and all(type_name(one.get('type')) == 'AgreementWithTeacher' for one in evaluators)


def _check_held_out(path: str, dataset: Mapping[str, Any], tree: ConfigTree) -> None:
    """Refuses a validation on the images of the training."""
    for other, trained in tree.of_type('UnlabelledImages', 'train_dataloader'):
        are_same = all(trained.get(key) == dataset.get(key) for key in ('data_root', 'images'))
        if are_same and (trained.get('part'), dataset.get('part')) != ('train', 'val'):
            raise DistilPoseError(f"{path} and {other} are the same images; set part='val' there and part='train' "
                                  'here, so that no image of the validation is trained on')


def _check_shares(loader: Mapping[str, Any]) -> None:
    """mmpose's sampler stops with an assertion, or hangs, over what this refuses."""
    sampler, sources = loader['sampler'], (loader.get('dataset') or {}).get('datasets')
    if sources is None:
        raise DistilPoseError('train_dataloader.sampler is a MultiSourceSampler and train_dataloader.dataset is not a '
                              'CombinedDataset; use both, or a DefaultSampler')
    size, ratio = sampler.get('batch_size'), list(sampler.get('source_ratio') or [])
    if size != loader.get('batch_size'):
        raise DistilPoseError(f'train_dataloader.batch_size is {loader.get("batch_size")} and '
                              f'train_dataloader.sampler.batch_size is {size}; they must be equal, or batches are not '
                              'mixed as asked')
    if len(ratio) != len(sources):
        raise DistilPoseError(f'train_dataloader.sampler.source_ratio has {len(ratio)} numbers for {len(sources)} data '
                              'sets; it must have one for each')
    rest = [int(size * part / (sum(ratio) or 1)) for part in ratio[1:]]
    shares = [size - sum(rest), *rest]  # as mmpose rounds
    if min(shares) < 1:
        raise DistilPoseError(f'batches of {size} with source_ratio={ratio} have {shares} images of the data sets, and '
                              'each must give one at least; change source_ratio or the batch size, or take '
                              "sampler=dict(type='DefaultSampler', shuffle=True), which mixes without fixed shares")


def _check_unlabelled(tree: ConfigTree) -> None:
    if not tree.is_distillation:
        raise DistilPoseError(f'UnlabelledImages teach nothing without a teacher, and model.type is '
                              f'{tree.model.get("type")!r}, not PoseDistiller; take them out of the training data')
    dataset = tree.cfg.train_dataloader.dataset
    if type_name(dataset.get('type')) == 'CombinedDataset' and not dataset.get('pipeline'):
        raise DistilPoseError('train_dataloader.dataset is a CombinedDataset without a pipeline, which sends all its '
                              'annotations along with every sample; give it the whole pipeline, and pipeline=[] to the '
                              'data sets in it')
    for path, _ in tree.of_type('PackPoseInputs', 'train_dataloader.dataset', *_switched_pipelines(tree)):
        raise DistilPoseError(f'{path} is PackPoseInputs, which does not say that images of UnlabelledImages have no '
                              'annotations; use PackMixedPoseInputs')
    if tree.model.get('task_weight', 1.0):
        _check_task_loss(tree.student.get('head') or {})


def _switched_pipelines(tree: ConfigTree) -> list[str]:
    """The paths of pipelines that hooks put in the place of the training's, such as ``PipelineSwitchHook``."""
    return [f'{path}.{key}' for path, hook in tree.below('default_hooks', 'custom_hooks')
            for key, value in hook.items() if isinstance(value, (list, tuple))
            and key.endswith('pipeline') and not key.startswith(('val', 'test'))]


def _check_task_loss(head: Mapping[str, Any]) -> None:
    for path, loss in dictionaries(head.get('loss') or {}, "the student's head.loss"):
        default = _default_of_weights(loss)
        if default is not None and not loss.get('use_target_weight', default):
            raise DistilPoseError(f'{path} ({loss["type"]}) has use_target_weight=False, so that images without '
                                  'annotations would be trained to have no joints; set use_target_weight=True')


def _default_of_weights(loss: Mapping[str, Any]) -> bool | None:
    """The default of a loss where its config has none; ``None`` for one that always weighs joints."""
    kind = MODELS.get(loss['type']) if isinstance(loss.get('type'), str) else loss.get('type')
    if not inspect.isclass(kind):
        return None
    parameter = inspect.signature(kind).parameters.get('use_target_weight')
    return None if parameter is None else bool(parameter.default)
