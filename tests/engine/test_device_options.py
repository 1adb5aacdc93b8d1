"""Device options of a config: set for a run, named in its log, refused where unknown."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from distilpose.engine.device_options import describe_device_options, device_options
from distilpose.errors import DistilPoseError


def test_options_are_those_of_the_run_only() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    with device_options(Config(dict(env_cfg=dict(matmul_precision='medium', cudnn_benchmark=True)))):
        assert torch.get_float32_matmul_precision() == 'medium' and torch.backends.cudnn.benchmark
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before


def test_a_line_for_the_log() -> None:
    cfg = Config(dict(env_cfg=dict(matmul_precision='high', cudnn_benchmark=True),
                      model=dict(teacher=dict(compile='reduce-overhead'))))
    assert describe_device_options(cfg) == ('Device options: matmul_precision=high, cudnn_benchmark=True, '
                                            'model.teacher.compile=reduce-overhead.')
    assert describe_device_options(Config(dict(model=dict()))) == ''


def test_an_unknown_precision_is_refused() -> None:
    words = "matmul_precision is 'tf32'; expected one of highest, high, medium"
    cfg = Config(dict(env_cfg=dict(matmul_precision='tf32')))
    with pytest.raises(DistilPoseError, match=words), device_options(cfg):
        pass


def test_graphs_that_overwrite_accumulated_gradients_are_refused() -> None:
    cfg = Config(dict(model=dict(compile_student='reduce-overhead'), optim_wrapper=dict(accumulative_counts=2)))
    with pytest.raises(DistilPoseError, match='overwrite gradients that optim_wrapper.accumulative_counts=2'), \
            device_options(cfg):
        pass
    cfg.model.compile_student = 'default'
    with device_options(cfg):
        pass
