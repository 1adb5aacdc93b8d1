"""Samples from a crop store are those from files, and a store that is not theirs is refused."""

from __future__ import annotations

import os
import shutil
import signal
from io import FileIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader

from distilpose.config.teacher_crop import CropSpec, with_teacher_crop, with_teacher_crops
from distilpose.crop_store import store as store_module
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.structures import NetworkInput

from . import people

TEACHER = NetworkInput(size=(96, 72), padding=1.5)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return people.write(tmp_path_factory.mktemp('people') / 'data')


@pytest.mark.parametrize('steps', [
    people.pipeline(), people.pipeline(people.MMPOSE), people.pipeline(people.MMPOSE, use_udp=True),
    people.pipeline(()), with_teacher_crop(people.pipeline(), TEACHER),
    with_teacher_crop(people.pipeline(), TEACHER, view='unaugmented'),
    with_teacher_crop(people.pipeline(()), NetworkInput(size=(96, 72), padding=3.0), view='unaugmented')],
    ids=['published', 'mmpose', 'udp', 'none', 'own', 'unaugmented', 'wide'])
def test_samples_are_those_of_files(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: Any) -> None:
    """To the bit, from an empty and from a full store, which has all that is needed."""
    plain, stored = people.dataset(folder, steps), people.dataset(folder, steps)
    opened = people.with_store(stored, tmp_path / 'store')
    expected = people.pixels(plain, seeds=10)
    np.testing.assert_array_equal(people.pixels(stored, seeds=1), expected[:len(plain)])
    assert opened.store.bytes_filled == opened.store.bytes_in_all > 0
    people.refuse_files(monkeypatch)
    np.testing.assert_array_equal(people.pixels(stored, seeds=10), expected)
    one, other = (people.sample(data, 3)['data_samples'] for data in (plain, stored))
    assert torch.equal(one.gt_instance_labels.keypoint_labels, other.gt_instance_labels.keypoint_labels)
    assert one.metainfo.keys() == other.metainfo.keys() and one.img_shape == other.img_shape
    assert 'teacher_image' not in one or torch.equal(one.teacher_image, other.teacher_image)
    opened.detach()
    monkeypatch.undo()
    np.testing.assert_array_equal(people.pixels(stored, seeds=1), expected[:len(plain)])


def test_a_wider_crop_of_the_teacher_is_completed_from_the_file(folder: Path, tmp_path: Path) -> None:
    people.pixels(_opened(folder, tmp_path)[0])
    steps = with_teacher_crop(people.pipeline(), NetworkInput(size=(96, 72), padding=4.0))
    stored, plain = _opened(folder, tmp_path, steps)[0], people.dataset(folder, steps)
    for index in range(len(plain)):
        one, other = (people.sample(data, index) for data in (stored, plain))
        assert torch.equal(one['inputs'], other['inputs'])
        assert torch.equal(one['data_samples'].teacher_image, other['data_samples'].teacher_image)


def test_crops_of_several_teachers_are_within_the_store(folder: Path, tmp_path: Path) -> None:
    teachers = dict(body=CropSpec(NetworkInput(size=(48, 64), padding=1.0)),
                    hands=CropSpec(NetworkInput(size=(96, 72), padding=4.0)))
    stored, plain = (_opened(folder, tmp_path, with_teacher_crops(people.pipeline(), teachers))[0],
                     people.dataset(folder, with_teacher_crops(people.pipeline(), teachers)))
    for _ in range(2):  # the second time from the store
        for index in range(len(plain)):
            one, other = (people.sample(data, index)['data_samples'] for data in (stored, plain))
            for name in teachers:
                assert torch.equal(one.get(f'teacher_image_{name}'), other.get(f'teacher_image_{name}'))


def test_reduced_pixels_are_close(folder: Path, tmp_path: Path) -> None:
    steps = [dict(step, input_size=(12, 16)) if step['type'] == 'DecodingTopdownAffine' else step
             for step in with_teacher_crop(people.pipeline(), NetworkInput(size=(12, 16), padding=1.25))]
    steps = [dict(step, crop=dict(step['crop'], input_size=(12, 16))) if step['type'] == 'TeacherCrop' else step
             for step in steps]
    stored, plain = people.dataset(folder, steps), people.dataset(folder, steps)
    opened = people.with_store(stored, tmp_path / 'store', reduced=True)
    assert opened.store.plan.reductions.max() > 1
    difference = np.abs(people.pixels(stored).astype(int) - people.pixels(plain))
    assert 0 < difference.mean() < 6


