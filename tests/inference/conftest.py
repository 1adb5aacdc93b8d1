"""What tests of predictions share: synthetic people, a student, and weights for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distilpose.apis import load_model
from tests.engine import tiny


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture(scope='module')
def config(data: Path) -> Path:
    return tiny.write_config(data.parent / 'student.py', data)


@pytest.fixture(scope='module')
def checkpoint(config: Path) -> Path:
    """Random weights whose predictions are within the image: the output's scale is that of crops."""
    torch.manual_seed(0)
    model = load_model(config)
    torch.nn.init.constant_(model.head.fc.bias, 0.5)
    file = config.parent / 'student.pth'
    torch.save(dict(state_dict=model.state_dict()), file)
    return file
