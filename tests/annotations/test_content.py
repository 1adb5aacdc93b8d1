"""Content of annotation files: one small change, and what is said of it."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmpose.datasets import CocoDataset

from distilpose.annotations import Expected, Findings, check_content
from distilpose.errors import DistilPoseError

from .conftest import NAMES

Content = dict[str, Any]
Change = Callable[[Content], Any]
NAN = math.nan
METAINFO = dict(
    dataset_name='five', paper_info={}, joint_weights=[1.0] * 5, sigmas=[0.05] * 5, skeleton_info={},
    keypoint_info={place: dict(name=name, id=place, color=[0, 0, 0], type='upper', swap='')
                   for place, name in enumerate(NAMES)})


def check(content: Content, expected: Expected) -> Findings:
    """Checks a file, which must stay as it is."""
    before = copy.deepcopy(content)
    try:
        found = check_content(content, expected, path='folder/people.json',
                              named_by='train_dataloader.dataset.ann_file')
        assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found
        return found
    finally:
        assert json.dumps(content) == json.dumps(before)


def of(list_name: str, key: str, value: Any, *places: int) -> Change:
    """Sets a key of some entries, of all without places; removes it for ``...``."""
    def change(content: Content) -> None:
        for place in places or range(len(content[list_name])):
            if value is ...:
                content[list_name][place].pop(key)
            else:
                content[list_name][place][key] = value(content[list_name][place]) if callable(value) else value
    return change


def person(key: str, value: Any, *places: int) -> Change:
    return of('annotations', key, value, *(places or (0, )))


def everybody(key: str, value: Any) -> Change:
    return of('annotations', key, value)


def image(key: str, value: Any, *places: int) -> Change:
    return of('images', key, value, *(places or (0, )))


def keypoint(place: int, value: Any) -> Change:
    """Sets one number of the first person's keypoints."""
    return person('keypoints', lambda one: [*one['keypoints'][:place], value, *one['keypoints'][place + 1:]])


def corners(one: dict[str, Any]) -> list[float]:
    x, y, width, height = one['bbox']
    return [x, y, x + width, y + height]


def shares(one: dict[str, Any]) -> list[float]:
    return [value / side if side else value
            for value, side in zip(one['keypoints'], (200, 100, 0) * 5, strict=True)]


