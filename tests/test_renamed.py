"""Old import paths: the same module object under both paths, with a warning."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmpose.registry import HOOKS

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


@pytest.mark.parametrize(('module', 'old', 'new'), [
    ('checkpoints.safe_loading', 'load_strict', 'checkpoints.load_strict'),
    ('compare.models', 'compare_models', 'compare.compare'),
    ('datasets.hand_over', 'PeopleOfBatch', 'datasets.collate.CollatedSamples'),
    ('distillation.parts', 'freeze', 'distillation.freezing.freeze_modules'),
    ('distillation.terms.coordinate', 'expected_coordinates',
     'distillation.terms.coordinate_reader.expected_coordinates'),
    ('distillation.terms.simcc', 'axis_loss', 'distillation.terms.simcc.simcc_loss'),
    ('engine.bare_model', 'bare_model', 'engine.unwrapped_model.unwrapped_model'),
    ('engine', 'averaging', 'engine.weight_averaging'),
    ('engine', 'optim', 'engine.mixed_precision'),
    ('evaluation', 'evaluate', 'compare.measure.evaluate'),
    ('models.heads.axis_classifier', 'AxisClassifier', 'models.heads.simcc.SimCCHeadMixin'),
    ('models.losses.simdr', 'AxisLoss', 'models.losses.simcc.SimCCLoss')])
@pytest.mark.filterwarnings('ignore:distilpose')
def test_old_names_of_old_modules_are_the_new_ones(module: str, old: str, new: str) -> None:
    place, _, name = new.rpartition('.')
    expected = getattr(importlib.import_module(f'distilpose.{place}'), name)
    found = importlib.import_module(f'distilpose.{module}')
    vars(found).pop(old, None)  # a module that was imported by its old path
    with pytest.warns(DeprecationWarning, match=f'{old} is now'):
        assert getattr(found, old) is expected


def test_the_old_name_of_a_method_calls_the_new_one() -> None:
    from distilpose.distillation import PoseDistiller
    distiller = SimpleNamespace(run_teacher=lambda images, samples: (images, samples))
    with pytest.warns(DeprecationWarning, match='ask_teacher is now run_teacher'):
        assert PoseDistiller.ask_teacher(distiller, 1, samples=2) == (1, 2)


def test_the_hook_that_old_quickstarts_saved_in_configs_is_built() -> None:
    with pytest.warns(DeprecationWarning, match='QuickstartHook does nothing'):
        HOOKS.build(dict(type='QuickstartHook'))


@pytest.mark.slow
def test_an_import_statement_warns_at_the_line_of_the_user(tmp_path: Path) -> None:
    program = tmp_path / 'program.py'
    program.write_text('import distilpose\nfrom distilpose.datasets.hand_over import compact_collate\n')
    found = subprocess.run([sys.executable, '-W', 'always::DeprecationWarning', str(program)], capture_output=True,
                           text=True)
    assert found.returncode == 0, found.stderr
    assert 'distilpose.datasets.hand_over is now distilpose.datasets.collate' in found.stderr
