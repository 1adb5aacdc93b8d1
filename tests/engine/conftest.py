"""Fixtures shared by the tests of running configs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import tiny


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def make_config(tiny_data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes ``tiny.py`` in a folder of the test; the keywords are those of ``tiny.write_config``."""
    def write(**kwargs: object) -> Path:
        return tiny.write_config(tmp_path / 'tiny_config.py', tiny_data, **kwargs)

    return write


@pytest.fixture(autouse=True)
def unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the layout of the config's text, which takes most of the time of a tiny run."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
