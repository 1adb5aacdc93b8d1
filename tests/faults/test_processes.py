"""Faults of several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import load_file
from tests.engine import tiny
from tests.faults.runs import start_two_processes

pytestmark = pytest.mark.slow

HOOKS = """
custom_hooks = [dict(type='ChannelsLastHook'),
                dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
train_cfg = dict(by_epoch=True, max_epochs=3)
default_hooks = dict(checkpoint=dict(interval=1, by_epoch=False, max_keep_ckpts=-1), logger=dict(interval=1))
"""


def weights(file: Path) -> dict[str, torch.Tensor]:
    """All that decides about the next iteration: weights, averaged ones, and the optimizer's."""
    checkpoint = load_file(file)
    averaged = {f'averaged {name}': value for name, value in checkpoint['ema_state_dict'].items()}
    moments = {f'{number} {name}': value for number, state in checkpoint['optimizer']['state'].items()
               for name, value in state.items()}
    return {**checkpoint['state_dict'], **averaged, **moments}


def test_two_processes_resume_bit_equal(tmp_path: Path, tiny_data: Path) -> None:
    """A distillation, from the end of an epoch and from the middle of one."""
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    config.write_text(config.read_text() + HOOKS)
    whole = start_two_processes(config, tmp_path / 'whole', '--no-validate')
    assert whole.end() == 0, whole.output
    expected = weights(tmp_path / 'whole' / 'iter_6.pth')
    for iteration in (2, 3):
        folder = tmp_path / f'from_{iteration}'
        resumed = start_two_processes(config, folder, '--no-validate', '--resume',
                                      tmp_path / 'whole' / f'iter_{iteration}.pth')
        assert resumed.end() == 0, resumed.output
        found = weights(folder / 'iter_6.pth')
        assert found.keys() == expected.keys()
        assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []
