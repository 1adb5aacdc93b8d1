"""Broken images of a training are left out, counted and named, up to a limit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS, HOOKS

from distilpose.checkpoints import load_file
from distilpose.datasets.broken_images import (
    BrokenImages,
    SkippingPipeline,
    image_paths,
    labelled_datasets,
    leave_out_broken,
)
from distilpose.engine import train
from distilpose.engine.hooks import SkippedImagesHook
from distilpose.engine.hooks.randomness import SeededPreparation
from distilpose.errors import DistilPoseError, SampleFailed
from tests.datasets import odd_images
from tests.engine.ends import first_difference
from tests.engine.hooks.test_exact_resume import assert_exact
from tests.engine.processes import run_in_two_processes

_TWO_PROCESSES = """
import sys
from pathlib import Path
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
config, data, folder = map(Path, sys.argv[1:])
options = {'default_hooks.skipped_images.max_share': 0.3}
train(config, data_root=data, work_dir=folder / 'whole', validate=False, launcher='pytorch', options=options)
train(config, data_root=data, work_dir=folder / 'parts', validate=False, launcher='pytorch', options=options,
      resume=str(folder / 'whole' / 'epoch_1.pth'))
"""
MakeConfig = Callable[..., Path]
KINDS = {**odd_images.unreadable(), 'missing.png': None}
ALLOWED = {'default_hooks.skipped_images.max_share': 0.1}


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Path:
    """Data that a test may change."""
    return shutil.copytree(tiny_data, tmp_path / 'data')


def breaks(data: Path, number: int, content: bytes | None = b'') -> Path:
    file = data / 'images' / f'{number:03}.png'
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    return file


@DATASETS.register_module(force=True)
class ImagesOfItsOwn(BaseCocoStyleDataset):
    """Finds its images in a way that is only known when it is built."""

    METAINFO: dict = dict(from_file='configs/_base_/datasets/coco.py')

    def load_data_list(self) -> list[dict]:
        return super().load_data_list()


@HOOKS.register_module(force=True)
class BreakImages(Hook):
    """Empties images when the second epoch begins."""

    def __init__(self, files: list[str]) -> None:
        self.files = files

    def before_train_epoch(self, runner: Any) -> None:
        if runner.epoch == 1:
            for file in self.files:
                Path(file).write_bytes(b'')


def build(data: Path, *, kind: str = 'CocoDataset', **options: Any) -> Any:
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(type=kind, data_root=str(data), ann_file='annotations/people.json',
                                   data_prefix=dict(img='images/'), **options))


STEPS = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomBBoxTransform'),
         dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]


def guarded(data: Path, *, max_share: float = 0.2, **options: Any) -> tuple[Any, BrokenImages]:
    """A data set as a training has it, seeded by index and epoch."""
    dataset = build(data, **{'pipeline': STEPS, **options})
    broken = BrokenImages(image_paths(dataset), max_share=max_share)
    leave_out_broken(dataset, broken)
    dataset.prepare_data = SeededPreparation(dataset.prepare_data, stream=(0, ), length=len(dataset))
    return dataset, broken


def images(samples: list[Any]) -> list[str]:
    return [Path(sample['data_samples'].img_path).name for sample in samples]


@pytest.mark.parametrize('name', sorted(KINDS))
def test_another_sample_takes_the_place_by_index_and_epoch(data: Path, name: str) -> None:
    breaks(data, 3, KINDS[name])
    dataset, broken = guarded(data)
    found = [dataset[index] for index in range(12)]
    assert images(found[:2] + found[3:]) == [f'{number:03}.png' for number in range(1, 13) if number != 3]
    assert images(found)[2] != '003.png' and int(broken.is_broken.sum()) == 1
    again = guarded(data)[0][2]  # in a run of its own
    assert np.array_equal(again['inputs'], found[2]['inputs']) and images([again]) == images(found)[2:3]
    places = set()
    for epoch in range(5):
        dataset.prepare_data.epoch.fill_(epoch)
        places.update(images([dataset[2]]))
    assert len(places) > 1  # not always the same one


def test_whole_samples_are_found_among_many_broken_ones(data: Path) -> None:
    """Also where a sample is replaced by itself at first, or two by each other."""
    for number in range(1, 12):
        breaks(data, number)
    dataset, broken = guarded(data, max_share=1.0)
    for epoch in range(3):
        dataset.prepare_data.epoch.fill_(epoch)
        assert images([dataset[index] for index in range(12)]) == ['012.png'] * 12
    assert int(broken.is_broken.sum()) == 11


def test_more_than_the_limit_end_it(data: Path) -> None:
    for number in (2, 3, 4):
        breaks(data, number)
    dataset, _ = guarded(data)
    assert images([dataset[1]]) != ['002.png']
    with pytest.raises(SampleFailed, match=r'3 of the 12 images to train on cannot be read .*002\.png is empty \(0 '
                                           r'bytes\).* at most 2.*default_hooks\.skipped_images\.max_share=0\.25'):
        [dataset[index] for index in range(12)]


def test_errors_of_the_pipeline_are_errors(data: Path) -> None:
    dataset, broken = guarded(data, pipeline=[*STEPS[:1], dict(type='TopdownAffine', input_size=(48, 64))])
    with pytest.raises(KeyError, match='bbox_scale'):
        dataset[0]
    assert not broken.is_broken.any()


def test_a_loader_that_ignores_broken_images_does_not_hide_them(data: Path) -> None:
    breaks(data, 3)
    dataset, broken = guarded(data, pipeline=[dict(type='LoadImage', ignore_empty=True), *STEPS[1:]])
    assert images([dataset[2]]) != ['003.png'] and int(broken.is_broken.sum()) == 1


def test_a_panorama_that_opencv_cannot_crop(data: Path) -> None:
    breaks(data, 3, cv2.imencode('.png', np.zeros((2, 40000, 3), np.uint8))[1].tobytes())
    dataset, broken = guarded(data)
    assert images([dataset[2]]) != ['003.png'] and int(broken.is_broken.sum()) == 1


def test_combined_data_sets(data: Path, tiny_data: Path) -> None:
    breaks(data, 3)
    parts = [dict(type='CocoDataset', data_root=str(root), ann_file='annotations/people.json',
                  data_prefix=dict(img='images/'), pipeline=[]) for root in (tiny_data, data)]
    metainfo = dict(from_file='configs/_base_/datasets/coco.py')
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(dict(type='CombinedDataset', metainfo=metainfo, datasets=parts, pipeline=STEPS))
    broken = BrokenImages((path for part in dataset.datasets for path in image_paths(part)), max_share=0.05)
    leave_out_broken(dataset, broken)
    assert len(broken.paths) == 24
    assert images([dataset[14]]) != ['003.png'] and int(broken.is_broken.sum()) == 1


@pytest.mark.parametrize('wrap', [lambda dataset: RepeatDataset(dataset, times=2),
                                  lambda dataset: ConcatDataset([dataset, dataset])], ids=['repeated', 'concatenated'])
def test_data_sets_around_others(data: Path, wrap: Callable[[Any], Any]) -> None:
    breaks(data, 3)
    dataset = wrap(build(data, pipeline=STEPS))
    broken = BrokenImages((path for part in labelled_datasets(dataset) for path in image_paths(part)), max_share=0.1)
    leave_out_broken(dataset, broken)
    assert len(broken.paths) == 12
    assert '003.png' not in images([dataset[2], dataset[14]]) and int(broken.is_broken.sum()) == 1


def test_images_of_a_part_of_a_data_set(data: Path) -> None:
    assert len(image_paths(build(data, pipeline=[]))) == 12
    assert [Path(path).name for path in image_paths(build(data, pipeline=[], indices=[2]))] == ['003.png']


def test_images_of_other_machines_are_left_alone(data: Path) -> None:
    loading = dict(type='LoadImage', backend_args=dict(backend='petrel'))
    assert labelled_datasets(build(data, pipeline=[loading])) == []


def jpeg_that_fails_late() -> bytes:
    """Has a size and an end, and tables that cannot be decoded with."""
    data = cv2.imencode('.jpg', np.zeros((80, 60, 3), np.uint8))[1].tobytes()
    place = data.index(b'\xff\xc4')
    return data[:place + 4] + b'\xff' * 20 + data[place + 24:]


@pytest.mark.parametrize('content', [None, b'', jpeg_that_fails_late()], ids=['missing', 'empty', 'late'])
def test_staged_pipelines_replace_the_same_samples(data: Path, content: bytes | None) -> None:
    breaks(data, 3, content)
    steps = [dict(type='LoadEncodedImage'), *STEPS[1:3], dict(type='DecodingTopdownAffine', input_size=(48, 64)),
             STEPS[4]]
    dataset, broken = guarded(data, kind='QuickCocoDataset', pipeline=steps)
    staged = dataset.__getitems__([1, 2, 3, 2])
    single = [guarded(data, kind='QuickCocoDataset', pipeline=steps)[0][index] for index in (1, 2, 3, 2)]
    assert images(staged) == images(single) and '003.png' not in images(staged)
    for one, other in zip(staged, single, strict=True):
        assert np.array_equal(one['inputs'], other['inputs'])
    assert int(broken.is_broken.sum()) == 1


def test_only_data_sets_that_take_another_sample_are_prepared(data: Path) -> None:
    dataset = build(data, pipeline=STEPS, test_mode=True)
    leave_out_broken(dataset, BrokenImages([], max_share=0.0))
    assert not isinstance(dataset.pipeline, SkippingPipeline)


@pytest.mark.parametrize('workers', [0, 2])
def test_a_training_names_them_once(make_config: MakeConfig, data: Path, tmp_path: Path, workers: int) -> None:
    broken = str(data / 'images' / '003.png')
    runner = train(make_config(workers=workers, epochs=3), data_root=data, work_dir=tmp_path / 'run', validate=False,
                   options={**ALLOWED, 'custom_hooks': [dict(type='BreakImages', files=[broken])]})
    log = Path(runner.logger.log_file).read_text()
    assert log.count('1 of the 12 images to train on cannot be read') == 1
    assert f'{broken} is empty (0 bytes)' in log and 'when there are more than 1' in log


@pytest.mark.parametrize('workers', [0, 2])
def test_a_training_that_counts_iterations(make_config: MakeConfig, data: Path, tmp_path: Path, workers: int) -> None:
    broken = breaks(data, 3)
    runner = train(make_config(workers=workers), data_root=data, work_dir=tmp_path / 'run', validate=False, options={
        **ALLOWED, 'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=4),
        'default_hooks.checkpoint.by_epoch': False, 'log_processor.by_epoch': False,
        'train_dataloader.sampler': dict(type='InfiniteSampler', shuffle=True)})
    log = Path(runner.logger.log_file).read_text()
    assert log.count(f'1 of the 12 images to train on cannot be read ({broken} is empty') == 1


def test_a_training_ends_when_there_are_more(make_config: MakeConfig, data: Path, tmp_path: Path) -> None:
    files = [str(data / 'images' / f'00{number}.png') for number in (2, 3)]
    with pytest.raises(SampleFailed, match='2 of the 12 images .* at most 1.*can be resumed from') as failed:
        train(make_config(epochs=3), data_root=data, work_dir=tmp_path / 'run', validate=False,
              options={**ALLOWED, 'custom_hooks': [dict(type='BreakImages', files=files)]})
    assert failed.value.exit_code == 1


@pytest.mark.parametrize('workers', [0, 1])
def test_validation_is_never_without_an_image(make_config: MakeConfig, data: Path, tmp_path: Path,
                                              workers: int) -> None:
    file = str(data / 'images' / '003.png')
    with pytest.raises(SampleFailed) as failed:
        train(make_config(epochs=3), data_root=data, work_dir=tmp_path / 'run', options={
            **ALLOWED, 'val_dataloader.num_workers': workers,
            'custom_hooks': [dict(type='BreakImages', files=[file])]})
    sentence = str(failed.value)
    assert sentence.startswith(f'the image {file} (annotation 3) could not be prepared by LoadImage: it is empty')
    assert sentence.count('mend or remove this image') == 1 and '\n' not in sentence


@pytest.mark.slow
def test_two_processes_count_together(make_config: MakeConfig, data: Path, tmp_path: Path) -> None:
    """Each process meets images of its own; both go on with the same number, and resume alike."""
    for number in (3, 4, 5):
        breaks(data, number)
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, make_config(), data, tmp_path)
    assert '3 of the 12 images to train on cannot be read' in output
    assert first_difference(load_file(tmp_path / 'whole' / 'epoch_2.pth'),
                            load_file(tmp_path / 'parts' / 'epoch_2.pth')) is None


@pytest.mark.parametrize(('loader', 'broken'), [('train', 1), ('train', 2), ('val', 1)])
def test_own_data_sets_are_looked_at_when_the_training_starts(make_config: MakeConfig, data: Path, tmp_path: Path,
                                                              loader: str, broken: int) -> None:
    for number in range(1, broken + 1):
        breaks(data, number)
    options = {**ALLOWED, f'{loader}_dataloader.dataset.type': 'ImagesOfItsOwn',
               f'{loader}_dataloader.dataset.data_root': f'{data}/'}
    if (loader, broken) == ('train', 1):
        log = Path(train(make_config(epochs=1), work_dir=tmp_path / 'run', options=options).logger.log_file).read_text()
        assert log.count('1 of 12 images cannot be read') == 1
        return
    with pytest.raises(DistilPoseError, match=rf'{broken} of 12 images cannot be read.*{loader}_dataloader') as failed:
        train(make_config(epochs=1), work_dir=tmp_path / 'run', options=options)
    assert failed.value.exit_code == 2


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resumed_run_ends_with_the_same_bits(make_config: MakeConfig, data: Path, tmp_path: Path,
                                               workers: int) -> None:
    breaks(data, 3)
    assert_exact(make_config(), tmp_path, after=4, options={
        **ALLOWED, 'train_dataloader.dataset.data_root': f'{data}/', 'train_dataloader.num_workers': workers,
        'train_dataloader.persistent_workers': workers > 0})


@pytest.mark.parametrize('value', [-0.1, 2, 'some', True, None])
def test_the_limit_is_a_share(value: Any) -> None:
    with pytest.raises(DistilPoseError, match='default_hooks.skipped_images.max_share is .* expected a number from 0'):
        SkippedImagesHook(max_share=value)
