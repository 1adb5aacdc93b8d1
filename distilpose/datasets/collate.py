"""Collate function: one image tensor per batch, and data samples that are cheap to send from a worker process."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from mmengine.registry import FUNCTIONS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.multiprocessing.reductions import reduce_tensor

from distilpose.renamed import forward_names
from distilpose.structures import is_teacher_image

_SMALL = 16384  # bytes; above, memory that two processes share costs less than copying

__getattr__ = forward_names(__name__, {'PeopleOfBatch': 'distilpose.datasets.collate.CollatedSamples'})


@FUNCTIONS.register_module()
def compact_collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A batch of crops of one size: ``inputs`` (B, 3, H, W), ``data_samples`` a list of B.

    As mmengine's ``pseudo_collate``, but images are one tensor, which is copied to the device and normalised at once.
    torch sends each tensor between processes through a shared-memory file of its own, which costs more than the small
    targets of a person; here small tensors are pickled by value. (``pad_shape``, which mmpose's data
    preprocessor writes into the samples and only bottom-up estimators read, is wrong for images in one tensor.)

    Args:
        samples: with ``inputs`` (3, H, W) and ``data_samples``.
    """
    images = [sample['inputs'] for sample in samples]
    people = CollatedSamples(sample['data_samples'] for sample in samples)
    if torch.utils.data.get_worker_info() is not None:
        people.take_crops()
    return dict(inputs=_stack(images), data_samples=people)


class CollatedSamples(list[PoseDataSample]):
    """A list of data samples that is cheap to send to another process, where it is a plain list."""

    crops: dict[tuple[str, ...], Tensor]
    """Fields -> (B, 3, H, W) the own crops of a teacher, or of several that take the same, while they are not in the
    samples."""

    def __init__(self, people: Iterable[PoseDataSample] = ()) -> None:
        super().__init__(people)
        self.crops = {}

    def take_crops(self) -> None:
        """Takes teachers' own crops out of the samples, where all have some, to be sent in one piece for each."""
        fields = [field for field in (self[0].keys() if self else ())
                  if is_teacher_image(field) and all(field in person for person in self)]
        groups: dict[tuple[int, ...], list[str]] = {}
        for field in fields:
            groups.setdefault(tuple(id(person.get(field)) for person in self), []).append(field)
        for same in groups.values():
            self.crops[tuple(same)] = _stack([person.get(same[0]) for person in self])
        for person in self:
            for field in fields:
                person.pop(field)

    def __reduce__(self) -> tuple:
        return _unpickle, (_pickle(list(self)), self.crops)

    def __copy__(self) -> list[PoseDataSample]:  # or copying it would send it
        return list(self)


def _pickle(people: list[PoseDataSample]) -> bytes:
    file = io.BytesIO()
    pickler = ForkingPickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table[Tensor] = _reduce
    pickler.dump(people)
    return file.getvalue()


def _unpickle(data: bytes, crops: dict[tuple[str, ...], Tensor]) -> list[PoseDataSample]:
    people = pickle.loads(data)
    for fields, images in crops.items():
        for person, crop in zip(people, images, strict=True):
            for field in fields:
                person.set_field(crop, field)
    return people


def _reduce(tensor: Tensor) -> tuple:
    if tensor.device.type == 'cpu' and tensor.nbytes <= _SMALL:
        return torch.from_numpy, (tensor.numpy(), )
    return reduce_tensor(tensor)


def _stack(images: list[Tensor]) -> Tensor:
    """Stacks images; in a worker process, in shared memory."""
    if torch.utils.data.get_worker_info() is None:
        return torch.stack(images)
    storage = torch.UntypedStorage._new_shared(sum(image.nbytes for image in images))
    shared = torch.empty(0, dtype=images[0].dtype).set_(storage).view(len(images), *images[0].shape)
    return torch.stack(images, out=shared)
