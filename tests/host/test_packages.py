"""Which packages are installed: the sentence about missing ones, and what mmengine asks."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

import mmengine.utils
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

    folder = Path(mmpose.__file__).parent.resolve()
    assert mended.stdout.splitlines() == [str(folder), 'True True True False'], mended.stderr


def test_configs_inherit_from_an_installed_mmpose() -> None:
    from mmengine.config import Config

    config = Config.fromstring('_base_ = "mmpose::_base_/default_runtime.py"', '.py')
    assert config.default_scope == 'mmpose'


NAMES = [
    'mmpose', 'mmengine', 'mmengine>=0.1', 'mmengine==0.10.7', 'mmengine>=99', 'mmengine<0.1', 'mmengine[extra]>=0.1',
    'MMEngine', 'opencv-python-headless', 'opencv_python_headless', 'cv2', 'json', 'torch', 'numpy~=2.0', 'mmcv',
    'mmcv-lite', 'nothing-like-this', 'nothing_like_this>=1', 'mmengine.utils', 'no.such.module', '', 'two words', '-x',
    'mmengine>=', 'os.path', 'namespace_of_nobody']


def outcome(function: Any, name: str) -> Any:
    """What a function gives, or the type and the message of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            return function(name)
        except Exception as error:
            return type(error), str(error)


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'namespace_of_nobody' / 'inner').mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec('pkg_resources') is None, reason='nothing to compare with')
@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('function', ['is_installed', 'get_installed_path'])
def test_packages_are_found_as_by_mmengine(function: str, name: str, namespace: None) -> None:
    replaced = getattr(mmengine.utils, function)
    found, expected = outcome(replaced, name), outcome(replaced.__wrapped__, name)
    if isinstance(expected, tuple) and issubclass(expected[0], ValueError):  # the parsers' wording differs
        assert issubclass(found[0], ValueError)
    elif isinstance(expected, str) and not Path(expected).exists():
        assert Path(found).is_dir()
    elif isinstance(expected, tuple):  # mmengine's function reloads pkg_resources, and with it its types
        assert (found[0].__name__, found[1]) == (expected[0].__name__, expected[1])
    else:
        assert found == expected


def test_without_pkg_resources_the_errors_are_importlibs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pkg_resources', None)
    for name in ('nothing-like-this', 'mmengine>=99'):
        with pytest.raises(importlib.metadata.PackageNotFoundError, match=name):
            mmengine.utils.get_installed_path(name)
    assert not mmengine.utils.is_installed('nothing-like-this')
