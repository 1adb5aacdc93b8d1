"""Samples of stored annotations equal those of mmpose: keys, their order, values, types and memory layout."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mmpose
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmpose.registry import DATASETS

import distilpose.datasets  # noqa: F401
from distilpose.annotation_store import cache_folder, data_sets
from distilpose.annotation_store.data_sets import stored_people
from distilpose.annotation_store.stored_columns import Unusual, annotation_columns
from distilpose.config import check_annotations
from distilpose.datasets.grouped_by_image import PeopleOfImageSampler
from distilpose.errors import DistilPoseError
from distilpose.host import data_files

Content = dict[str, Any]
WHOLE_BODY = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder for this test, also for small files."""
    monkeypatch.setenv(cache_folder.VARIABLE, str(tmp_path / 'cache'))
    monkeypatch.setattr(cache_folder, 'SMALLEST_FILE', 0)
    yield tmp_path / 'cache'
    data_files.forget_kept_files()


@functools.cache
def coco() -> dict[str, Any]:
    """COCO's keypoints, read once for all data sets."""
    return Config.fromfile(Path(mmpose.__path__[0], '.mim', 'configs', '_base_', 'datasets', 'coco.py')).dataset_info


def person(number: int, image: int, **changes: Any) -> Content:
    rng = np.random.default_rng(number)
    keypoints = np.c_[rng.uniform(5, 60, (17, 2)).round(1), rng.integers(0, 3, 17)].ravel().tolist()
    keypoints[0:3] = [20, 30, 2]
    return dict(segmentation=[[1.5, 2, 30, 2, 30, 40.25]], num_keypoints=9, area=812.5, iscrowd=0, keypoints=keypoints,
                image_id=image, bbox=[3, 4.5, 40, 50.1], category_id=1, id=number, **changes)


def content() -> Content:
    """Three images, not in the order of their ids, and eight people, not in the order of the images."""
    return dict(
        info=dict(year=2026), images=[dict(id=number, file_name=f'{number}.jpg', width=64, height=48, license=3)
                                      for number in (30, 4, 17)],
        annotations=[person(number, image) for number, image in enumerate((17, 30, 30, 17, 4, 30, 4, 17), start=100)],
        categories=[dict(id=1, name='person', supercategory='person')])


def without(place: int, key: str) -> Callable[[Content], Any]:
    return lambda file: file['annotations'][place].pop(key)


def put(place: int, **values: Any) -> Callable[[Content], None]:
    return lambda file: file['annotations'][place].update(values)


def all_the_same_name(file: Content) -> None:
    for image in file['images']:
        image['file_name'] = 'one.jpg'


ODD: dict[str, Callable[[Content], Any]] = dict(
    usual=lambda file: None,
    crowd=put(1, iscrowd=1),
    no_mark_of_a_crowd=without(2, 'iscrowd'),
    a_mark_that_is_a_bool=put(2, iscrowd=False),
    no_keypoints=put(0, num_keypoints=0, keypoints=[0] * 51),
    keypoints_at_zero=put(3, keypoints=[0, 0, 2] * 17),
    no_number_of_keypoints=without(4, 'num_keypoints'),
    no_area=without(4, 'area'),
    no_outline=without(5, 'segmentation'),
    outline_of_run_lengths=put(5, segmentation=dict(size=[48, 64], counts=[3, 4, 5])),
    box_of_no_size=put(6, bbox=[3, 4, 0, 9]),
    box_outside=put(6, bbox=[70, 4, 9, 9]),
    box_over_the_edge=put(6, bbox=[-4.25, -3, 90, 60.5]),
    whole_numbers=put(6, bbox=[1, 2, 30, 40], area=77),
    other_category_without_keypoints=lambda file: file['annotations'].append(
        dict(id=7, image_id=4, category_id=3, bbox=[1, 2, 3, 4], area=12)),
    image_without_people=lambda file: file['images'].append(dict(id=2, file_name='2.jpg', width=9, height=9)),
    nobody_on_an_image=lambda file: [one.update(iscrowd=1) for one in file['annotations'] if one['image_id'] == 30],
    unknown_fields=put(1, note='größer ☂', more=dict(a=[1, None, True], b=1e-9)),
    scores_of_a_teacher=put(1, keypoint_scores=[0.5] * 17),
    crowd_index=lambda file: file['images'][1].update(crowdIndex=0.25),
    one_name=all_the_same_name,
    nan_of_unlabelled=lambda file: file['annotations'][0]['keypoints'].__setitem__(slice(6, 9), [float('nan'), 0, 0]),
    no_categories=lambda file: file.pop('categories'),
    empty_categories=lambda file: file.update(categories=[]),
    no_box=without(3, 'bbox'),
    escapes_in_names=lambda file: file['images'][0].update(file_name='a"b\t ü.jpg'),
    large_numbers_elsewhere=put(1, note=[10 ** 400, -0.0, 2 ** 63], segmentation=[[[[1]]], [1e308, float('inf')]]),
    names_of_others=lambda file: file['images'][0].update(file_name='ordner/ü ☂.jpg'),
)