def test_worker_processes_fill_it_together(folder: Path, tmp_path: Path) -> None:
    data, opened = _opened(folder, tmp_path)
    for _ in DataLoader(data, batch_size=3, num_workers=2, collate_fn=list):
        pass
    assert opened.store.bytes_filled == opened.store.bytes_in_all
    assert opened.store._states.all()  # seen by this process


def _opened(folder: Path, tmp_path: Path, steps: Any = None) -> Any:
    data = people.dataset(folder, steps)
    return data, people.with_store(data, tmp_path / 'store')


def test_a_changed_image_is_refused_and_a_moved_one_is_not(folder: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(folder, tmp_path / 'data'))
    people.pixels(_opened(moved, tmp_path)[0], seeds=1)
    for file in (moved / 'images').iterdir():
        os.utime(file, (1, 1))
    data, _ = _opened(moved, tmp_path)
    expected = people.pixels(data, seeds=1)
    image = cv2.imread(str(moved / 'images' / '3.jpg'))
    cv2.imwrite(str(moved / 'images' / '3.jpg'), 255 - image)
    with pytest.raises(DistilPoseError, match=r'pixels of another .*3\.jpg: the image changed since they were stored'):
        people.pixels(_opened(moved, tmp_path)[0], seeds=1)
    assert len(expected) == 12


