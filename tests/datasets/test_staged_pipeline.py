"""Batches made in stages are those made one by one, and leave the generators alike."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmpose.registry import TRANSFORMS
from torch.utils.data import DataLoader

from distilpose.config.data import with_fast_data
from distilpose.datasets import QuickCocoDataset, compact_collate
from distilpose.datasets.staged_pipeline import split_steps
from distilpose.distillation.teacher_cache.store import MarkedPreparation
from distilpose.engine.hooks.randomness import SeededPreparation
from tests.datasets import test_light_annotations as light_annotations
from tests.datasets.transforms.test_lazy_decoding import assert_same, compose, steps

folder = light_annotations.folder
INDICES = [[0, 3, 1], [2, 4], [4, 0, 4]]


class LooksWhenPrepared(QuickCocoDataset):
    def prepare_data(self, idx: int) -> torch.Size:
        return super().prepare_data(idx)['inputs'].shape


class LooksWhenAsked(QuickCocoDataset):
    def __getitem__(self, idx: int) -> torch.Size:
        return super().__getitem__(idx)['inputs'].shape


def build(folder: Path, *, kind: type[QuickCocoDataset] = QuickCocoDataset, with_blur: bool = False,
          **options: bool) -> QuickCocoDataset:
    base = dict(steps(), train_dataloader=dict(dataset=dict(type='CocoDataset')))
    base['train_pipeline'] = [step for step in base['train_pipeline'] if with_blur or step['type'] != 'RandomBlur']
    base['train_pipeline'][-1] = dict(type='PackPoseInputs')
    pipeline = compose(with_fast_data(base, **options)[0])
    dataset = light_annotations.build(kind, folder, pipeline=pipeline.transforms)
    dataset.prepare_data = SeededPreparation(dataset.prepare_data, stream=(7, ), length=len(dataset))
    return dataset


def record(dataset: QuickCocoDataset) -> list[str]:
    """The steps that run from now on, in their order."""
    ran: list[str] = []

    def recorded(name: str, step: Callable) -> Callable:
        return lambda results: (ran.append(name), step(results))[1]

    for step in dataset.pipeline.transforms:
        step.transform = recorded(type(step).__name__, step.transform)
    return ran


def state() -> tuple[Any, ...]:
    return np.random.random(), random.random()


@pytest.mark.parametrize('options', [{}, dict(together=True), dict(reduced=True), dict(with_blur=True)],
                         ids=['shuffled', 'together', 'reduced', 'blurred'])
def test_batches_are_those_of_single_samples(folder: Path, options: dict[str, bool]) -> None:
    dataset, flipped = build(folder, **options), set()
    for epoch in range(8):
        dataset.prepare_data.epoch.fill_(epoch)
        for indices in INDICES:
            expected, state_behind = [dataset[index] for index in indices], state()
            found = dataset.__getitems__(indices)
            assert state() == state_behind
            for ours, theirs in zip(found, expected, strict=True):
                assert_same(ours, theirs)
                flipped.add(ours['data_samples'].flip)
    assert flipped == {True, False}


def test_torch_asks_for_batches(folder: Path) -> None:
    dataset = build(folder)
    expected = [dataset[index] for index in range(5)]
    ran = record(dataset)
    batches = list(DataLoader(dataset, batch_size=3, collate_fn=compact_collate))
    assert [len(batch['inputs']) for batch in batches] == [3, 2]
    assert torch.equal(torch.cat([batch['inputs'] for batch in batches]),
                       torch.stack([sample['inputs'] for sample in expected]))
    first = ran[:len(ran) * 3 // 5]
    assert first[-9:] == ['DecodingTopdownAffine'] * 3 + ['GenerateTarget'] * 3 + ['PackTrainingInputs'] * 3


def test_steps_that_draw_behind_the_crop_keep_their_numbers(folder: Path) -> None:
    dataset = build(folder, with_blur=True)
    assert split_steps(dataset.pipeline.transforms) == (dataset.pipeline.transforms, [])
    ran = record(dataset)
    dataset.__getitems__([0, 1])
    assert ran[:len(ran) // 2] == ran[len(ran) // 2:]


def test_a_step_of_another_class_may_draw() -> None:
    class Drawing(TRANSFORMS.get('GenerateTarget')):
        """Draws, as far as one can tell."""

    target = dict(encoder=dict(type='RegressionLabel', input_size=(48, 64)))
    crop = TRANSFORMS.build(dict(type='DecodingTopdownAffine', input_size=(48, 64)))
    plain = TRANSFORMS.build(dict(type='GenerateTarget', **target))
    assert split_steps([crop, plain]) == ([], [crop, plain])
    assert split_steps([crop, Drawing(**target)])[1] == []


def test_who_looks_at_samples_gets_them_whole(folder: Path) -> None:
    dataset = build(folder)
    samples = dataset.prepare_data
    samples.prepare = MarkedPreparation(samples.prepare, variant=samples.epoch, length=len(dataset))
    for ours, index in zip(dataset.__getitems__([3, 1]), (3, 1), strict=True):
        assert_same(ours, dataset[index])
        assert ours['data_samples'].teacher_slot[0] == index
    whole = build(folder).prepare_data.prepare
    dataset.prepare_data = lambda index: whole(index)['inputs'].shape
    assert dataset.__getitems__([0]) == [(3, 64, 48)]


@pytest.mark.parametrize('kind', [LooksWhenPrepared, LooksWhenAsked])
def test_a_data_set_that_looks_at_samples_gets_them_whole(folder: Path, kind: type[QuickCocoDataset]) -> None:
    assert build(folder, kind=kind).__getitems__([0, 1]) == [(3, 64, 48)] * 2


def test_the_data_set_is_not_touched(folder: Path) -> None:
    dataset = build(folder)
    before, during = dict(vars(dataset)), []
    for step in dataset.pipeline.transforms:
        run = step.transform
        step.transform = lambda results, run=run: (during.append(dict(vars(dataset))), run(results))[1]
    dataset.__getitems__([0, 1])
    assert len(during) == 2 * len(dataset.pipeline.transforms) and all(found == before for found in during)


def test_one_that_reads_its_annotations_late_reads_them_once(folder: Path) -> None:
    dataset = build(folder)
    expected = [dataset[index] for index in (3, 1)]
    dataset._fully_initialized, reads = False, []
    read = dataset.load_data_list
    dataset.load_data_list = lambda: (reads.append('read'), read())[1]
    for _ in range(2):
        for ours, theirs in zip(dataset.__getitems__([3, 1]), expected, strict=True):
            assert_same(ours, theirs)
    assert reads == ['read'] and dataset._fully_initialized


def test_a_sample_that_the_early_steps_refuse_is_replaced(folder: Path) -> None:
    """Another one is drawn, as for a single sample, from the generators that the first one has seeded."""
    dataset = build(folder)
    first = dataset.pipeline.transforms[0]
    load = first.transform
    refused = dataset.get_data_info(1)['id']
    first.transform = lambda results: None if results['id'] == refused else load(results)
    expected, state_behind = [dataset[index] for index in (0, 1, 2)], state()
    found = dataset.__getitems__([0, 1, 2])
    assert state() == state_behind
    for ours, theirs in zip(found, expected, strict=True):
        assert_same(ours, theirs)


def test_draws_are_counted_for_the_data_set(folder: Path) -> None:
    """Where samples are seeded by how many were drawn before."""
    one, other = build(folder), build(folder)
    for dataset in (one, other):
        dataset.prepare_data.by_draw = True
    expected = [other[index] for index in (0, 3, 1, 0)]
    found = [*one.__getitems__([0, 3]), *one.__getitems__([1, 0])]
    assert one.prepare_data.draws == other.prepare_data.draws == 4
    for ours, theirs in zip(found, expected, strict=True):
        assert_same(ours, theirs)


def test_threads_make_batches_of_one_data_set(folder: Path) -> None:
    """Of the steps that draw nothing, since all threads draw from the same generators."""
    dataset = build(folder)
    dataset.pipeline.transforms = [step for step in dataset.pipeline.transforms
                                   if not type(step).__name__.startswith('Random')]
    del dataset.prepare_data
    expected = [[dataset[index] for index in indices] for indices in INDICES]
    assert split_steps(dataset.pipeline.transforms)[1]
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(dataset.__getitems__, INDICES * 30))
    for number, found in enumerate(batches):
        for ours, theirs in zip(found, expected[number % len(INDICES)], strict=True):
            assert_same(ours, theirs)


def test_a_mistake_leaves_the_pipeline_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build(folder)
    pipeline = dataset.pipeline
    monkeypatch.setattr(pipeline.transforms[0], 'transform', lambda results: {}['not there'])
    with pytest.raises(KeyError, match='not there'):
        dataset.__getitems__([0, 1])
    assert dataset.pipeline is pipeline and isinstance(pipeline, Compose)
