"""Steps of top-down pipelines that are missing or in another order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from mmengine.config import Config
from mmpose.datasets import CocoDataset
from mmpose.registry import DATASETS, TRANSFORMS

from distilpose.config.pipeline_checks import check_pipelines
from distilpose.config.teacher_crop import CROP_STEPS
from distilpose.errors import DistilPoseError

CODEC = dict(type='RegressionLabel', input_size=(48, 64))
STEPS: list[dict[str, Any]] = [
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip'),
    dict(type='TopdownAffine', input_size=(48, 64)), dict(type='GenerateTarget', encoder=CODEC),
    dict(type='PackPoseInputs')]


def config(*places: int, model: str = 'TopdownPoseEstimator', **dataset: Any) -> Config:
    """Of the steps at these places."""
    steps = copy.deepcopy([STEPS[place] for place in places or range(len(STEPS))])
    return Config(dict(model=dict(type=model), train_dataloader=dict(
        dataset=dict(dict(type='CocoDataset', pipeline=steps), **dataset))))


def combined(*, within: list[dict[str, Any]], after: list[dict[str, Any]]) -> Config:
    parts = [dict(type='CocoDataset', pipeline=within), dict(type='CocoDataset', pipeline=STEPS[:2])]
    return config(type='CombinedDataset', datasets=parts, pipeline=after)


def test_the_usual_order_passes() -> None:
    check_pipelines(config())
    check_pipelines(config(0, 1, 3, 5))
    for kind in CROP_STEPS:
        check_pipelines(config(pipeline=[*STEPS[:3], STEPS[3] | dict(type=kind), *STEPS[4:]]))
    check_pipelines(config(pipeline=[*STEPS[:3], dict(type='TeacherCrop', crop=STEPS[3]), STEPS[4],
                                     dict(type='PackTeacherCrop', pack=STEPS[5])]))
    check_pipelines(combined(within=STEPS[:2], after=STEPS[2:]))
    check_pipelines(config(pipeline=[*STEPS[:1], dict(type='RandomApply', transforms=STEPS[1:4]), *STEPS[4:]]))


@pytest.mark.parametrize(('found', 'words'), [
    (config(0, 1, 2, 3, 4), r'^train_dataloader\.dataset\.pipeline ends with GenerateTarget; expected PackPoseInputs'),
    (config(pipeline=[]), 'ends with nothing; expected PackPoseInputs'),
    (config(0, 1, 2, 4, 5), 'has no TopdownAffine, which crops the person'),
    (config(0, 1, 2, 4, 3, 5), r'pipeline\[3\] is GenerateTarget, and TopdownAffine comes after it: the target would'),
    (config(1, 3, 4, 5), 'LoadImage is missing, and TopdownAffine needs it before'),
    (config(0, 3, 1, 4, 5), 'GetBBoxCenterScale comes after TopdownAffine'),
    (config(pipeline=[*STEPS[:3], dict(type='BottomupRandomAffine', input_size=(48, 64)), *STEPS[3:]]),
     r'pipeline\[3\] is BottomupRandomAffine, which is for bottom-up networks'),
    (config(data_mode='bottomup'), r"dataset\.data_mode is 'bottomup', and the model is a TopdownPoseEstimator"),
    (combined(within=STEPS[:2], after=[STEPS[2], STEPS[4], STEPS[3], STEPS[5]]),
     r'^train_dataloader\.dataset\.pipeline\[1\] is GenerateTarget'),
    (combined(within=STEPS[1:2], after=STEPS[2:]), r'^train_dataloader\.dataset\.datasets\[0\]\.pipeline: LoadImage'),
])
def test_another_order_is_refused(found: Config, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_pipelines(found)


def test_networks_that_are_given_whole_images_are_left_out() -> None:
    check_pipelines(config(0, 5, model='BottomupPoseEstimator', data_mode='bottomup'))


def test_a_step_of_others_may_do_anything() -> None:
    @TRANSFORMS.register_module(name='CropOfOthers', force=True)
    class CropOfOthers:
        pass

    check_pipelines(config(pipeline=[STEPS[0], dict(type='CropOfOthers'), *STEPS[4:]]))
    check_pipelines(config(pipeline=[STEPS[0], dict(type='NotThere')]))


def test_a_data_set_of_others_may_do_what_a_step_does() -> None:
    @DATASETS.register_module(name='LoadedDataset', force=True)
    class LoadedDataset(CocoDataset):
        pass

    check_pipelines(config(1, 3, 4, 5, type='LoadedDataset'))
    check_pipelines(config(1, 3, 4, 5, type=LoadedDataset))
    with pytest.raises(DistilPoseError, match='LoadImage is missing'):
        check_pipelines(config(1, 3, 4, 5, type=CocoDataset))
