"""``tools/get_flops.py``: what it prints, and wrong input as a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.networks import STUDENT, TERMS

KEYS = {'params', 'params_trainable', 'macs', 'flops', 'published_style_gmacs'}


@pytest.fixture
def run(tool: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the tool on a small distillation whose teacher is not there; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    teacher = dict(config='/nowhere.py', checkpoint='/nowhere.pth')
    (tmp_path / 'distillation.py').write_text(
        f'model = dict(type="PoseDistiller", student={STUDENT!r}, teacher={teacher!r}, terms={TERMS!r})\n')

    def call(*arguments: str, config: str = 'distillation.py') -> tuple[int, str, str]:
        code = tool('get_flops').main([config, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_json(run) -> None:
    code, out, _ = run('--json')
    figures = json.loads(out)
    assert code == 0 and set(figures) == KEYS
    assert figures['flops'] == 2 * figures['macs'] > 0
    assert figures['params'] - figures['params_trainable'] == 16 * 16  # the position table
    assert figures['published_style_gmacs'] * 1e9 == pytest.approx(figures['macs'], rel=0.5)


def test_json_by_module(run) -> None:
    modules = json.loads(run('--json', '--by-module', '1')[1])['modules']
    assert set(modules) == {'', 'backbone', 'head'}
    assert modules['']['macs'] == modules['backbone']['macs'] + modules['head']['macs']


def test_text(run) -> None:
    code, out, _ = run()
    assert code == 0 and 'One image of 64x48 (height x width)' in out
    for words in ('parameters', 'trainable', 'MACs', '2 x MACs', 'published style', "DistilPose's tables (mmcv)"):
        assert words in out
    assert 'encoder' not in out and '\x1b' not in out


def test_table(run) -> None:
    out = run('--by-module')[1]
    rows = [line.split() for line in out.splitlines() if line.endswith('% ')]
    names = [row[0] for row in rows]
    assert names[:2] == ['all', 'backbone'] and names[-3:] == ['head', 'encoder', 'readout'] and '\x1b' not in out
    assert rows[0][-2:] == ['100.0', '%']
    assert 'layers' not in names and ' layers ' in run('--by-module', '3')[1].partition('share')[2]


def test_another_style(run) -> None:
    one, other = (json.loads(run('--json', '--style', style)[1]) for style in ('mmcv', 'hrnet'))
    assert one['macs'] == other['macs'] and one['published_style_gmacs'] != other['published_style_gmacs']


def test_options_change_the_model(run) -> None:
    shallow = json.loads(run('--json', '--cfg-options', 'model.student.head.encoder.depth=1')[1])
    assert shallow['macs'] < json.loads(run('--json')[1])['macs']


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--shape', '64', '40'], 'and got 10x16'),
    (['--cfg-options', 'model.student.backbone.type=NoSuchNet'], 'NoSuchNet is not in the'),
    (['--cfg-options', 'model.student.head.decoder=None'], '--shape HEIGHT WIDTH'),
])
def test_wrong_input(run, arguments: list[str], words: str) -> None:
    code, out, err = run('--json', *arguments)
    assert code == 2 and out == '' and words in err and 'Traceback' not in err


def test_a_missing_config(run) -> None:
    code, _, err = run(config='DistilPose_S_coco.py')
    assert code == 2 and 'did you mean' in err
