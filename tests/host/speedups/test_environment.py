"""The description of the environment is mmengine's."""

from __future__ import annotations

import importlib.metadata
import sys

import pytest

from distilpose.host.speedups import environment


def test_it_is_that_of_mmengine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition('.')[0] == 'torchvision']:
        monkeypatch.delitem(sys.modules, name)
    found = environment.collect_env()
    assert found['TorchVision'] == importlib.metadata.version('torchvision') and 'torchvision' not in sys.modules
    assert {'sys.platform', 'Python', 'GCC', 'PyTorch', 'OpenCV', 'MMEngine'} <= found.keys()
    monkeypatch.setattr(environment, 'version', lambda name: importlib.metadata.version('no-such-package'))
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    assert 'TorchVision' not in environment.collect_env()
