"""Sampler grouped by image: all people of an image follow each other, so that it is decoded once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmengine.dataset import BaseDataset, DefaultSampler
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATA_SAMPLERS

from distilpose.annotation_store.data_sets import stored_people
from distilpose.errors import DistilPoseError


@DATA_SAMPLERS.register_module()
class PeopleOfImageSampler(DefaultSampler):
    """Shuffles images instead of people, so that an image is decoded once for all of its people.

    With ``LoadEncodedImage(remember=True)``. Every person comes once an epoch, as with mmengine's ``DefaultSampler``;
    but a batch has fewer images with more people each, unlike the training of the published networks. The order
    depends on (seed, epoch) alone. Every process takes a contiguous part of equal length; as in ``DefaultSampler``, the
    last one is filled up from the beginning.

    Args:
        dataset: of mmengine's kind; ``img_path`` of its entries is the image of a person.
        seed: one number for all processes; by default they draw one and share it.

    Raises:
        DistilPoseError: the data set combines others, or has no entries.
    """

    def __init__(self, dataset: BaseDataset, *, seed: int | None = None) -> None:
        super().__init__(dataset, shuffle=True, seed=seed, round_up=True)
        self._image_of_person = _number_images(dataset)

    def __iter__(self) -> Iterator[int]:
        """The people of this process, of one epoch."""
        draw = np.random.default_rng((self.seed, self.epoch))
        images = self._image_of_person
        place = draw.permutation(images.max() + 1)  # of an image in the order of this epoch
        people = np.lexsort((draw.random(len(images)), place[images]))
        start = self.rank * self.num_samples
        return iter(np.take(people, range(start, start + self.num_samples), mode='wrap').tolist())


def _number_images(dataset: BaseDataset) -> np.ndarray:
    """(N,) the number of every person's image, counted in order of appearance."""
    # The entries of a combined data set are samples, for which images are loaded.
    if isinstance(dataset, CombinedDataset) or not hasattr(dataset, 'get_data_info'):
        raise DistilPoseError(f'PeopleOfImageSampler got {type(dataset).__name__}, whose entries have no image '
                              "path; use DefaultSampler, or one data set of people such as COCO's")
    people = stored_people(dataset)
    if people is not None:
        return people.image_numbers()
    numbers: dict[str, int] = {}
    paths = (dataset.get_data_info(index)['img_path'] for index in range(len(dataset)))
    return np.array([numbers.setdefault(path, len(numbers)) for path in paths])
