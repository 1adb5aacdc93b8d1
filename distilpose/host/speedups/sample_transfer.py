"""Sample transfer: the data samples of a batch are copied to the device in one piece."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmengine.utils import is_list_of
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from torch import Tensor

from ..lazy_compiler import not_compiled
from .deep_copies import CONSTANTS, deep_copies

one_by_one = BaseDataPreprocessor.cast_data
"""mmengine's own, which :func:`cast_data` replaces for poses."""

Places = defaultdict[torch.dtype, list[tuple[dict[str, Any], str]]]
"""Type of number -> where tensors of it stand: fields of an element, and the name of one."""
_PACKED_TYPES = (BaseDataElement, InstanceData, PixelData, PoseDataSample)
_MOVING = (Tensor, np.ndarray, InstanceData, PixelData)
_BOOKKEEPING = {'_metainfo_fields', '_data_fields'}


@functools.wraps(one_by_one)
def cast_data(self: PoseDataPreprocessor, data: Any) -> Any:
    """mmengine's ``BaseDataPreprocessor.cast_data``, which moves the samples of a batch by :func:`moved`.

    A preprocessor with a ``cast_data`` of its own moves every sample by that.
    """
    if type(self).cast_data is cast_data and is_list_of(data, BaseDataElement):
        return type(data)(moved(data, self.device, non_blocking=self._non_blocking))
    return one_by_one(self, data)


@not_compiled
def moved(samples: list[BaseDataElement], device: torch.device, *, non_blocking: bool) -> list[BaseDataElement]:
    """What ``sample.to(device, non_blocking=non_blocking)`` gives of every sample, in less time.

    Contiguous tensors travel in one piece for every type of number, on their way to CUDA through pinned memory of
    their own, so that nothing waits for them; each is a part of that piece.

    Args:
        samples: mmengine's data elements, which stay as they are.
        device: of the network.
        non_blocking: for tensors that are moved by themselves: on another accelerator, those that are not contiguous
            or need a gradient, and those of elements of another class than mmpose's samples have.
    """
    places: Places = defaultdict(list)
    copies = [_copied(sample, places, device=device, non_blocking=non_blocking) for sample in samples]
    for found in places.values():
        distinct = {id(fields[name]): fields[name] for fields, name in found}  # teachers may share a crop
        tensors = dict(zip(distinct, in_one_piece([*distinct.values()], device), strict=True))
        for fields, name in found:
            fields[name] = tensors[id(fields[name])]
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
    if not _has_plain_fields(element):
        return element.to(device, non_blocking=non_blocking)
    original = vars(element)
    meta, data = original['_metainfo_fields'], original['_data_fields']
    duplicate = object.__new__(type(element))
    fields = vars(duplicate)
    fields.update(original, _metainfo_fields=set(meta), _data_fields=set(data))
    fields.update(deep_copies({name: original[name] for name in meta if type(original[name]) not in CONSTANTS}))
    for name in data & fields.keys():  # properties have their values under another name
        value = fields[name]
        if _travels_in_one_piece(value) and device.type != 'cpu':
            places[value.dtype].append((fields, name))
        elif isinstance(value, BaseDataElement):
            fields[name] = _copied(value, places, device=device, non_blocking=non_blocking)
        elif hasattr(value, 'to'):
            fields[name] = value.to(device, non_blocking=non_blocking)
    return duplicate


def _has_plain_fields(element: BaseDataElement) -> bool:
    """Whether an element is of a known class, with fields that this accepts, and without other attributes."""
    kind, fields = type(element), vars(element)
    meta, data = fields['_metainfo_fields'], fields['_data_fields']
    names = fields.keys() - _BOOKKEEPING
    if kind not in _PACKED_TYPES or not meta <= names or not names - meta <= data:
        return False
    values = [fields[name] for name in names - meta]
    if any(type(value) not in _MOVING and hasattr(value, 'to') and not isinstance(value, (Tensor, BaseDataElement))
           for value in values):
        return False
    if kind is InstanceData:
        lengths = {_length(value) for value in values}
        return len(lengths) <= 1 and None not in lengths and data <= names
    if kind is PixelData:
        return data <= names and len({value.shape[-2:] for value in values if _is_map(value)}) <= 1 and (
            all(map(_is_map, values)))
    return all(hasattr(element, name) for name in data - names)  # properties have their values under another name


def _is_map(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray)) and value.ndim == 3


def _length(value: Any) -> int | None:
    if isinstance(value, (Tensor, np.ndarray)):
        return int(value.shape[0]) if value.ndim else None
    return len(value) if isinstance(value, Sized) else None


def _travels_in_one_piece(value: Any) -> bool:
    return (type(value) is Tensor and value.is_cpu and value.layout is torch.strided and value.is_contiguous()
            and not value.requires_grad and not value.is_quantized)