@pytest.mark.parametrize(('how', 'words'), [
    (lambda content: content.update(annotations={'1': {}}), "the list 'annotations' of .* is a dict; expected a list"),
    (lambda content: content.update(images=None), "the list 'images' of .* is a NoneType"),
    (lambda content: content.pop('images'), r"'images' of .* is missing, there is only \['annotations', 'categories'"),
    (lambda content: content['annotations'].insert(3, None), "entry 3 of 'annotations' of .* is None; .* a dictionary"),
    (lambda content: content['images'].extend(['a.jpg', 'b.jpg']), "entry 5 of 'images' .* 'a.jpg' .and 1 more."),
    (image('id', ...), r'image number 0 of .* has no id, only \['),
    (image('id', '1'), "the id of an image .'1.jpg'. of .* is '1'; expected a whole number, without quotes"),
    (image('id', 'first'), "is 'first'; expected a whole number:"), (image('id', 1.0), 'is 1.0; expected a whole'),
    (image('id', True), 'is True; expected a whole number'), (image('id', None), 'is None'),
    (image('id', 10 ** 30), 'is 1000000000000'), (image('id', 2), "the id 2 in .* belongs to two images, '1.jpg' and"),
    (image('file_name', ..., 2, 3), r'image 3 of .* has no file_name, .* .and 1 more.'),
    (image('file_name', ''), "the file_name of image 1 of .* is ''"), (image('file_name', ' '), "is ' '"),
    (image('file_name', 7), 'the file_name of image 1 of .* is 7'), (image('file_name', None), 'is None'),
    (image('file_name', 'a\0.jpg'), 'no file has these characters'), (image('file_name', '\ud800.jpg'), 'these char'),
    (image('file_name', '/etc/motd'), "image 1 of .* is '/etc/motd' outside of the folders of its data set"),
    (image('file_name', '../../x.jpg'), "is '/x.jpg' outside of the folders"),
    (image('file_name', 'train\\a.jpg'), r"is 'train\\\\a.jpg', with the backslashes of Windows; expected '/'"),
    (image('file_name', 'http://a.b/c.jpg', 1, 2), "is the address 'http://a.b/c.jpg' .and 1 more.; expected a file"),
    (image('width', ...), 'the width of image 1 of .* is missing; expected a number of pixels above 0'),
    (image('height', '100'), "the height of image 1 of .* is '100'"), (image('height', 0, 3), 'image 4 of .* is 0;'),
    (image('width', True), 'is True'), (image('width', NAN), 'is nan'), (image('width', -5), 'is -5'),
    (lambda content: content['categories'].append(dict(id=1, name='dog')),
     "category 1 of .* is declared twice, as 'person' and as 'dog'"),
    (lambda content: content['categories'][0].update(id='1'), "the id of category 'person' of .* is '1'"),
    (lambda content: content['categories'][0].pop('id'), 'category number 0 of .* has no id'),
    (lambda content: content['categories'][0]['keypoints'].reverse(), "joint 0 of .* is 'right_ear'; expected 'nose'"),
    (person('id', ...), 'annotation number 0 of .* has no id'), (person('id', '1'), "the id of an annotation .* '1'"),
    (person('id', 2), 'the id 2 in .* belongs to several annotations'), (person('id', 1.5), 'is 1.5'),
    (everybody('id', 7), 'the id 7 in .* belongs to several annotations'), (person('id', None), 'is None'),
    (person('image_id', ...), 'annotation 1 of .* has no image_id'), (person('image_id', '2'), "is '2'; expected"),
    (person('image_id', 99, 0, 1), 'the image_id of annotation 1 of .* is 99, which is no image .* .and 1 more.'),
    (person('image_id', [2]), r'is \[2\]'), (person('image_id', 2.0), 'is 2.0; expected a whole number'),
    (person('category_id', ...), 'has no category_id'), (person('category_id', 'person'), "is 'person'"),
    (everybody('bbox', ...), 'annotation 1 of .* has no bbox'),
    (person('bbox', None), 'the bbox of annotation 1 .* None'),
    (person('bbox', [1, 2, 3]), r'is \[1, 2, 3\]; expected 4 finite numbers'), (person('bbox', {}), 'is {}'),
    (person('bbox', [1, 2, 3, 4, 5], 1), 'the bbox of annotation 2'), (person('bbox', [1, NAN, 3, 4]), 'nan'),
    (person('bbox', [1, 2, '3', 4]), r"\[1, 2, '3', 4\]"), (person('bbox', [1, 2, 1e12, 4]), '1000000000000.0'),
    (everybody('bbox', [.2, .3, .4, .5]), r'bbox of annotation 1 .* no number of any box is above 1: shares of the im'),
    (everybody('bbox', corners), r'bbox of annotation 1 of .* is \[102.0, 41.0, 132.0, 81.0\], which ends at '
     r'\[234.0, 122.0\] in an image of \[200.0, 100.0\]; 10 of 10 boxes leave their images, and all fit as left, top'),
    (everybody('keypoints', shares), 'the keypoints of annotation 1 of .* are at most 0.* shares of the image; expec'),
    (everybody('keypoints', ...), 'no person in .* of 10 annotations .10 without keypoints.; expected annotations of'),
    (everybody('keypoints', [0] * 15), 'no person in'), (everybody('iscrowd', 1), 'no person in .* .10 crowd.'),
    (lambda content: content.update(annotations=[]), 'no person in .* of 0 annotations;'),
    (everybody('bbox', [5, 5, 0, 9]), 'no person in .* .10 box of no size.'),
    (everybody('num_keypoints', 0), 'no person in .* .10 num_keypoints 0 in spite of labelled keypoints.'),
    (person('keypoints', None), 'the keypoints of annotation 1 of .* are None'), (person('keypoints', '12'), "'12'"),
    (person('keypoints', lambda one: one['keypoints'][:10], 0, 4), 'annotation 1 of .* are 10 numbers .and 1 more.;'),
    (everybody('keypoints', [5, 6, 2] * 4), 'are 12 numbers .and 9 more.; expected 15: x, y, visibility of each of th'),
    (person('keypoints', []), 'are 0 numbers'), (person('keypoints', [[5, 6, 2]] * 15), r'is \[5, 6, 2\]'),
    (keypoint(4, NAN), 'keypoints: the y of joint left_eye of annotation 1 of .* is nan; expected a finite number'),
    (keypoint(0, '7'), "the x of joint nose of annotation 1 of .* is '7'"), (keypoint(0, None), 'is None'),
    (keypoint(0, True), 'is True'), (keypoint(0, math.inf), 'is inf'), (keypoint(0, 10 ** 400), 'is 1000'),
    (keypoint(2, NAN), 'the visibility of joint nose'), (keypoint(2, False), 'is False'),
    (keypoint(2, -1), 'a visibility of annotation 1 of .* is -1: mmpose would weigh the loss'),
    (person('num_keypoints', '5'), "the num_keypoints of annotation 1 of .* is '5'"),
    (person('iscrowd', '0'), "the iscrowd of annotation 1 of .* is '0'; expected 0, or 1 for a group"),
    (person('iscrowd', 2), 'iscrowd of annotation 1 of .* is 2'), (person('area', NAN), 'area of annotation 1'),
    (person('area', '640'), "the area of annotation 1 of .* is '640'"), (person('area', None), 'area of annotation 1'),
])
def test_files_that_cannot_be_used_are_refused(content: Content, of_dataset: Expected, how: Change,
                                               words: str) -> None:
    how(content)
    with pytest.raises(DistilPoseError, match=words) as error:
        check(content, of_dataset)
    assert 'folder/people.json' in str(error.value)


