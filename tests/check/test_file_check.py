"""``distilpose check FILE``: annotations, boxes and people of MPII without a config."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from distilpose.check.file_check import FileCheck, check_file
from distilpose.errors import DistilPoseError

Content = dict[str, Any]
Change = Callable[[Content], Any]


@pytest.fixture
def people(tiny_data: Path, tmp_path: Path) -> Path:
    """A file of its own with the images beside it."""
    file = tmp_path / 'annotations' / 'people.json'
    file.parent.mkdir()
    file.write_text((tiny_data / 'annotations' / 'people.json').read_text())
    (tmp_path / 'images').symlink_to(tiny_data / 'images')
    return file


def check(file: Path, change: Change = lambda content: None, **options: Any) -> FileCheck:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return check_file(file, work_dir=file.parent / 'out', **options)


def annotation(place: int, **changes: Any) -> Change:
    return lambda content: content['annotations'][place].update(changes)


def test_what_is_in_a_file(people: Path) -> None:
    report = check(people)
    said = report.describe()
    for words in ('COCO format: 12 images, 12 annotations, categories: person', 'images: 60 wide, 80 high',
                  'boxes: 76 pixels on the longer side', 'keypoints: 17, labelled in 12 annotations',
                  f'images in {people.parent.parent / "images"}', '12 of 12 people used on 12 images',
                  'No errors and no warnings.'):
        assert words in said
    assert not (people.parent / 'out').exists()


def test_keypoints_by_name(people: Path) -> None:
    def change(content: Content) -> None:
        content['categories'][0]['keypoints'] = [f'k{index}' for index in range(17)]
        for person in content['annotations'][:6]:
            person['keypoints'][:3] = [0, 0, 0]
        for person in content['annotations']:
            person['keypoints'][3:6] = [0, 0, 0]

    said = check(people, change).describe()
    assert 'k0 50%, k1 0%, k2 100%' in said and 'never labelled: k1; nothing is learned of them' in said


@pytest.mark.parametrize(('change', 'words'), [
    (annotation(3, bbox=[1, 2]), 'the bbox of annotation 4 of'),
    (annotation(3, bbox=None), 'the bbox of annotation 4 of'),
    (annotation(3, keypoints=[1, 2, 2]), 'the keypoints of annotation 4 of'),
    (annotation(3, keypoints=[float('nan'), 1, 2] * 17), 'the x of joint 0 of annotation 4 of'),
    (annotation(3, image_id=99), 'the image_id of annotation 4 of'),
    (annotation(3, image_id='4'), 'the image_id of annotation 4 of'),
    (annotation(3, id='4'), 'the id of an annotation'),
    (annotation(3, id=3), 'the id 3 in'),
    (annotation(3, area=float('inf')), 'the area of annotation 4 of'),
    (annotation(3, category_id=None), 'the category_id of annotation 4 of'),
    (lambda content: content['annotations'].insert(3, 7), "entry 3 of 'annotations' of"),
    (lambda content: content['images'][3].pop('file_name'), 'image 4 of'),
    (lambda content: content['images'][3].update(id='4'), 'the id of an image'),
    (lambda content: content['images'][3].pop('width'), 'the width of image 4 of'),
    (lambda content: content['images'][3].update(file_name='gone.png'), 'gone.png is missing'),
    (lambda content: content['images'][3].update(width=600), 'another width and height than in the file'),
    (lambda content: content['categories'][0].pop('id'), 'category number 0 of'),
    (lambda content: content.pop('images'), "the list 'images' of"),
    (lambda content: content.update(annotations=[]), 'no person in'),
])
def test_an_error_is_listed_once(people: Path, change: Change, words: str) -> None:
    report = check(people, change)
    assert report.count == 1, report.describe()
    assert words in report.describe() and 'named by' not in report.describe()


def test_all_errors_are_listed_and_drawn(people: Path) -> None:
    def change(content: Content) -> None:
        for place in range(4):
            content['annotations'][place]['bbox'] = [place, None, 3, 4]
        content['annotations'][5]['image_id'] = 77
        content['annotations'][6]['keypoints'][0] = 'a'
        content['annotations'][7]['id'] = content['annotations'][8]['id']
        content['images'][9]['id'] = '10'
        content['annotations'][10]['bbox'][2] = 0

    report = check(people, change)
    assert [len(found) for found in report.errors.values()] == [1, 4, 1, 1, 1]
    said = report.describe()
    assert '8 errors:' in said and 'and 1 more of this kind' in said and said.count('the bbox of annotation') == 3
    assert [warning.kind for warning in report.warnings] == ['box of no size']
    assert (people.parent / 'out' / 'check.txt').read_text().strip() == said
    assert report.sheet == people.parent / 'out' / 'annotations.png'
    picture = cv2.imread(str(report.sheet))
    assert picture.shape[1] == 4 * (360 + 16) and (picture == (60, 60, 235)).all(axis=2).sum() > 500  # boxes


def test_images_that_are_missing_and_of_another_size(people: Path) -> None:
    def change(content: Content) -> None:
        content['images'][3].update(file_name='gone.png')
        content['images'][4].update(width=600)

    said = check(people, change).describe()
    assert '2 errors:' in said and 'gone.png is missing' in said and 'another width and height' in said


def test_many_errors_are_found_in_time(people: Path) -> None:
    def change(content: Content) -> None:
        content['annotations'] = [dict(content['annotations'][0], id=index, bbox=[1]) for index in range(3000)]

    report = check(people, change)
    assert report.count == 200 and 'and perhaps more' in report.describe()


def test_a_file_with_more_keypoints_than_its_category_names(people: Path) -> None:
    report = check(people, lambda content: content['categories'][0].update(keypoints=['nose', 'tail']))
    assert [warning.kind for warning in report.warnings] == ['keypoints without a name'] and not report.errors
    report = check(people, lambda content: content['categories'][0].update(keypoints=list('abcdefghijklmnopqr')))
    assert report.count == 12  # and with fewer


def boxes(**changes: Any) -> list[dict[str, Any]]:
    found = [dict(image_id=index, category_id=1, bbox=[2, 2, 40, 60], score=0.9) for index in range(1, 13)]
    found[4].update(changes)
    return found


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(image_id='5'), 'the image_id of box 4 of'), (dict(image_id=5.0), 'the image_id of box 4 of'),
    (dict(image_id=99), 'is 99, which is no image of the annotations'), (dict(score=None), 'the score of box 4 of'),
    (dict(bbox=[1, 2]), 'the bbox of box 4 of'),
])
def test_wrong_boxes_of_a_detector(people: Path, changes: Content, words: str) -> None:
    file = people.with_name('boxes.json')
    file.write_text(json.dumps(boxes(**changes)))
    report = check_file(file, annotations=people, work_dir=people.parent / 'out')
    assert report.count == 1 and words in report.describe()


def test_boxes_of_a_detector(people: Path) -> None:
    file = people.with_name('boxes.json')
    file.write_text(json.dumps(boxes()))
    said = check_file(file).describe()
    assert 'boxes of a detector: 12 on 12 images, categories: 1 (12)' in said and 'with --annotations FILE' in said
    file.write_text(json.dumps(boxes(image_id=10 ** 30)))
    assert check_file(file, work_dir=people.parent / 'out').count == 1
    file.write_text(json.dumps(boxes()[1:]))
    report = check_file(file, annotations=people, work_dir=people.parent / 'out')
    assert [warning.kind for warning in report.warnings] == ['image without a box'] and report.sheet is not None
    file.write_text('[]')
    with pytest.raises(DistilPoseError, match='holds a list of 0 entries; expected annotations in COCO format'):
        check_file(file)


def test_people_of_mpii(people: Path) -> None:
    def person(**changes: Any) -> Content:
        return dict(dict(image='001.png', center=[30, 40], scale=0.3, joints=[[20, 30]] * 16, joints_vis=[1] * 16),
                    **changes)

    file = people.with_name('mpii.json')
    file.write_text(json.dumps([person(), person(image='002.png')]))
    assert 'people of MPII: 2 on 2 images, 0 with a head box' in check_file(file).describe()
    file.write_text(json.dumps([person(), person(center=[1]), person(joints=3), person(scale=0)]))
    report = check_file(file, work_dir=people.parent / 'out')
    assert report.count == 2 and [warning.kind for warning in report.warnings] == ['box of no size']
    assert 'center of person 1 of' in report.describe() and report.sheet is not None


def test_boxes_by_image(people: Path) -> None:
    file = people.with_name('boxes.json')
    file.write_text(json.dumps({'001.png': [[1, 2, 30, 40]], '002.png': []}))
    assert 'boxes by image: 1 on 2 images' in check_file(file).describe()
    file.write_text(json.dumps({'001.png': [[1, 2, 30, 0]]}))
    assert check_file(file, work_dir=people.parent / 'out').count == 1


@pytest.mark.parametrize(('text', 'words'), [
    ('', 'it is empty'), ('<html>', 'a web page'), ('{"images": [', 'is cut off'), ('3', 'holds a int; expected'),
    ('{"a": 1}', r"holds a dict with \['a'\]; expected annotations"), ('[[1, 2]]', 'a list of 1 entries'),
])
def test_files_that_are_something_else(people: Path, text: str, words: str) -> None:
    people.write_text(text)
    with pytest.raises(DistilPoseError, match=words):
        check_file(people)


def test_names_that_do_not_exist(people: Path) -> None:
    with pytest.raises(DistilPoseError, match='there is no file .*nobody.json'):
        check_file(people.with_name('nobody.json'))
    with pytest.raises(DistilPoseError, match='--images .*nowhere is no folder'):
        check_file(people, images='nowhere')


@pytest.mark.parametrize('name', [
    'coco_mini/annotations/person_keypoints_train2017.json', 'coco_mini/annotations/person_keypoints_val2017.json',
    'lspet/annotations/person_keypoints_val.json', 'lspet/annot/val.json', 'lspet_unlabelled/boxes.json',
    'mmpose_samples/coco/test_coco.json', 'mmpose_samples/coco/test_coco_wholebody.json',
    'mmpose_samples/coco/test_coco_det_AP_H_56.json', 'mmpose_samples/coco/test_keypoint_partition_metric.json',
    'mmpose_samples/mpii/test_mpii.json', 'mmpose_samples/mpii/test_mpii_trb.json',
    'mmpose_samples/crowdpose/test_crowdpose.json', 'mmpose_samples/crowdpose/test_crowdpose_det_AP_40.json',
])
def test_real_files_have_no_errors(shared: Path, tmp_path: Path, name: str) -> None:
    report = check_file(shared / 'data' / name, work_dir=tmp_path)
    assert not report.errors, report.describe()