def write(folder: Path, change: Callable[[Content], Any] = lambda file: None, **options: Any) -> dict[str, Any]:
    """A config of a data set whose file is stored."""
    file = content()
    change(file)
    path = folder / 'people.json'
    path.write_text(json.dumps(file, indent=options.pop('indent', None)))
    return dict(dict(type='CocoDataset', ann_file=str(path), data_prefix=dict(img=str(folder)), pipeline=[],
                     metainfo=coco()), **options)


def build(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The data set that mmpose builds, and that of stored annotations."""
    with monkeypatch.context() as patch:
        patch.setattr(data_sets, 'reads_store', lambda *args, **kwargs: False)
        expected = DATASETS.build(config)
    loader = 'test_dataloader' if config.get('test_mode') else 'train_dataloader'
    check_annotations(Config({loader: dict(dataset=config)}))
    with monkeypatch.context() as patch:
        patch.setattr(json, 'loads', refuse_large(json.loads))
        patch.setattr(data_files, '_parse', lambda *args: pytest.fail('the file was parsed'))
        found = DATASETS.build(config)
    return expected, found


def refuse_large(loads: Callable[..., Any]) -> Callable[..., Any]:
    def checked(text: Any, **options: Any) -> Any:
        parsed = loads(text, **options)
        assert not isinstance(parsed, dict) or 'annotations' not in parsed
        return parsed
    return checked


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape, found.strides) == (expected.dtype, expected.shape, expected.strides)
        assert found.tobytes() == expected.tobytes() and found.flags.writeable
    else:
        assert found == expected


def samples(dataset: Any) -> list[dict[str, Any]]:
    return [BaseDataset.get_data_info(dataset, index) for index in range(1 - len(dataset), len(dataset))]


@pytest.mark.parametrize('kind', ['CocoDataset', 'QuickCocoDataset'])
@pytest.mark.parametrize('change', ODD.values(), ids=ODD)
def test_odd_files(kind: str, change: Callable[[Content], Any], tmp_path: Path,
                   monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = build(write(tmp_path, change, type=kind), monkeypatch)
    assert stored_people(found) is not None
    assert_same(samples(found), samples(expected))
    assert_same(found.metainfo, expected.metainfo)
    assert_same(found.get_data_info(0), expected.get_data_info(0))
    assert np.array_equal(found.image_files, expected.image_files)


@pytest.mark.parametrize(('change', 'reason'), [
    (lambda file: file['images'].append(file['images'][0]), 'ids of images that repeat'),
    (put(0, id=3.0), 'no whole numbers'), (put(0, keypoints=[1, 2, 2] * 5), 'different lengths'),
    (put(0, iscrowd=None), 'iscrowd'), (lambda file: file['images'][0].pop('width'), 'KeyError')])
def test_files_without_a_place_in_columns_are_parsed_by_mmpose(change: Callable[[Content], Any], reason: str,
                                                               tmp_path: Path) -> None:
    parsed = json.loads(Path(write(tmp_path, change)['ann_file']).read_text())
    with pytest.raises(Unusual, match=reason):
        annotation_columns(parsed)


def test_a_file_without_a_place_in_columns_has_its_samples(tmp_path: Path) -> None:
    config = write(tmp_path, put(0, iscrowd=None))
    check_annotations(Config(dict(train_dataloader=dict(dataset=config))))
    dataset = DATASETS.build(config)
    assert stored_people(dataset) is None and len(dataset) == 8


def whole_body(file: Content) -> None:
    for index, one in enumerate(file['annotations']):
        rng = np.random.default_rng(index)
        for name, count in WHOLE_BODY.items():
            values = np.c_[rng.uniform(1, 40, (count, 2)), rng.integers(0, 3, count)]
            one[name] = (values if index % 2 else values.astype(int)).ravel().tolist()
    file['annotations'][3].update({name: [0] * 3 * count for name, count in WHOLE_BODY.items()})
    file['annotations'][5]['keypoints'] = [0] * 51


def test_whole_bodies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path, whole_body, type='CocoWholeBodyDataset', metainfo=None)
    expected, found = build(config, monkeypatch)
    assert_same(samples(found), samples(expected))
    assert len(found) == 7 and {sample['keypoints'].dtype for sample in samples(found)} == {np.dtype(np.int64),
                                                                                            np.dtype(np.float64)}
    expected, found = build(dict(config, type='CocoDataset'), monkeypatch)
    assert_same(samples(found), samples(expected))
    assert len(found) == 6


def test_own_keypoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ('left', 'right', 'top')
    info = dict(dataset_name='own', keypoint_info={
        index: dict(name=name, id=index, color=[0, 0, 0], type='upper',
                    swap=dict(left='right', right='left').get(name, ''))
        for index, name in enumerate(names)}, skeleton_info={}, joint_weights=[1.0] * 3, sigmas=[0.05] * 3)
    config = write(tmp_path, lambda file: [one.update(keypoints=[9, 8, 2, 0, 0, 0, 7, 6.5, 1])
                                           for one in file['annotations']], metainfo=info)
    expected, found = build(config, monkeypatch)
    assert found.get_data_info(0)['keypoints'].shape == (1, 3, 2)
    assert_same(samples(found), samples(expected))


@pytest.mark.parametrize('options', [
    dict(indices=3), dict(indices=-2), dict(indices=[5, 0, 5]), dict(sample_interval=2), dict(serialize_data=False),
    dict(serialize_data=False, indices=[1, -1]), dict(lazy_init=True), dict(filter_cfg=dict(bbox_score_thr=0.5)),
    dict(test_mode=True)], ids=str)
@pytest.mark.parametrize('kind', ['CocoDataset', 'QuickCocoDataset'])
def test_options(kind: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = build(write(tmp_path, type=kind, **options), monkeypatch)
    found.full_init()
    assert_same(samples(found), samples(expected))
    assert len(found) == len(expected)


@pytest.mark.parametrize('indices', [3, 0, -3, [7, 0, 3], [-1], []])
def test_subsets(indices: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = build(write(tmp_path), monkeypatch)
    assert_same(samples(found.get_subset(indices)), samples(expected.get_subset(indices)))
    for dataset in (found, expected):
        dataset.get_subset_(indices)
    assert_same(samples(found), samples(expected))
    assert len(found) == (len(indices) if isinstance(indices, list) else abs(indices))


@pytest.mark.parametrize(('indices', 'kind'), [(8, AssertionError), ([9], AssertionError), ('a', Exception),
                                               (1.5, TypeError)])
def test_wrong_subsets(indices: Any, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for dataset in build(write(tmp_path), monkeypatch):
        with pytest.raises(kind):
            dataset.get_subset(indices)


@pytest.mark.parametrize('kind', ['CocoDataset', 'QuickCocoDataset'])
def test_data_sets_travel_to_spawned_workers_and_are_copied(kind: str, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = build(write(tmp_path, type=kind), monkeypatch)
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert_same(samples(other), samples(found))
    assert len(pickle.dumps(found.data_bytes)) < 1500


def test_other_readers_of_the_serialised_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = build(write(tmp_path), monkeypatch)
    data = found.data_bytes[found.data_address[1]:found.data_address[2]]
    first = pickle.loads(memoryview(data))
    assert_same(dict(first, sample_idx=2), samples(expected)[len(expected) + 1])


def test_a_sample_belongs_to_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = build(write(tmp_path), monkeypatch)
    sample, again = (BaseDataset.get_data_info(found, 0) for _ in range(2))
    sample['segmentation'][0].append(1)
    sample['raw_ann_info']['bbox'].append(1)
    sample['keypoints'][:] = 0
    sample['bbox'] += 1
    assert_same(BaseDataset.get_data_info(found, 0), again)
    assert again['raw_ann_info']['segmentation'] is not again['segmentation']


def test_images_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for change in (ODD['usual'], ODD['one_name'], ODD['nobody_on_an_image']):
        expected, found = build(write(tmp_path, change), monkeypatch)
        one, other = (PeopleOfImageSampler(dataset, seed=1) for dataset in (found, expected))
        assert np.array_equal(one._image_of_person, other._image_of_person)
        assert list(one) == list(other)


def boxes_file(folder: Path, change: Callable[[list[Content]], Any] = lambda boxes: None) -> str:
    boxes = [dict(image_id=image, category_id=1 + (place == 2), bbox=[place, 2.5, 30.1, 40], score=0.1 * place)
             for place, image in enumerate((4, 30, 30, 17, 4))]
    change(boxes)
    (folder / 'boxes.json').write_text(json.dumps(boxes))
    return str(folder / 'boxes.json')


@pytest.mark.parametrize('options', [dict(), dict(indices=2), dict(filter_cfg=dict(bbox_score_thr=0.25))], ids=str)
@pytest.mark.parametrize('change', [lambda boxes: None, lambda boxes: boxes[0].update(score=1, bbox=[1, 2, 3, 4, 5])])
def test_detected_boxes(options: dict[str, Any], change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path, test_mode=True, bbox_file=boxes_file(tmp_path, change), **options)
    expected, found = build(config, monkeypatch)
    assert (stored_people(found) is None) == ('filter_cfg' in options)
    assert_same(samples(found), samples(expected))
    assert_same(found.metainfo, expected.metainfo)


def test_images_outside_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path)
    build(config, monkeypatch)
    with pytest.raises(DistilPoseError, match='outside of the folders'):
        DATASETS.build(dict(config, data_prefix=dict(img=str(tmp_path / 'images')),
                            ann_file=write(tmp_path, lambda file: file['images'][0].update(
                                file_name='../../one.jpg'))['ann_file']))


def test_classes_with_methods_of_their_own_read_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: Any = DATASETS.get('QuickCocoDataset')

    class Own(kind):
        def load_data_list(self) -> Any:
            return super().load_data_list()[:1]

    class OwnFilter(kind):
        def filter_data(self) -> Any:
            return [one for one in self.data_list if one['img_id'] == 4]

    config = write(tmp_path)
    build(config, monkeypatch)
    for own, count in ((Own, 1), (OwnFilter, 2)):
        dataset: Any = own(**{key: value for key, value in config.items() if key != 'type'})
        assert stored_people(dataset) is None and len(dataset) == count


@pytest.mark.parametrize('indent', [None, 2])
def test_a_file_with_another_layout(indent: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, found = build(write(tmp_path, ODD['unknown_fields'], indent=indent), monkeypatch)
    assert_same(samples(found), samples(expected))
