"""UBody's people: which of them, from which files, and the same as mmpose's converted ones."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import mmpose
import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.errors import DistilPoseError
from tests.evaluation.whole_body_people import answered, truth
from tests.scripts import load_script

from .ubody_form import read_ubody, write_ubody

CONVERTER = Path(mmpose.__file__).parent / '.mim/tools/dataset_converters/ubody_kpts_to_coco.py'


@pytest.fixture
def ubody(tmp_path: Path) -> Path:
    return write_ubody(tmp_path / 'UBody')


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    def note(text: str, logger: str, level: int) -> None:
        assert level == logging.WARNING
        lines.append(text)

    monkeypatch.setattr('distilpose.datasets.ubody.print_log', note)
    return lines


def paths(data: Any) -> list[str]:
    return [Path(data.get_data_info(index)['img_path']).relative_to(data.data_root).as_posix()
            for index in range(len(data))]


def test_everybody_in_every_tenth_image(ubody: Path, warned: list[str]) -> None:
    """Two people each; ids run through a scene's videos, so that the second has its frames 5, 15 and 25."""
    assert paths(read_ubody(ubody, split='train')) == [
        f'images/{path}.png' for path in ('Speech/speech_one/000010', 'Speech/speech_one/000020',
                                          'Talk Show/talk_two/000005', 'Talk Show/talk_two/000015',
                                          'Talk Show/talk_two/000025') for _ in range(2)]
    assert paths(read_ubody(ubody, split='val'))[::2] == [
        f'images/{path}.png' for path in ('Speech/speech_two_Trim1/000005', 'Speech/speech_two_Trim1/000015',
                                          'Speech/speech_two_Trim1/000025', 'Talk Show/talk_one/000010',
                                          'Talk Show/talk_one/000020')]
    assert not warned


def test_ids_are_unique_over_scenes_and_those_of_the_first_are_kept(ubody: Path) -> None:
    one, both = (read_ubody(ubody, split='val', scenes=scenes) for scenes in (['Speech'], ['Speech', 'Talk Show']))
    infos = [both.get_data_info(index) for index in range(len(both))]
    assert [info['img_id'] for info in infos[:6]] == [30, 30, 40, 40, 50, 50]
    assert [info['id'] for info in infos[:6]] == [one.get_data_info(index)['id'] for index in range(6)]
    assert len({info['id'] for info in infos}) == 10 and len({info['img_id'] for info in infos}) == 5
    assert all(info['raw_ann_info']['image_id'] == info['img_id'] for info in infos)


def test_pipeline_reads_the_images(ubody: Path) -> None:
    data = read_ubody(ubody, pipeline=[dict(type='LoadImage')])
    item = data[0]
    assert item['img'].shape == (48, 64, 3) and (item['img'] == 10).all()
    assert item['keypoints'].shape == (1, 133, 2) and len(item['flip_indices']) == 133
    packed = read_ubody(ubody, pipeline=[dict(type='LoadImage'), dict(type='PackPoseInputs')])[0]['data_samples']
    assert packed.metainfo['raw_ann_info']['image_id'] == 10 and packed.metainfo['ori_shape'] == (48, 64)


def test_published_filter(ubody: Path) -> None:
    """Crowds, people without keypoints and empty boxes are left out."""
    file = ubody / 'annotations/Speech/keypoint_annotation.json'
    content = json.loads(file.read_text())
    of_tenth = [person for person in content['annotations'] if person['image_id'] == 10]
    everybody = len(read_ubody(ubody))
    of_tenth[0]['iscrowd'] = 1
    file.write_text(json.dumps(content))
    assert len(read_ubody(ubody)) == everybody - 1
    of_tenth[0].update(iscrowd=0, num_keypoints=0)
    of_tenth[1]['bbox'][2] = 0
    file.write_text(json.dumps(content))
    assert len(read_ubody(ubody)) == everybody - 2


def mmposes_converter() -> ModuleType:
    if not CONVERTER.is_file():
        pytest.skip('this mmpose has no tools')
    return load_script(CONVERTER)


def mmposes(root: Path, split: str) -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(type='UBody2dDataset', data_root=str(root), data_prefix=dict(img='images/'),
                                   ann_file=f'annotations/Speech/{split}_annotations.json', sample_interval=10))


