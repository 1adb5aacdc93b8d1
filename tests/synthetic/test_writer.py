"""All of a data set or nothing, the same for any number of workers, and never at the cost of what is there."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from distilpose.errors import DistilPoseError
from distilpose.synthetic import fingerprint, make_dataset, writer
from tests.scripts import load_script

from .conftest import ARGUMENTS

SMALL = dict(images=5, seed=8, size=96)


def contents(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob('*')}


def numbers(text: str) -> tuple[list[str], list[float]]:
    """The words between the numbers of a text, and the numbers."""
    parts = re.split(r'(-?\d+(?:\.\d+)?(?:e-?\d+)?)', text)
    return parts[::2], [float(part) for part in parts[1::2]]


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    one, two = (make_dataset(tmp_path / str(count), workers=count, **SMALL) for count in (1, 2))
    assert contents(one) == contents(two)
    for name in contents(one):
        if name.endswith('.jpg'):
            found, expected = (cv2.imread(str(folder / name)).astype(int) for folder in (two, one))
            assert np.abs(found - expected).mean() < 0.1, name  # in other processes a pixel may be rounded otherwise
        elif name.endswith('.json'):
            found, expected = (numbers((folder / name).read_text()) for folder in (two, one))
            assert found[0] == expected[0] and found[1] == pytest.approx(expected[1], abs=0.02), name


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    one, two = (make_dataset(tmp_path / str(seed), **(SMALL | dict(seed=seed))) for seed in (8, 9))
    name = 'images/train/000001.jpg'
    assert (one / name).read_bytes() != (two / name).read_bytes()


def test_the_first_pictures_of_a_larger_set_are_the_same(tmp_path: Path) -> None:
    few, many = (make_dataset(tmp_path / str(images), **(SMALL | dict(images=images))) for images in (3, 6))
    name = 'images/train/000001.jpg'
    assert (few / name).read_bytes() == (many / name).read_bytes()


def test_finished_data_are_left_alone(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(people)
    monkeypatch.setattr(writer, 'render_scene', lambda *_, **__: pytest.fail('an image was made again'))
    assert make_dataset(people, **ARGUMENTS) == people
    assert fingerprint(people) == before


@pytest.mark.parametrize('change', [dict(seed=4), dict(images=13), dict(size=194), dict(val_fraction=0.4)])
def test_other_arguments_do_not_replace_finished_data(people: Path, change: dict) -> None:
    before = fingerprint(people)
    with pytest.raises(DistilPoseError, match='another folder'):
        make_dataset(people, **(ARGUMENTS | change))
    assert fingerprint(people) == before


def test_data_of_an_older_generator_are_not_taken_for_new_ones(people: Path, tmp_path: Path) -> None:
    old = shutil.copytree(people, tmp_path / 'old')
    description = json.loads((old / writer.DESCRIPTION).read_text())
    (old / writer.DESCRIPTION).write_text(json.dumps(description | dict(version=writer.VERSION - 1)))
    with pytest.raises(DistilPoseError, match='version'):
        make_dataset(old, **ARGUMENTS)


def test_other_files_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / 'precious.txt').write_text('mine')
    with pytest.raises(DistilPoseError, match='another folder'):
        make_dataset(tmp_path, **SMALL)
    assert contents(tmp_path) == {'precious.txt'} and (tmp_path / 'precious.txt').read_text() == 'mine'


def test_a_half_written_set_is_not_taken_for_a_finished_one(people: Path, tmp_path: Path) -> None:
    half = shutil.copytree(people, tmp_path / 'half')
    (half / writer.DESCRIPTION).unlink()
    with pytest.raises(DistilPoseError, match='not a finished'):
        make_dataset(half, **ARGUMENTS)


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError])
def test_an_interrupted_call_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    whole, calls = writer.render_scene, []

    def failing(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise error
        return whole(*args, **options)

    monkeypatch.setattr(writer, 'render_scene', failing)
    with pytest.raises(error):
        make_dataset(tmp_path / 'people', **SMALL)
    assert len(calls) == 3 and contents(tmp_path) == set()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / 'people').mkdir()
    made = make_dataset(tmp_path / 'people', **SMALL)
    assert len(list((made / 'images').rglob('*.jpg'))) == 5 and contents(tmp_path) >= {'people'}


@pytest.mark.parametrize(
    'change, names',
    [
        (dict(images=0), 'images'),
        (dict(images=-3), 'images'),
        (dict(seed=-1), 'seed'),
        (dict(size=10), 'size'),
        (dict(size=97), 'even'),
        (dict(val_fraction=0.0), 'validation'),
        (dict(val_fraction=1.5), 'validation'),
        (dict(workers=0), 'workers'),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, change: dict, names: str) -> None:
    with pytest.raises(DistilPoseError, match=names):
        make_dataset(tmp_path / 'people', **(SMALL | change))
    assert contents(tmp_path) == set()


@pytest.fixture
def tool() -> ModuleType:
    return load_script(Path(__file__).resolve().parents[2] / 'tools' / 'make_synthetic_people.py')


def test_the_tool_makes_what_the_function_makes(tool: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / 'by_tool'
    assert tool.main([str(out), '--images', '5', '--seed', '8', '--size', '96']) == 0
    assert fingerprint(out) == fingerprint(make_dataset(tmp_path / 'by_function', **SMALL))


@pytest.mark.parametrize('arguments', [['people', '--images', '0'], ['people', '--size', '8'], ['file/people']])
def test_the_tool_says_in_one_sentence_what_is_wrong(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    (tmp_path / 'file').write_text('not a folder')
    assert tool.main([str(tmp_path / arguments[0]), *arguments[1:]]) == 2
    said = capsys.readouterr().err.strip()
    assert said and '\n' not in said and 'Traceback' not in said
    assert contents(tmp_path) == {'file'}


def test_progress_is_plain_lines_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: False, raising=False)
    make_dataset(tmp_path / 'people', **SMALL)
    said = capsys.readouterr().err
    assert '5 of 5' in said and '\x1b' not in said
