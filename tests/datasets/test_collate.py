"""A batch arrives from a worker as it was made there."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData, PixelData
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from distilpose.datasets import compact_collate


class People(Dataset):
    """Crops with targets, small and large, and names."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> dict:
        draw = np.random.default_rng(index)
        sample = PoseDataSample(metainfo=dict(img_id=index, flip_indices=[1, 0], input_center=draw.random(2)))
        sample.gt_instances = InstanceData(bboxes=draw.random((1, 4), np.float32))
        sample.gt_instance_labels = InstanceData(keypoint_labels=torch.from_numpy(draw.random((1, 17, 2))))
        sample.gt_fields = PixelData(heatmaps=torch.from_numpy(draw.random((17, 64, 48), np.float32)))
        return dict(inputs=torch.from_numpy(draw.integers(0, 256, (3, 64, 48), np.uint8)), data_samples=sample)


def batches(workers: int, collate=compact_collate) -> list[dict]:
    return list(DataLoader(People(), batch_size=3, num_workers=workers, collate_fn=collate))


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_are_those_of_pseudo_collate(workers: int) -> None:
    found, expected = batches(workers), batches(0, pseudo_collate)
    assert [len(batch['data_samples']) for batch in found] == [3, 3, 1]
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours['inputs'], torch.stack(theirs['inputs'])) and ours['inputs'].dtype == torch.uint8
        assert isinstance(ours['data_samples'], list)
        for one, other in zip(ours['data_samples'], theirs['data_samples'], strict=True):
            labels = one.gt_instance_labels.keypoint_labels
            assert isinstance(labels, Tensor) and torch.equal(labels, other.gt_instance_labels.keypoint_labels)
            assert torch.equal(one.gt_fields.heatmaps, other.gt_fields.heatmaps)
            np.testing.assert_array_equal(one.gt_instances.bboxes, other.gt_instances.bboxes)
            assert one.img_id == other.img_id and one.flip_indices == other.flip_indices


def test_images_normalised_at_once_are_those_normalised_one_by_one() -> None:
    preprocess = PoseDataPreprocessor(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
    for ours, theirs in zip(batches(0), batches(0, pseudo_collate), strict=True):
        torch.testing.assert_close(preprocess(ours)['inputs'], preprocess(theirs)['inputs'])


def test_small_targets_travel_by_value_and_maps_do_not() -> None:
    sample = People()[0]['data_samples']
    del sample.gt_fields
    people = compact_collate([dict(inputs=torch.zeros(3, 2, 2), data_samples=sample)])['data_samples']
    sent = pickle.dumps(people)  # a tensor in shared memory could not be pickled like this
    (arrived, ) = pickle.loads(sent)
    assert torch.equal(arrived.gt_instance_labels.keypoint_labels, sample.gt_instance_labels.keypoint_labels)
    arrived.gt_instance_labels.keypoint_labels.zero_()  # is its own memory


def test_a_copy_is_a_plain_list_of_the_same_samples() -> None:
    """As pinning memory makes one."""
    people = batches(0)[0]['data_samples']
    copied = copy.copy(people)
    assert type(copied) is list and all(one is other for one, other in zip(copied, people, strict=True))


class PeopleWithTeacherCrops(People):
    """As :class:`People`, with crops for a teacher that are too large to travel by value."""

    def __getitem__(self, index: int) -> dict:
        sample = super().__getitem__(index)
        sample['data_samples'].teacher_image = torch.full((3, 96, 96), index, dtype=torch.uint8)
        sample['data_samples'].teacher_map = np.full((2, 2), index, np.float32)
        sample['data_samples'].teacher_image_hands = torch.full((3, 64, 96), index, dtype=torch.uint8)
        sample['data_samples'].teacher_image_face = sample['data_samples'].teacher_image_hands
        return sample


@pytest.mark.parametrize('workers', [0, 2])
def test_crops_of_a_teacher_arrive_in_one_piece(workers: int) -> None:
    loader = DataLoader(PeopleWithTeacherCrops(), batch_size=3, num_workers=workers, collate_fn=compact_collate)
    for number, batch in enumerate(loader):
        people = batch['data_samples']
        for place, person in enumerate(people):
            assert (person.teacher_image == 3 * number + place).all() and person.teacher_image.shape == (3, 96, 96)
            assert (person.teacher_map == 3 * number + place).all()
            assert (person.teacher_image_hands == 3 * number + place).all()
            assert person.teacher_image_face is person.teacher_image_hands
        for field in ('teacher_image', 'teacher_image_hands'):
            storages = {person.get(field).untyped_storage().data_ptr() for person in people}
            assert len(storages) == (1 if workers else len(people))
