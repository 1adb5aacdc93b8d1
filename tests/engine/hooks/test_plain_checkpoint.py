"""``PlainCheckpointHook`` through a real Runner: our training checkpoints are plain data and resume exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import distilpose  # noqa: F401
from distilpose.engine.hooks.plain_checkpoint import PlainCheckpointHook

EPOCHS = 4


class Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, inputs: torch.Tensor, mode: str = 'tensor') -> Any:
        output = self.norm(self.layer(inputs))
        return dict(loss=(output - inputs.sum(1, keepdim=True)).square().mean()) if mode == 'loss' else [output]


class Data(torch.utils.data.Dataset):
    metainfo = dict(sigmas=np.array([0.1, 0.2], np.float32), colours={0: np.arange(3)}, names=['a', 'b'])

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return dict(inputs=torch.tensor([index / 8, 1.0]))


class Score(BaseMetric):
    default_prefix = 'toy'

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(float(data_samples[0].mean()))

    def compute_metrics(self, results: list) -> dict[str, Any]:
        return dict(score=np.float32(len(self.results)))


def train(folder: Path, *, epochs: int = EPOCHS, name: str = 'run', plain: bool = True, **options: Any) -> Runner:
    """Train the toy with EMA, a schedule and the best checkpoint kept; stop after so many of the four epochs."""
    hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='toy/score', rule='greater'))
    if plain:
        hooks['plain_checkpoint'] = dict(type='mmpose.PlainCheckpointHook')
    loader = dict(dataset=Data(), batch_size=2, num_workers=0, collate_fn=dict(type='default_collate'))
    torch.manual_seed(0)
    runner = Runner(
        Model(),
        str(folder),
        train_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=True)),
        val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
        val_cfg={},
        val_evaluator=Evaluator([Score()]),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        param_scheduler=dict(type='CosineAnnealingLR', T_max=EPOCHS, end=EPOCHS),
        default_hooks=hooks,
        custom_hooks=[dict(type='EMAHook')],
        randomness=dict(seed=0),
        experiment_name=f'{folder.name}-{name}',
        log_level='WARNING',
        **options,
    )
    runner.train()
    return runner


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Four epochs without an interruption."""
    return train(tmp_path_factory.mktemp('whole'))


def same_weights(one: Runner, other: Runner) -> bool:
    states = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_checkpoints_are_plain_data(whole: Runner) -> None:
    files = list(Path(whole.work_dir).glob('*.pth'))
    assert len(files) == EPOCHS + 1
    for file in files:
        checkpoint = torch.load(file, weights_only=True)
        training = {'optimizer', 'param_schedulers'} if file.name.startswith('epoch_') else set()
        assert {'state_dict', 'ema_state_dict', 'message_hub', *training} <= set(checkpoint)


def test_mmengine_alone_writes_what_torch_refuses(tmp_path: Path) -> None:
    train(tmp_path, epochs=1, plain=False)
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(tmp_path / 'epoch_1.pth', weights_only=True)


@pytest.mark.parametrize('plain', [True, False], ids=['ours', 'as mmengine writes them'])
def test_resumed_training_equals_uninterrupted_training(whole: Runner, tmp_path: Path, plain: bool) -> None:
    train(tmp_path, epochs=2, name='first', plain=plain)
    resumed = train(tmp_path, name='second', plain=plain, resume=True)  # finds the last checkpoint by itself
    assert same_weights(resumed, whole)
    for scalar in ('train/loss', 'train/lr'):
        history = resumed.message_hub.get_scalar(scalar)
        assert isinstance(history, HistoryBuffer)
        np.testing.assert_array_equal(history.data[0], whole.message_hub.get_scalar(scalar).data[0])
    assert resumed.message_hub.get_info('best_score') == whole.message_hub.get_info('best_score')


def test_resuming_does_not_claim_other_data(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    train(tmp_path, epochs=1, name='first')
    train(tmp_path, epochs=2, name='second', resume=True)
    written = capfd.readouterr()
    assert 'metainfo from the resumed checkpoint is different' not in written.out + written.err


def test_other_data_is_still_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    train(tmp_path, epochs=1, name='first')
    monkeypatch.setattr(Data, 'metainfo', dict(Data.metainfo, sigmas=np.array([0.1, 0.3], np.float32)))
    train(tmp_path, epochs=2, name='second', resume=True)
    written = capfd.readouterr()
    assert 'metainfo from the resumed checkpoint is different' in written.out + written.err


def test_load_from_takes_the_weights_only(whole: Runner, tmp_path: Path) -> None:
    runner = train(tmp_path, epochs=1, load_from=str(Path(whole.work_dir) / 'epoch_4.pth'))
    assert runner.iter == 4
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 4


def test_the_hook_comes_last() -> None:
    from mmengine.hooks import CheckpointHook, EMAHook

    assert PlainCheckpointHook.priority == 'LOWEST'
    for other in (EMAHook, CheckpointHook):
        assert other.priority != 'LOWEST'