@pytest.mark.parametrize(('how', 'kind', 'words', 'ids'), [
    (person('bbox', [5, 5, 0, 9], 3), 'box of no size',
     '9 of 10 people of folder/people.json used, 1 left out: box of no size; the first is annotation 4 of i', [4]),
    (person('bbox', [5, 5, -4, 9], 0, 3), 'box of no size', '8 of 10 people .* used, 2 left out', [1, 4]),
    (person('bbox', [300, 5, 20, 20]), 'box outside of the image', '9 of 10 .* 1 left out: box outside', [1]),
    (person('num_keypoints', 0), 'num_keypoints 0 in spite of labelled keypoints', '1 left out: num_keypoints 0', [1]),
    (person('num_keypoints', 9), 'num_keypoints', '1 of 10 people .* has a num_keypoints larger than', [1]),
    (person('num_keypoints', 2, 0, 2), 'num_keypoints', '2 of 10 people .* have a num_keypoints .* half of', [1, 3]),
    (person('bbox', ..., 1), 'no box', '9 of 10 people of .* used, 1 left out: no box; the first is annotation 2', [2]),
    (person('keypoints', [0, 0, 2] * 5), 'no keypoint at a coordinate above 0', '1 left out: no keypoint', [1]),
    (person('keypoints', lambda one: [*one['keypoints'][:-3], 0, 0, 1], 1), 'keypoint at (0, 0)', 'at .0, 0.*', [2]),
    (person('keypoints', [9, 9, 0] * 5), 'no labelled keypoint', '1 of 10 people of .* used without a labelled', [1]),
    (keypoint(2, 3), 'visibility', '1 of 10 people of .* a visibility other than 0, 1', [1]),
    (keypoint(2, 0.7), 'visibility', 'weighs the keypoint by it', [1]),
    (keypoint(0, 240), 'keypoint far outside', 'outside of the image by more than a tenth', [1]),
    (person('bbox', [2, 2, 9, 9]), 'keypoints outside of the box', 'far from the box; the first is', [1]),
    (image('file_name', '2.jpg'), 'image under several ids', "2 images of .* share their file .* as '2.jpg'", []),
    (everybody('category_id', 4), 'undeclared category', '10 of 10 people of .* are of a category that the fi', None),
    (lambda content: content['annotations'].append({**content['annotations'][4], 'id': 90}), 'person listed twice',
     '1 of 11 people of .* the image, box and keypoints of an earlier person, and counts twice', [90]),
])
def test_what_is_unusual_is_one_warning(content: Content, of_dataset: Expected, how: Change, kind: str, words: str,
                                        ids: list[int] | None) -> None:
    how(content)
    warning, = check(content, of_dataset).warnings
    assert warning.kind == kind and ids in (None, list(warning.annotation_ids)) and warning.image_ids
    assert re.search(words, warning.sentence), warning.sentence


