"""Signals in a training of this process: saved, stopped, resumed exactly, handlers given back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from distilpose.engine import train
from distilpose.errors import DistilPoseError, Interrupted
from tests.engine.test_interim_checkpoints import assert_equal

MakeConfig = Callable[..., Path]
NAMES = ('SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP')


@HOOKS.register_module(force=True)
class Signalled(Hook):
    """Sends this process a signal at a point of the training."""

    def __init__(self, *, name: str, point: str, at: int) -> None:
        self.number, self.point, self.at = getattr(signal, name), point, at

    def _send(self, runner: Any, point: str, number: int) -> None:
        if point == self.point and number == self.at:
            os.kill(os.getpid(), self.number)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._send(runner, 'train', runner.iter + 1)

    def before_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self._send(runner, 'val', batch_idx + 1)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        self._send(runner, 'save', checkpoint['meta']['epoch'])

    def after_train(self, runner: Any) -> None:
        self._send(runner, 'end', 1)


def signalled(name: str, point: str, at: int) -> dict[str, Any]:
    return {'default_hooks.signalled': dict(type='Signalled', name=name, point=point, at=at)}


def handlers() -> list[Any]:
    return [signal.getsignal(getattr(signal, name)) for name in NAMES]


@pytest.fixture(autouse=True)
def hangups_are_not_ignored() -> Iterator[None]:
    """As outside of ``nohup``, under which these tests may run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(('name', 'code'), [('SIGTERM', 143), ('SIGINT', 130), ('SIGUSR1', 138), ('SIGHUP', 129)])
def test_it_stops_after_the_iteration_and_goes_on_exactly(make_config: MakeConfig, tmp_path: Path, name: str,
                                                          code: int) -> None:
    before, config = handlers(), make_config()
    with pytest.raises(Interrupted, match=f'Stopped by {name} after 2 of 6 iterations') as stop:
        train(config, work_dir=tmp_path / 'parts', validate=False, options=signalled(name, 'train', 2))
    assert stop.value.exit_code == code and stop.value.checkpoint == str(tmp_path / 'parts' / 'iter_2.pth')
    assert handlers() == before and isinstance(stop.value, KeyboardInterrupt)
    train(config, work_dir=tmp_path / 'parts', validate=False, resume='auto')
    train(config, work_dir=tmp_path / 'whole', validate=False)
    assert_equal(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'parts' / 'epoch_2.pth')
    assert handlers() == before


def test_accumulated_gradients_are_used_first(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(extra="optim_wrapper['accumulative_counts'] = 2\n")
    with pytest.raises(Interrupted) as stop:
        train(config, work_dir=tmp_path, validate=False, options=signalled('SIGTERM', 'train', 3))
    assert stop.value.checkpoint == str(tmp_path / 'iter_4.pth')


@pytest.mark.parametrize(('interval', 'file'), [(1, 'epoch_1.pth'), (5, 'iter_3.pth')])
def test_in_a_validation(make_config: MakeConfig, tmp_path: Path, interval: int, file: str) -> None:
    options = {**signalled('SIGTERM', 'val', 1), 'default_hooks.checkpoint.interval': interval}
    with pytest.raises(Interrupted, match='in the validation after epoch 1') as stop:
        train(make_config(), work_dir=tmp_path, options=options)
    assert stop.value.checkpoint == str(tmp_path / file)
    assert (tmp_path / 'last_checkpoint').read_text() == stop.value.checkpoint


def test_while_a_checkpoint_is_written(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match='after 4 of 6') as stop:
        train(make_config(), work_dir=tmp_path, validate=False, options=signalled('SIGTERM', 'save', 1))
    assert (tmp_path / 'epoch_1.pth').is_file() and stop.value.checkpoint == str(tmp_path / 'iter_4.pth')


def test_after_the_last_iteration_nothing_more_starts(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match='the training is complete'):
        train(make_config(epochs=1), work_dir=tmp_path, validate=False, options=signalled('SIGTERM', 'end', 1))
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_handlers_are_given_back_after_an_error(make_config: MakeConfig, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError('a mistake in the code')

    before = handlers()
    monkeypatch.setattr('tests.engine.tiny.TinyBackbone.forward', fail)
    with pytest.raises(DistilPoseError, match='a mistake'):
        train(make_config(), work_dir=tmp_path, validate=False)
    assert handlers() == before


def test_another_thread_has_no_handlers(make_config: MakeConfig, tmp_path: Path) -> None:
    config, done = make_config(epochs=1), []
    thread = threading.Thread(target=lambda: done.append(train(config, work_dir=tmp_path, validate=False)))
    before = handlers()
    thread.start()
    thread.join()
    assert done and handlers() == before
