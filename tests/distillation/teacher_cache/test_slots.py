"""Samples know their slot."""

from __future__ import annotations

import pickle

import numpy as np
import torch
from mmpose.structures import PoseDataSample

from distilpose.distillation.teacher_cache import MarkedPreparation
from distilpose.distillation.teacher_cache.slots import read_slots


def prepare(index: int) -> dict | None:
    if index == 2:
        return None
    image = np.random.default_rng(index).integers(0, 255, (3, 8, 6), dtype=np.uint8)
    return dict(inputs=torch.from_numpy(image), data_samples=PoseDataSample(metainfo=dict(id=index)))


def test_a_slot_is_a_variant_of_a_sample() -> None:
    variant = torch.zeros((), dtype=torch.int64)
    marked = MarkedPreparation(prepare, variant=variant, length=10)
    first = [marked(index) for index in (3, 0)]
    variant.fill_(2)
    samples = [sample['data_samples'] for sample in [*first, marked(3)]]
    slots, crops = read_slots(samples)
    assert slots.tolist() == [3, 0, 23]
    assert crops[0] == crops[2] != crops[1]
    assert [sample.metainfo['id'] for sample in samples] == [3, 0, 3]


def test_a_sample_that_failed_stays_none() -> None:
    assert MarkedPreparation(prepare, variant=torch.zeros(()), length=10)(2) is None


def test_a_crop_in_another_memory_layout_is_the_same() -> None:
    def transposed(index: int) -> dict:
        sample = prepare(index)
        return dict(sample, inputs=sample['inputs'].permute(1, 2, 0).contiguous().permute(2, 0, 1))

    marks = [MarkedPreparation(way, variant=torch.zeros(()), length=10)(1) for way in (prepare, transposed)]
    one, other = (read_slots([pickle.loads(pickle.dumps(sample['data_samples']))]) for sample in marks)
    assert one == other
