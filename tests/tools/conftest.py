"""Fixtures shared by the tests of the command lines."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ..engine import tiny

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def tool() -> Callable[[str], ModuleType]:
    """Imports a script of ``tools/`` by its name."""
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'tools_{name}', TOOLS / f'{name}.py')
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
