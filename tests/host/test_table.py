"""The table of replaced functions: complete, printed, and with a switch for the speedups."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import distilpose
from distilpose import host
from distilpose.errors import DistilPoseError
from distilpose.host import table
from distilpose.host.patching import resolve
from distilpose.host.switch import SWITCH, speedups_are_on
from tests.engine import tiny
from tests.host.python import ROOT, run

HOSTS = ('mmpose', 'mmengine', 'mmcv', 'torch', 'torchvision', 'numpy', 'pycocotools')
PACKAGE = str(Path(distilpose.__file__).parent) + os.sep
TARGETS = [target for replacement in host.REPLACEMENTS for target in replacement.targets]


def is_ours(value: Any) -> bool:
    """Whether the code of a function lies in this package; also of one that has the name of another."""
    while isinstance(value, functools.partial):
        value = value.func
    return isinstance(value, FunctionType) and value.__code__.co_filename.startswith(PACKAGE)


def functions_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions of a module and of classes that are defined in it, also static and class methods and properties."""
    for name, value in list(vars(module).items()):
        yield f'{module.__name__}:{name}', value
        if inspect.isclass(value) and value.__module__ == module.__name__:
            for attribute, member in list(vars(value).items()):
                for function in (getattr(member, '__func__', member), getattr(member, 'fget', None)):
                    yield f'{module.__name__}:{value.__qualname__}.{attribute}', function


@pytest.mark.filterwarnings('ignore::FutureWarning')
def test_nothing_is_replaced_that_is_not_in_the_table() -> None:
    """Looks for this package's functions in all modules of the host that are imported."""
    found = {}
    for module in [module for name, module in sys.modules.items() if name.partition('.')[0] in HOSTS]:
        if isinstance(module, ModuleType):
            found.update({place: value for place, value in functions_of(module) if is_ours(value)})
    known = {place for place, value in found.items()
             if place in TARGETS or f'{value.__module__}:{value.__qualname__}' in TARGETS}
    assert found.keys() - known == set()
    assert len(known) >= 15


def test_every_target_of_an_applied_replacement_is_ours() -> None:
    """Or of another package of the host; modules, and functions of the stand-ins for modules, are ours altogether."""
    for row in host.rows():
        for target in row.replacement.targets:
            if ':' in target and row.state == 'applied':
                value = resolve(target)
                if target.startswith('torch.optim') and getattr(value, 'hooked', False):
                    value = value.__wrapped__  # by torch, when the first optimizer of this class is made
                is_of_another = getattr(value, '__module__', '').partition('.')[0] != target.partition('.')[0]
                assert is_ours(value) or type(value).__module__.startswith('distilpose.') or is_of_another, target


def test_the_table_says_what_why_and_until_when() -> None:
    assert len(set(TARGETS)) == len(TARGETS)
    text = host.table_text()
    for row in host.rows():
        replacement = row.replacement
        assert replacement.kind in ('repair', 'speedup') and replacement.why and replacement.until
        assert row.state in ('applied', 'not needed')
        assert all(target in text for target in replacement.targets)
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize('target', [
    'mmpose.models.pose_estimators.topdown:TopdownPoseEstimator.predict',
    'mmpose.models.heads.base_head:BaseHead.decode',
    'mmpose.models.data_preprocessors.data_preprocessor:PoseDataPreprocessor.cast_data',
    'mmengine.model.base_model.data_preprocessor:ImgDataPreprocessor.forward',
    'mmengine.logging.history_buffer:HistoryBuffer.update', 'mmpose.evaluation.functional.nms:oks_iou',
    'mmpose.evaluation.functional.nms:oks_nms', 'mmpose.evaluation.metrics.coco_metric:dump',
    'mmpose.evaluation.metrics.coco_wholebody_metric:dump'])
def test_speedups_have_the_name_and_signature_of_what_they_replace(target: str) -> None:
    assert target in TARGETS
    replaced = resolve(target)
    assert is_ours(replaced) and not is_ours(replaced.__wrapped__)
    assert replaced.__name__ == replaced.__wrapped__.__name__


def test_applying_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [target for target in TARGETS if ':' in target]
    before = [resolve(name) for name in names]
    monkeypatch.setattr(importlib, 'import_module', lambda name: pytest.fail(f'{name} is imported again'))
    host.apply()
    monkeypatch.undo()
    assert all(one is other for one, other in zip(before, map(resolve, names), strict=True))


