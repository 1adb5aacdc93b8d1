"""A sampler that shuffles images, not people."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from mmengine.dataset import sampler as mmengine_sampler
from mmpose.datasets import CombinedDataset

from distilpose.datasets import PeopleOfImageSampler
from distilpose.errors import DistilPoseError

IMAGE_OF_PERSON = np.random.default_rng(0).integers(0, 40, 101)  # in no order


class People(list):
    """What a sampler asks of a data set."""

    def get_data_info(self, index: int) -> dict[str, str]:
        return dict(img_path=f'{self[index]}.jpg')


def order(epoch: int, *, seed: int = 3) -> list[int]:
    sampler = PeopleOfImageSampler(People(IMAGE_OF_PERSON), seed=seed)
    sampler.set_epoch(epoch)
    people = list(sampler)
    assert len(people) == len(sampler)
    return people


def test_everybody_comes_once_and_the_people_of_an_image_together() -> None:
    for epoch in range(3):
        people = order(epoch)
        assert sorted(people) == list(range(len(IMAGE_OF_PERSON)))
        assert len(list(groupby(IMAGE_OF_PERSON[people]))) == len(set(IMAGE_OF_PERSON))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    """So that a resumed run, whose sampler never saw the first epochs, goes on with the same people."""
    sampler = PeopleOfImageSampler(People(IMAGE_OF_PERSON), seed=3)
    orders = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert orders[-1] == list(sampler) == order(epoch)
    assert len({tuple(IMAGE_OF_PERSON[people]) for people in [*orders, order(0, seed=4)]}) == 5


def test_people_of_an_image_change_places() -> None:
    image = np.bincount(IMAGE_OF_PERSON).argmax()
    places = {tuple(person for person in order(epoch) if IMAGE_OF_PERSON[person] == image) for epoch in range(8)}
    assert len(places) > 1


@pytest.mark.parametrize('processes', [2, 3, 7])
def test_processes_share_an_epoch(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = order(1), []
    for rank in range(processes):
        monkeypatch.setattr(mmengine_sampler, 'get_dist_info', lambda rank=rank: (rank, processes))
        parts.append(order(1))
    assert len({len(part) for part in parts}) == 1
    shared, filling = np.split(np.concatenate(parts), [len(whole)])
    assert shared.tolist() == whole and filling.tolist() == whole[:len(filling)] and len(filling) < processes


def test_a_data_set_of_data_sets_is_a_sentence() -> None:
    combined = CombinedDataset.__new__(CombinedDataset)
    combined._len = 3
    for dataset in (combined, range(3)):
        with pytest.raises(DistilPoseError, match='use DefaultSampler'):
            PeopleOfImageSampler(dataset, seed=0)