@pytest.mark.parametrize('split', ['train', 'val'])
def test_same_people_as_mmposes_converted_ones(split: str, tmp_path: Path) -> None:
    """With one person in a frame, which is what its converter keeps."""
    root = write_ubody(tmp_path / 'UBody', people=1)
    ours = read_ubody(root, split=split, scenes=['Speech'])
    mmposes_converter().split_dataset(str(root / 'annotations'), str(root / 'splits/intra_scene_test_list.npy'))
    theirs = mmposes(root, split)
    assert len(ours) == len(theirs) == dict(train=2, val=3)[split]
    for index in range(len(ours)):
        one, other = ours.get_data_info(index), theirs.get_data_info(index)
        assert one.keys() == other.keys() and one['raw_ann_info'] == other['raw_ann_info']
        assert Path(one.pop('img_path')) == Path(other.pop('img_path'))
        for key in ('bbox', 'keypoints', 'keypoints_visible', 'area', 'id', 'img_id', 'num_keypoints'):
            np.testing.assert_array_equal(one[key], other[key])


def test_mmposes_converter_loses_all_but_one_person_of_a_frame(ubody: Path) -> None:
    ours = len(read_ubody(ubody, scenes=['Speech']))
    mmposes_converter().split_dataset(str(ubody / 'annotations'), str(ubody / 'splits/intra_scene_test_list.npy'))
    assert ours == 2 * len(mmposes(ubody, 'train')) == 4


def test_a_metric_gets_its_ground_truth_from_here(ubody: Path) -> None:
    data = read_ubody(ubody, split='val', test_mode=True)
    metric = Evaluator(dict(type='mmpose.WholeBodyPartsMetric', use_area=False))
    metric.dataset_meta = data.metainfo
    people = [data.get_data_info(index) for index in range(len(data))]
    metric.metrics[0].process([], answered(people, truth))
    figures = metric.evaluate(len(data))
    assert len(people) == 10 and figures['coco-wholebody/AP'] == figures['coco-wholebody/foot/AR'] == pytest.approx(1)


def test_frames_beyond_the_end_of_a_video_are_left_out(ubody: Path, warned: list[str]) -> None:
    (ubody / 'images/Talk Show/talk_two/000025.png').unlink()
    assert len(read_ubody(ubody)) == 8
    assert warned == ['UBody: 1 of 5 annotated images lie beyond the end of their video and are left out']


def test_a_hole_in_a_video_is_a_sentence(ubody: Path) -> None:
    (ubody / 'images/Talk Show/talk_two/000015.png').unlink()
    with pytest.raises(DistilPoseError, match='no image .*000015.png, though .* has later ones'):
        read_ubody(ubody)


@pytest.mark.parametrize('is_empty', [False, True])
def test_a_video_that_was_not_extracted_is_a_sentence(ubody: Path, is_empty: bool) -> None:
    shutil.rmtree(ubody / 'images/Talk Show/talk_two')
    if is_empty:
        (ubody / 'images/Talk Show/talk_two').mkdir()
    with pytest.raises(DistilPoseError, match='no images in .*talk_two; .*tools/extract_ubody_frames.py .*UBody'):
        read_ubody(ubody)
    assert len(read_ubody(ubody, split='val')) == 10


def test_a_test_list_of_other_videos_is_said(ubody: Path, warned: list[str]) -> None:
    np.save(ubody / 'splits/intra_scene_test_list.npy', np.array(['speech_two.mp4', 'other']))
    assert len(read_ubody(ubody)) == 20
    assert len(warned) == 1 and 'no video of Speech, Talk Show is in the test list' in warned[0]
    assert "which has 2 others, such as 'other': all of them are for training" in warned[0]


@pytest.mark.parametrize('options, sentence', [
    (dict(split='test'), "split of UBodyDataset is 'test'; expected one of train, val"),
    (dict(scenes='Speech'), "scenes of UBodyDataset is 'Speech'; expected a list"),
    (dict(scenes=[]), 'scenes of UBodyDataset is'),
    (dict(scenes=['Speech', 'Speech']), 'a list of different names'),
    (dict(scenes=['Opera']), 'annotations/Opera/keypoint_annotation.json cannot be read'),
    (dict(bbox_file='boxes.json', test_mode=True), 'annotated boxes only'),
    (dict(split_file='splits/absent.npy'), 'test videos .*absent.npy cannot be read'),
], ids=str)
def test_wrong_options_are_a_sentence(ubody: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        read_ubody(ubody, **options)
