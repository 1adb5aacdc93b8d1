"""Failures of a run: a dead worker, a full shared memory, too many files, a sample that fails."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from distilpose.engine import train
from distilpose.engine.failures import recognise
from distilpose.errors import DistilPoseError, LostProcess, MachineFailed
from tests.engine.test_interim_checkpoints import assert_equal
from tests.engine.tiny import TinyBackbone

MakeConfig = Callable[..., Path]
FAILING = """
train_pipeline.insert(1, dict(type='Fails', marker={marker!r}, how={how!r}))
train_dataloader['dataset']['pipeline'] = train_pipeline
default_hooks['checkpoint'].update(interval=100)
default_hooks['marks'] = dict(type='Marks', marker={marker!r}, at=4)
"""


@TRANSFORMS.register_module(force=True)
class Fails(BaseTransform):
    """Fails once there is a marker, in the second epoch."""

    def __init__(self, marker: str, how: str) -> None:
        self.marker, self.how = Path(marker), how

    def transform(self, results: dict) -> dict:
        if not self.marker.exists():
            return results
        if self.how == 'raise':
            raise ValueError('no such\nthing')
        if self.how == 'files':
            raise OSError(errno.EMFILE, 'Too many open files')
        os.kill(os.getpid(), getattr(signal, self.how))
        return results


def failing(make_config: MakeConfig, tmp_path: Path, how: str, *, workers: int) -> Path:
    from mmengine.hooks import Hook
    from mmpose.registry import HOOKS

    @HOOKS.register_module(name='Marks', force=True)
    class Marks(Hook):
        def __init__(self, marker: str, at: int) -> None:
            self.marker, self.at = Path(marker), at

        def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
            if runner.iter + 1 == self.at:
                self.marker.touch()

    return make_config(workers=workers, epochs=3, extra=FAILING.format(marker=str(tmp_path / 'marker'), how=how))


@pytest.mark.parametrize(('how', 'workers', 'words'), [
    ('SIGKILL', 1, 'was killed, most likely by the system because memory ran out; use fewer workers'),
    ('SIGSEGV', 1, 'was ended by a signal (Segmentation fault)'),
    ('SIGBUS', 1, 'the shared memory (/dev/shm) is full; give the container more (docker run --shm-size=8g'),
    ('files', 0, 'too many files open, which data workers need to pass batches; raise the limit'),
    ('files', 1, 'too many files open'),
    ('raise', 1, 'could not be prepared by Fails: ValueError: no such thing'),
    ('raise', 0, 'could not be prepared by Fails: ValueError: no such thing'),
])
def test_what_was_trained_is_saved_and_resumed_exactly(make_config: MakeConfig, tmp_path: Path, how: str, workers: int,
                                                       words: str) -> None:
    config = failing(make_config, tmp_path, how, workers=workers)
    with pytest.raises(MachineFailed) as failed:
        train(config, work_dir=tmp_path / 'parts', validate=False)
    sentence = str(failed.value)
    assert words in sentence and '\n' not in sentence and failed.value.exit_code == 1
    file = Path(str(failed.value.checkpoint))
    assert file.is_file() and file.name.startswith('iter_') and f'can be resumed from {file}' in sentence
    log = next((tmp_path / 'parts').glob('*/*.log'))
    assert str(log) in sentence and 'Traceback (most recent call last)' in log.read_text()
    (tmp_path / 'marker').unlink()
    quiet = {'default_hooks.marks.at': -1}
    train(config, work_dir=tmp_path / 'parts', validate=False, resume='auto', options=quiet)
    train(config, work_dir=tmp_path / 'whole', validate=False, options=quiet)
    assert_equal(tmp_path / 'whole' / 'epoch_3.pth', tmp_path / 'parts' / 'epoch_3.pth')


def test_unknown_errors_keep_their_traceback_and_log_it(make_config: MakeConfig, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    forward, calls = TinyBackbone.forward, []

    def fail_later(backbone: TinyBackbone, images: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:  # errors of the first batch are about the config
            raise RuntimeError('a mistake in the code')
        return forward(backbone, images)

    monkeypatch.setattr(TinyBackbone, 'forward', fail_later)
    with pytest.raises(RuntimeError, match='a mistake in the code'):
        train(make_config(), work_dir=tmp_path / 'run', validate=False)
    assert 'RuntimeError: a mistake in the code' in next((tmp_path / 'run').glob('*/*.log')).read_text()


@pytest.mark.parametrize(('error', 'kind', 'words'), [
    (RuntimeError('DataLoader worker (pid(s) 1, 2) exited unexpectedly'), MachineFailed, 'worker 1, 2 ended without'),
    (RuntimeError('unable to write to file </torch_12_34_56>: No space left on device (28)'), MachineFailed,
     '--shm-size'),
    (RuntimeError('unable to allocate shared memory(shm) for file </torch_1_2_3>: Resource temporarily unavailable'),
     MachineFailed, '/dev/shm'),
    (RuntimeError('received 0 items of ancdata'), MachineFailed, 'ulimit -n'),
    (RuntimeError('Too many open files. Communication with the workers is no longer possible.'), MachineFailed,
     'set_sharing_strategy'),
    (OSError(errno.ENOMEM, 'Cannot allocate memory'), MachineFailed, 'not enough memory'),
    (BlockingIOError(errno.EAGAIN, 'Resource temporarily unavailable'), MachineFailed, 'ulimit -u'),
    (torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.'), MachineFailed, 'the GPU has not'),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
                  ), MachineFailed, 'this machine has not enough memory'),
    (RuntimeError('DataLoader timed out after 30 seconds'), MachineFailed, 'nothing for 30 seconds'),
    (RuntimeError('[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1'),
     LostProcess, 'another process of this run ended'),
    (RuntimeError('[Rank 0] Watchdog caught collective operation timeout: WorkNCCL'), LostProcess, 'another process'),
])
def test_errors_are_recognised(error: Exception, kind: type[MachineFailed], words: str) -> None:
    found = recognise(error)
    assert type(found) is kind and words in str(found)


@pytest.mark.parametrize('error', [
    ValueError('a bug'), DistilPoseError('Too many open files'), OSError(errno.ENOSPC, 'No space left on device'),
    KeyError('connection')])
def test_others_are_not(error: Exception) -> None:
    assert recognise(error) is None


def test_the_first_cause_decides() -> None:
    error = RuntimeError('DataLoader worker (pid(s) 7) exited unexpectedly')
    error.__cause__ = RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. ')
    assert 'the data worker 7 was killed' in str(recognise(error))
