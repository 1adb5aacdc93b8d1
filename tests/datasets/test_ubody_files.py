"""UBody's annotations and test list: what is read, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distilpose.datasets.ubody_files import read_scene, read_test_videos
from distilpose.errors import DistilPoseError

from .ubody_form import write_ubody


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_ubody(tmp_path / 'UBody', extracted=False) / 'annotations/Speech/keypoint_annotation.json'


def change(file: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))
    return file


def test_every_tenth_image_with_all_of_its_people(scene: Path) -> None:
    frames = read_scene(scene, sample_interval=10)
    assert [frame.image['id'] for frame in frames] == [10, 20, 30, 40, 50]
    assert [[person['image_id'] for person in frame.people] for frame in frames] == [[number] * 2 for number in
                                                                                     (10, 20, 30, 40, 50)]
    assert len(read_scene(scene)) == 50


def test_names(scene: Path) -> None:
    """A slash at the beginning is dropped; a clip belongs to the video that it was cut from."""
    first, *_, last = read_scene(scene)
    assert (str(first.path), first.clip, first.video) == ('speech_one/000001.png', 'speech_one', 'speech_one')
    assert (str(last.path), last.clip, last.video) == ('speech_two_Trim1/000025.png', 'speech_two_Trim1', 'speech_two')


def test_an_image_without_people_is_read(scene: Path) -> None:
    change(scene, lambda content: content.update(annotations=[]))
    assert all(not frame.people for frame in read_scene(scene))


@pytest.mark.parametrize('edit, sentence', [
    (lambda content: content.pop('images'), r"are \['annotations'\], not a dictionary with lists of images"),
    (lambda content: content['images'][3].pop('width'), 'entry 3 of the images of .* has no width'),
    (lambda content: content['images'][3].update(id='4'), "entry 3 of the images of .* has the id '4'; .*whole"),
    (lambda content: content['images'].pop(), 'annotation 99 of .* belongs to the image 50, which the file does not'),
    (lambda content: content['images'][0].update(file_name='000001.png'), "called '000001.png'; expected VIDEO/FRAME"),
    (lambda content: content['images'][0].update(file_name='a/../../b.png'), 'expected VIDEO/FRAME.png'),
    (lambda content: content['annotations'][0].pop('foot_kpts'), 'has no foot_kpts'),
    (lambda content: content['annotations'][0].update(keypoints=[0] * 411), 'keypoints .* is 411 numbers, expected 51'),
    (lambda content: content['annotations'][0].update(bbox=None), 'bbox of annotation 1 .* is None, expected 4'),
])
def test_another_file_is_a_sentence(scene: Path, edit: Callable[[dict[str, Any]], object], sentence: str) -> None:
    change(scene, edit)
    with pytest.raises(DistilPoseError, match=sentence):
        read_scene(scene)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), None, 'x'])
def test_numbers_that_are_none_are_refused_or_those_of_unlabelled_joints(scene: Path, value: Any) -> None:
    change(scene, lambda content: content['annotations'][0]['foot_kpts'].__setitem__(slice(3, 6), [value, 1, 2]))
    with pytest.raises(DistilPoseError, match='foot_kpts of annotation 1 .* as x of joint 1; expected finite'):
        read_scene(scene)
    change(scene, lambda content: content['annotations'][0]['foot_kpts'].__setitem__(slice(3, 6), [None, 1, 0]))
    assert read_scene(scene)[0].people[0]['foot_kpts'][3:6] == [0, 1, 0]


def test_no_file_or_no_json_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='No such file.*; it must be UBody'):
        read_scene(tmp_path / 'absent.json')
    (tmp_path / 'text.json').write_text('{')
    with pytest.raises(DistilPoseError, match='is not JSON'):
        read_scene(tmp_path / 'text.json')


def test_a_wrong_interval_is_a_sentence(scene: Path) -> None:
    with pytest.raises(DistilPoseError, match='sample_interval is 0'):
        read_scene(scene, sample_interval=0)


@pytest.mark.parametrize('dtype', ['U', 'S'])
def test_test_list(dtype: str, tmp_path: Path) -> None:
    np.save(tmp_path / 'list.npy', np.array(['one', 'two'], dtype=dtype))
    assert read_test_videos(tmp_path / 'list.npy') == {'one', 'two'}


class Payload:
    """What a stranger's file could do where pickles are loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target, )


def test_a_test_list_of_objects_is_refused_and_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / 'list.npy', np.array([Payload(tmp_path / 'was_run')], dtype=object), allow_pickle=True)
    with pytest.raises(DistilPoseError, match='without running what it may contain'):
        read_test_videos(tmp_path / 'list.npy')
    assert not (tmp_path / 'was_run').exists()


def test_another_test_list_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'cannot be read \(No such file'):
        read_test_videos(tmp_path / 'absent.npy')
    np.save(tmp_path / 'numbers.npy', np.arange(3))
    with pytest.raises(DistilPoseError, match='is an array of 3 int64'):
        read_test_videos(tmp_path / 'numbers.npy')
    np.savez(tmp_path / 'archive.npz', names=np.array(['one']))
    with pytest.raises(DistilPoseError, match='is an archive'):
        read_test_videos(tmp_path / 'archive.npz')
    (tmp_path / 'empty.npy').touch()
    with pytest.raises(DistilPoseError, match='test videos .*empty.npy cannot be read'):
        read_test_videos(tmp_path / 'empty.npy')
