"""``tools/pth_transfer.py``: the published command, with a flag that is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from distilpose.checkpoints import load_file
from tests.export.test_transfer import stage_1, stage_2


def test_both_commands(tool: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(stage_1(), 'one.pth')
    torch.save(stage_2(), 'two.pth')
    main = tool('pth_transfer').main
    assert main(['one.pth', 'student.pth']) == 0
    assert "Recognised stage 1 of DWPose's own training. Wrote all" in capsys.readouterr().out
    assert main(['two.pth', 'head.pth', '--two_dis']) == 0
    assert load_file('student.pth')['state_dict'].keys() == load_file('head.pth')['state_dict'].keys()


def test_the_wrong_flag_is_exit_code_2_and_a_sentence(tool: Callable[[str], ModuleType], tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(stage_1(), tmp_path / 'one.pth')
    assert tool('pth_transfer').main([str(tmp_path / 'one.pth'), str(tmp_path / 'out.pth'), '--two_dis']) == 2
    assert 'Leave out --two_dis' in capsys.readouterr().err and not (tmp_path / 'out.pth').exists()
