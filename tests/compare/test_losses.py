"""Losses in float32 against those of a training with everything on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from distilpose.compare.losses import chart, compare_losses, in_float32, table, with_everything_on
from distilpose.engine import read_config
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError
from tests.engine import tiny

S = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S{}_coco_256x192.py'


def test_everything_on_is_what_the_fast_config_says() -> None:
    fast, expected = with_everything_on(read_config(S.format(''))), load_and_change(S.format('_fast'), fast='bfloat16')
    assert fast.to_dict() == expected[0].to_dict()


def test_float32_is_the_config_itself_with_the_stored_teacher() -> None:
    plain, config = in_float32(read_config(S.format(''))), read_config(S.format(''))
    assert plain.model.teacher.pop('fused') is False
    assert plain.to_dict() == config.to_dict()


def test_a_plain_training_has_no_teacher() -> None:
    cfg = Config(dict(model=dict(type='TopdownPoseEstimator'), optim_wrapper=dict(optimizer=dict(type='Adam', lr=1.))))
    assert in_float32(cfg).to_dict() == cfg.to_dict()
    assert 'teacher' not in with_everything_on(cfg).model and with_everything_on(cfg).optim_wrapper.optimizer.fused


def test_the_table_measures_differences_by_the_spread_over_seeds() -> None:
    plain = np.repeat([[1.0], [2.0], [3.0]], 8, axis=1)
    rows = table(dict(float32=plain, fast=plain + 0.5)).splitlines()[2:]
    assert rows == [f'| {first} to {first + 1} | 2 | 1 | 2.5 | 0.5 | +0.50 |' for first in (1, 3, 5, 7)]


def test_two_trainings_of_a_seed_start_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))  # the layout takes longest
    config = str(tiny.write_distillation(tmp_path, tiny.write_data(tmp_path / 'data'))[1])
    found = compare_losses(config, seeds=[0], work_dir=tmp_path / 'losses')
    first = [float(cell) for cell in found.splitlines()[2].split('|')[2:5:2]]
    assert first[0] == pytest.approx(first[1], rel=0.02)
    assert (tmp_path / 'losses' / 'losses.svg').read_text().count('<path class="line') == 2
    with pytest.raises(DistilPoseError, match='is there already'):
        compare_losses(config, seeds=[0], work_dir=tmp_path / 'losses')


def test_the_chart_stands_alone() -> None:
    drawing = chart(dict(float32=np.full((2, 50), 0.5), fast=np.full((2, 50), 0.4)))
    assert drawing.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox=') and drawing.endswith('</svg>\n')
    assert drawing.count('class="line baseline"') == drawing.count('class="line distilled"') == 2