@pytest.mark.parametrize(('value', 'expected'), [(None, True), ('on', True), ('off', False)])
def test_the_switch_is_on_or_off(value: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(SWITCH, value)
    assert speedups_are_on() is expected


@pytest.mark.parametrize('value', ['', 'On', '0', 'false'])
def test_another_value_is_refused_before_anything_is_replaced(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, value)
    monkeypatch.setattr(table, '_STATES', {})
    monkeypatch.setattr(table, 'REPLACEMENTS', None)
    with pytest.raises(DistilPoseError, match=f"DISTILPOSE_SPEEDUPS is '{value}'; it must be on or off"):
        host.apply()


@pytest.mark.slow
def test_off_leaves_every_function_to_the_host() -> None:
    code = """
        import sys
        from tests.host.test_table import TARGETS, is_ours
        from distilpose import host
        from distilpose.host.patching import resolve
        from distilpose.host.xtcoco import SPEEDUPS
        speedups = [row for row in host.rows() if row.replacement.kind == 'speedup']
        assert speedups and all(row.state == 'off' for row in speedups), speedups
        assert all(row.state != 'off' for row in host.rows() if row.replacement.kind == 'repair')
        assert not any(SPEEDUPS.values())
        repairs = [resolve(target) for row in host.rows() if row.replacement.kind == 'repair'
                   for target in row.replacement.targets if ':' in target and row.state == 'applied']
        for row in speedups:
            for target in row.replacement.targets:
                value = resolve(target)
                is_repaired = any(value is repaired for repaired in repairs)  # to_numpy, which heads have by name
                assert target.startswith('xtcocotools') or is_repaired or not is_ours(value), target
        print('fine')
    """
    result = run(code, **{SWITCH: 'off'})
    assert result.stdout.endswith('fine\n'), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(('value', 'word'), [('on', 'applied'), ('off', 'off')])
def test_the_table_is_printed(value: str, word: str) -> None:
    command = [sys.executable, '-m', 'distilpose.host']
    result = subprocess.run(command, env={**os.environ, 'PYTHONPATH': str(ROOT), SWITCH: value}, capture_output=True,
                            text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    repairs, speedups = result.stdout.split('Speedups: ')
    assert '    here  applied' in repairs and all(target in result.stdout for target in TARGETS)
    assert {line.split()[1] for line in speedups.splitlines() if line.startswith('    here ')} == {word}


HEATMAPS = """
codec = dict(type='{codec}', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
val_pipeline[2] = dict(type='TopdownAffine', input_size=(48, 64), use_udp={udp})
model.pop('neck')
model['head'] = dict(
    type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4),
    loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec)
model['test_cfg'] = dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False)
val_dataloader['batch_size'] = 1
param_scheduler = []
randomness = dict(seed=1)
"""


def train_and_evaluate(config: Path, work_dir: Path, switch: str) -> tuple[dict[int, float], Any, list[dict]]:
    """Losses by iteration, figures of every validation and results of the last, of a training in its own process."""
    code = ('import sys; from distilpose.engine import train; train(sys.argv[1], work_dir=sys.argv[2], seed=1, '
            "options={'val_evaluator.outfile_prefix': sys.argv[2] + '/results'})")
    result = subprocess.run([sys.executable, '-c', code, str(config), str(work_dir)], capture_output=True, text=True,
                            env={**os.environ, 'PYTHONPATH': str(ROOT), SWITCH: switch}, timeout=600, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-3000:]
    scalars = next(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    figures = [{name: value for name, value in line.items() if name.startswith('coco/')} for line in lines
               if 'coco/AP' in line]
    file = work_dir / 'results.keypoints.json'
    assert ('\n' in file.read_text()) == (switch == 'off')  # as mmpose writes it
    return tiny.logged_losses(work_dir), figures, json.loads(file.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(('codec', 'udp'), [('MSRAHeatmap', False), ('UDPHeatmap', True)])
def test_a_training_and_its_evaluations_are_the_same_without_speedups(codec: str, udp: bool, tmp_path: Path) -> None:
    """Losses are equal: no speedup computes any.

    Predictions differ in the last digits of float32, since the flip test of one image is a batch of two and kernels
    blur in another order. On these nearly flat maps that moves a joint in twenty by more than a hundredth of a pixel at
    most, and figures of twelve people by less than one match.
    """
    config = tiny.write_config(tmp_path / 'config.py', tiny.write_data(tmp_path / 'data'), epochs=2,
                               extra=HEATMAPS.format(codec=codec, udp=udp))
    (losses, figures, results), (expected_losses, expected, expected_results) = (
        train_and_evaluate(config, tmp_path / switch, switch) for switch in ('on', 'off'))
    assert len(losses) == 6 and losses == pytest.approx(expected_losses, rel=1e-6)
    assert len(figures) == len(expected) == 2 and all(len(figure) == 10 for figure in figures)
    for figure, other in zip(figures, expected, strict=True):
        assert figure.keys() == other.keys()
        np.testing.assert_allclose([*figure.values()], [other[name] for name in figure], atol=0.01)
    assert [entry['image_id'] for entry in results] == [entry['image_id'] for entry in expected_results]
    joints, others = (np.array([entry['keypoints'] for entry in entries]) for entries in (results, expected_results))
    assert joints.shape == (tiny.NUM_IMAGES, 51) and joints.std() > 1
    assert (np.abs(joints - others) < 0.01).mean() > 0.95
    np.testing.assert_allclose([entry['score'] for entry in results], [entry['score'] for entry in expected_results],
                               rtol=1e-4, atol=1e-6)
