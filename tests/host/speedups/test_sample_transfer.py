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
        sample.gt_instance_labels.visible = torch.rand(1, 4, 2) > 0.5
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
        assert found.is_meta or torch.equal(found.to_dense(), expected.to_dense())
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


def test_images_of_a_batch_are_moved_at_once_to_an_accelerator() -> None:
    images = list(torch.zeros(5, 3, 64, 48, dtype=torch.uint8))
    one = preprocessor(META, bgr_to_rgb=True)
    with Transfers() as transfers:
        found = one(dict(inputs=images, data_samples=[PoseDataSample() for _ in images]))
    assert transfers.count <= 2 and found['inputs'].shape == (5, 3, 64, 48) and found['inputs'].is_meta  # move, float


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


def test_a_crop_of_several_teachers_travels_once() -> None:
    sample = PoseDataSample()
    image = torch.rand(3, 64, 48)
    sample.set_field(image, 'teacher_image_body')
    sample.set_field(image, 'teacher_image_hands')
    found = moved([sample], META, non_blocking=False)[0]
    assert found.teacher_image_hands is found.teacher_image_body and found.teacher_image_body.is_meta
    assert sample.teacher_image_hands is image


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


class OwnElement(InstanceData):
    """A class with a field that its constructor sets."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.set_metainfo(dict(made='here'))


class OwnList(list):
    """A list of a class of its own."""


class Movable:
    """Not a tensor, but it has a ``to``."""

    def to(self, device: torch.device, non_blocking: bool) -> tuple[str, bool]:
        return str(device), non_blocking

    def __len__(self) -> int:
        return 1


def odd_elements() -> dict[str, BaseDataElement]:
    """Elements that are not like those of a data loader."""
    with_note, popped, unequal = PoseDataSample(), PoseDataSample(), InstanceData(a=torch.ones(2))
    object.__setattr__(with_note, 'note', 'is no field')
    popped.gt_instances = InstanceData(a=torch.ones(1))
    popped._data_fields.add('nothing')
    unequal.set_field(torch.ones(3), 'b')
    without_length = InstanceData()
    without_length.set_field(torch.tensor(1.0), 'a')
    flat = PixelData()
    flat.set_field(torch.ones(2, 3), 'maps')
    numbers = PixelData()
    numbers.set_field([1, 2], 'maps')
    return dict(
        with_note=with_note, popped=popped, unequal=unequal, without_length=without_length, flat=flat, numbers=numbers,
        own_class=OwnElement(a=torch.ones(2)), movable=InstanceData(a=Movable()), empty=InstanceData(),
        nested=BaseDataElement(inner=BaseDataElement(a=torch.ones(2), b=None), metainfo=dict(a_dict=dict(b=[1]))),
        layouts=BaseDataElement(transposed=torch.arange(6.0).view(2, 3).T, sparse=torch.eye(2).to_sparse(),
                                parameter=torch.nn.Parameter(torch.ones(2)), tracked=torch.ones(2, requires_grad=True),
                                expanded=torch.ones(1).expand(3), channels=torch.arange(24.0).view(1, 2, 3, 4).to(
                                    memory_format=torch.channels_last), strings=['a']),
        gone=PoseDataSample(metainfo=dict(img_id=1)))


def outcome(way: Way, preprocess: PoseDataPreprocessor, data: Any) -> Any:
    """What a way gives, or the error that it raises."""
    try:
        return way(preprocess, data)
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize('target', ['cpu', 'meta'])
@pytest.mark.parametrize('name', odd_elements())
def test_odd_elements_are_moved_as_by_mmengine(name: str, target: str) -> None:
    preprocess = preprocessor(torch.device(target), non_blocking=True)
    found, expected = (outcome(way, preprocess, [odd_elements()[name]])
                       for way in (PoseDataPreprocessor.cast_data, one_by_one))
    assert_equal(found, expected)
    if name == 'layouts':
        for field, value in expected[0].items():
            if isinstance(value, Tensor) and value.layout is torch.strided:
                assert found[0].get(field).stride() == value.stride()
                assert found[0].get(field).requires_grad == value.requires_grad


def test_meta_information_is_a_copy() -> None:
    """As mmengine makes one; two names of one object are two names of one copy."""
    values = dict(array=np.ones(2), a_list=[1, [2]], word='a', pair=(1, 2), deep=([1], 2))
    values['again'] = values['array']
    given = PoseDataSample(metainfo=values)
    result = preprocessor(META).cast_data([given])[0]
    for name in values:
        assert (getattr(result, name) is getattr(given, name)) == (name in ('word', 'pair'))
    assert result.again is result.array
    result.deep[0].append(3)
    assert given.deep == ([1], 2)


@pytest.mark.parametrize('kind', [list, tuple, OwnList])
def test_the_sequence_keeps_its_type(kind: type) -> None:
    preprocess, samples = preprocessor(META), people(2)
    assert_equal(preprocess.cast_data(kind(samples)), one_by_one(preprocess, kind(samples)))


def test_a_preprocessor_with_its_own_way_moves_every_sample_by_it() -> None:
    class Counting(PoseDataPreprocessor):
        seen = 0

        def cast_data(self, data: Any) -> Any:
            self.seen += isinstance(data, PoseDataSample)
            return super().cast_data(data)

    preprocess = Counting().to(META)
    preprocess.cast_data(people(3))
    assert preprocess.seen == 3


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
