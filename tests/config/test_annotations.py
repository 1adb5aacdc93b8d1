"""Files of annotations and boxes, checked before anything is built."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

from distilpose.annotations import summaries
from distilpose.config import ConfigTree, check_annotations, load_config
from distilpose.distillation.teachers.keypoint_names import read_definition
from distilpose.errors import DistilPoseError
from distilpose.host import data_files, xtcoco

NAN, INF = float('nan'), math.inf
Content = dict[str, Any]
_COCO = [*read_definition('coco', entry='').names]
Change = Callable[[Content], Any]
MakeConfig = Callable[..., Path]


@pytest.fixture
def cfg(make_config: MakeConfig, tiny_data: Path, tmp_path: Path) -> Config:
    """A config whose training people are those of a file of its own, which a test may change."""
    config = load_config(make_config())
    file = tmp_path / 'people.json'
    file.write_text((tiny_data / 'annotations' / 'people.json').read_text())
    config.train_dataloader.dataset.ann_file = str(file)
    return config


def people_file(cfg: Config) -> Path:
    return Path(cfg.train_dataloader.dataset.ann_file)


def change(cfg: Config, how: Change) -> None:
    content = json.loads(people_file(cfg).read_text())
    how(content)
    people_file(cfg).write_text(json.dumps(content))


def first(content: Content) -> dict[str, Any]:
    return content['annotations'][0]


def put(place: int, value: Any, name: str = 'keypoints') -> Change:
    """Changes one number of the first person."""
    return lambda content: first(content)[name].__setitem__(place, value)


def for_all(change_one: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda content: [change_one(person) for person in content['annotations']]


def test_whole_files_pass_and_are_parsed_once(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    original = data_files._parse
    monkeypatch.setattr(data_files, '_parse',
                        lambda path, *rest: parsed.append(Path(path).name) or original(path, *rest))
    check_annotations(cfg)
    assert len(parsed) == 2  # those of the training, and one that validation, test and evaluators share
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))
    assert len(dataset) == 12 and len(parsed) == 2
    people_file(cfg).write_text(people_file(cfg).read_text())
    DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))
    assert len(parsed) == 3


@pytest.mark.parametrize(('content', 'words'), [
    (b'', 'it is empty'), (b' \n', 'it is empty'), (b'\n<html>404</html>', 'a web page'), (b'[]', 'holds a list'),
    (b'3', 'holds a int'), (b'null', 'holds a NoneType'), (b'{"images": [{"id": 1', 'is cut off after 20 bytes'),
    (b'{"images": "ab', 'is cut off'), (pickle.dumps([1]), 'it is a pickle'), (b'PK\x03\x04..', 'a ZIP archive'),
    (b'\x1f\x8b\x08\x00..', 'a gzip archive'), ('{"a": "ü"}'.encode('latin-1'), 'no text in UTF-8 .byte 7'),
    (b'{"images": [1,,2]}', 'not JSON: Expecting value'), (b'[' * 100000, 'nested too deeply'),
    (b'{}', "'images' of .* is missing"), (b'{"images": {}}', "'images' of .* is a dict"),
    (b'{"images": []}', "'images' of .* is empty"), (b'{"images": [7]}', "entry 0 of 'images' of .* is 7"),
])
def test_files_that_are_something_else_are_refused(cfg: Config, content: bytes, words: str) -> None:
    people_file(cfg).write_bytes(content)
    with pytest.raises(DistilPoseError, match=words) as error:
        check_annotations(cfg)
    assert 'people.json' in str(error.value) and 'train_dataloader.dataset.ann_file' in str(error.value)


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-32'])
def test_other_encodings_of_json_are_read(cfg: Config, encoding: str) -> None:
    people_file(cfg).write_bytes(people_file(cfg).read_text().encode(encoding))
    check_annotations(cfg)
    assert len(DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))) == 12


@pytest.mark.parametrize(('how', 'words'), [
    (put(0, NAN), 'x of joint nose of annotation 1 .* is nan; expected a finite number'),
    (put(4, INF), 'y of joint left_eye of annotation 1 .* is inf'), (put(3, -INF), 'is -inf'),
    (put(0, None), 'is None'), (put(0, '12'), "is '12'"), (put(0, True), 'is True'), (put(0, [1]), r'is \[1\]'),
    (put(2, NAN), 'visibility of joint nose .* is nan'), (put(2, None), 'visibility of joint nose'),
    (put(0, 1e300), r'is 1e\+300'), (put(0, 10 ** 400), 'is 10000'),
    (put(1, NAN, 'bbox'), r'bbox of annotation 1 .* is \[2, nan'), (put(2, None, 'bbox'), 'bbox of annotation 1'),
    (lambda content: first(content).update(bbox=None), 'bbox of annotation 1 .* is None'),
    (lambda content: first(content).update(bbox=[1, 2, 3]), r'\[1, 2, 3\]; expected 4 finite numbers'),
    (for_all(lambda person: person.pop('bbox')), 'annotation 1 of .* has no bbox'),
    (lambda content: first(content).update(area=NAN), 'area of annotation 1 .* is nan'),
    (lambda content: first(content).update(area=None), 'area of annotation 1 .* is None'),
    (for_all(lambda person: person.update(keypoints=person['keypoints'][:48])),
     'keypoints of annotation 1 .* are 48 numbers .and 11 more.; expected 51: .* 17 joints'),
    (lambda content: first(content).update(keypoints=[1, 2]), 'are 2 numbers'),
    (lambda content: first(content).update(keypoints=[]), 'are 0 numbers'),
    (lambda content: first(content).update(keypoints=None), 'are None'),
    (lambda content: first(content).update(keypoints={'0': 1}), "are {'0': 1}"),
    (lambda content: content.update(annotations=[]), 'no person in .* of 0 annotations'),
    (lambda content: content.pop('annotations'), "'annotations' of .* is missing"),
    (for_all(lambda person: person.update(iscrowd=1)), 'no person in .* of 12 annotations'),
    (for_all(lambda person: person.update(num_keypoints=0, keypoints=[0] * 51)), 'no person in'),
    (for_all(lambda person: person.pop('keypoints')), 'no person in .* of 12 annotations .12 without keypoints.'),
    (lambda content: content['images'][0].pop('file_name'), 'image 1 of .* has no file_name'),
    (lambda content: content['images'][0].update(file_name=3), 'file_name of image 1 of .* is 3'),
    (lambda content: content['images'][0].pop('width'), 'width of image 1'),
    (lambda content: content['images'][0].update(height=0), 'height of image 1 .* is 0'),
    (lambda content: content['images'][0].pop('id'), 'image number 0 of .* has no id'),
    (lambda content: content['images'].pop(0), 'image_id of annotation 1 .* is 1, which is no image'),
    (lambda content: content['images'][1].update(id=1), 'the id 1 in .* belongs to two images'),
    (lambda content: [image.update(id=str(image['id'])) for image in content['images']],
     "is '1' .and 11 more.; expected a whole number, without quotes"),
    (lambda content: first(content).pop('id'), 'annotation number 0 of .* has no id'),
    (lambda content: first(content).pop('image_id'), 'annotation 1 of .* has no image_id'),
    (lambda content: first(content).pop('category_id'), 'annotation 1 of .* has no category_id'),
    (for_all(lambda person: person.update(id=7)), 'the id 7 in .* belongs to several annotations'),
    (lambda content: content['annotations'].append(3), "entry 12 of 'annotations'"),
    (lambda content: content.update(categories=[dict(name='person')]), 'category number 0 of .* has no id'),
    (lambda content: content['categories'][0].update(keypoints=[*_COCO[1:], _COCO[0]]),
     "joint 0 of category 'person' of .* is 'left_eye'; expected 'nose', as in the data set"),
])
def test_wrong_annotations_are_refused(cfg: Config, how: Change, words: str) -> None:
    change(cfg, how)
    with pytest.raises(DistilPoseError, match=words) as error:
        check_annotations(cfg)
    assert 'people.json' in str(error.value) and error.value.exit_code == 2
    assert not data_files._KEPT


@pytest.mark.parametrize('how', [
    lambda content: content['annotations'].append(dict(id=99, image_id=1, category_id=1, bbox=[1, 2, 30, 30])),
    lambda content: content['annotations'].append(dict(id=99, image_id=1, category_id=2, keypoints=[], num_keypoints=0,
                                                       bbox=[1, 2, 30, 30])),
    lambda content: first(content).update(iscrowd=1, segmentation=dict(counts=[1], size=[1, 1])),
    lambda content: first(content).update(keypoints=[0] * 51, num_keypoints=0),
    lambda content: first(content).pop('num_keypoints'), lambda content: first(content).pop('iscrowd'),
    lambda content: first(content).pop('area'), lambda content: content.pop('categories'),
    lambda content: first(content).update(bbox=[5, 5, 0, 0]), lambda content: first(content).pop('bbox'),
    lambda content: first(content).update(num_keypoints=None, iscrowd=0.0), put(2, 1), put(2, 3), put(2, 0.7),
])
def test_what_mmpose_reads_passes(cfg: Config, how: Change) -> None:
    change(cfg, how)
    check_annotations(cfg)
    assert len(DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))) in (11, 12)


def test_findings_are_those_of_all_files_each_kind_once(cfg: Config) -> None:
    cfg.val_dataloader.dataset.ann_file = cfg.val_evaluator.ann_file = str(people_file(cfg))
    change(cfg, lambda content: first(content).update(bbox=[5, 5, 0, 0]))
    check_annotations(tree := ConfigTree(cfg, ['train', 'val']))
    assert [one.is_dataset for one in tree.findings] == [True, True, False]
    no_size, shared = tree.warnings
    assert '11 of 12 people of ' in no_size and 'used, 1 left out: box of no size' in no_size
    assert 'are trained on as well' in shared
    assert summaries(tree.findings) == [
        'people.json: 11 of 12 people used on 11 images, 1 left out: 1 box of no size']


@pytest.mark.parametrize('value', [NAN, INF, None])
def test_coordinates_of_unlabelled_joints_become_0(cfg: Config, value: float | None) -> None:
    def unlabel(content: Content) -> None:
        first(content)['keypoints'][3:6] = [value, value, 0]

    change(cfg, unlabel)
    check_annotations(cfg)
    for kept in (True, False):
        assert bool(data_files._KEPT) is kept
        person = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))[0]
        assert person['keypoints'][0, 1].tolist() == [0, 0] and person['keypoints_visible'][0, 1] == 0
        assert np.isfinite(person['keypoints']).all()
        data_files.forget_kept_files()


def test_evaluators_compute_areas_and_need_categories(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg.val_evaluator.ann_file = str(people_file(cfg))
    change(cfg, lambda content: first(content).pop('area'))
    tree = ConfigTree(cfg)
    check_annotations(tree)
    assert [line for line in tree.warnings if '1 of 12 people of ' in line and 'has no area; 0.53 of the box' in line]
    with monkeypatch.context() as patch:
        patch.setattr(xtcoco, 'is_used', lambda: False)  # xtcocotools itself computes none
        with pytest.raises(DistilPoseError, match='annotation 1 of .*named by val_evaluator.ann_file.* has no area, .*'
                           'use_area=False'):
            check_annotations(cfg)
    cfg.val_evaluator.use_area = False
    check_annotations(tree := ConfigTree(cfg))
    assert 'no area' not in str(tree.warnings)
    change(cfg, lambda content: content.pop('categories'))
    with pytest.raises(DistilPoseError, match="the list 'categories' of .* is missing"):
        check_annotations(cfg)
    change(cfg, lambda content: content.update(categories=[dict(id=5, name='dog')]))
    with pytest.raises(DistilPoseError, match='no person in'):
        check_annotations(cfg)


def test_own_joints_are_those_of_the_metainfo(cfg: Config) -> None:
    names = ['nose', 'left_eye', 'right_eye']
    cfg.train_dataloader.dataset.metainfo = dict(
        dataset_name='three', paper_info={}, joint_weights=[1.0] * 3, sigmas=[0.05] * 3, skeleton_info={},
        keypoint_info={place: dict(name=name, id=place, color=[0, 0, 0], type='upper', swap='')
                       for place, name in enumerate(names)})
    with pytest.raises(DistilPoseError, match='are 51 numbers .and 11 more.; expected 9'):
        check_annotations(cfg)
    change(cfg, for_all(lambda person: person.update(keypoints=person['keypoints'][:9])))
    check_annotations(cfg)


WHOLE_BODY = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)


@pytest.mark.parametrize(('how', 'words'), [
    (None, None), (put(3, NAN, 'lefthand_kpts'), 'lefthand_kpts: the x of joint left_thumb1 of annotation 1 .* is nan'),
    (lambda content: first(content).pop('face_kpts'), 'annotation 1 of .* has no face_kpts'),
    (lambda content: first(content).update(foot_kpts=[0] * 12), 'foot_kpts of annotation 1 .* 12 numbers; expected 18'),
    (lambda content: first(content).pop('segmentation'), 'has no segmentation')])
def test_people_of_the_whole_body(cfg: Config, how: Change | None, words: str | None) -> None:
    cfg.train_dataloader.dataset.type = 'CocoWholeBodyDataset'
    change(cfg, for_all(lambda person: person.update(
        {name: [1.0, 2.0, 2] * count for name, count in WHOLE_BODY.items()}, segmentation=None)))
    change(cfg, how or (lambda content: None))
    if words is None:
        check_annotations(cfg)
        assert len(DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))) == 12
        return
    with pytest.raises(DistilPoseError, match=words):
        check_annotations(cfg)


BOX = dict(image_id=1, category_id=1, bbox=[2, 2, 50, 70], score=0.9)


@pytest.mark.parametrize(('boxes', 'words'), [
    ([BOX, dict(BOX, category_id=3, bbox=None)], None), ([dict(BOX, bbox=[2, 2, 50, 70, 0.9])], None),
    ({}, 'is a dict; expected a list'), ([1], 'expected a list of dict'), ([], 'none of the 0 boxes in'),
    ([dict(BOX, category_id=0)], 'none of the 1 boxes in'), ([dict(BOX, image_id='1')], "image_id of box 0 .* is '1'"),
    ([dict(BOX, image_id=1.0)], 'image_id of box 0 .* is 1.0'),
    ([BOX, dict(BOX, image_id=77)], 'image_id of box 1 .* is 77'), ([dict(BOX, score=NAN)], 'score of box 0 .* is nan'),
    ([dict(BOX, bbox=[1, 2, NAN, 4])], 'bbox of box 0'), ([dict(BOX, bbox=None)], 'bbox of box 0'),
    ([{key: value for key, value in BOX.items() if key != 'score'}], 'box number 0 of .* has no score'),
])
def test_boxes_of_a_detector(cfg: Config, tmp_path: Path, boxes: Any, words: str | None) -> None:
    file = tmp_path / 'boxes.json'
    file.write_text(json.dumps(boxes))
    cfg.test_dataloader = copy.deepcopy(cfg.test_dataloader)
    cfg.test_dataloader.dataset.bbox_file = str(file)
    if words is None:
        check_annotations(cfg)
        assert len(DATASETS.build(dict(cfg.test_dataloader.dataset, pipeline=[]))) == 1
        return
    with pytest.raises(DistilPoseError, match=words) as error:
        check_annotations(cfg)
    assert 'boxes.json (named by test_dataloader.dataset.bbox_file)' in str(error.value)


class _Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file, )


@pytest.mark.parametrize('name', ['boxes.pkl', 'boxes.pickle', 'boxes.json'])
@pytest.mark.parametrize('key', ['bbox_file', 'ann_file'])
def test_pickles_are_not_unpickled(cfg: Config, tmp_path: Path, name: str, key: str) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps([_Payload(tmp_path / 'executed')]))
    dataset = cfg.test_dataloader.dataset = copy.deepcopy(cfg.test_dataloader.dataset)
    dataset[key] = str(file)
    for action in (lambda: check_annotations(cfg), lambda: DATASETS.build(dict(dataset, pipeline=[]))):
        with pytest.raises(DistilPoseError, match='pickle'):
            action()
    assert not (tmp_path / 'executed').exists()


def test_yaml_is_not_constructed(cfg: Config, tmp_path: Path) -> None:
    file = tmp_path / 'boxes.yaml'
    file.write_text(f'!!python/object/apply:os.mkdir ["{tmp_path}/executed"]')
    dataset = dict(cfg.test_dataloader.dataset, bbox_file=str(file), pipeline=[])
    with pytest.raises(DistilPoseError, match='is YAML'):
        DATASETS.build(dataset)
    assert not (tmp_path / 'executed').exists()


def test_an_evaluator_of_other_images_is_refused(cfg: Config) -> None:
    """mmpose stops at the end of the first validation, or scores against other people."""
    cfg.val_evaluator.ann_file = str(people_file(cfg))
    check_annotations(cfg)  # the same content in another file
    change(cfg, lambda content: [image.update(file_name=f'folder/{image["file_name"]}') for image in content['images']])
    check_annotations(cfg)
    change(cfg, lambda content: [image.update(file_name=f'other{image["id"]}.png') for image in content['images']])
    with pytest.raises(DistilPoseError, match=r"people.json .named by val_evaluator.ann_file. calls image \d+ 'other"):
        check_annotations(cfg)
    change(cfg, lambda content: [one.update({key: one[key] + 500}) for name, key in (
        ('images', 'id'), ('annotations', 'image_id')) for one in content[name]])
    with pytest.raises(DistilPoseError, match='has no image .* are missing; expected .* val_evaluator.ann_file='):
        check_annotations(cfg)
