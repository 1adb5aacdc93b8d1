"""``tools/check.py``: exit codes, what is printed, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from distilpose import check as checks
from tests.engine.tiny import write_data, write_distillation


@pytest.fixture(scope='module')
def configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp('configs')
    return write_distillation(folder, write_data(folder / 'data'))


def test_exit_codes(tool: Callable[[str], ModuleType], configs: tuple[Path, Path], tmp_path: Path,
                    capsys: pytest.CaptureFixture[str]) -> None:
    check = tool('check').main
    assert check([str(configs[0]), '--work-dir', str(tmp_path / 'plain')]) == 0
    assert 'nothing that would stop a training was found' in capsys.readouterr().out

    assert check([str(configs[1]), '--work-dir', str(tmp_path / 'teacher')]) == 2  # its weights are random
    assert 'The teacher is no better than the mean pose of these people' in capsys.readouterr().err
    found = json.loads((tmp_path / 'teacher/teacher_report.json').read_text())['findings']
    assert [finding['kind'] for finding in found] == ['chance']

    assert check([str(configs[0]), '--data-root', str(tmp_path / 'nowhere')]) == 2
    assert 'nowhere' in capsys.readouterr().err


def test_options_reach_the_check(tool: Callable[[str], ModuleType], configs: tuple[Path, Path],
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(checks, 'check_training', lambda config, **options: asked.update(options))
    tool('check').main([str(configs[0]), '--teacher', 'a.onnx', '--method', 'fpd', '--cfg-options', 'a.b=1'])
    assert asked == dict(work_dir=None, options={'a.b': 1}, data_root=None, teacher='a.onnx', teacher_checkpoint=None,
                         method='fpd', images=None, boxes=None, every=None, validation='auto', browse=None)


def test_a_file_of_data(tool: Callable[[str], ModuleType], configs: tuple[Path, Path], tmp_path: Path,
                        capsys: pytest.CaptureFixture[str]) -> None:
    check, file = tool('check').main, configs[0].parent / 'data' / 'annotations' / 'people.json'
    assert check([str(file)]) == 0
    assert 'COCO format: 12 images' in capsys.readouterr().out

    content = json.loads(file.read_text())
    content['annotations'][3]['bbox'] = None
    broken = tmp_path / 'broken.json'
    broken.write_text(json.dumps(content))
    assert check([str(broken), '--images', str(file.parents[1] / 'images'), '--out', str(tmp_path / 'out')]) == 2
    said = capsys.readouterr().out
    assert 'the bbox of annotation 4 of' in said and f'Pictures: {tmp_path / "out" / "annotations.png"}' in said

    assert check([str(file), '--annotations', str(tmp_path / 'nowhere.json')]) == 2
    assert 'there is no file' in capsys.readouterr().err
    assert check([str(file), '--teacher', 'a.onnx', '--browse']) == 2
    assert '--teacher and --browse go with a config' in capsys.readouterr().err
    assert check([str(configs[0]), '--annotations', str(file)]) == 2
    assert '--annotations goes with a file of boxes' in capsys.readouterr().err
