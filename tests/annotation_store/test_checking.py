"""The store of annotation files: who reads it, who writes it, and what is not believed."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

from distilpose.annotation_store import cache_folder, checking, stored_file
from distilpose.annotation_store.data_sets import stored_people
from distilpose.annotation_store.images import stored_images
from distilpose.annotations import Expected, Findings
from distilpose.config.image_checks import used_images
from distilpose.errors import DistilPoseError
from distilpose.host import data_files

from .test_samples import ODD, boxes_file, content, write

EXPECTED = Expected(image_keys=('id', 'file_name'))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(cache_folder.VARIABLE, str(tmp_path / 'cache'))
    monkeypatch.setattr(cache_folder, 'SMALLEST_FILE', 0)
    data_files.warn_once.cache_clear()
    yield tmp_path / 'cache'
    data_files.forget_kept_files()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(write(tmp_path)['ann_file'])


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were parsed."""
    names: list[str] = []
    original = data_files._parse

    def parse(path: Any, *rest: Any) -> Any:
        names.append(Path(path).name)
        return original(path, *rest)

    monkeypatch.setattr(data_files, '_parse', parse)
    return names


def check(file: Path, expected: Expected = EXPECTED, **options: Any) -> Findings:
    return checking.check_annotation_file(file, expected, **dict(dict(named_by='x.ann_file', keep=False), **options))


def folder_of(cache: Path) -> Path:
    return next(path for path in cache.iterdir() if path.is_dir())


def test_a_file_that_was_checked_is_not_parsed(file: Path, parsed: list[str]) -> None:
    first = check(file)
    assert check(file) == first and parsed == ['people.json'] and (first.people, first.used) == (8, 8)
    os.utime(file, (1, 1))
    copy = file.with_name('copy.json')
    copy.write_bytes(file.read_bytes())
    assert checking.has_columns(copy)
    check(file)
    assert parsed == ['people.json']


@pytest.mark.parametrize('other', [Expected(), Expected(image_keys=('id', 'file_name'), needs_categories=True)])
def test_other_expectations_are_checked_and_stored_once(file: Path, cache: Path, parsed: list[str],
                                                        other: Expected) -> None:
    check(file)
    before = (folder_of(cache) / 'header.json').stat().st_mtime_ns
    check(file, other)
    check(file, other)
    assert len(parsed) == 2 and (folder_of(cache) / 'header.json').stat().st_mtime_ns == before


def test_a_changed_file_is_seen(file: Path, parsed: list[str]) -> None:
    check(file)
    state = os.stat(file)
    file.write_text(file.read_text().replace('"id": 100', '"id": 900'))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not checking.has_columns(file)
    check(file)
    dataset = DATASETS.build(dict(type='CocoDataset', ann_file=str(file), data_prefix=dict(img=str(file.parent))))
    assert len(parsed) == 2 and 900 in [dataset.get_data_info(index)['id'] for index in range(len(dataset))]


def test_errors_are_not_stored(file: Path, cache: Path) -> None:
    file.write_text(file.read_text().replace('"image_id": 30', '"image_id": 31'))
    for _ in range(2):
        with pytest.raises(DistilPoseError, match='image_id'):
            check(file)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_warnings_come_again(file: Path) -> None:
    changed = content()
    ODD['box_of_no_size'](changed)
    file.write_text(json.dumps(changed))
    first = check(file)
    assert first.warnings or first.left_out
    assert check(file) == first


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def other_format(folder: Path) -> None:
    header = json.loads((folder / 'header.json').read_text())
    (folder / 'header.json').write_text(json.dumps(dict(header, format=0)))


def columns_that_do_not_agree(folder: Path) -> None:
    np.save(folder / 'area.npy', np.zeros(3, np.float32))
    resign(folder, 'area.npy')


def images_that_are_not_there(folder: Path) -> None:
    np.save(folder / 'person_image.npy', np.full(8, 70, np.int32))
    resign(folder, 'person_image.npy')


def a_pickle(folder: Path) -> None:
    np.save(folder / 'area.npy', np.array([dict()] * 8), allow_pickle=True)
    resign(folder, 'area.npy')


def without_a_column(folder: Path) -> None:
    header = json.loads((folder / 'header.json').read_text())
    header['files'].pop('has_count.npy')
    (folder / 'header.json').write_text(json.dumps(header))


