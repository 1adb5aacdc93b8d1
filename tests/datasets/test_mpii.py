from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, TRANSFORMS

from distilpose.datasets import mpii_files
from distilpose.errors import DistilPoseError

from .mpii_form import make_head_boxes, make_people, read_dataset, write_people

COUNT = 6


def test_keypoints_and_centres_are_counted_from_zero(tmp_path: Path) -> None:
    people = make_people(COUNT)
    dataset = read_dataset(write_people(tmp_path, people))
    assert len(dataset) == COUNT
    for person, found in zip(people, dataset, strict=True):
        np.testing.assert_allclose(found['keypoints'], [np.array(person['joints']) - 1], rtol=1e-6)
        np.testing.assert_array_equal(found['keypoints_visible'], [person['joints_vis']])
        side = 200 * person['scale']
        left, top, right, bottom = found['bbox'][0]
        assert (right - left, bottom - top) == pytest.approx((side, side), rel=1e-5)
        centre = (left + right) / 2, (top + bottom) / 2
        assert centre == pytest.approx((person['center'][0] - 1, person['center'][1] + 15 * person['scale'] - 1))
        assert 'head_size' not in found


def test_mmposes_shifts_only_the_centre(tmp_path: Path) -> None:
    """The reason for this data set; boxes are the same."""
    write_people(tmp_path, make_people(COUNT))
    with DefaultScope.overwrite_default_scope('mmpose'):
        theirs = DATASETS.build(dict(type='MpiiDataset', data_root=str(tmp_path), ann_file='people.json'))
    for one, other in zip(theirs, read_dataset(tmp_path), strict=True):
        np.testing.assert_allclose(one['keypoints'] - other['keypoints'], 1, rtol=1e-4)
        np.testing.assert_allclose(one['bbox'], other['bbox'], atol=1e-3)
        assert one['img_id'] == other['img_id'] and one['keypoints'].shape == other['keypoints'].shape


def test_the_box_becomes_centre_and_scale_without_a_warning(tmp_path: Path) -> None:
    people = make_people(1)
    padding = TRANSFORMS.build(dict(type='GetBBoxCenterScale', padding=1.25))
    person = read_dataset(write_people(tmp_path, people)).get_data_info(0)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = padding(person)
    np.testing.assert_allclose(found['bbox_scale'], 250 * people[0]['scale'], rtol=1e-5)


def test_people_without_joints_are_read(tmp_path: Path) -> None:
    people = [{key: person[key] for key in ('image', 'center', 'scale')} for person in make_people(COUNT)]
    dataset = read_dataset(write_people(tmp_path, people), test_mode=True)
    assert len(dataset) == COUNT
    assert not dataset[0]['keypoints_visible'].any() and dataset[0]['keypoints'].shape == (1, 16, 2)


def test_a_person_without_a_place_keeps_it(tmp_path: Path) -> None:
    """The published code moves a centre down unless it is -1."""
    person = dict(make_people(1)[0], center=[-1, -1])
    left, top, right, bottom = read_dataset(write_people(tmp_path, [person]))[0]['bbox'][0]
    assert (left + right, top + bottom) == pytest.approx((-4, -4))


@pytest.mark.parametrize('names, numbers', [(['000000012.jpg', '7.jpg', '000000012.jpg'], [12, 7, 12]),
                                            (['im3.jpg', 'a/5.png', 'im3.jpg'], [0, 1, 0])])
def test_images_may_have_any_name(tmp_path: Path, names: list[str], numbers: list[int]) -> None:
    people = [dict(person, image=name) for person, name in zip(make_people(3), names, strict=True)]
    dataset = read_dataset(write_people(tmp_path, people))
    assert [found['img_id'] for found in dataset] == numbers
    assert dataset[1]['img_path'] == str(tmp_path / 'images' / names[1])


def test_head_sizes_of_the_mat_file(tmp_path: Path) -> None:
    boxes = make_head_boxes(COUNT)
    dataset = read_dataset(write_people(tmp_path, make_people(COUNT), boxes=boxes, joints=False),
                           headbox_file='truth.mat', test_mode=True)
    expected = [0.6 * np.hypot(right - left, bottom - top) for left, top, right, bottom in boxes]
    assert [found['head_size'].item() for found in dataset] == pytest.approx(expected)


def test_head_sizes_of_the_annotations(tmp_path: Path) -> None:
    people, boxes = make_people(COUNT), make_head_boxes(COUNT)
    write_people(tmp_path, [dict(person, headbox=box.tolist()) for person, box in zip(people, boxes, strict=True)])
    expected = 0.6 * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
    assert [found['head_size'].item() for found in read_dataset(tmp_path)] == pytest.approx(expected.tolist())
    people[0]['headbox'] = boxes[0].tolist()
    assert 'head_size' not in read_dataset(write_people(tmp_path, people))[0]  # not of everybody


