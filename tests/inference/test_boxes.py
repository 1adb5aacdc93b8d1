"""Boxes of people: what is accepted, what is refused, and files of them."""

from __future__ import annotations

import json
from pathlib import Path, PurePath

import numpy as np
import pytest

from distilpose.errors import DistilPoseError
from distilpose.inference import check_boxes
from distilpose.inference.boxes import read_boxes_file

SIZE = 60, 80


def test_none_is_the_whole_image_and_an_empty_list_is_nobody() -> None:
    assert check_boxes(None, SIZE).corners.tolist() == [[0, 0, 60, 80]]
    for nobody in ([], np.zeros((0, 4)), np.zeros((0, 5)), np.zeros(0)):
        boxes = check_boxes(nobody, SIZE)
        assert boxes.corners.shape == (0, 4) and boxes.scores.shape == (0,)


def test_scores_are_a_fifth_column() -> None:
    assert check_boxes([[1, 2, 3, 4]], SIZE).scores.tolist() == [1]
    boxes = check_boxes(np.array([[1, 2, 3, 4, 0.5], [-5, 2, 70, 90, 0.25]]), SIZE)
    assert boxes.scores.tolist() == [0.5, 0.25] and boxes.corners.tolist() == [[1, 2, 3, 4], [-5, 2, 70, 90]]


@pytest.mark.parametrize(('boxes', 'sentence'), [
    ([[0, 0, np.nan, 5]], r'boxes\[0\] is .* not finite'), ([[0, 0, 5, 5, np.inf]], 'not finite'),
    ([0, 0, 5, 5], r'shape \(4,\); .* put the one box into a list'), ([[0, 0, 5]], r'shape \(1, 3\)'),
    (np.zeros((2, 2, 4)), r'shape \(2, 2, 4\)'), ([[1, 1, 5, 5], [10, 10, 5, 20]], r'boxes\[1\] is .* no area'),
    ([[60, 0, 70, 5]], 'outside of the image of 60x80'), ([[-9, 0, 0, 5]], 'outside'), ([['a', 0, 1, 2]], 'numbers'),
    ([[1, 2, 3, 4], [1, 2]], 'numbers')])
