"""Samples moved together against mmengine's way, one by one; `meta` stands for any device but the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import MultilevelPixelData, PoseDataSample
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from distilpose.host.speedups import sample_transfer
from distilpose.host.speedups.sample_transfer import in_one_piece, moved, one_by_one
from tests.networks import batch, distiller

Way = Callable[[PoseDataPreprocessor, Any], Any]
META = torch.device('meta')


class Transfers(TorchDispatchMode):
    """Counts the copies between devices while it is open."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._to_copy.default
        return func(*args, **(kwargs or {}))


def people(size: int = 3) -> list[PoseDataSample]:
    """Samples with tensors of three types and different shapes, arrays, a list of maps and empty targets."""
    samples = batch(size)[1]
    for index, sample in enumerate(samples):
        sample.gt_instances.areas = np.ones(1)
        sample.gt_instance_labels.bins = torch.arange(index + 1)[None]
        sample.gt_instance_labels.visible = torch.rand(1, 2, 4).transpose(1, 2) > 0.5
        sample.gt_instance_labels.nobody = torch.empty(1, 0)
        sample.note = 'a word'
    return samples


def preprocessor(device: torch.device, **options: Any) -> PoseDataPreprocessor:
    return PoseDataPreprocessor(mean=[127.5], std=[127.5], **options).to(device)


def assert_equal(found: Any, expected: Any) -> None:
    """Same types, fields and values, all the way down."""
    assert type(found) is type(expected)
    if isinstance(found, BaseDataElement):
        assert set(found.keys()) == set(expected.keys()) and set(found.all_keys()) == set(expected.all_keys())
        for key, value in expected.all_items():
            assert_equal(getattr(found, key), value)
    elif isinstance(found, Tensor):
        assert found.shape == expected.shape and found.dtype == expected.dtype and found.device == expected.device
        assert found.is_meta or torch.equal(found, expected)
    elif isinstance(found, dict):
        assert_equal(list(found.items()), list(expected.items()))
    elif isinstance(found, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    else:
        np.testing.assert_array_equal(found, expected)


def test_it_is_how_mmposes_preprocessor_moves_samples() -> None:
    assert PoseDataPreprocessor.cast_data is sample_transfer.cast_data


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('stacked', [True, False])
def test_a_preprocessed_batch_is_mmengines(device: torch.device, stacked: bool, training: bool,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randint(0, 256, (3, 3, 64, 48), dtype=torch.uint8)
    data = dict(inputs=images if stacked else list(images), data_samples=people())
    for target in (device, META):
        preprocess = preprocessor(target, non_blocking=True)
        found = preprocess(data, training)
        with monkeypatch.context() as patch:
            patch.setattr(PoseDataPreprocessor, 'cast_data', one_by_one)
            expected = preprocess(data, training)
        assert_equal(found['inputs'], expected['inputs'])
        assert_equal(found['data_samples'], expected['data_samples'])


@pytest.mark.parametrize(('way', 'transfers'), [(one_by_one, 36), (sample_transfer.cast_data, 3)])
def test_every_type_of_number_takes_one_transfer(way: Way, transfers: int) -> None:
    preprocess, samples = preprocessor(META), people(6)
    with Transfers() as count:
        way(preprocess, samples)
    assert count.count == transfers


def test_values_in_one_piece(device: torch.device) -> None:
    """Also where all of it is copied on the CPU."""
    tensors = [torch.rand(2, 3), torch.empty(0), torch.rand(3, 2).T, torch.tensor(5.0)]
    for found, expected in zip(in_one_piece(tensors, device), tensors, strict=True):
        assert_equal(found, expected.to(device))
    found = in_one_piece(tensors, device)
    found[0].zero_()
    assert tensors[0].sum() > 0 and torch.equal(found[2].cpu(), tensors[2])


def test_what_is_added_to_the_result_is_not_the_given_samples() -> None:
    given = people(1)[0]
    before, labels = set(given.all_keys()), set(given.gt_instance_labels.all_keys())
    result = moved([given], torch.device('cpu'), non_blocking=False)[0]
    result.set_metainfo(dict(pad_shape=(64, 48), input_size=(1, 1)))
    result.pred_instances = InstanceData(keypoints=np.zeros((1, 17, 2)))
    result.gt_instance_labels.sigmas = torch.ones(1, 17)
    del result.gt_instances
    result.gt_fields = PixelData(heatmaps=torch.zeros(1, 2, 2))
    assert set(given.all_keys()) == before and set(given.gt_instance_labels.all_keys()) == labels
    assert given.input_size == (48, 64) and given.gt_fields.heatmaps.sum() > 0


def test_elements_that_move_in_a_way_of_their_own_do_so() -> None:
    maps = [torch.rand(2, 4, 4), torch.rand(2, 8, 8)]
    samples = [PoseDataSample(gt_fields=MultilevelPixelData(heatmaps=maps)) for _ in range(2)]
    for device in (torch.device('cpu'), META):
        preprocess = preprocessor(device)
        assert_equal(preprocess.cast_data(samples), one_by_one(preprocess, samples))
        assert preprocess.cast_data(samples)[0].gt_fields[1].heatmaps.device == device


@pytest.mark.parametrize('data', [[], None, 'a word', (torch.ones(2), dict(a=torch.zeros(1)))])
def test_anything_else_is_mmengines(data: Any) -> None:
    preprocess = preprocessor(META)
    assert_equal(preprocess.cast_data(data), one_by_one(preprocess, data))


def test_predictions_stay_out_of_the_loaders_samples() -> None:
    model = distiller().eval()
    data = dict(inputs=torch.randint(0, 256, (2, 3, 64, 48), dtype=torch.uint8), data_samples=batch(2)[1])
    answers = model.test_step(data)
    assert all('pred_instances' in answer and 'pad_shape' in answer for answer in answers)
    assert not any('pred_instances' in sample or 'pad_shape' in sample for sample in data['data_samples'])