def test_joints_of_the_mat_file_are_the_ground_truth(tmp_path: Path) -> None:
    """As in the published evaluation, which reads nothing but predictions and that file."""
    people = make_people(COUNT)
    write_people(tmp_path, people, boxes=make_head_boxes(COUNT))
    changed = [dict(person, joints=(np.array(person['joints']) + 0.25).tolist(), joints_vis=[1] * 15 + [0])
               for person in people]
    (tmp_path / 'people.json').write_text(json.dumps(changed))
    for headbox_file in ('truth.mat', str(tmp_path / 'truth.mat')):
        dataset = read_dataset(tmp_path, headbox_file=headbox_file, test_mode=True)
        for person, found in zip(people, dataset, strict=True):
            np.testing.assert_allclose(found['keypoints'][0], np.array(person['joints']) - 1, rtol=1e-6)
            np.testing.assert_array_equal(found['keypoints_visible'][0], person['joints_vis'])


def test_people_of_an_image_belong_together_from_below(tmp_path: Path) -> None:
    dataset = read_dataset(write_people(tmp_path, make_people(COUNT)), data_mode='bottomup')
    assert [len(found['keypoints']) for found in dataset] == [2, 2, 2] and dataset[0]['bbox'].shape == (2, 4)


@pytest.mark.parametrize('change, sentence', [
    (dict(joints=[[1, 2]] * 14), r'joints of person 2 of .* is \[\[1, 2\], .*, expected 16 x 2 numbers'),
    (dict(center=None), 'center of person 2 of .* is None, expected 2 numbers'),
    (dict(scale=float('nan')), 'scale of person 2 of .* is nan, expected one number;'),
    (dict(joints_vis='yes'), "joints_vis of person 2 of .* is 'yes'"),
    (dict(headbox=[1, 2]), 'headbox of person 2'), (dict(scale=True), 'scale of person 2 .* is True'),
    (dict(scale='1.5'), "scale of person 2 .* is '1.5'"), (dict(center=[1, None]), 'center of person 2'),
    (dict(center=[1, float('nan')]), 'center of person 2'), (dict(image=''), "the image of person 2 of .* is ''"),
    (dict(image=None), 'the image of person 2 of .* is None; expected the name'), (dict(image=['a.jpg']), 'is .*a.jpg'),
    (dict(image='/etc/motd'), "is '/etc/motd' outside of the folders"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_a_wrong_person_is_a_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    people = make_people(COUNT)
    people[2].update(change)
    with pytest.raises(DistilPoseError, match=sentence):
        read_dataset(write_people(tmp_path, people))


@pytest.mark.parametrize('change, sentence', [
    (lambda person: dict(scale=0), 'the scale of person 0 of .* is 0, and none is above 0'),
    (lambda person: dict(center=[0.4, 0.5]), r'center of person 0 of .* is \[0.4, 0.5\], .* shares of the image')])
def test_units_of_all_people(tmp_path: Path, change: Callable[[dict], dict], sentence: str) -> None:
    people = [{**person, **change(person)} for person in make_people(COUNT)]
    with pytest.raises(DistilPoseError, match=sentence):
        read_dataset(write_people(tmp_path, people))


@pytest.mark.parametrize('change, used, sentence', [
    (dict(scale=0), 5, '1 of 6 people of .* have a scale of 0 or below and are left out; the first is person 2'),
    (dict(joints_vis=[2] * 16, joints=[[5, 6]] * 16), 6, '1 of 6 people of .* have a joints_vis other than 0 and 1'),
    (dict(joints=[[0, 0]] * 16, joints_vis=[1] * 16), 6, r'labelled joints at .0, 0. or .-1, -1.'),
    (None, 6, '1 of 6 people of .* the image and the joints of an earlier person'), ({}, 6, None)])
def test_what_is_unusual_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: int,
                                     change: dict[str, Any] | None, sentence: str | None) -> None:
    lines: list[str] = []
    monkeypatch.setattr(mpii_files, 'print_log', lambda text, *args: lines.append(text))
    people = make_people(COUNT)
    people[2].update(people[1] if change is None else change)
    assert len(read_dataset(write_people(tmp_path, people))) == used
    assert lines[0].startswith(f'people.json: {used} of 6 people used on')
    assert len(lines) == 1 + (sentence is not None) and re.search(sentence or '', lines[-1])


@pytest.mark.parametrize('key, sentence', [('scale', 'person 2 of .* has no scale, only'),
                                           ('joints_vis', 'person 2 of .* has no joints_vis')])
def test_a_person_who_lacks_something_is_a_sentence(tmp_path: Path, key: str, sentence: str) -> None:
    people = make_people(COUNT)
    del people[2][key]
    with pytest.raises(DistilPoseError, match=sentence):
        read_dataset(write_people(tmp_path, people))


@pytest.mark.parametrize('content, sentence', [
    ('{"images": [], "annotations": []}', "are in COCO's form; .*or use type='CocoDataset'"),
    ('{"image": 1}', 'are a dict; it must be MPII'), ('[]', 'are an empty list'), ('[3]', 'person 0 .* is a int'),
    ('not json', 'is not JSON'), (None, r'cannot be read \(No such file')])
def test_wrong_annotations_are_a_sentence(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / 'people.json').write_text(content)
    with pytest.raises(DistilPoseError, match=sentence):
        read_dataset(tmp_path)


def test_a_wrong_mat_file_is_a_sentence(tmp_path: Path) -> None:
    people = make_people(COUNT)
    write_people(tmp_path, people[:-1], boxes=make_head_boxes(COUNT - 1))
    (tmp_path / 'people.json').write_text(json.dumps(people))

    def read() -> Any:
        return read_dataset(tmp_path, headbox_file='truth.mat', test_mode=True)

    with pytest.raises(DistilPoseError, match=r'headboxes_src of .* has the shape \(2, 2, 5\), expected \(2, 2, 6\)'):
        read()
    write_people(tmp_path, people[::-1], boxes=make_head_boxes(COUNT))
    (tmp_path / 'people.json').write_text(json.dumps(people))
    with pytest.raises(DistilPoseError, match=r'are \d+ pixels \(median\) from those of the annotations'):
        read()
    (tmp_path / 'truth.mat').write_text('no matrix at all')
    with pytest.raises(DistilPoseError, match="is not a file of Matlab's"):
        read()
    (tmp_path / 'truth.mat').unlink()
    with pytest.raises(DistilPoseError, match='there is no ground truth .*truth.mat'):
        read()


def test_labelled_joints_of_a_mat_file_are_finite(tmp_path: Path) -> None:
    from scipy.io import loadmat, savemat

    write_people(tmp_path, make_people(COUNT), boxes=make_head_boxes(COUNT))
    content = {name: value for name, value in loadmat(tmp_path / 'truth.mat').items() if not name.startswith('__')}
    content['pos_gt_src'] = content['pos_gt_src'].astype(float)
    content['pos_gt_src'][4, 1, 2] = np.nan
    for missing, words in ((0, 'pos_gt_src of .* is not finite for joint 4 of person 2'), (1, None)):
        content['jnt_missing'][4, 2] = missing
        savemat(tmp_path / 'truth.mat', content)
        if words is None:
            read_dataset(tmp_path, headbox_file='truth.mat', test_mode=True)
            continue
        with pytest.raises(DistilPoseError, match=words):
            read_dataset(tmp_path, headbox_file='truth.mat', test_mode=True)


def test_a_mat_file_without_head_boxes_is_a_sentence(tmp_path: Path) -> None:
    from scipy.io import savemat

    write_people(tmp_path, make_people(COUNT))
    savemat(tmp_path / 'truth.mat', dict(joints=np.zeros(3)))
    with pytest.raises(DistilPoseError, match=r"has no headboxes_src, only \['joints'\]"):
        read_dataset(tmp_path, headbox_file='truth.mat', test_mode=True)


def test_mmposes_sample(shared: Path) -> None:
    folder = shared / 'data/mmpose_samples/mpii'
    raw = json.loads((folder / 'test_mpii.json').read_text())
    dataset = read_dataset(folder, ann_file='test_mpii.json', data_prefix=dict(img=''))
    assert len(dataset) == len(raw) == 5
    for person, found in zip(raw, dataset, strict=True):
        assert Path(found['img_path']).is_file() and found['img_id'] == int(person['image'].split('.')[0])
        np.testing.assert_allclose(found['keypoints'][0], np.array(person['joints']) - 1, atol=1e-4)


def test_leeds_sports_pose_in_mpiis_form(shared: Path) -> None:
    dataset = read_dataset(shared / 'data/lspet', ann_file='annot/val.json', headbox_file='annot/gt_val.mat',
                           test_mode=True)
    assert len(dataset) == 500 and Path(dataset[0]['img_path']).is_file()
    assert all(found['head_size'] > 0 and found['keypoints_visible'].sum() == 14 for found in dataset)
