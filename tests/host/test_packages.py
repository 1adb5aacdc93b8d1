"""Which packages are installed: the sentence about missing ones, and what mmengine asks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from distilpose.host import packages
from tests.host.python import WITHOUT_APPLYING, run


def test_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, 'munkres', raising=False)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == 'munkres' else find_spec(name))
    with pytest.raises(ImportError, match='needs munkres.*setup_env.sh.*pip install munkres') as caught:
        packages.require_packages()
    assert caught.value.name == 'munkres'


@pytest.mark.slow
def test_mmengine_finds_packages_without_pkg_resources() -> None:
    hidden = 'import sys; sys.modules["pkg_resources"] = None\n'
    question = 'from mmengine.utils import get_installed_path as path, is_installed as has\nprint(path("mmpose"))\n'
    broken = run(hidden + question)
    assert 'pkg_resources' in broken.stderr.splitlines()[-1]

    more = 'print(has("mmpose"), has("opencv-python-headless"), has("json"), has("nothing-like-this"))'
    mended = run(hidden + WITHOUT_APPLYING + 'packages.ask_importlib_for_packages()\n' + question + more)
    import mmpose

    assert mended.stdout.splitlines() == [str(Path(mmpose.__file__).parent), 'True True True False'], mended.stderr


def test_configs_inherit_from_an_installed_mmpose() -> None:
    from mmengine.config import Config

    config = Config.fromstring('_base_ = "mmpose::_base_/default_runtime.py"', '.py')
    assert config.default_scope == 'mmpose'
