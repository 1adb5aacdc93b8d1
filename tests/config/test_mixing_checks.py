"""Checks of configs that mix labelled data with unlabelled images."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.engine import check_mixed_data
from distilpose.errors import DistilPoseError

UNLABELLED = dict(type='UnlabelledImages', data_root='x')
SAMPLER = dict(type='MultiSourceSampler', batch_size=4, source_ratio=[3, 1])


def mixture(**changes: Any) -> Config:
    """A good config, with dotted keys changed."""
    loss = dict(type='KeypointMSELoss', use_target_weight=True)
    cfg = Config(copy.deepcopy(dict(
        model=dict(type='PoseDistiller', student=dict(head=dict(loss=loss)), task_weight=0.5),
        train_dataloader=dict(
            batch_size=4, sampler=SAMPLER,
            dataset=dict(type='CombinedDataset', datasets=[dict(type='CocoDataset'), UNLABELLED],
                         pipeline=[dict(type='LoadImage'), dict(type='PackMixedPoseInputs')])),
        val_dataloader=dict(dataset=dict(type='CocoDataset')), test_dataloader=None)))
    cfg.merge_from_dict(changes)
    return cfg


@pytest.mark.parametrize('kind', ['PoseDistiller', 'mmpose.PoseDistiller'])
def test_a_good_mixture_passes(kind: str) -> None:
    check_mixed_data(mixture(**{'model.type': kind}))


def test_other_data_passes() -> None:
    check_mixed_data(Config(dict(model=dict(type='Any'), train_dataloader=dict(dataset=dict(type='CocoDataset')))))
    check_mixed_data(Config(dict(model=dict(type='Any'))))


@pytest.mark.parametrize(('changes', 'words'), [
    ({'train_dataloader.batch_size': 8}, 'batch_size is 8 and train_dataloader.sampler.batch_size is 4'),
    ({'train_dataloader.batch_size': 8, 'train_dataloader.sampler.type': 'mmpose.MultiSourceSampler'}, 'is 8 and'),
    ({'train_dataloader.sampler.source_ratio': [1]}, 'source_ratio has 1 numbers for 2 data sets'),
    ({'train_dataloader.sampler.source_ratio': [9, 1]}, r'have \[4, 0\] images of the data sets'),
    ({'train_dataloader.sampler.source_ratio': [0, 1]}, r'have \[0, 4\] images of the data sets'),
    ({'train_dataloader.sampler.source_ratio': [0, 0]}, r'have \[4, 0\] images of the data sets'),
    ({'train_dataloader.dataset': dict(UNLABELLED, _delete_=True)}, 'dataset is not a CombinedDataset'),
    ({'val_dataloader.dataset.type': 'UnlabelledImages'}, 'val_dataloader.dataset is UnlabelledImages'),
    ({'model.type': 'TopdownPoseEstimator'}, "model.type is 'TopdownPoseEstimator', not PoseDistiller"),
    ({'train_dataloader.dataset.pipeline': []}, 'a CombinedDataset without a pipeline'),
    ({'train_dataloader.dataset.pipeline': [], 'train_dataloader.dataset.type': 'mmpose.CombinedDataset'},
     'a CombinedDataset without a pipeline'),
    ({'train_dataloader.dataset.pipeline.1.type': 'PackPoseInputs'}, r'pipeline\[1\] is PackPoseInputs'),
    ({'model.student.head.loss.use_target_weight': False}, r'\(KeypointMSELoss\) has use_target_weight=False'),
    ({'model.student.head.loss': dict(_delete_=True, type='SmoothL1Loss')}, 'SmoothL1Loss.*use_target_weight=False'),
    ({'model.student.head.loss': dict(_delete_=True, type='MultipleLossWrapper', losses=[dict(type='RLELoss')])},
     r'head.loss.losses\[0\] \(RLELoss\)'),
])
def test_mixtures_that_would_hang_or_train_on_nothing_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_mixed_data(mixture(**changes))


SWITCHED = [dict(type='LoadImage'), dict(type='PackPoseInputs')]


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(custom_hooks=[dict(type='EMAHook'), dict(type='PipelineSwitchHook', switch_pipeline=SWITCHED)]),
     r'custom_hooks\[1\]\.switch_pipeline\[1\] is PackPoseInputs'),
    (dict(custom_hooks=[dict(type='mmdet.PipelineSwitchHook', switch_pipeline=SWITCHED)]), 'custom_hooks'),
    (dict(custom_hooks=[dict(type='OwnHook', late_pipeline=[dict(type='Either', transforms=SWITCHED)])]),
     r'custom_hooks\[0\]\.late_pipeline\[0\]\.transforms\[1\] is PackPoseInputs'),
    (dict(custom_hooks=[dict(type='PipelineSwitchHook', switch_pipeline=[dict(type='mmpose.PackPoseInputs')])]),
     r'switch_pipeline\[0\] is PackPoseInputs'),
    (dict(default_hooks=dict(switch=dict(type='PipelineSwitchHook', switch_pipeline=SWITCHED))),
     r'default_hooks\.switch\.switch_pipeline\[1\] is PackPoseInputs'),
])
def test_pipelines_that_a_hook_switches_to_are_read(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_mixed_data(mixture(**changes))


def test_pipelines_of_hooks_that_do_not_matter_pass() -> None:
    """With the right last step, of an evaluation, or without unlabelled images."""
    mixed = [dict(type='LoadImage'), dict(type='PackMixedPoseInputs')]
    check_mixed_data(mixture(custom_hooks=[dict(type='PipelineSwitchHook', switch_pipeline=mixed),
                                           dict(type='OwnHook', val_pipeline=SWITCHED)]))
    labelled = mixture(custom_hooks=[dict(type='PipelineSwitchHook', switch_pipeline=SWITCHED)])
    labelled.train_dataloader = dict(dataset=dict(type='CocoDataset'))
    check_mixed_data(labelled)


def test_a_loss_that_always_weighs_joints_passes() -> None:
    check_mixed_data(mixture(**{'model.student.head.loss': dict(_delete_=True, type='NMTLoss')}))


def test_without_a_task_loss_it_may_be_any() -> None:
    check_mixed_data(mixture(**{'model.task_weight': 0, 'model.student.head.loss.use_target_weight': False}))


def test_unlabelled_images_alone_pass() -> None:
    cfg = mixture(**{'train_dataloader.sampler.type': 'DefaultSampler'})
    cfg.train_dataloader.dataset = dict(UNLABELLED, pipeline=[dict(type='PackMixedPoseInputs')])
    check_mixed_data(cfg)