def resign(folder: Path, name: str) -> None:
    """Writes the checksum of a file that was changed on purpose."""
    header = json.loads((folder / 'header.json').read_text())
    header['files'][name] = [(folder / name).stat().st_size, stored_file._crc(folder / name)]
    (folder / 'header.json').write_text(json.dumps(header))


DAMAGES: dict[str, Callable[[Path], Any]] = dict(
    cut_texts=lambda folder: cut(folder / 'people.bin'), flipped_texts=lambda folder: flip(folder / 'people.bin'),
    flipped_column=lambda folder: flip(folder / 'keypoints.npy'),
    no_column=lambda folder: (folder / 'box.npy').unlink(),
    cut_header=lambda folder: cut(folder / 'header.json'),
    a_list=lambda folder: (folder / 'header.json').write_text('[]'),
    other_format=other_format, columns_that_do_not_agree=columns_that_do_not_agree,
    without_a_column=without_a_column, images_that_are_not_there=images_that_are_not_there, a_pickle=a_pickle)


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_or_foreign_folder_is_written_anew(damage: Callable[[Path], Any], file: Path, cache: Path,
                                                     parsed: list[str]) -> None:
    found = check(file)
    damage(folder_of(cache))
    stored_file._OPEN.clear()
    assert checking.stored_file(file) is None
    assert check(file) == found and len(parsed) == 2
    stored = checking.stored_file(file)
    assert stored is not None and stored.entry('people', 0)['image_id'] == 30
    assert [path.name for path in cache.iterdir() if path.name.startswith('.part')] == []


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"path": 1, "warnings": 3}', '{"path": "x", "warnings": [{}]}'])
def test_damaged_findings_are_found_again(text: str, file: Path, cache: Path, parsed: list[str]) -> None:
    found = check(file)
    next(folder_of(cache).glob('check-*.json')).write_text(text)
    assert check(file) == found and len(parsed) == 2


def test_what_a_killed_process_left_is_not_read(file: Path, cache: Path) -> None:
    check(file)
    whole = folder_of(cache)
    left = cache / '.part-of-a-killed-one'
    left.mkdir()
    (left / 'header.json').write_bytes((whole / 'header.json').read_bytes())
    os.utime(left, (1, 1))
    cache_folder.remove_oldest(cache, but=whole)
    assert not left.exists() and whole.exists()


