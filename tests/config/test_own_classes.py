"""Classes of one's own in a config: what only they know is not refused, what they inherit is checked as ever."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmpose.models.heads import HeatmapHead

from distilpose.config import CHECKS, ConfigTree, merge_options, read_config
from distilpose.config.checks import NEED_FILES
from distilpose.config.class_arguments import arguments
from distilpose.errors import DistilPoseError

PATH = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'


class OwnHead(HeatmapHead):
    def __init__(self, *args: Any, gate: Mapping[str, Any] | None = None, thr: float = -1, **kwargs: Any) -> None:
        self.extra = kwargs.pop('extra', None)
        super().__init__(*args, **kwargs)


class OwnStep:
    def __init__(self, p: int = 5, input_size: int = 3, attention=False) -> None:  # type: ignore[no-untyped-def]
        self.p = p

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        return results


class OwnData(BaseDataset):
    """It has a pipeline of its own."""

    def __init__(self, folder: str, indices: str = 'all', ann_file: int = 3) -> None:
        super().__init__(pipeline=[])


class OwnMetric(BaseMetric):
    def __init__(self, thr: int = -1, **kwargs: Any) -> None:
        self.options = kwargs


class OwnHook(Hook):
    def __init__(self, interval: int = 0, momentum: int = 5, **kwargs: Any) -> None:
        self.options = kwargs


class OwnSchedule:
    def __init__(self, optimizer: Any, milestones: str = 'auto', gamma: int = -1) -> None:
        self.gamma = gamma


class OwnWrapper(OptimWrapper):
    def __init__(self, *args: Any, rho: float = 0.1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class OwnConstructor(DefaultOptimWrapperConstructor):
    """It reads keys of its own."""


@functools.cache
def read() -> Config:
    return read_config(PATH)


def warnings(changes: Mapping[str, Any]) -> list[str]:
    """Of all checks without files, of mmpose's config with some entries changed."""
    cfg = copy.deepcopy(read())
    cfg.merge_from_dict(dict(changes))
    tree = ConfigTree(cfg, ['train', 'val'])
    for check in CHECKS:
        if check not in NEED_FILES:
            check(tree)
    return tree.warnings


HEAD = {'model.head.type': OwnHead}
LOADER = dict(batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True))
OPTIMIZER = dict(type='Adam', lr=1e-3)
ACCEPTED: list[dict[str, Any]] = [
    {**HEAD, 'model.head.thr': -2, 'model.head.extra': 3},
    {**HEAD, 'model.head.gate': dict(type='soft', momentum=7)},
    {'train_dataloader.dataset.pipeline.3': dict(type=OwnStep, p=6, input_size=4, attention='se')},
    {'train_dataloader': dict(LOADER, _delete_=True, dataset=dict(type=OwnData, folder='a', indices='b', ann_file=4))},
    {'val_evaluator': dict(_delete_=True, type=OwnMetric, thr=-2, anything=1)},
    {'custom_hooks': [dict(type=OwnHook, interval=0, momentum=6, priority='LOW', anything=1)]},
    {'param_scheduler': [dict(type=OwnSchedule, milestones='auto', gamma=-2)]},
    {'optim_wrapper': dict(type=OwnWrapper, rho=0.2, optimizer=OPTIMIZER)},
    {'optim_wrapper.constructor': 'OwnConstructor', 'optim_wrapper.paramwise_cfg': dict(rule=3)},
    {'optim_wrapper.constructor': 'ForceDefaultOptimWrapperConstructor',
     'optim_wrapper.paramwise_cfg': dict(force_default_settings=True)},
    # Values and forms of mmengine that its annotations do not have
    {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.loss_scale': 512.0},
    {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.loss_scale': dict(init_scale=512.0, growth_interval=100)},
    {'param_scheduler': dict(_delete_=True, body=[dict(type='LinearLR', end=50, by_epoch=False)],
                             head=dict(type='StepLR', step_size=3))},
    {'custom_hooks': [dict(type='ProfilerHook', on_trace_ready=dict(type='tb_trace'))]},
    {'model.backbone.init_cfg': [dict(type='Constant', val=1, layer='BatchNorm2d',
                                      override=dict(type='Normal', name='conv1', std=0.1))]},
    {'model.neck': dict(type='FPN', in_channels=[2048], out_channels=2048, num_outs=1, add_extra_convs='on_input')},
]


@pytest.mark.parametrize('changes', ACCEPTED, ids=lambda changes: next(iter(changes.values()), ''))
def test_what_only_a_class_knows_is_accepted(changes: dict[str, Any]) -> None:
    assert warnings(changes) == []


@pytest.mark.parametrize(('changes', 'expected'), [
    ({**HEAD, 'model.head.out_channels': -17}, 'a whole number of at least 1'),
    ({**HEAD, 'model.head.num_joints': 17}, "OwnHead.*has no 'num_joints'"),
    ({**HEAD, 'model.head.decoder.type': 'MSRAHeatmp'}, "did you mean 'MSRAHeatmap'"),
    ({**HEAD, 'model.head.decoder.sigma': -1}, 'a number above 0'),
    ({'optim_wrapper': dict(type=OwnWrapper, optimizer=OPTIMIZER, accumulative_counts=0)}, 'of at least 1'),
    ({'optim_wrapper': dict(type=OwnWrapper, optimizer=OPTIMIZER, rhoo=1)}, "did you mean 'rho'"),
    ({'train_dataloader.dataset.pipeline.3': dict(type=OwnStep, attention='no')}, 'expected True or False'),
])
def test_what_it_inherits_is_checked(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(DistilPoseError, match=expected):
        warnings(changes)


def test_keywords_that_are_not_passed_on_are_open() -> None:
    class Keeps(HeatmapHead):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(256, 17)
            self.options = kwargs

    assert arguments(Keeps) == ({}, True)
    assert arguments(OwnHead)[1] is False and {'extra', 'thr', 'out_channels'} <= set(arguments(OwnHead)[0])


def test_a_variable_of_a_config_over_one_of_mmpose_names_its_places(tmp_path: Any) -> None:
    """mmengine writes ``_scope_`` into the variables of such a base."""
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = {PATH!r}\n')
    with pytest.raises(DistilPoseError, match=r'where it is used: model\.head\.decoder\.sigma, train_dataloader'):
        merge_options(read_config(config), {'codec.sigma': 3})


def test_a_key_that_a_class_refuses_is_not_advised_to_be_added() -> None:
    with pytest.raises(DistilPoseError, match="no 'drop_path_rate'") as error:
        merge_options(copy.deepcopy(read()), {'model.backbone.drop_path_rate': 0.1})
    assert '+model' not in str(error.value)
