"""Models without a teacher through the command line, tiny: trained, read, refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mmengine.runner import Runner

from distilpose.engine.hooks import ProgressHook

from ..engine import tiny


@pytest.fixture(scope='module', autouse=True)
def unformatted_configs() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
        yield


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    folder = tmp_path_factory.mktemp('compare_models')
    tiny.write_distillation(folder, tiny_data)
    return folder


@pytest.fixture
def compare(tool: Callable[[str], ModuleType], folder: Path) -> Callable[..., int]:
    """The tool on models of the folder, all called after ``First``, which is the student."""
    def call(*words: str, work_dir: str = 'whole') -> int:
        named = [str(folder / word) if word.endswith('.py') else word for word in words]
        return tool('compare_models').main(['--model', 'First', str(folder / 'student.py'), *named, '--work-dir',
                                            str(folder / work_dir)])
    return call


@pytest.mark.slow
def test_trained_then_read_with_the_same_figures(compare: Callable[..., int], folder: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    options = ('--model', 'Slow', 'student.py', 'optim_wrapper.optimizer.lr=0.0', '--seeds', '0', '1')
    assert compare(*options) == 0
    first = json.loads((folder / 'whole' / 'models.json').read_text())
    assert list(first['models']) == ['baseline', 'slow'] and len(first['runs']) == 4
    values = {role: [run['figures']['mean_oks'] for run in first['runs'] if run['role'] == role]
              for role in first['models']}
    means = {role: sum(found) / 2 for role, found in values.items()}
    assert first['over_seeds']['slow']['mean_oks'] == dict(mean=pytest.approx(means['slow']), low=min(values['slow']),
                                                           high=max(values['slow']))
    gain = first['gain']['slow']['mean_oks']
    assert gain['value'] == pytest.approx(means['slow'] - means['baseline']) != 0
    assert gain['low'] <= gain['value'] <= gain['high']
    assert first['notes'] == ["optim_wrapper.optimizer.lr is 0.01 for 'First' and 0.0 for 'Slow'"]
    table = (folder / 'whole' / 'models.md').read_text()
    assert '| more than First | AP | OKS | PCK |' in table and table.count('| Slow |') == 4
    capsys.readouterr()
    assert compare(*options) == 0
    assert capsys.readouterr().out.count('trained before, read from') == 4
    assert json.loads((folder / 'whole' / 'models.json').read_text()) == first


@pytest.mark.parametrize('words, expected', [
    (('--model', 'Longer', 'student.py', 'train_cfg.max_epochs=3'), 'max_epochs is 2 and 3'),
    (('--model', 'Baseline', 'student.py'), "which is that of 'First'"),
    (('--model', 'Other'), "--model 'Other' has no config"),
    (('--model', 'Other', 'student.py', 'y'), "found 'y'"),
    (('--seeds', '1', '1'), 'expected one or more different numbers'),
])
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(
        compare: Callable[..., int], folder: Path, words: tuple[str, ...], expected: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*words, work_dir='refused') == 2
    assert expected in capsys.readouterr().err
    assert not (folder / 'refused').exists()


@pytest.mark.slow
def test_teacher_student_second_stage_and_export_are_resumed_as_a_whole(
        tool: Callable[[str], ModuleType], folder: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    def compare() -> int:
        distil = [str(folder / 'distillation.py'), 'model.teacher.checkpoint=@teacher']
        return tool('compare').main([
            '--model', 'alone', str(folder / 'student.py'), '--model', 'second', *distil, 'load_from=@first',
            '--model', 'first', *distil, '--model', 'teacher', str(folder / 'teacher.py'),
            '--export', 'second', '--work-dir', str(folder / 'stages')])

    original = ProgressHook.after_train_iter

    def after_train_iter(self: ProgressHook, runner: Runner, *arguments: Any, **named: Any) -> None:
        original(self, runner, *arguments, **named)
        if Path(runner.work_dir).name == 'second' and runner.iter + 1 == 5:  # in the second of two epochs
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProgressHook, 'after_train_iter', after_train_iter)
        assert compare() == 130
    assert not (folder / 'stages' / 'models.json').exists()
    capsys.readouterr()
    assert compare() == 0
    output = capsys.readouterr().out
    assert output.count('trained before') == 3 and 'Seed 0, second: trained further.' in output
    assert 'onnxruntime and torch on' in output  # the check of the exported file
    file = folder / 'stages' / 'seed_0' / 'second' / 'second.onnx'
    written = file.stat().st_mtime_ns
    assert compare() == 0
    assert 'exported before' in capsys.readouterr().out and file.stat().st_mtime_ns == written
    summary = json.loads((folder / 'stages' / 'models.json').read_text())
    assert list(summary['models']) == ['baseline', 'second', 'first', 'teacher'] and 'gap_closed' in summary
    assert 'second' in (folder / 'stages' / 'models.html').read_text()
