"""Old import paths: the same module object under both paths, with a warning."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from distilpose import renamed

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize('old', renamed.MODULES)
def test_an_old_path_is_the_new_module(old: str) -> None:
    new = importlib.import_module(f'distilpose.{renamed.MODULES[old]}')
    sys.modules.pop(f'distilpose.{old}', None)
    with pytest.warns(DeprecationWarning, match=rf'distilpose\.{old} is now {new.__name__}$'):
        assert importlib.import_module(f'distilpose.{old}') is new
    assert new.__spec__.name == new.__name__
    file = ROOT.joinpath('distilpose', *old.split('.'))
    assert not file.exists() and not file.with_suffix('.py').exists(), 'two modules'


def test_modules_of_a_renamed_package_move_along() -> None:
    from distilpose.synthetic import poses
    sys.modules.pop('distilpose.datasets.synthetic.poses', None)
    with pytest.warns(DeprecationWarning, match='is now distilpose.synthetic'):
        assert importlib.import_module('distilpose.datasets.synthetic.poses') is poses


def test_an_old_name_of_a_function_is_the_new_function() -> None:
    from distilpose import apis
    with pytest.warns(DeprecationWarning, match=r'distilpose\.apis\.quickened is now .*optimise_for_inference'):
        assert apis.quickened is apis.optimise_for_inference
    with pytest.raises(AttributeError, match='no attribute'):
        apis.quickend  # noqa: B018


@pytest.mark.slow
def test_an_import_statement_warns_at_the_line_of_the_user(tmp_path: Path) -> None:
    program = tmp_path / 'program.py'
    program.write_text('import distilpose\nfrom distilpose.datasets.hand_over import compact_collate\n')
    found = subprocess.run([sys.executable, '-W', 'always::DeprecationWarning', str(program)], capture_output=True,
                           text=True)
    assert found.returncode == 0, found.stderr
    assert 'distilpose.datasets.hand_over is now distilpose.datasets.collate' in found.stderr
