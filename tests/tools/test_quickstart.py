"""The quickstart through its command line, tiny: complete, interrupted, continued, and run again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import Runner

from distilpose.compare import runs
from distilpose.compare.history import read_history
from distilpose.compare.own_process import OUTPUT
from distilpose.engine.hooks import ProgressHook
from distilpose.processor import usable_cores
from tests.scripts import load_script

ROOT = Path(__file__).resolve().parents[2]
MODELS = ('teacher', 'baseline', 'distilled')


def digests(work_dir: Path) -> dict[str, str]:
    return {role: hashlib.sha256((work_dir / role / 'weights.pth').read_bytes()).hexdigest() for role in MODELS}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('quickstart')


@pytest.fixture
def quickstart(folder: Path) -> Callable[..., int]:
    def call(work_dir: str, *arguments: str) -> int:
        script = load_script(ROOT / 'tools' / 'quickstart.py')
        return script.main(['--images', '32', '--epochs', '2', '--data', str(folder / 'data'),
                            '--work-dir', str(folder / work_dir), *arguments])
    return call


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Presses Ctrl-C at an iteration of a stage."""
    def press(stage: str, iteration: int) -> None:
        original = ProgressHook.after_train_iter

        def after_train_iter(self: ProgressHook, runner: Runner, *arguments: Any, **named: Any) -> None:
            original(self, runner, *arguments, **named)
            if (Path(runner.work_dir).name, runner.iter + 1) == (stage, iteration):
                raise KeyboardInterrupt

        monkeypatch.setattr(ProgressHook, 'after_train_iter', after_train_iter)
    return press


@pytest.mark.slow
def test_prints_a_table_and_writes_a_report(quickstart, folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert quickstart('whole') == 0
    output = capsys.readouterr().out
    for text in ('student alone', 'student distilled', 'AP75', 'PCK', 'Gap to the teacher', 'report.html'):
        assert text in output
    assert 'mmengine' not in output  # the host's log is in a file
    page = (folder / 'whole' / 'report.html').read_text(encoding='utf-8')
    assert page.count('class="person"') == 6 and page.count('class="pair"') == 4
    assert '<code>./tools/quickstart.sh --images 32' in page
    summary = json.loads((folder / 'whole' / 'report.json').read_text())
    sizes = [summary['models'][role]['parameters'] for role in ('baseline', 'distilled', 'teacher')]
    assert sizes == sorted(set(sizes))
    assert all(0 <= summary['over_seeds'][role][name]['mean'] <= 1
               for role in MODELS for name in ('ap', 'ap50', 'ap75', 'mean_oks', 'pck'))


@pytest.mark.slow
def test_both_students_get_the_same(quickstart, folder: Path) -> None:
    assert quickstart('whole') == 0
    history = {role: read_history(folder / 'whole' / role) for role in MODELS}
    assert history['baseline']['loss'].steps.tolist() == history['distilled']['loss'].steps.tolist()
    assert set(history['distilled']) > {'loss', 'loss_kpt', 'loss_simulated_heatmap', 'loss_score'}


@pytest.mark.slow
def test_a_second_run_only_prints(quickstart, folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert quickstart('whole') == 0
    before = {path: path.stat().st_mtime_ns for path in folder.glob('whole/*/weights.pth')}
    report = (folder / 'whole' / 'report.html').stat().st_mtime_ns
    capsys.readouterr()
    assert quickstart('whole') == 0
    assert capsys.readouterr().out.count('finished before') == 5
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (folder / 'whole' / 'report.html').stat().st_mtime_ns == report


@pytest.mark.slow
def test_interrupted_and_continued_equals_uninterrupted(quickstart, interrupt, monkeypatch: pytest.MonkeyPatch,
                                                        folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert quickstart('whole') == 0
    whole = read_history(folder / 'whole' / 'distilled')['loss']
    steps = int(whole.steps[-1])
    with monkeypatch.context():
        interrupt('distilled', steps // 2 + 1)  # in the second of two epochs
        assert quickstart('stopped') == 130
    captured = capsys.readouterr()
    assert re.fullmatch(r'Interrupted; .* run \./tools/quickstart\.sh .* again to continue\.\n', captured.err)
    assert not (folder / 'stopped' / 'report.html').exists()
    monkeypatch.undo()
    assert quickstart('stopped') == 0
    assert capsys.readouterr().out.count('finished before') == 3  # data, teacher, baseline
    assert digests(folder / 'stopped') == digests(folder / 'whole')
    resumed = read_history(folder / 'stopped' / 'distilled')['loss']
    assert resumed.steps.tolist() == whole.steps.tolist() and resumed.values.tolist() == whole.values.tolist()


@pytest.mark.slow
@pytest.mark.skipif(usable_cores() < 2, reason='on one core trainings follow each other')
def test_interrupted_while_two_train_equals_uninterrupted(quickstart, interrupt, monkeypatch: pytest.MonkeyPatch,
                                                          folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert quickstart('whole') == 0
    capsys.readouterr()
    interrupt('teacher', 3)
    assert quickstart('together') == 130
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ['[2/5] teacher: begins', '[3/5] student alone: begins']
    monkeypatch.undo()
    assert quickstart('together') == 0
    for role in MODELS:
        found, expected = (torch.load(folder / name / role / 'weights.pth') for name in ('together', 'whole'))
        assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.slow
def test_one_core_trains_the_same(quickstart, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert quickstart('whole') == 0
    monkeypatch.setattr(runs, 'usable_cores', lambda: 1)
    assert quickstart('serial') == 0
    assert not (folder / 'serial' / 'baseline' / OUTPUT).exists()
    for role in MODELS:
        found, expected = (torch.load(folder / name / role / 'weights.pth') for name in ('serial', 'whole'))
        assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.slow
def test_another_seed_in_the_same_folder_trains_again(quickstart, interrupt, folder: Path) -> None:
    assert quickstart('whole') == 0
    before = digests(folder / 'whole')
    interrupt('distilled', 1)
    assert quickstart('whole', '--seed', '1') == 130
    after = digests(folder / 'whole')
    assert after['teacher'] != before['teacher'] and after['baseline'] != before['baseline']
    assert after['distilled'] == before['distilled']


@pytest.mark.parametrize('wrong', [('--seed', '-1'), ('--images', '3')])
def test_wrong_input_ends_with_a_sentence(quickstart, wrong: tuple[str, str], capsys: pytest.CaptureFixture) -> None:
    assert quickstart('wrong', *wrong) == 2
    assert capsys.readouterr().err.startswith('quickstart: ')


@pytest.mark.slow
def test_the_script_works_from_anywhere(tmp_path: Path) -> None:
    script = ROOT / 'tools' / 'quickstart.sh'
    assert os.access(script, os.X_OK)
    done = subprocess.run([script, '--help'], cwd=tmp_path, env={**os.environ, 'DISTILPOSE_PYTHON': sys.executable},
                          capture_output=True, text=True, check=True)
    assert '--seed' in done.stdout