@pytest.mark.parametrize(('how', 'used', 'left_out'), [
    (lambda content: None, 10, {}), (person('keypoints', ...), 9, {'without keypoints': 1}),
    (person('iscrowd', 1, 0, 1), 8, {'crowd': 2}), (person('iscrowd', ...), 10, {}), (person('iscrowd', None), 10, {}),
    (person('iscrowd', True), 9, None),
    (person('keypoints', [0] * 15), 9, None), (person('bbox', [5, 5, 0, 9], 0, 1, 2), 7, {'box of no size': 3}),
    (person('bbox', [199.5, 5, 9, 9]), 9, {'box outside of the image': 1}), (person('num_keypoints', ...), 10, {}),
    (person('num_keypoints', None), 10, {}), (lambda content: content.update(categories=[]), 10, {}),
    (person('iscrowd', 0.0), 10, {}), (person('iscrowd', 1.0), 9, {'crowd': 1}),
    (person('bbox', ..., 0, 3), 8, {'no box': 2}),
    (lambda content: (person('keypoints', [])(content), person('num_keypoints', 0)(content)), 9,
     {'without keypoints': 1}),
    (lambda content: (person('keypoints', [0] * 15)(content), person('num_keypoints', 0)(content)), 9,
     {'without labelled keypoints': 1}),
    (lambda content: content.pop('categories'), 10, {}), (person('area', ...), 10, {}),
    (image('file_name', 'folder/../1.jpg'), 10, {}), (image('width', ..., 4), 10, None),
    (person('segmentation', []), 10, {}),
    (lambda content: content['annotations'].append(dict(id=99, image_id=1, category_id=2, bbox=[1, 2, 3, 4])), 10,
     {'without keypoints': 1}),
    (lambda content: content['images'].append(dict(content['images'][0])), 10, {}),
    (everybody('bbox', [0, 0, 200, 100]), 10, {}), (keypoint(2, 0), 10, {}), (person('num_keypoints', 5.0), 10, {}),
])
def test_as_many_are_used_as_mmpose_uses(content: Content, of_dataset: Expected, tmp_path: Path, how: Change, used: int,
                                         left_out: dict[str, int] | None) -> None:
    how(content)
    if 'width' not in content['images'][4]:
        for one in content['annotations']:
            one['image_id'] = 1
    found = check(content, of_dataset)
    assert found.used == used and left_out in (None, found.left_out)
    assert found.people == len(content['annotations'])
    file = tmp_path / 'people.json'
    file.write_text(json.dumps(content))
    dataset = CocoDataset(ann_file=str(file), pipeline=[], data_prefix=dict(img='/data'), data_root='/data',
                          metainfo=METAINFO, serialize_data=False)
    assert len(dataset) == used and len({one['img_id'] for one in dataset}) == found.images