def test_wrong_boxes_are_a_sentence(boxes: object, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        check_boxes(boxes, SIZE)


def write(folder: Path, content: object) -> Path:
    file = folder / 'boxes.json'
    file.write_text(json.dumps(content))
    return file


def test_a_table_by_name(tmp_path: Path) -> None:
    found = read_boxes_file(write(tmp_path, {'a.jpg': [[1, 2, 3, 4]], 'b/c.jpg': []}))
    assert found.boxes['a.jpg'].tolist() == [[1, 2, 4, 6, 1]] and found.boxes['b/c.jpg'].shape == (0, 5)
    assert found.name_of(PurePath('/somewhere/b/c.jpg')) == 'b/c.jpg' and found.name_of(PurePath('/x/c.jpg')) is None


def test_annotations_as_mmpose_takes_them(tmp_path: Path) -> None:
    people = [dict(image_id=7, bbox=[-5, 10, 100, 20], category_id=3, score=0.5),
              dict(image_id=7, bbox=[1, 1, 5, 5], category_id=3, iscrowd=1),
              dict(image_id=7, bbox=[1, 1, 5, 5], category_id=3, num_keypoints=0),
              dict(image_id=7, bbox=[70, 1, 5, 5], category_id=3)]
    found = read_boxes_file(write(tmp_path, dict(
        images=[dict(id=7, file_name='a.jpg', width=60, height=80)], annotations=people, categories=[dict(id=3)])))
    assert found.boxes['a.jpg'].tolist() == [[0, 10, 59, 30, 0.5]]
    assert (found.ids, found.categories, found.left_out) == ({'a.jpg': 7}, {3: 'person'}, 3)


CATS_AND_DOGS = dict(
    images=[dict(id=7, file_name='a.jpg'), dict(id=8, file_name='b.jpg')],
    annotations=[dict(image_id=7, bbox=[1, 2, 3, 4], category_id=3), dict(image_id=7, bbox=[9, 9, 1, 1], category_id=1),
                 dict(image_id=7, bbox=[5, 6, 7, 8], category_id=4)],
    categories=[dict(id=1, name='lawn'), dict(id=3, name='cat', keypoints=['nose']),
                dict(id=4, name='dog', keypoints=['nose'])])


def test_boxes_of_all_categories_with_keypoints_are_taken_and_keep_theirs(tmp_path: Path) -> None:
    found = read_boxes_file(write(tmp_path, CATS_AND_DOGS))
    assert found.boxes['a.jpg'].tolist() == [[1, 2, 4, 6, 1], [5, 6, 12, 14, 1]]
    assert found.boxes['b.jpg'].shape == (0, 5)
    assert found.categories == {3: 'cat', 4: 'dog'} and found.kinds == {'a.jpg': [3, 4], 'b.jpg': []}


def test_results_of_a_category_of_ones_own(tmp_path: Path) -> None:
    annotations = tmp_path / 'annotations.json'
    annotations.write_text(json.dumps(dict(CATS_AND_DOGS, categories=[dict(id=3, name='cat')])))
    results = [dict(image_id=7, category_id=3, bbox=[1, 2, 3, 4])]
    assert len(read_boxes_file(write(tmp_path, results), annotations).boxes['a.jpg']) == 1
    with pytest.raises(DistilPoseError, match='none of the 1 boxes in .* is of category 1, .* found category 3'):
        read_boxes_file(write(tmp_path, results))


@pytest.mark.parametrize(('categories', 'words'), [
    ([dict(id=3, name='cat'), dict(id=4, name='dog')], 'of 2 categories, of which none has keypoints or is called'),
    ([], 'none of the 3 boxes in .* is of category 2'), ([dict(id='3', keypoints=['nose'])], 'is of category .3.'),
    ([dict(name='cat', keypoints=['nose'])], 'the categories of the boxes .*KeyError')])
def test_categories_that_are_unclear_are_a_sentence(categories: list, words: str, tmp_path: Path) -> None:
    people = [dict(one, category_id=one['category_id'] + 1) for one in CATS_AND_DOGS['annotations']]
    words = words.replace('is of category 2', 'is of category 1, .* found category 2, 4, 5')
    with pytest.raises(DistilPoseError, match=words):
        read_boxes_file(write(tmp_path, dict(CATS_AND_DOGS, categories=categories, annotations=people)))


@pytest.mark.parametrize('content', [[1, 2], dict(images=[dict(id=1)], annotations=[]), {'a.jpg': [[1, 2]]},
                                     dict(images=[dict(id=1, file_name='a')], annotations=[dict(image_id=2)])])
def test_other_files_are_a_sentence(content: object, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='boxes'):
        read_boxes_file(write(tmp_path, content))
    with pytest.raises(DistilPoseError, match='cannot be read'):
        read_boxes_file(tmp_path / 'absent.json')
    (tmp_path / 'text.json').write_text('{')
    with pytest.raises(DistilPoseError, match='not JSON'):
        read_boxes_file(tmp_path / 'text.json')


RESULTS = [dict(image_id=785, category_id=1, bbox=[1, 2, 3, 4], score=0.5), dict(image_id=785, bbox=[-5, 0, 10, 10]),
           dict(image_id=785, category_id=2, bbox=[1, 2, 3, 4], score=0.5), dict(image_id=9, bbox=[1, 2, 3, 4])]


def test_results_of_a_detector_are_matched_by_the_numbers_in_the_names(tmp_path: Path) -> None:
    found = read_boxes_file(write(tmp_path, RESULTS))
    images = [('000000000785.jpg', Path('/x/000000000785.jpg')), ('a.jpg', Path('/x/a.jpg')),
              ('COCO_val2014_000000000009.jpg', Path('/x/COCO_val2014_000000000009.jpg'))]
    assert found.match(images) == ['785', None, '9'] and found.ids == {'785': 785, '9': 9}
    assert found.boxes['785'].tolist() == [[1, 2, 4, 6, 0.5], [-5, 0, 5, 10, 1]]
    assert found.name_of(images[2][1]) == '9' and found.name_of(images[1][1]) is None
    with pytest.raises(DistilPoseError, match='have the same, 785; .* --annotations'):
        found.match([('785.jpg', Path('/x/785.jpg')), ('785.png', Path('/x/785.png'))])


def test_results_of_a_detector_are_named_by_annotations(tmp_path: Path) -> None:
    annotations = tmp_path / 'annotations.json'
    annotations.write_text(json.dumps(dict(images=[dict(id=785, file_name='x/a.jpg'), dict(id=9, file_name='b.jpg'),
                                                   dict(id=10, file_name='c.jpg')])))
    found = read_boxes_file(write(tmp_path, RESULTS), annotations)
    assert {name: len(boxes) for name, boxes in found.boxes.items()} == {'x/a.jpg': 2, 'b.jpg': 1, 'c.jpg': 0}
    assert found.ids == {'x/a.jpg': 785, 'b.jpg': 9, 'c.jpg': 10}
    with pytest.raises(DistilPoseError, match=r'entry 0 .* image 11, which .* does not have'):
        read_boxes_file(write(tmp_path, [dict(image_id=11, bbox=[1, 2, 3, 4])]), annotations)
    with pytest.raises(DistilPoseError, match='leave out --annotations'):
        read_boxes_file(write(tmp_path, {'a.jpg': []}), annotations)


@pytest.mark.parametrize('entry', [dict(bbox=[1, 2, 3]), dict(bbox=None), dict(bbox=[1, 2, float('nan'), 4]),
                                   dict(bbox=[1, 2, 3, 4], score='x'), dict(bbox=[1, 2, 3, 4], image_id='a.jpg')])
def test_wrong_results_are_a_sentence(entry: dict, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'entry 1 of the boxes .* expected \{"image_id": 785'):
        read_boxes_file(write(tmp_path, [dict(image_id=1, bbox=[1, 2, 3, 4]), dict(dict(image_id=2), **entry)]))
