"""What all tests share: the device, and folders of data that not every machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import distilpose  # noqa: F401  (makes mmpose importable for every test module)

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--device', default='cpu', help='the device of tests that can run on any, for instance cuda')


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption('--device'))


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder ``shared`` beside the repository, or ``DISTILPOSE_SHARED``: real images and published figures."""
    folder = Path(os.environ.get('DISTILPOSE_SHARED', ROOT.parent / 'shared'))
    if not folder.is_dir():
        pytest.skip(f'{folder} is not on this machine')
    return folder
