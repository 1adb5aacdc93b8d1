"""Images without annotations as a data set: what is found, what is decoded, what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, TRANSFORMS

from distilpose.datasets import UnlabelledImages, unlabelled
from distilpose.datasets.unlabelled_files import held_out, list_images, match_names, read_boxes
from distilpose.errors import DistilPoseError
from distilpose.image_files import read_image

from . import odd_images

METAINFO = dict(from_file='configs/_base_/datasets/coco.py')
CODECS = [
    dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2),
    dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2, unbiased=True),
    dict(type='UDPHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2),
    dict(type='TokenPoseHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2),
    dict(type='RegressionLabel', input_size=(48, 64)),
    dict(type='SimCCLabel', input_size=(48, 64)),
    dict(type='SimDRLabel', input_size=(48, 64)),
    dict(type='SimDRGaussianLabel', input_size=(48, 64), sigma=4),
]


@pytest.fixture(autouse=True)
def mmpose_scope() -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def build(**kwargs: Any) -> UnlabelledImages:
    return DATASETS.build(dict(type='UnlabelledImages', metainfo=METAINFO, **kwargs))


def pipeline(codec: dict[str, Any]) -> list[dict[str, Any]]:
    """With every augmentation that a config of this project has."""
    return [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomBBoxCenterShift'),
            dict(type='RandomFlip', prob=1.0), dict(type='RandomHalfBody', prob=1.0, min_total_keypoints=9),
            dict(type='RandomScaleRotation', rotation_prob=1.0), dict(type='TopdownAffine', input_size=(48, 64)),
            dict(type='GenerateTarget', encoder=codec), dict(type='PackMixedPoseInputs')]


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    """A folder with images of every kind."""
    return odd_images.write(tmp_path, {**odd_images.readable(), **odd_images.unreadable(), **odd_images.tiny()})


@pytest.mark.parametrize('name', odd_images.readable())
def test_every_kind_of_image_shows_the_picture(tmp_path: Path, name: str) -> None:
    expected = odd_images.picture()[..., ::-1].astype(float)
    if 'grey' in name:
        expected = np.repeat(expected @ [[0.114], [0.587], [0.299]], 3, axis=-1)
    image = read_image(odd_images.write(tmp_path, {name: odd_images.readable()[name]}) / name)
    assert image is not None and image.shape == expected.shape and image.dtype == np.uint8
    assert np.abs(image - expected).max() < 10 and np.abs(image - expected).mean() < 2


@pytest.mark.parametrize('name', odd_images.unreadable())
def test_what_is_no_image_is_none(tmp_path: Path, name: str) -> None:
    assert read_image(odd_images.write(tmp_path, odd_images.unreadable()) / name) is None


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_image(tmp_path / 'no.jpg') is None
    assert read_image(tmp_path) is None


@pytest.mark.parametrize('name', ['deep/turned.jpg', 'cmyk.jpg', 'palette.png', 'deep/sixteen.png', 'grey_alpha.png'])
def test_images_are_decoded_as_labelled_ones_are(tmp_path: Path, name: str) -> None:
    file = odd_images.write(tmp_path, odd_images.readable()) / name
    labelled = TRANSFORMS.build(dict(type='LoadImage'))(dict(img_path=str(file)))
    assert np.array_equal(read_image(file), labelled['img'])


def test_a_folder_is_searched_through_and_sorted(mixture: Path) -> None:
    (mixture / 'notes.txt').write_text('no image')
    (mixture / 'folder.jpg').mkdir()
    folder, names = list_images(mixture, mixture)
    expected = {**odd_images.readable(), **odd_images.unreadable(), **odd_images.tiny()}
    assert folder == mixture and names == sorted(expected)


def test_linked_folders_are_searched(tmp_path: Path) -> None:
    odd_images.write(tmp_path / 'elsewhere', {'colour.png': odd_images.readable()['colour.png']})
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'link').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'images' / 'other_link').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'elsewhere' / 'back').symlink_to(tmp_path / 'images')
    assert list_images(tmp_path / 'images', tmp_path)[1] == ['link/colour.png']


@pytest.mark.parametrize(('name', 'text'), [('list.txt', 'deep/sixteen.png\n\n  colour.jpg \n'),
                                            ('list.json', '["deep/sixteen.png", "colour.jpg"]')])
def test_a_list_keeps_its_order(mixture: Path, name: str, text: str) -> None:
    (mixture / name).write_text(text)
    dataset = build(data_root=str(mixture), images=name)
    found = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    assert found == [str(mixture / 'deep/sixteen.png'), str(mixture / 'colour.jpg')]


def test_a_sample_is_the_whole_image_without_labels(tmp_path: Path) -> None:
    dataset = build(data_root=str(odd_images.write(tmp_path, odd_images.readable())))
    for index in range(len(odd_images.readable())):
        sample = dataset[index]
        np.testing.assert_array_equal(sample['bbox'], [[0, 0, odd_images.WIDTH - 1, odd_images.HEIGHT - 1]])
        assert sample['img'].shape == (odd_images.HEIGHT, odd_images.WIDTH, 3)
        assert sample['labelled'] is False
        assert not sample['keypoints'].any() and not sample['keypoints_visible'].any()
        assert sample['keypoints'].shape == (1, 17, 2) and len(sample['flip_indices']) == 17


def test_what_cannot_be_used_is_replaced_and_counted(mixture: Path) -> None:
    dataset = build(data_root=str(mixture))
    good = set(odd_images.readable())
    used = {str(Path(dataset[index]['img_path']).relative_to(mixture)) for index in range(len(dataset))}
    assert used <= good and len(dataset) == 19
    words = dataset.describe_skipped(dataset.skipped)
    assert words.startswith('8 of 19 unlabelled samples are left out: 6 not readable as images (')
    assert 'and 2 with a side of less than 32 or more than 32766 pixels' in words
    for name in ('half.png', 'dot.png', 'strip.png'):
        assert str(mixture / name) in words


def test_replacements_follow_numpys_generator(mixture: Path) -> None:
    def paths() -> list[str]:
        dataset = build(data_root=str(mixture))
        np.random.seed(3)
        return [dataset[index]['img_path'] for index in range(len(dataset))]

    first = paths()
    assert paths() == first


def test_one_usable_image_among_many_is_enough(tmp_path: Path) -> None:
    broken = {f'{index:03}.jpg': b'' for index in range(300)}
    dataset = build(data_root=str(odd_images.write(tmp_path, {**broken, 'z.png': odd_images.readable()['colour.png']})))
    assert dataset[0]['img_path'] == dataset[300]['img_path'] == str(tmp_path / 'z.png')


def test_images_that_vanish_are_named(tmp_path: Path) -> None:
    dataset = build(data_root=str(odd_images.write(tmp_path, {'a.png': odd_images.readable()['colour.png']})))
    (tmp_path / 'a.png').unlink()
    with pytest.raises(DistilPoseError, match='could be read when the run began'):
        dataset[0]


def test_an_image_that_is_too_large_to_warp_is_left_out(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((33, 32767, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'b.png'), np.zeros((33, 32766, 3), np.uint8))
    dataset = build(data_root=str(tmp_path), pipeline=pipeline(CODECS[4]))
    assert dataset[0]['data_samples'].img_path == str(tmp_path / 'b.png')


@pytest.mark.parametrize('codec', CODECS, ids=lambda codec: codec['type'])
def test_every_codec_gives_the_weight_zero(tmp_path: Path, codec: dict[str, Any]) -> None:
    dataset = build(data_root=str(odd_images.write(tmp_path, odd_images.readable())), pipeline=pipeline(codec))
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        assert sample.metainfo['labelled'] is False
        labels = sample.gt_instance_labels
        assert labels.keypoint_weights.shape == (1, 17) and not labels.keypoint_weights.any()
        fields = [*labels.values(), *(sample.gt_fields.values() if 'gt_fields' in sample else ())]
        assert all(torch.isfinite(value).all() for value in fields)
        if 'gt_fields' in sample:
            assert not sample.gt_fields.heatmaps.any()


def test_boxes_are_samples_and_clipped(tmp_path: Path) -> None:
    odd_images.write(tmp_path / 'images', {f'{name}.png': odd_images.readable()['colour.png'] for name in 'abcd'})
    boxes = {'a.png': [[5, 6, 40, 50], [30, 40, 500, 500]], 'b.png': [], 'c.png': [[50, 60, 9, 9]]}
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    dataset = build(data_root=str(tmp_path), images='images', boxes='boxes.json', min_side=30)
    assert len(dataset) == 4  # two boxes, one that is too small, and d as a whole
    np.testing.assert_array_equal(dataset[0]['bbox'], [[5, 6, 45, 56]])
    np.testing.assert_array_equal(dataset[1]['bbox'], [[30, 40, 59, 79]])
    np.testing.assert_array_equal(dataset[3]['bbox'], [[0, 0, 59, 79]])
    assert [dataset.get_data_info(index)['img_id'] for index in range(4)] == [0, 0, 2, 3]
    assert dataset[2]['id'] != 2 and int(dataset.skipped.count_nonzero()) == 1


def test_corners_are_those_of_labelled_people_to_the_bit(tmp_path: Path) -> None:
    folder = odd_images.write(tmp_path, odd_images.readable())
    labelled = build(data_root=str(folder))  # of the same base class as CocoDataset
    width, height = 200, 180
    for box in np.random.default_rng(0).uniform(1, 120, (200, 4)).round(1).tolist():
        annotation = dict(id=1, image_id=1, bbox=box, keypoints=[0] * 51, category_id=1)
        found = labelled.parse_data_info(dict(raw_ann_info=annotation, raw_img_info=dict(
            img_id=1, img_path='x.jpg', width=width, height=height)))
        (folder / 'boxes.json').write_text(json.dumps({'x.jpg': [box]}))
        corners = UnlabelledImages.corners(read_boxes(folder / 'boxes.json')['x.jpg'][0], width, height)
        np.testing.assert_array_equal(corners, found['bbox'][0], strict=True)


def test_boxes_in_cocos_form(tmp_path: Path) -> None:
    people = [dict(image_id=7, bbox=[1, 2, 3, 4], category_id=1), dict(image_id=7, bbox=[5, 6, 7, 8]),
              dict(image_id=7, bbox=[0, 0, 9, 9], category_id=2), dict(image_id=7, bbox=[0, 0, 9, 9], iscrowd=1)]
    content = dict(images=[dict(id=7, file_name='a.png'), dict(id=8, file_name='b.png')], annotations=people)
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    boxes = read_boxes(tmp_path / 'boxes.json')
    np.testing.assert_array_equal(boxes['a.png'], [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert boxes['b.png'].shape == (0, 4)


def test_boxes_of_a_category_of_ones_own(tmp_path: Path) -> None:
    people = [dict(image_id=7, bbox=[1, 2, 3, 4], category_id=3), dict(image_id=7, bbox=[5, 6, 7, 8], category_id=1)]
    content = dict(images=[dict(id=7, file_name='a.png')], annotations=people, categories=[
        dict(id=1, name='lawn'), dict(id=3, name='cat', keypoints=['nose'])])
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    np.testing.assert_array_equal(read_boxes(tmp_path / 'boxes.json')['a.png'], [[1, 2, 3, 4]])
    (tmp_path / 'boxes.json').write_text(json.dumps(dict(content, categories=[], annotations=people[:1])))
    with pytest.raises(DistilPoseError, match='is of category 1, whose keypoints are predicted; found category 3'):
        read_boxes(tmp_path / 'boxes.json')


@pytest.mark.parametrize(('content', 'words'), [
    ('{', 'is not JSON'), ('', 'it is empty'), ('<html>', 'a web page'), ('{"a.png": [[1, 2', 'is cut off'),
    ('{"a.png": [[0.1, 0.2, 0.3, 0.4]], "b.png": []}', 'boxes of a.png in .* no number of any box is above 1: shares'),
    ('{"images": [{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}], "annotations": []}',
     "the id 1 in .* belongs to two images, 'a.png' and 'b.png'"),
    ('{"images": [{"id": 1, "file_name": null}], "annotations": []}', 'a file_name in .* is None'),
    ('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": "1", "bbox": [1, 2, 3, 4]}]}',
     "the image_id of box 0 in .* is '1', which is no image of the file"),
    ('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "bbox": null}]}', 'boxes of a.png'),
    ('{"images": [{"id": 1}], "annotations": []}', "not in COCO's form: KeyError 'file_name'"),
    ('[1]', 'are a list; expected'),
    ('{"a.png": [[1, 2, 3]]}', 'boxes of a.png in .* are .*; expected a list of'),
    ('{"a.png": [[1, 2, 3, 0]]}', 'width and height above 0'),
    ('{"a.png": [[1, 2, NaN, 4]]}', 'width and height above 0'),
    ('{"a.png": 3}', 'expected a list of'),
    ('{"a.png": [[1, 2, "x", 4]]}', 'expected a list of'),
    ('{"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}', 'is 1, which is no image'),
])
def test_wrong_boxes_are_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / 'boxes.json').write_text(content)
    with pytest.raises(DistilPoseError, match=words):
        read_boxes(tmp_path / 'boxes.json')


def test_boxes_of_other_images_are_refused(tmp_path: Path) -> None:
    odd_images.write(tmp_path, {'a.png': odd_images.readable()['colour.png']})
    (tmp_path / 'boxes.json').write_text('{"images/b.png": [[1, 2, 40, 40]]}')
    with pytest.raises(DistilPoseError, match=r"one of the 1 images: the former has \['images/b.png'\], the latter"):
        build(data_root=str(tmp_path), boxes='boxes.json')


def test_names_of_boxes_may_begin_at_another_folder(tmp_path: Path) -> None:
    odd_images.write(tmp_path / 'images', {f'{name}.png': odd_images.readable()['colour.png'] for name in 'ab'})
    for name in ('images/a.png', '/elsewhere/a.png', f'{tmp_path}/images/a.png'):
        (tmp_path / 'boxes.json').write_text(json.dumps({name: [[5, 6, 40, 50]]}))
        dataset = build(data_root=str(tmp_path), images='images', boxes='boxes.json')
        np.testing.assert_array_equal(dataset[0]['bbox'], [[5, 6, 45, 56]])
        np.testing.assert_array_equal(dataset[1]['bbox'], [[0, 0, 59, 79]])


@pytest.mark.parametrize(('names', 'images', 'expected'), [
    (['a', 'b'], ['b', 'c'], ['b', None]),
    (['x/a', 'a'], ['a', 'x/a', 'y/a'], ['a', 'x/a', None]),
    (['images/a', 'images/x/b'], ['a', 'x/b', 'y/b'], ['images/a', 'images/x/b', None]),
    (['b', 'x/a'], ['x/a', 'x/b'], ['x/a', None]),
    (['b'], ['x/b'], ['b']),
    (['./a'], ['a'], ['./a']),
    (['/old/x/a', '/old/y/a'], ['x/a', 'y/a', 'a'], ['/old/x/a', '/old/y/a', None]),
    (['other'], ['a'], [None])])
def test_names_are_matched_to_images(names: list[str], images: list[str], expected: list[str | None]) -> None:
    assert match_names(names, [(name, Path('/data/images', name)) for name in images], source='it') == expected


@pytest.mark.parametrize(('names', 'images', 'words'), [
    (['a'], ['x/a', 'y/a'], r'a, which may be .*x/a or .*y/a'),
    (['/old/x/a', '/old/y/a'], ['a'], r'/old/x/a and /old/y/a, and either may be the image a')])
def test_names_that_fit_several_images_are_refused(names: list[str], images: list[str], words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        match_names(names, [(name, Path('/data/images', name)) for name in images], source='it')


def test_boxes_of_no_image_are_refused(tmp_path: Path) -> None:
    odd_images.write(tmp_path, {'a.png': odd_images.readable()['colour.png']})
    (tmp_path / 'boxes.json').write_text('{"a.png": []}')
    with pytest.raises(DistilPoseError, match=r'boxes.json has no box of any image'):
        build(data_root=str(tmp_path), boxes='boxes.json')


@pytest.mark.parametrize(('files', 'kwargs', 'words'), [
    ({}, {}, 'has no images'),
    ({'a.txt': b''}, {}, 'has no images'),
    ({}, dict(images='no'), 'cannot be read .No such file'),
    ({'list.txt': b'\n\n'}, dict(images='list.txt'), 'is empty'),
    ({'list.json': b'{"a": 1}'}, dict(images='list.json'), r'must be a list of file names.*found \{"a": 1\}'),
    ({'list.txt': b'\xff\xfe'}, dict(images='list.txt'), 'it is not text'),
    ({'a.jpg': b'', 'b.jpg': b'x'}, {}, '2 of 2 unlabelled samples are left out: 2 not readable .* no image is left'),
    ({'list.txt': b'a.jpg\nb.jpg'}, dict(images='list.txt'), '2 of 2 unlabelled samples are left out'),
])
def test_nothing_to_learn_from_is_refused(tmp_path: Path, files: dict[str, bytes], kwargs: dict[str, Any],
                                          words: str) -> None:
    odd_images.write(tmp_path, files)
    with pytest.raises(DistilPoseError, match=words):
        build(data_root=str(tmp_path), **kwargs)


def test_held_out_images_that_cannot_be_used_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    odd_images.write(tmp_path / 'a', {f'{number}.png': odd_images.readable()['colour.png'] for number in range(9)})
    (name,) = held_out([f'{number}.png' for number in range(9)])
    (tmp_path / 'boxes.json').write_text(json.dumps({f'{number}.png': [[0, 0, 40, 40]] for number in range(9)} |
                                                    {name: []}))
    with pytest.raises(DistilPoseError, match='no box of any of the 1 images that are held out'):
        build(data_root=str(tmp_path / 'a'), boxes='../boxes.json', part='val')
    (tmp_path / 'a' / name).write_text('<html>')
    with pytest.raises(DistilPoseError, match='these are all that are held out for validation'):
        build(data_root=str(tmp_path / 'a'), part='val')


def test_images_without_an_entry_among_the_boxes_are_counted(tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(unlabelled, 'print_log', lambda message, *_: logged.append(message))
    odd_images.write(tmp_path, {f'{number}.png': odd_images.readable()['colour.png'] for number in range(3)})
    (tmp_path / 'boxes.json').write_text(json.dumps({'0.png': [[0, 0, 40, 40]]}))
    assert len(build(data_root=str(tmp_path), boxes='boxes.json')) == 3
    assert ['2 of 3 images have no entry' in message for message in logged] == [True]


def test_nothing_named_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='needs images, or a data_root'):
        UnlabelledImages(metainfo=METAINFO)


def test_only_some_may_be_taken(mixture: Path) -> None:
    assert len(build(data_root=str(mixture), indices=3)) == 3
    assert len(build(data_root=str(mixture), indices=100)) == 19


def test_labelled_samples_are_packed_as_such() -> None:
    pack = TRANSFORMS.build(dict(type='PackMixedPoseInputs'))
    sample = dict(img=np.zeros((4, 4, 3), np.uint8), id=3)
    assert pack(dict(sample))['data_samples'].metainfo == dict(id=3)
    assert pack(dict(sample, labelled=False))['data_samples'].metainfo == dict(id=3, labelled=False)
