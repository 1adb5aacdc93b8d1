"""``tools/train.py`` and ``tools/test.py``: wrong input ends in a sentence, exit code 2 and nothing written."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ..engine import tiny
from .conftest import TOOLS

Tool = Callable[[str], ModuleType]


@pytest.fixture
def config(tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a config in the current directory."""
    monkeypatch.chdir(tmp_path)
    return tiny.write_config(tmp_path / 'tiny_config.py', tiny_data, epochs=1).name


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--data-root', '/nowhere'], 'there is no /nowhere'),
    (['--cfg-options', 'data_root=/nowhere'], 'there is no /nowhere'),
    (['--resume', 'no.pth'], 'no.pth does not exist'),
    (['--resume'], 'nothing to resume from'),
    (['--cfg-options', 'resume=True'], 'nothing to resume from'),
    (['--resume', '--allow-changed', 'data,all'], "--allow-changed got 'all'; expected some of data, model, optimizer"),
    (['--allow-changed', 'data'], 'add --resume'),
    (['--seed', '-1'], 'the seed is -1'),
    (['--amp', '--cfg-options', 'optim_wrapper.type=Other'], "optim_wrapper.type='Other'"),
    (['--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None'], 'base_batch_size'),
    (['--cfg-options', 'load_from=/no.pth'], 'which load_from names'),
    (['--cfg-options', 'model.type.x=1'], 'does not fit the config'),
    (['--cfg-options', 'model.head.decoder.input_size=(48,96)'], 'they must be equal'),
    (['--cfg-options', 'train_dataloader=None'], 'it has no train_dataloader'),
    (['--launcher', 'pytorch'], 'needs the variables RANK'),
    (['--launcher', 'slurm'], 'tools/slurm_train.sh'),
])
def test_wrong_input_of_train(config: str, tool: Tool, capsys: pytest.CaptureFixture[str], tmp_path: Path,
                              arguments: list[str], words: str) -> None:
    assert tool('train').main([config, *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message and 'Traceback' not in message
    assert not (tmp_path / 'work_dirs').exists()


@pytest.mark.parametrize(('options', 'words'), [
    ('model.backbone.type=NoSuchNet', "model.backbone.type is 'NoSuchNet': nothing is registered"),
    ('train_dataloader.dataset.type=NoSuchData', "dataset.type is 'NoSuchData': nothing is registered"),
])
def test_unknown_types(config: str, tool: Tool, capsys: pytest.CaptureFixture[str], options: str, words: str) -> None:
    assert tool('train').main([config, '--cfg-options', options]) == 2
    assert words in capsys.readouterr().err


def test_float16_on_the_cpu(config: str, tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip('this machine can')
    assert tool('train').main([config, '--amp', '--cfg-options', 'optim_wrapper.dtype=float16']) == 2
    assert 'float16 trains on CUDA devices only' in capsys.readouterr().err


@pytest.mark.parametrize(('checkpoint', 'words'), [
    ('no.pth', 'no.pth does not exist'), ('tiny_config.py', 'is no checkpoint'), ('weights.pth', 'does not fit')])
def test_wrong_checkpoints_of_test(config: str, tool: Tool, capsys: pytest.CaptureFixture[str], checkpoint: str,
                                   words: str) -> None:
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), 'weights.pth')
    assert tool('test').main([config, checkpoint]) == 2
    assert words in capsys.readouterr().err


def test_only_a_quick_copy_is_compiled(config: str, tool: Tool, capsys: pytest.CaptureFixture[str],
                                       tmp_path: Path) -> None:
    Path('weights.pth').touch()
    assert tool('test').main([config, 'weights.pth', '--compile', 'default']) == 2
    assert 'add --quick' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool('test').main([config, 'weights.pth', '--quick', '--compile', 'fast'])
    assert 'max-autotune' in capsys.readouterr().err
    assert not (tmp_path / 'work_dirs').exists()


def test_a_missing_config(tool: Tool, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool('train').main(['configs/DistilPose_S_coco.py']) == 2
    assert 'did you mean' in capsys.readouterr().err


def test_forgotten_launcher(config: str, tool: Tool, capsys: pytest.CaptureFixture[str],
                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('distilpose_cli.command.end_with_launcher', lambda: None)  # the tests are not torchrun's
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'none')
    monkeypatch.setenv('WORLD_SIZE', '2')
    assert tool('train').main([config]) == 2
    assert 'add --launcher pytorch' in capsys.readouterr().err


def test_help_names_every_option(tool: Tool) -> None:
    text = tool('train').build_parser().format_help() + tool('test').build_parser().format_help()
    for option in ('--work-dir', '--resume', '--amp', '--seed', '--no-validate', '--auto-scale-lr', '--cfg-options',
                   '--data-root', '--launcher', '--allow-changed', '--dump', '--deterministic', '--quick', '--compile'):
        assert option in text


@pytest.mark.slow
def test_train_then_test_on_a_terminal(config: str, tmp_path: Path) -> None:
    """The one run as a user sees it: a bar while it trains, another while it tests, and the terminal as it was."""
    main, terminal = pty.openpty()
    environment = dict(os.environ, TERM='xterm-256color', COLUMNS='150', OMP_NUM_THREADS='1')
    script = (f'{sys.executable} {TOOLS}/train.py {config} --data-root {tiny_root(tmp_path, config)} && '
              f'{sys.executable} {TOOLS}/test.py {config} work_dirs/tiny_config/epoch_1.pth --out metrics.json')
    process = subprocess.Popen(['bash', '-c', script], stdin=terminal, stdout=terminal, stderr=terminal,
                               env=environment, cwd=tmp_path)
    os.close(terminal)
    shown = read_all(main)
    assert process.wait(timeout=600) == 0, shown
    for words in ('train, epoch 1/1', 'images/s', 'test', 'Loaded all', 'coco/AP'):
        assert words in shown
    assert shown.count('\x1b[?25h') == shown.count('\x1b[?25l') > 0
    assert (tmp_path / 'metrics.json').is_file()
    assert (tmp_path / 'work_dirs' / 'tiny_config' / 'test').is_dir()


def tiny_root(folder: Path, config: str) -> str:
    from distilpose.engine import read_config

    return read_config(folder / config).data_root


def read_all(descriptor: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux's way to say that the other end was closed
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b''.join(parts).decode()
