"""The program of this name, with few kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.ends import first_difference

from .kill_at_random import run_kills


@pytest.mark.slow
@pytest.mark.parametrize('processes', [1, 2])
def test_killed_trainings_resume_bit_equal(tmp_path: Path, processes: int, capsys: pytest.CaptureFixture[str]) -> None:
    failed = run_kills(tmp_path, kills=2, processes=processes, seed=0)
    assert failed == 0, capsys.readouterr().out


def test_a_difference_is_found() -> None:
    """Otherwise the program would say nothing."""
    import torch

    one = dict(meta=dict(iter=1), state_dict=dict(weight=torch.zeros(2)))
    other = dict(meta=dict(iter=1), state_dict=dict(weight=torch.tensor([0.0, 1e-30])))
    assert first_difference(one, other) == 'state_dict.weight'
    assert first_difference(one, {**one, 'meta': dict(iter=2)}) == 'ends at iteration 2 instead of 1'