def test_damaged_and_half_written_pixels_are_written_again(folder: Path, tmp_path: Path) -> None:
    data, opened = _opened(folder, tmp_path)
    expected = people.pixels(data, seeds=1)
    with open(tmp_path / 'store/0/pixels.bin', 'r+b') as file:
        file.seek(opened.store.bytes_in_all // 2)
        file.write(b'\x01\x02\x03')
    data, _ = _opened(folder, tmp_path)
    np.testing.assert_array_equal(people.pixels(data, seeds=1), expected)


def test_a_process_that_ends_between_pixels_and_mark_continues(folder: Path, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """Header, plan and some images are there; the last image has pixels without a mark."""
    data, opened = _opened(folder, tmp_path)
    sizes = []

    def killed(file: FileIO, offset: int, content: Any) -> None:
        sizes.append(len(memoryview(content).cast('B')))
        if len(sizes) == 4:
            raise KeyboardInterrupt
        os.pwrite(file.fileno(), content, offset)

    monkeypatch.setattr('distilpose.crop_store.store.write_slot', killed)
    with pytest.raises(KeyboardInterrupt):
        people.pixels(data, seeds=1)
    monkeypatch.undo()
    assert 0 < opened.store.bytes_filled < opened.store.bytes_in_all
    np.testing.assert_array_equal(people.pixels(_opened(folder, tmp_path)[0]), people.pixels(people.dataset(folder)))


@pytest.mark.slow
@pytest.mark.parametrize('calls', range(1, 5))
def test_a_killed_process_leaves_whole_images_or_empty_ones(folder: Path, tmp_path: Path, calls: int) -> None:
    """The process ends itself in the middle of a write, of which there are two an image."""
    data, opened = _opened(folder, tmp_path)
    done: list[int] = []

    def write_half_and_die(file: FileIO, offset: int, content: Any) -> None:
        content = bytes(content)
        done.append(offset)
        if len(done) == calls:
            os.pwrite(file.fileno(), content[:len(content) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        os.pwrite(file.fileno(), content, offset)

    if (child := os.fork()) == 0:
        try:
            store_module.write_slot = write_half_and_die
            people.pixels(data, seeds=1)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    opened.store.close()
    np.testing.assert_array_equal(people.pixels(_opened(folder, tmp_path)[0]), people.pixels(people.dataset(folder)))


def test_a_full_disk_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    data, opened = _opened(folder, tmp_path)
    if not Path('/dev/full').exists():
        pytest.skip('no file that is always full')
    opened.store._pixel_file = FileIO('/dev/full', 'r+')
    with pytest.raises(RunFailed, match='No space left on device; make room and go on with --resume'):
        people.pixels(data, seeds=1)


@pytest.mark.parametrize('options, reason', [
    (dict(steps=people.pipeline(people.MMPOSE)), 'different reach of the augmentation .*shift 0.16, scale 1.5'),
    (dict(indices=7), 'different number of samples'),
    (dict(indices=list(range(11, -1, -1))), 'different choice of samples'),
    (dict(reduced=True), 'different resolution')])
def test_a_store_for_something_else_is_refused(folder: Path, tmp_path: Path, options: dict[str, Any],
                                               reason: str) -> None:
    _opened(folder, tmp_path)
    reduced = options.pop('reduced', False)
    with pytest.raises(DistilPoseError, match=reason):
        people.with_store(people.dataset(folder, **options), tmp_path / 'store', reduced=reduced)


def test_a_folder_that_cannot_be_made_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(DistilPoseError, match=r'the folder .*file/0 of the crop store cannot be made \(Not a dir'):
        people.with_store(people.dataset(folder), tmp_path / 'file')


def test_a_broken_plan_is_refused(folder: Path, tmp_path: Path) -> None:
    _opened(folder, tmp_path)
    plan = tmp_path / 'store/0/plan.npz'
    plan.write_bytes(plan.read_bytes()[:-30])
    with pytest.raises(DistilPoseError, match='cannot be read as the plan of a crop store'):
        _opened(folder, tmp_path)


def test_nothing_is_written_where_the_disk_is_too_small(folder: Path, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: type('Usage', (), dict(free=1000)))
    with pytest.raises(DistilPoseError, match=r'needs .* for each of 12 people on 5 images.* the disk has 1 kB left'):
        _opened(folder, tmp_path)
    assert not (tmp_path / 'store').exists()


def test_steps_that_cannot_be_known_are_refused(folder: Path, tmp_path: Path) -> None:
    unknown = people.pipeline([dict(type='PhotometricDistortion')])
    with pytest.raises(DistilPoseError, match="how far the pipeline's step PhotometricDistortion"):
        _opened(folder, tmp_path, unknown)
    plain = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(48, 64)),
             dict(type='PackPoseInputs')]
    with pytest.raises(DistilPoseError, match='needs the steps LoadEncodedImage and DecodingTopdownAffine.*with_fast'):
        _opened(folder, tmp_path, plain)


def test_unlabelled_images_beside_labelled_people(folder: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """In a combined data set, whose pipeline crops both."""
    init_default_scope('mmpose')
    metainfo = dict(from_file='configs/_base_/datasets/coco.py')
    labelled = dict(type='QuickCocoDataset', data_root=f'{folder}/', ann_file='annotations/people.json',
                    data_prefix=dict(img='images/'), pipeline=[])
    mixture = dict(type='CombinedDataset', metainfo=metainfo, pipeline=people.pipeline(people.MMPOSE), datasets=[
        labelled, dict(type='UnlabelledImages', data_root=str(folder / 'images'), metainfo=metainfo)])
    plain, stored = (DATASETS.build(mixture) for _ in range(2))
    people.with_store(stored, tmp_path / 'store')
    expected = people.pixels(plain)
    np.testing.assert_array_equal(people.pixels(stored, seeds=1), expected[:len(plain)])
    people.refuse_files(monkeypatch)
    np.testing.assert_array_equal(people.pixels(stored), expected)
    assert (tmp_path / 'store/1/pixels.bin').exists()


def test_a_broken_image_is_left_to_what_reads_files(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / 'data'))
    (copy / 'images/2.jpg').write_bytes(b'no image')
    data, opened = _opened(copy, tmp_path)
    place = next(index for index in range(len(data)) if data.get_data_info(index)['img_path'].endswith('2.jpg'))
    for one in (people.dataset(copy), data):
        with pytest.raises(AssertionError, match='failed to load image'):  # mmpose's
            people.sample(one, place)
    assert not opened.store.lengths.all()


@pytest.mark.parametrize('kind, folder_of, file', [
    ('MpiiDataset', 'mpii', 'test_mpii.json'), ('CrowdPoseDataset', 'crowdpose', 'test_crowdpose.json'),
    ('CocoWholeBodyDataset', 'coco', 'test_coco_wholebody.json')])
def test_other_data_sets(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, folder_of: str,
                         file: str) -> None:
    images = shared / 'data/mmpose_samples' / folder_of
    options = dict(type=kind, data_root='', ann_file=str(images / file), data_prefix=dict(img=f'{images}/'))
    plain, stored = (people.dataset(images, people.pipeline(people.MMPOSE), **options) for _ in range(2))
    people.with_store(stored, tmp_path / 'store')
    expected = people.pixels(plain, seeds=2)
    people.pixels(stored, seeds=1)
    people.refuse_files(monkeypatch)
    np.testing.assert_array_equal(people.pixels(stored, seeds=2), expected)