def test_folders_not_used_for_long_are_removed(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(file)
    old = folder_of(cache)
    os.utime(old, (1, 1))
    monkeypatch.setattr(cache_folder, 'MOST_BYTES', 1)
    file.write_text(file.read_text() + ' ')
    check(file)
    assert not old.exists() and checking.has_columns(file)


def test_a_folder_that_cannot_be_written_is_said_once(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                      parsed: list[str]) -> None:
    (tmp_path / 'a file').write_text('')
    monkeypatch.setenv(cache_folder.VARIABLE, str(tmp_path / 'a file' / 'cache'))
    said: list[str] = []
    monkeypatch.setattr(data_files, 'print_log', lambda message, *args: said.append(message))
    found = [check(file, keep=True) for _ in range(2)]
    assert found[0] == found[1] and len(said) == 1 and 'cannot be written' in said[0]
    dataset = DATASETS.build(dict(type='CocoDataset', ann_file=str(file), data_prefix=dict(img=str(file.parent))))
    assert stored_people(dataset) is None and len(dataset) == 8 and len(parsed) == 1


def test_a_full_disk_leaves_nothing(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'save', full)
    assert check(file).used == 8
    assert not [path for path in cache.iterdir() if path.is_dir()]


@pytest.mark.parametrize('variable', [cache_folder.VARIABLE, 'DISTILPOSE_SPEEDUPS'])
def test_turned_off(variable: str, file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, parsed: list[str]) -> None:
    monkeypatch.setenv(variable, 'off')
    check(file)
    check(file)
    assert len(parsed) == 2 and not cache.exists()


def test_small_files_are_not_stored(file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_folder, 'SMALLEST_FILE', 1 << 20)
    check(file)
    assert not cache.exists()


@pytest.mark.parametrize(('chosen', 'xdg', 'expected'), [
    ('/a/b', '/x', '/a/b'), ('', '/x', '/x/distilpose/annotations'), ('', '', '~/.cache/distilpose/annotations'),
    ('~/c', '', '~/c')])
def test_the_place(chosen: str, xdg: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache_folder.VARIABLE, chosen)
    monkeypatch.setenv('XDG_CACHE_HOME', xdg)
    assert cache_folder.cache_folder() == Path(expected).expanduser()


def test_boxes_are_checked_once_with_the_same_annotations(file: Path, tmp_path: Path, parsed: list[str]) -> None:
    boxes = Path(boxes_file(tmp_path))
    check(file)

    def check_boxes() -> Findings:
        found = checking.check_detection_file(boxes, file, named_by='x.bbox_file')
        data_files.forget_kept_files()
        return found

    first = check_boxes()
    assert check_boxes() == first and parsed == ['people.json', 'boxes.json'] and first.people == 5
    file.write_text(file.read_text().replace('"id": 4,', '"id": 5,').replace('"image_id": 4,', '"image_id": 5,'))
    check(file)
    with pytest.raises(DistilPoseError, match='image_id'):
        check_boxes()


@pytest.mark.parametrize('options', [dict(), dict(indices=2), dict(indices=-3), dict(indices=[6, 0]),
                                     dict(sample_interval=2), dict(bbox_file=True, test_mode=True)], ids=str)
def test_images_are_those_of_the_parsed_file(options: dict[str, Any], file: Path, tmp_path: Path) -> None:
    check(file)
    dataset = dict(options, bbox_file=boxes_file(tmp_path)) if 'bbox_file' in options else options
    if 'bbox_file' in dataset:
        checking.check_detection_file(Path(dataset['bbox_file']), file, named_by='x')
    kind: Any = DATASETS.get('CocoDataset')
    found = stored_images(kind, dataset, file)
    expected = used_images(json.loads(file.read_text()), dataset, source='', named_by='', folder='')
    assert found is not None and (found.names, found.ids) == (list(expected.names), list(expected.ids))
    if expected.sizes is not None:
        assert np.array_equal(found.sizes, expected.sizes)
    if not options:
        assert [boxes.tolist() for boxes in found.boxes] == [expected.boxes_of(place) for place in range(3)]


def test_nothing_is_held_for_a_data_set_that_reads_the_store(file: Path) -> None:
    from distilpose.config import check_annotations
    config = dict(type='CocoDataset', ann_file=str(file), data_prefix=dict(img=str(file.parent)))
    check_annotations(Config(dict(train_dataloader=dict(dataset=config))))
    assert data_files._KEPT == {}
    check_annotations(Config(dict(val_dataloader=dict(dataset=config), val_evaluator=dict(
        type='CocoMetric', ann_file=str(file)))))
    assert len(data_files._KEPT) == 1


def test_a_removed_folder_that_is_in_use_is_named(file: Path, cache: Path) -> None:
    check(file)
    folder = folder_of(cache)
    (folder / 'people.bin').unlink()
    stored_file.reopen.cache_clear()
    with pytest.raises(DistilPoseError, match='start again'):
        stored_file.reopen(str(folder))


PROCESS = """
import sys, time
from pathlib import Path
import distilpose
from distilpose.annotation_store import cache_folder, checking
from distilpose.annotations import Expected
from distilpose.host import data_files
cache_folder.SMALLEST_FILE = 0
original = data_files._parse
def slow(path, *rest):
    print('parsed', flush=True)
    time.sleep(2)
    return original(path, *rest)
data_files._parse = slow
print(checking.check_annotation_file(Path(sys.argv[1]), Expected(), named_by='x', keep=False).used, flush=True)
"""


@pytest.mark.slow
def test_one_of_several_processes_parses_and_a_killed_one_is_replaced(file: Path) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, '-c', PROCESS, str(file)], stdout=subprocess.PIPE, text=True)

    first = start()
    assert first.stdout is not None and first.stdout.readline() == 'parsed\n'
    others = [start(), start()]
    time.sleep(1)
    first.kill()
    first.wait()
    outputs = [process.communicate(timeout=300)[0].splitlines() for process in others]
    texts = [[line for line in lines if 'Waiting for another process' not in line] for lines in outputs]
    assert sorted(texts) == [['8'], ['parsed', '8']]


@pytest.mark.slow
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_workers_read_the_same_samples(method: str, file: Path) -> None:
    check(file)
    dataset = DATASETS.build(dict(type='CocoDataset', ann_file=str(file), data_prefix=dict(img=str(file.parent))))
    with multiprocessing.get_context(method).Pool(2) as pool:
        ids = pool.map(id_of, [(dataset, index) for index in range(len(dataset))])
    assert ids == [dataset.get_data_info(index)['id'] for index in range(len(dataset))]


def id_of(one: tuple[Any, int]) -> int:
    return one[0].get_data_info(one[1])['id']
