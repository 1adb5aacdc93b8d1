"""Faults of several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import load_file
from tests.engine import tiny
from tests.faults.runs import Run

pytestmark = pytest.mark.slow

HOOKS = """
custom_hooks = [dict(type='ChannelsLastHook'),
                dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
train_dataloader = dict(batch_size={batch_size})
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


@pytest.mark.parametrize(('processes', 'iterations'), [(2, (2, 3)), (3, (3,))])
def test_processes_resume_bit_equal(processes: int, iterations: tuple[int, ...], tmp_path: Path,
                                    tiny_data: Path) -> None:
    """A distillation, from the end of an epoch and from the middle of one."""
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    config.write_text(config.read_text() + HOOKS.format(batch_size=12 // 2 // processes))

    def run(name: str, *arguments: str | Path) -> dict[str, torch.Tensor]:
        run = Run(['bash', 'tools/dist_train.sh', config, str(processes), '--work-dir', tmp_path / name,
                   '--no-validate', *arguments], tmp_path / f'{name}.log')
        assert run.end() == 0, run.output
        return weights(tmp_path / name / 'iter_6.pth')

    expected = run('whole')
    for iteration in iterations:
        found = run(f'from_{iteration}', '--resume', tmp_path / 'whole' / f'iter_{iteration}.pth')
        assert found.keys() == expected.keys()
        assert [name for name, value in expected.items() if not torch.equal(found[name], value)] == []
