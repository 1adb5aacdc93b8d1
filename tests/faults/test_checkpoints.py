"""Trainings that are killed while they save, and checkpoints that are damaged, missing or lost: --resume goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.checkpoints import load_file
from tests.engine.tiny import write_config, write_data

from .runs import start_training
from .slow_saving import HANGS_AT, MESSAGE

KEEPS_ONE = """
custom_imports['imports'].append('tests.faults.slow_saving')
default_hooks['checkpoint'].update(max_keep_ckpts=1, save_best='coco/AP', rule='greater')
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Three epochs; a checkpoint and perhaps a best one after each."""
    return write_config(tmp_path / 'config.py', write_data(tmp_path / 'data'), epochs=3, extra=KEEPS_ONE)


def names(work_dir: Path) -> set[str]:
    return {file.name for file in work_dir.iterdir() if file.is_file() and file.name != 'config.py'}


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_killed_while_a_checkpoint_is_written(config: Path, tmp_path: Path, number: int) -> None:
    """The first, the best one of the first epoch, the first again, and the second: all that was whole stays."""
    run = start_training(config, tmp_path / 'run', **{HANGS_AT: str(number)})
    run.wait_for(MESSAGE)
    run.kill()  # and not waited for, as in a container without an init
    whole = [file for file in (tmp_path / 'run').glob('*.pth') if load_file(file)]
    assert ('epoch_1.pth' in {file.name for file in whole}) == (number > 1)
    assert [name for name in names(tmp_path / 'run') if name.endswith('.part')]
    again = start_training(config, tmp_path / 'run', '--resume', 'auto', log=tmp_path / 'again.log')
    assert again.end() == 0, again.output
    assert 'Removed what a killed run left unfinished' in again.output
    left = names(tmp_path / 'run')
    assert {'epoch_3.pth', 'last_checkpoint'} <= left and len(left) == 3
    assert sum(name.startswith('best_') for name in left) == 1


def test_damaged_checkpoints_are_skipped_and_named(tmp_path: Path) -> None:
    config = write_config(tmp_path / 'config.py', write_data(tmp_path / 'data'), epochs=3)
    assert start_training(config, tmp_path / 'run', '--no-validate').end() == 0
    third, second = (tmp_path / 'run' / f'epoch_{epoch}.pth' for epoch in (3, 2))
    third.write_bytes(third.read_bytes()[:-1000])
    data = bytearray(second.read_bytes())
    data[data.index(load_file(second)['state_dict']['backbone.layers.0.weight'].numpy().tobytes()) + 5] ^= 1
    second.write_bytes(data)
    run = start_training(config, tmp_path / 'run', '--no-validate', '--resume', log=tmp_path / 'again.log')
    assert run.end() == 0, run.output
    assert f'WARNING - Skipped {third} (' in run.output and f'WARNING - Skipped {second} (' in run.output
    assert "its record 'archive/data/" in run.output and f'Resuming from {tmp_path}/run/epoch_1.pth' in run.output
    assert load_file(third)['meta']['epoch'] == 3
    for file in (tmp_path / 'run').glob('epoch_*.pth'):
        file.write_bytes(b'')
    run = start_training(config, tmp_path / 'run', '--no-validate', '--resume', log=tmp_path / 'none.log')
    assert run.end() == 2 and 'holds no whole checkpoint to resume from' in run.output
    assert 'Traceback' not in run.output
