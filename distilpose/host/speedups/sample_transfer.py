"""Moving the data samples of a batch to the network's device in one piece."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from mmengine.utils import is_list_of
from mmpose.models import PoseDataPreprocessor
from torch import Tensor

one_by_one = BaseDataPreprocessor.cast_data
"""mmengine's own, which :func:`move_samples_together` replaces for poses."""

Places = defaultdict[torch.dtype, list[tuple[dict[str, Any], str]]]
"""Type of number -> where tensors of it stand: fields of an element, and the name of one."""


@functools.wraps(one_by_one)
def cast_data(self: PoseDataPreprocessor, data: Any) -> Any:
    """mmengine's ``BaseDataPreprocessor.cast_data``, which moves the samples of a batch by :func:`moved`."""
    if is_list_of(data, BaseDataElement):
        return type(data)(moved(data, self.device, non_blocking=self._non_blocking))
    return one_by_one(self, data)


@torch.compiler.disable
def moved(samples: list[BaseDataElement], device: torch.device, *, non_blocking: bool) -> list[BaseDataElement]:
    """What ``sample.to(device, non_blocking=non_blocking)`` gives of every sample, in less time.

    Tensors travel in one piece for every type of number, on their way to CUDA through pinned memory of their own, so
    that nothing waits for them. Fields that are added to the result, meta information too, are not those of the given
    samples; values that do not move (arrays, meta information) are the same objects, where mmengine copies the latter.

    Args:
        samples: mmengine's data elements, which stay as they are.
        device: of the network.
        non_blocking: for tensors that are moved by themselves: on another accelerator, or in elements that have a
            ``to`` of their own.
    """
    places: Places = defaultdict(list)
    copies = [_copied(sample, places, device=device, non_blocking=non_blocking) for sample in samples]
    for found in places.values():
        tensors = in_one_piece([fields[name] for fields, name in found], device)
        for (fields, name), tensor in zip(found, tensors, strict=True):
            fields[name] = tensor
    return copies


def in_one_piece(tensors: list[Tensor], device: torch.device) -> list[Tensor]:
    """Tensors of one type on the CPU as parts of one on a device."""
    sizes, is_cuda = [tensor.numel() for tensor in tensors], device.type == 'cuda'
    packed = torch.empty(sum(sizes), dtype=tensors[0].dtype, pin_memory=is_cuda)
    torch.cat([tensor.flatten() for tensor in tensors], out=packed)
    parts = packed.to(device, non_blocking=is_cuda).split(sizes)  # elsewhere it may be gone before it is read
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def _copied(element: BaseDataElement, places: Places, *, device: torch.device, non_blocking: bool) -> BaseDataElement:
    """A copy of an element, also of those in it, with fields of its own; notes which tensors are still to be moved."""
    if type(element).to is not BaseDataElement.to:
        return element.to(device, non_blocking=non_blocking)
    copy = object.__new__(type(element))
    fields = vars(copy)
    fields.update(vars(element))
    for names in ('_metainfo_fields', '_data_fields'):
        fields[names] = set(fields[names])
    for name in fields['_data_fields'] & fields.keys():  # properties have their values under another name
        value = fields[name]
        if isinstance(value, Tensor) and value.is_cpu and device.type != 'cpu':
            places[value.dtype].append((fields, name))
        elif isinstance(value, BaseDataElement):
            fields[name] = _copied(value, places, device=device, non_blocking=non_blocking)
        elif hasattr(value, 'to'):
            fields[name] = value.to(device, non_blocking=non_blocking)
    return copy


def move_samples_together() -> None:
    """Lets every data preprocessor of mmpose move samples so."""
    PoseDataPreprocessor.cast_data = cast_data
