"""Shared by the tests of distillation."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the layout of the config's text, which takes most of the time of a tiny run."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
