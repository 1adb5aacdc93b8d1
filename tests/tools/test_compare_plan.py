"""A plan of many trainings through its command line: stopped, resumed, read, refused."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.compare.plans import write_plan
from tests.faults.runs import Run

TOOL = Path(__file__).resolve().parents[2] / 'tools/compare.py'


@pytest.mark.slow
def test_a_plan_is_stopped_resumed_and_then_read(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, "models['teacher']['options'] = {'train_cfg.max_epochs': 20}\n")
    command: list[str | Path] = [sys.executable, TOOL, '--plan', plan, '--results', tmp_path / 'results', '--work-dir',
                                 tmp_path / 'work', '--jobs', '2']
    folder = tmp_path / 'work' / 'seed_0' / 'teacher'
    run = Run(command, tmp_path / 'first.log')
    run.wait_until(lambda: any(folder.glob('epoch_*.pth')), timeout=600)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 143 and 'the same command resumes it' in run.output
    kept = set(folder.glob('*.pth'))
    assert kept and not (tmp_path / 'results' / 'teacher_seed0.json').is_file()

    run = Run(command, tmp_path / 'second.log')
    assert run.end(timeout=1200) == 0, run.output
    assert kept & set(folder.glob('*.pth'))
    found = json.loads((tmp_path / 'results' / 'distilled_seed1.json').read_text())
    assert (found['model'], found['seed'], found['epochs'], found['iterations']) == ('distilled', 1, 2, 6)
    assert {len(draws) for draws in found['draws'].values()} == {1000} and len(found['held_out']) == 2
    models = {model['model']: model for model in json.loads((tmp_path / 'results/table.json').read_text())['models']}
    assert models['distilled']['seeds'] == [0, 1] and models['distilled']['gain'].keys() == {'ap', 'mean_oks', 'pck'}
    assert len(json.loads((tmp_path / 'results' / 'alone_search.json').read_text())['trials']) == 2

    run = Run(command, tmp_path / 'third.log')
    assert run.end() == 0 and 'begins' not in run.output and 'Estimate' not in run.output


@pytest.mark.parametrize(('words', 'expected'), [
    (('--only', 'x'), '--only x is none of the models'),
    (('--cfg-options', 'optim_wrapper.lr=1'), 'optim_wrapper.lr'),
])
def test_what_does_not_fit_the_plan_is_a_sentence(tmp_path: Path, tool: Callable[[str], ModuleType], words: tuple,
                                                  expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan = write_plan(tmp_path)
    results = tmp_path / 'results'
    assert tool('compare').main(['--plan', str(plan), '--results', str(results), '--work-dir', str(tmp_path / 'work'),
                                 *words]) == 2
    assert expected in capsys.readouterr().err and not results.exists() and not (tmp_path / 'work').exists()
