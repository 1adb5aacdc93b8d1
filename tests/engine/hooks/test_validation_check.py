"""Parts of a config that do not fit each other are found before the first iteration."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpose.evaluation.evaluators import MultiDatasetEvaluator
from mmpose.evaluation.metrics import AUC, PCKAccuracy
from mmpose.structures import PoseDataSample

from distilpose.check import check_training
from distilpose.config import ConfigTree
from distilpose.engine import train
from distilpose.engine.hooks import ValidationCheckHook
from distilpose.engine.hooks.validation_check import _metrics_of
from distilpose.errors import BuildFailed, DistilPoseError
from tests.engine.conftest import make_config, tiny_data, unformatted_configs

__all__ = ['make_config', 'tiny_data', 'unformatted_configs']
HEATMAPS = "dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)"
BROKEN = [
    ("model['head']['in_channels'] = 2048",
     r'^model\.head\.fc \(Linear\) takes 2048 channels and is given 16; .* change in_channels'),
    ("model['head']['decoder'] = None",
     r'^a batch of val_dataloader does not go through the network: model\.head \(RegressionHead\): .*decoder'),
    (f"model['head']['decoder'] = {HEATMAPS}",
     '^the decoder of model.head .MSRAHeatmap. makes 1 keypoints of what RegressionHead predicts'),
    ("val_dataloader['dataset']['pipeline'].pop(2)", "^a batch of val_dataloader .*: KeyError: 'input_center'"),
    ("val_dataloader['dataset']['pipeline'].pop(0)", r'^val_dataloader: the image .*001\.png .* by TopdownAffine'),
    ("val_evaluator = dict(type='PCKAccuracy', norm_item='head')",
     '^the metric PCKAccuracy of val_evaluator cannot read .*head_size.*; name a metric of this data set'),
    ("train_dataloader['dataset']['pipeline'].pop(5)",
     r'^model\.head \(RegressionHead\) reads keypoint_labels, which the pipeline of train_dataloader does not make'),
    ("model['head']['loss'] = dict(type='KeypointMSELoss', use_target_weight=True)",
     r'^a batch of train_dataloader .*: model\.head\.loss_module \(KeypointMSELoss\): AssertionError: target_weights'),
]


@pytest.fixture
def without_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of these configs are refused before anything is built, too."""
    for module in ('check', 'engine'):
        monkeypatch.setattr(f'distilpose.{module}.training.check', ConfigTree)


@pytest.mark.usefixtures('without_other_checks')
@pytest.mark.parametrize(('line', 'words'), BROKEN)
def test_a_training_ends_before_anything_is_trained(make_config: Callable[..., Path], tmp_path: Path, line: str,
                                                    words: str) -> None:
    with pytest.raises(BuildFailed, match=words) as failed:
        train(make_config(extra=f'{line}\n'), work_dir=tmp_path / 'work')
    assert not list((tmp_path / 'work').glob('*.pth'))
    assert 'Traceback' in failed.value.traceback_file.read_text()  # type: ignore[attr-defined]


@pytest.mark.usefixtures('without_other_checks')
@pytest.mark.parametrize(('line', 'words'), [BROKEN[0], BROKEN[5], BROKEN[-2]])
def test_a_check_finds_the_same(make_config: Callable[..., Path], tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BuildFailed, match=words):
        check_training(make_config(extra=f'{line}\n'), work_dir=tmp_path / 'work')


def test_it_leaves_no_trace(make_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def state(runner: Any) -> list[Any]:
        numpy: Any = np.random.get_state()
        return [random.getstate(), numpy[1].tolist(), torch.get_rng_state().tolist(), runner.model.training,
                [metric.results for metric in runner.val_evaluator.metrics],
                {name: value.tolist() for name, value in runner.model.state_dict().items()}]

    check = ValidationCheckHook.before_train

    def compare(hook: ValidationCheckHook, runner: Any) -> None:
        before = state(runner)
        check(hook, runner)
        found.append(before == state(runner))

    monkeypatch.setattr(ValidationCheckHook, 'before_train', compare)
    train(make_config(epochs=1), work_dir=tmp_path / 'work')
    assert found == [True]


@pytest.mark.parametrize('line', [
    "default_hooks['checkpoint']['save_best'] = 'coco/APP'",
    "custom_hooks = [dict(type='EarlyStoppingHook', monitor='coco/APP', rule='greater')]"])
def test_a_name_that_no_metric_has(make_config: Callable[..., Path], tmp_path: Path, line: str) -> None:
    with pytest.raises(DistilPoseError, match=r'names coco/APP, which is none of the metrics: coco/AP, '):
        train(make_config(extra=f'{line}\n'), work_dir=tmp_path / 'work')
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_a_metric_of_others_keeps_nothing_of_it() -> None:
    class Counting(PCKAccuracy):
        seen = 0

        def process(self, data_batch: Any, data_samples: Any) -> None:
            self.seen += 1

    class Locked(Counting):
        def __deepcopy__(self, memo: Any) -> None:
            raise TypeError('cannot be copied')

    own, kept = Counting(), PCKAccuracy()
    found = _metrics_of(Evaluator([own, kept, Locked()]), [])
    assert len(found) == 2 and found[1] is kept
    ValidationCheckHook._give(found[0], {}, [])
    assert (found[0].seen, own.seen) == (1, 0)


def test_several_data_sets_have_a_metric_each() -> None:
    metrics = [dict(type='PCKAccuracy'), dict(type='AUC')]
    evaluator = MultiDatasetEvaluator(metrics, [dict(type='CocoDataset'), dict(type='MpiiDataset')])
    evaluator.dataset_meta = dict(dataset_name='coco')
    for names, kind in ((dict(dataset_name='mpii'), AUC), ({}, PCKAccuracy)):
        assert [type(metric) for metric in _metrics_of(evaluator, [PoseDataSample(metainfo=names)])] == [kind]
