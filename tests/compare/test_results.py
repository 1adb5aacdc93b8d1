"""Result files: rounded, without NaN, and figures from the logs of a training."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from distilpose.compare.measure import FIGURES
from distilpose.compare.results import (
    estimates,
    figures_of,
    held_out,
    options_of,
    read_json,
    settings_of,
    training_seconds,
    write_json,
)
from distilpose.compare.statistics import Estimate
from distilpose.engine import read_config
from distilpose.engine.fingerprints import digest
from tests.engine import tiny


def write_log(folder: Path, *lines: dict[str, Any]) -> Path:
    (folder / '1' / 'vis_data').mkdir(parents=True)
    (folder / '1' / 'vis_data' / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    return folder


def test_figures_are_rounded_and_what_is_none_comes_back_as_nan(tmp_path: Path) -> None:
    checkpoint = tmp_path / 'epoch_1.pth'
    checkpoint.write_bytes(b'weights')
    figures = dict.fromkeys(FIGURES, 0.12345678) | dict(ap75=math.nan)
    estimate = Estimate(0.12345678, np.array([0.1, math.nan, 0.30000004]))
    measured: Any = SimpleNamespace(
        evaluation=SimpleNamespace(figures=figures), estimates=dict.fromkeys(FIGURES, estimate), parameters=3,
        keypoints=dict(pck=np.array([0.5, math.nan])), macs=7.0, run=SimpleNamespace(checkpoint=checkpoint))
    write_json(tmp_path / 'r.json', dict(model='a', seed=0, **figures_of(measured, ['nose', 'hip'])))
    found = read_json(tmp_path / 'r.json')
    assert found['figures'] == dict.fromkeys(FIGURES, 0.123457) | dict(ap75=None)
    assert found['keypoints'] == dict(pck=dict(nose=0.5, hip=None))
    assert (found['macs'], len(found['checkpoint_sha256'])) == (7, 64)
    assert set(found['draws']) == {'ap', 'mean_oks', 'pck'}
    np.testing.assert_array_equal(estimates(found)['ap'].draws, [0.1, np.nan, 0.3])
    assert estimates(found)['ap'].value == 0.123457


def test_settings_are_json_without_folders_and_with_digests_of_long_lists(tmp_path: Path) -> None:
    cfg = read_config(tiny.write_config(tmp_path / 'student.py', tmp_path / 'data'))
    cfg.train_dataloader.dataset.indices = list(range(100))
    found = settings_of(cfg, fast='auto')
    assert json.loads(json.dumps(found, allow_nan=False)) == found and str(tmp_path) not in json.dumps(found)
    assert found['train_dataloader']['dataset']['indices'] == f'100 values, {digest(list(range(100)))}'
    assert found['val_dataloader']['dataset']['ann_file'] == 'people.json' and found['fast'] == 'auto'
    assert found['optim_wrapper']['optimizer']['lr'] == 1e-2 and 'val_interval' not in found['train_cfg']


def test_validations_and_seconds_are_those_of_the_log(tmp_path: Path) -> None:
    folder = write_log(tmp_path, {'teacher/AP': 0.5, 'step': 0}, dict(loss=1.0, time=0.5, step=10),
                       {'coco/AP': 0.1, 'PCK': 0.20000004, 'step': 1}, dict(loss=1.0, time=0.25, step=20),
                       {'coco/AP': 0.3, 'PCK': 0.4, 'step': 2})
    assert held_out(folder, 'PCK') == [[1, 0.2], [2, 0.4]]
    assert held_out(folder, 'other') == held_out(folder, None) == [[1, 0.1], [2, 0.3]]
    assert training_seconds(folder) == pytest.approx(10 * 0.5 + 10 * 0.25)
    assert held_out(tmp_path / 'no', None) == [] and training_seconds(tmp_path / 'no') is None


def test_options_hold_no_paths() -> None:
    options = {'dataset.ann_file': '/home/me/data/quarter.json', 'lr': 1e-3, 'folder': 'work_dirs/crops'}
    assert options_of(options) == {**options, 'dataset.ann_file': 'quarter.json'}
