"""Scalars of a work directory, also of a resumed training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distilpose.compare.history import Series, gradient_shares, losses, read_history
from distilpose.errors import DistilPoseError


def write(folder: Path, started: str, lines: list[dict]) -> None:
    file = folder / started / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))


def test_a_resumed_training_replaces_what_it_repeats(tmp_path: Path) -> None:
    write(tmp_path, '20260102_000000', [dict(step=4, loss=9.0, loss_kpt=4.5), dict(step=6, loss=6.0, loss_kpt=3.5)])
    write(tmp_path, '20260101_000000', [
        dict(step=2, loss=8.0, loss_kpt=5.0, lr=0.1, epoch=1), {'coco/AP': 0.5, 'step': 1},
        dict(step=4, loss=7.0, loss_kpt=4.0)])
    found = read_history(tmp_path)
    assert set(found) == {'loss', 'loss_kpt', 'lr', 'epoch', 'step'}
    assert found['loss_kpt'].steps.tolist() == [2, 4, 6] and found['loss_kpt'].values.tolist() == [5, 4.5, 3.5]
    assert list(losses(found)) == ['kpt']


def test_shares_are_told_from_losses(tmp_path: Path) -> None:
    write(tmp_path, 'a', [{'step': 1, 'loss': 1.0, 'loss_kpt': 1.0, 'grad_share/kpt': 0.25, 'grad_share/score': 0.75}])
    found = read_history(tmp_path)
    assert list(gradient_shares(found)) == ['kpt', 'score'] and list(losses(found)) == ['kpt']


def test_between_the_lines_are_straight_lines() -> None:
    values = Series(np.array([2, 4]), np.array([1.0, 3.0])).at_every_iteration()
    assert np.isnan(values[0]) and values[1:].tolist() == [1, 2, 3]


def test_an_empty_folder_has_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path) == {}


def test_the_last_line_may_be_cut_and_no_other(tmp_path: Path) -> None:
    write(tmp_path, 'a', [dict(step=1, loss=1.0), dict(step=2, loss=2.0)])
    file = tmp_path / 'a' / 'vis_data' / 'scalars.json'
    file.write_text(file.read_text() + '{"step": 3, "lo')
    assert read_history(tmp_path)['loss'].steps.tolist() == [1, 2]
    for line in ('{"step": 3, "lo', '[1]', '{"loss": 1.0}', '{"loss": 1.0, "step": 1e30}', '{"loss": 1, "step": -1}',
                 f'{{"loss": 1, "step": {10**15}}}', '[' * 100_000):
        file.write_text(f'{line}\n{{"step": 4, "loss": 1.0}}\n')
        with pytest.raises(DistilPoseError, match=r'line 1 of .*scalars\.json is none that a training writes'):
            read_history(tmp_path)
