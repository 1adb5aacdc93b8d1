"""Tables of the pages on benchmarks are what docs/make_tables.py makes of the committed results."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from distilpose.compare.plan_file import read_plan_file
from distilpose.compare.plan_table import Results, markdown, summarise
from distilpose.compare.plan_tasks import Tasks
from tests.engine.tiny import PROJECT
from tests.scripts import load_script

PLANS = sorted((PROJECT / 'configs/plans').glob('*.py'))


@pytest.fixture(scope='module')
def tables() -> ModuleType:
    return load_script(PROJECT / 'docs/make_tables.py')


def test_pages_hold_the_results(tables: ModuleType) -> None:
    pages = list(tables.pages())
    assert len(pages) >= 5
    for page in pages:
        assert tables.filled(page.read_text()) == page.read_text(), f'{page}: run python docs/make_tables.py'


@pytest.mark.parametrize('plan', PLANS, ids=lambda path: path.stem)
def test_the_summary_of_a_plan_is_that_of_its_results(plan: Path, tmp_path: Path) -> None:
    tasks = Tasks(read_plan_file(plan), tmp_path, None)
    committed = json.loads((tasks.file.results / 'table.json').read_text())
    assert markdown(committed) == markdown(summarise(tasks, Results.read(tasks)))


def test_a_table_follows_its_results(tables: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'tiny').mkdir()
    (tmp_path / 'tiny/table.json').write_text(
        '{"models": [{"model": "a", "title": "alone", "figures": {"ap": {"mean": 0.1, "low": 0.1, "high": 0.1}, '
        '"mean_oks": {"mean": 0.2, "low": 0.1, "high": 0.3}, "pck": {"mean": 0.3, "low": 0.3, "high": 0.3}}, '
        '"family": "", "parameters": 1000, "macs": null, "epochs": 2, "seconds": null, "seeds": [0, 1]}]}')
    monkeypatch.setattr(tables, 'RESULTS', tmp_path)
    text = "before\n\n<!-- figures of tiny: a='the\nstudent' not_trained -->\n\n| old |\n| --- |\n\nafter | all\n"
    expected = ["<!-- figures of tiny: a='the", "student' not_trained -->", '',
                '| model | seeds | AP | OKS | PCK | params | MACs | epochs |',
                '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
                '| the student | 2 | 10.0 | 20.0 (10.0 to 30.0) | 30.0 | 1 k | – | 2 |']
    assert tables.filled(text) == 'before\n\n' + '\n'.join(expected) + '\n\nafter | all\n'
