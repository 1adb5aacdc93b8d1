"""What all tests share: which of them run, the device, and folders of data that not every machine has."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from multiprocessing import popen_spawn_posix
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from mmengine.config import Config

import distilpose  # noqa: F401  (makes mmpose importable for every test module)
from tests.devices import DTYPES, made_on
from tests.valued_device import valued_device

ROOT = Path(__file__).resolve().parents[1]
HOST_PROGRAMS = {'git', 'nvcc'}
"""What mmengine starts to describe the environment at the head of a log."""

os.environ['PYTHON'] = sys.executable  # of the launch scripts


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--device', default='cpu', help='the device of tests that can run on any, for instance cuda')
    parser.addoption('--dtype', default='float32', choices=sorted(DTYPES), help='the type of tests that take any')
    parser.addoption('--all', action='store_true', help='also the slow tests')


def pytest_configure(config: pytest.Config) -> None:
    """Leaves the slow tests out unless all tests, some by their path or some by a marker are asked for.

    ``-m device`` is no choice between slow and quick: it runs the quick ones, ``-m device --all`` both.
    """
    if config.option.markexpr == 'device' and not config.option.all:
        config.option.markexpr = 'device and not slow'
    if not (config.option.all or config.option.markexpr or config.args_source is config.ArgsSource.ARGS):
        config.option.markexpr = 'not slow'  # in the workers of xdist too, which read the same command line


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that take ``device``: ``pytest --device cuda -m device`` runs exactly these."""
    for item in items:
        parameters = getattr(getattr(item, 'callspec', None), 'params', ())
        if 'device' in getattr(item, 'fixturenames', ()) and 'device' not in parameters:
            item.add_marker('device')


def pytest_collection_finish() -> None:
    """Spares the garbage collector what was imported; mmengine starts it for every data set, over all objects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fails tests that start a process and are not marked as slow; the forks of a ``DataLoader`` are allowed."""
    start = subprocess.Popen.__init__

    def refuse(process: object, command: Any, *args: Any, **kwargs: Any) -> None:
        words = ' '.join(map(str, command)) if isinstance(command, (list, tuple)) else str(command)
        program = os.path.basename(words.partition(' ')[0].strip('"'))
        if program not in HOST_PROGRAMS and not words.endswith(' --version'):  # of the compiler of Python
            pytest.fail(f'{item.nodeid} starts a process ({words}): mark it with @pytest.mark.slow')
        start(process, command, *args, **kwargs)

    with contextlib.ExitStack() as patches:
        if not item.get_closest_marker('slow'):
            patches.enter_context(mock.patch.object(subprocess.Popen, '__init__', refuse))
            patches.enter_context(mock.patch.object(popen_spawn_posix.Popen, '_launch', refuse))
        return (yield)


@pytest.fixture(scope='session', autouse=True)
def annotation_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of stored annotations of these tests, and not that of the user."""
    folder = tmp_path_factory.mktemp('annotations')
    with mock.patch.dict(os.environ, DISTILPOSE_ANNOTATION_CACHE=str(folder)):
        yield folder


@pytest.fixture(scope='session', autouse=True)
def stored_configs() -> Iterator[None]:
    """Reads every config of this project and of mmpose once; a leaf reads up to twelve files, most of them shared."""
    import mmpose

    folders = f'{ROOT}/configs/', f'{Path(mmpose.__file__).parent}/.mim/configs/'
    read, stored = Config._file2dict, {}

    def file2dict(filename: str, *args: Any, **kwargs: Any) -> Any:
        if not str(filename).startswith(folders):
            return read(filename, *args, **kwargs)
        key = (str(filename), args, *sorted(kwargs.items()))
        if key not in stored:
            stored[key] = read(filename, *args, **kwargs)
        return copy.deepcopy(stored[key])

    with mock.patch.object(Config, '_file2dict', staticmethod(file2dict)):
        yield


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """That of ``--device``; ``fake`` is one with values on the CPU, for machines without a GPU."""
    name = request.config.getoption('--device')
    if name != 'fake':
        yield torch.device(name)
        return
    with valued_device() as made:
        yield made


@pytest.fixture
def on_device(device: torch.device) -> Iterator[torch.device]:
    """Tensors and modules that the test makes lie on :func:`device`."""
    if device.type == 'cpu':
        yield device
        return
    with made_on(device):
        yield device


@pytest.fixture
def in_dtype(device: torch.device, dtype: torch.dtype) -> Iterator[torch.dtype]:
    """As :func:`on_device`, and what would be float32 is of :func:`dtype`."""
    if device.type == 'cpu' and dtype is torch.float32:
        yield dtype
        return
    with made_on(device, dtype):
        yield dtype


@pytest.fixture
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return DTYPES[request.config.getoption('--dtype')]


@pytest.fixture
def quick_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, batch normalisation is its shape and first weights are none; torch decomposes both."""
    batch_norm = torch.nn.functional.batch_norm

    def shape_or_values(images: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return torch.empty_like(images) if images.is_meta else batch_norm(images, *args, **kwargs)

    def unless_meta(initialise: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        return lambda tensor, *args, **kwargs: tensor if tensor.is_meta else initialise(tensor, *args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, 'batch_norm', shape_or_values)
    for name in ('kaiming_uniform_', 'kaiming_normal_', 'uniform_', 'normal_', 'trunc_normal_', 'constant_', 'ones_',
                 'zeros_'):
        monkeypatch.setattr(torch.nn.init, name, unless_meta(getattr(torch.nn.init, name)))


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder ``shared`` beside the repository, or ``DISTILPOSE_SHARED``: real images and published figures."""
    folder = Path(os.environ.get('DISTILPOSE_SHARED', ROOT.parent / 'shared'))
    if not folder.is_dir():
        pytest.skip(f'{folder} is not on this machine')
    return folder