def test_a_file_without_anything_unusual(content: Content, of_dataset: Expected, of_evaluator: Expected) -> None:
    for expected in (of_dataset, of_evaluator):
        found = check(content, expected)
        assert not found.warnings and (found.used, found.images, found.is_dataset) == (10, 5, expected is of_dataset)
        assert found.summary() == 'people.json: 10 of 10 people used on 5 images'
    person('bbox', [5, 5, 0, 9])(content)
    person('iscrowd', 1, 1, 2)(content)
    assert check(content, of_dataset).summary() == (
        'people.json: 7 of 10 people used on 5 images, 3 left out: 2 crowd, 1 box of no size')


@pytest.mark.parametrize(('how', 'words'), [
    (everybody('area', ...), '10 of 10 people of .* have no area; 0.53 of the box is taken'),
    (person('area', 0), '1 of 10 people of .* has an area of 0 or below: OKS is 0 .* neither in AP .M.'),
    (person('area', -3), 'area of 0 or below'),
    (person('category_id', 4), '9 of 10 people of .* 1 left out: category that the file does not declare'),
])
def test_what_is_unusual_for_an_evaluator(content: Content, of_evaluator: Expected, how: Change, words: str) -> None:
    how(content)
    warning, = check(content, of_evaluator).warnings
    assert re.search(words, warning.sentence), warning.sentence
    without_areas = check(content, dataclasses.replace(of_evaluator, reads_area=False))
    assert len(without_areas.warnings) == ('area' not in words)


@pytest.mark.parametrize(('how', 'words'), [
    (everybody('category_id', 4), 'no person in .* .10 category that the file does not declare.'),
    (lambda content: content.pop('categories'), "the list 'categories' of .* is missing"),
    (person('iscrowd', None), 'iscrowd of annotation 1 of .* is None; expected 0, or 1'),
    (lambda content: content['annotations'].append(dict(id=99, image_id=1, category_id=1, bbox=[1, None, 3, 4])),
     'the bbox of annotation 99'),
    (lambda content: (everybody('category_id', 3)(content), content['categories'][0].update(id=3)),
     'the category_id of the people of .* is 3, and the predictions are of category 1; expected category 1'),
])
def test_what_an_evaluator_cannot_use(content: Content, of_evaluator: Expected, how: Change, words: str) -> None:
    how(content)
    with pytest.raises(DistilPoseError, match=words):
        check(content, dataclasses.replace(of_evaluator, category=1))


def test_crowds_have_an_index(content: Content, of_evaluator: Expected) -> None:
    expected = dataclasses.replace(of_evaluator, image_keys=('id', 'crowdIndex'), is_crowd_metric=True)
    with pytest.raises(DistilPoseError, match='image 1 of .* has no crowdIndex'):
        check(content, expected)
    image('crowdIndex', 0.3, 0, 1, 2, 3, 4)(content)
    person('num_keypoints', 0)(content)
    assert check(content, expected).left_out == {'without labelled keypoints': 1}
    image('crowdIndex', 'high')(content)
    with pytest.raises(DistilPoseError, match="crowdIndex of image 1 of .* is 'high'"):
        check(content, expected)


def test_examples_are_few_and_the_count_is_whole(content: Content, of_dataset: Expected) -> None:
    content['annotations'] += [{**content['annotations'][0], 'id': number, 'bbox': [5, number % 50, 0, 9]}
                               for number in range(100, 1600)]
    warning, = check(content, of_dataset).warnings
    assert warning.count == 1500 and warning.annotation_ids == tuple(range(100, 120))
    assert '1,500 left' in warning.sentence
    assert warning.image_ids == (2, )


def test_keypoints_without_known_names(content: Content, of_dataset: Expected) -> None:
    expected = dataclasses.replace(of_dataset, fields=(('keypoints', None), ))
    assert check(content, expected).used == 10
    person('keypoints', [5, 6, 2] * 4)(content)
    with pytest.raises(DistilPoseError, match='annotation 1 of .* are 12 numbers; expected 3 numbers .* 15 as others'):
        check(content, expected)
