"""``distilpose train STUDENT --teacher TEACHER --method NAME`` trains with every method of maps, joints and logits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from distilpose.config import read_config
from distilpose.config.models import build_estimator, read_model_source
from distilpose.engine import train
from distilpose.models.losses.simcc import ReferenceBatchKLDiscretLoss
from tests.engine.tiny import write_config, write_data

_HEATMAPS = """
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(6, 8), sigma=1)
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
model.update(backbone=dict(type='TinyBackbone', width={width}), neck=None, head=dict(
    type='HeatmapHead', in_channels={width}, out_channels=17, deconv_out_channels=(8, ), deconv_kernel_sizes=(4, ),
    loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec))
custom_hooks = [dict(type='GradientShareHook', interval=1)]
"""
_SIMCC = """
codec = dict(type='SimCCLabel', input_size=(48, 64), sigma=2.0, simcc_split_ratio={ratio}, normalize=False)
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
model.update(neck=None, head=dict(
    type='SimCCHead', in_channels=16, out_channels=17, input_size=(48, 64), in_featuremap_size=(3, 4),
    simcc_split_ratio={ratio}, deconv_out_channels=None, decoder=codec,
    loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0)))
custom_hooks = [dict(type='GradientShareHook', interval=1)]
"""
_KINDS = dict(heatmaps=(_HEATMAPS, dict(width=16), dict(width=24)), simcc=(_SIMCC, dict(ratio=2.0), dict(ratio=4.0)))

CASES = {'attention': ('heatmaps', 'attention'), 'rkd': ('heatmaps', 'relations'), 'cwd': ('heatmaps', 'channels'),
         'pixel_kl': ('heatmaps', 'pixels'), 'pkd': ('heatmaps', 'pearson'), 'bones': ('heatmaps', 'bones'),
         'rkd_joints': ('simcc', 'joint_relations'), 'dist': ('simcc', 'correlation'), 'dkd': ('simcc', 'decoupled'),
         'standardised': ('simcc', 'standardised')}
"""Method -> kind of both networks, and the name of its term."""
_QUICK = ('cwd', 'dkd')


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student and a teacher of each kind, the teacher with other widths or bins, and its checkpoint."""
    folder = tmp_path_factory.mktemp('methods')
    data = write_data(folder / 'data')
    for kind, (text, *options) in _KINDS.items():
        for role, numbers in zip(('student', 'teacher'), options, strict=True):
            config = write_config(folder / f'{kind}_{role}.py', data, epochs=1, extra=text.format(**numbers))
        torch.manual_seed(0)
        weights = build_estimator(read_config(config).model.to_dict()).state_dict()
        torch.save(dict(state_dict=weights), folder / f'{kind}.pth')
    return folder


@pytest.mark.parametrize('method', [pytest.param(name, marks=[] if name in _QUICK else pytest.mark.slow)
                                    for name in CASES])
def test_trains_by_one_command(files: Path, tmp_path: Path, method: str) -> None:
    kind, term = CASES[method]
    train(files / f'{kind}_student.py', teacher=files / f'{kind}_teacher.py', teacher_checkpoint=files / f'{kind}.pth',
          method=method, work_dir=tmp_path, seed=0, validate=False)
    lines = [json.loads(line) for line in next(tmp_path.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    assert len(lines) == 3
    leaf = read_model_source(dict(config=str(tmp_path / f'{kind}_student_from_{kind}_teacher.py')))
    loss = build_estimator(leaf.model).head.loss_module
    assert kind == 'heatmaps' or (type(loss), loss.beta) == (ReferenceBatchKLDiscretLoss, 10.0)
    for line in lines[1:]:  # some warm up from 0
        assert math.isfinite(line[f'loss_{term}']) and line[f'loss_{term}'] > 0
        assert 0 < line[f'grad_share/{term}'] < 1 and line['grad_share/kpt'] > 0
