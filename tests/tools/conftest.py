"""Fixtures shared by the tests of the command lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ..engine import tiny
from ..scripts import load_script

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def tool() -> Callable[[str], ModuleType]:
    """Imports a script of ``tools/`` by its name."""
    return lambda name: load_script(TOOLS / f'{name}.py')
