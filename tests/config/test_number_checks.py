"""Numbers of a config that are none are refused with the entry that has them."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config.number_checks import check_numbers
from distilpose.errors import DistilPoseError

CONFIG: dict[str, Any] = dict(
    model=dict(type='PoseDistiller', task_weight=1.0, teacher=dict(),
               student=dict(head=dict(loss=dict(type='SmoothL1Loss', loss_weight=1.0, beta=1.0)),
                            data_preprocessor=dict(mean=[123.675, 116.28], std=[58.0, 57.0])),
               terms=dict(score=dict(type='ScoreTerm', weight=1.0, schedule=dict(type='warmup', until=0.1)))),
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3, weight_decay=0.0),
                       clip_grad=dict(max_norm=math.inf, norm_type=math.inf)),
    param_scheduler=[dict(type='LinearLR', start_factor=0.1)],
    train_dataloader=dict(dataset=dict(pipeline=[dict(type='Pad', value=math.nan)])))


def changed(entry: str, value: float) -> Config:
    config = Config(copy.deepcopy(CONFIG))
    config.merge_from_dict({entry: value})
    return config


def test_a_good_config_passes() -> None:
    """No limit of a norm, the largest value as a norm, and what a pipeline fills images with are its own affair."""
    check_numbers(Config(copy.deepcopy(CONFIG)))


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('entry', [
    'model.task_weight', 'model.terms.score.weight', 'model.terms.score.schedule.until',
    'model.student.head.loss.loss_weight', 'optim_wrapper.optimizer.lr', 'optim_wrapper.optimizer.weight_decay',
    'param_scheduler.0.start_factor'])
def test_factors_are_finite(entry: str, value: float) -> None:
    with pytest.raises(DistilPoseError) as error:
        check_numbers(changed(entry, value))
    assert str(error.value).startswith(f'{entry.replace(".0.", "[0].")} is {value}; expected a finite number.')
    assert f'--cfg-options {entry}=NUMBER' in str(error.value)


@pytest.mark.parametrize('entry', ['model.student.head.loss.beta', 'optim_wrapper.clip_grad.max_norm'])
def test_nothing_of_a_model_is_nan(entry: str) -> None:
    with pytest.raises(DistilPoseError, match='is nan; expected a finite number'):
        check_numbers(changed(entry, math.nan))
    check_numbers(changed(entry, math.inf))


def test_lists_are_read() -> None:
    config = Config(copy.deepcopy(CONFIG))
    config.model.student.data_preprocessor.std = [58.0, math.nan]
    with pytest.raises(DistilPoseError, match=r'model\.student\.data_preprocessor\.std is nan'):
        check_numbers(config)


def test_a_student_of_another_config(tmp_path: Path) -> None:
    (tmp_path / 'student.py').write_text("model = dict(type='TopdownPoseEstimator', head=dict(loss=dict("
                                         "type='SmoothL1Loss', loss_weight=float('inf'))))\n")
    config = Config(dict(model=dict(type='PoseDistiller', student=dict(config=str(tmp_path / 'student.py')))))
    with pytest.raises(DistilPoseError, match=r'model\.student\.head\.loss\.loss_weight is inf'):
        check_numbers(config)
