"""A small data set, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilpose.synthetic import make_dataset

ARGUMENTS = dict(images=12, seed=3, size=192, val_fraction=0.5)


@pytest.fixture(scope='session')
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set of twelve images, six of them for validation."""
    return make_dataset(tmp_path_factory.mktemp('synthetic') / 'people', **ARGUMENTS)
