"""docs/training.md: the commands of *Looking at the samples*, and of *Logging* as far as packages are installed."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from distilpose_cli.console import main
from tests.engine.tiny import PROJECT, write_config, write_data

PAGE = (PROJECT / 'docs' / 'training.md').read_text()


def commands(section: str) -> list[str]:
    """The lines that begin with ``distilpose`` in the blocks of a section."""
    text = PAGE.partition(f'\n## {section}\n')[2].partition('\n## ')[0]
    blocks = re.findall(r'^```bash\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith('distilpose ')]


LOGGING = commands('Logging')


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
    return str(write_config(tmp_path / 'tiny.py', write_data(tmp_path / 'data'), epochs=1))


def run(line: str, config: str) -> int:
    return main(shlex.split(line.replace('CONFIG', config), comments=True)[1:])


def test_the_page_has_them() -> None:
    assert len(commands('Looking at the samples')) == 2 and len(LOGGING) == 3


@pytest.mark.parametrize('line', commands('Looking at the samples'))
def test_looking_at_the_samples(line: str, config: str, tmp_path: Path) -> None:
    assert run(line, config) == 0
    page, = tmp_path.rglob('samples.html')
    assert page.stat().st_size > 10_000


@pytest.mark.parametrize('line', [line for line in LOGGING if 'tensorboard' in line])
def test_logging_to_tensorboard(line: str, config: str, tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    assert run(line, config) == 0
    assert list(tmp_path.glob('work_dirs/tiny/*/vis_data/events.out.tfevents*'))


@pytest.mark.slow
@pytest.mark.skipif(not (find_spec('wandb') and find_spec('mlflow')), reason='wandb and mlflow are not installed')
def test_logging_to_services(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('WANDB_MODE', 'offline')
    assert [run(line, config) for line in LOGGING if 'wandb' in line] == [0, 0]
    assert list(tmp_path.glob('work_dirs/tiny/*/vis_data/wandb/*/*.wandb'))
    assert (tmp_path / 'work_dirs/tiny/mlflow.db').is_file()
