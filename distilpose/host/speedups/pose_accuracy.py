"""Accuracy in a training step: ``acc_pose`` of mmpose's heads, computed on the accelerator that has the predictions."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from mmpose.evaluation import functional
from mmpose.utils.tensor_utils import to_numpy as to_array
from torch import Tensor

_WITH_ARRAYS = ('cpu', 'meta', 'mps')
"""Where mmpose's way is kept: nothing waits on the first, and the last has no float64."""
Accuracy = tuple[Any, Any, Any]
"""Accuracies of keypoints (K,), their mean, and the number of keypoints with labels."""


def install(targets: Iterable[str]) -> None:
    """Lets heads keep tensors of accelerators where they are; targets are functions of this module in theirs."""
    for target in targets:
        module, _, name = target.partition(':')
        setattr(importlib.import_module(module), name, globals()[name])
    warnings.filterwarnings('ignore', 'To copy construct from a tensor', module=r'mmpose\.models\.heads')


class OnDevice:
    """A tensor of an accelerator in the place of an array; becomes one where anything but an accuracy reads it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __gt__(self, other: float) -> OnDevice:
        return OnDevice(self.tensor > other)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = to_array(self.tensor)
        return array if dtype is None else array.astype(dtype)

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self))

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self)[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):  # numpy looks for other ways to convert it
            raise AttributeError(name)
        return getattr(np.asarray(self), name)


def to_numpy(x: Any, return_device: bool = False, unzip: bool = False) -> Any:
    """mmpose's ``to_numpy``, which leaves tensors of accelerators where they are until they are read."""
    if not (return_device or unzip):
        if _stays(x):
            return OnDevice(x.detach())
        if isinstance(x, (list, tuple)) and x and all(map(_stays, x)):
            return type(x)(OnDevice(value.detach()) for value in x)
    return to_array(x, return_device=return_device, unzip=unzip)


def keypoint_pck_accuracy(pred: Any, gt: Any, mask: Any, thr: Any, norm_factor: Any) -> Accuracy:
    """mmpose's function: the share of joints closer than a threshold, per keypoint and on average.

    Args:
        pred: (B, K, D) predictions.
        gt: (B, K, D) labels.
        mask: (B, K) which of them count.
        thr: of the distance.
        norm_factor: (B, D) array, divides differences; one of zeros and differing rows takes mmpose's way.
    """
    tensors = _tensors(pred, gt, mask)
    sides = _equal_rows(norm_factor)
    if tensors is None or sides is None:
        return functional.keypoint_pck_accuracy(*map(_array, (pred, gt, mask)), thr, norm_factor)
    return _accuracy(*tensors, threshold=thr, sides=sides)


def pose_pck_accuracy(output: Any, target: Any, mask: Any, thr: float = 0.05, normalize: Any = None) -> Accuracy:
    """mmpose's function: as :func:`keypoint_pck_accuracy` of the highest cells of heatmaps (B, K, H, W)."""
    tensors = _tensors(output, target, mask)
    if tensors is None or normalize is not None or tensors[0].dim() != 4 or not tensors[0].numel():
        return functional.pose_pck_accuracy(*map(_array, (output, target, mask)), thr, normalize)
    height, width = tensors[0].shape[-2:]
    sides = np.array((height, width))  # in this order, as in mmpose
    return _accuracy(_highest_cells(tensors[0]), _highest_cells(tensors[1]), tensors[2], threshold=thr, sides=sides)


def simcc_pck_accuracy(output: Any, target: Any, simcc_split_ratio: float, mask: Any, thr: float = 0.05,
                       normalize: Any = None) -> Accuracy:
    """mmpose's function: as :func:`keypoint_pck_accuracy` of the highest bins of SimCC (B, K, Wx) and (B, K, Wy)."""
    tensors = _tensors(*output, *target, mask)
    if tensors is None or normalize is not None or not tensors[0].numel():
        return functional.simcc_pck_accuracy(tuple(map(_array, output)), tuple(map(_array, target)),
                                             simcc_split_ratio, _array(mask), thr, normalize)
    along_x, along_y, true_x, true_y, counts = tensors
    sides = np.array([int(logits.shape[-1] / simcc_split_ratio) for logits in (along_y, along_x)])  # as in mmpose
    return _accuracy(_highest_bins(along_x, along_y) / simcc_split_ratio,
                     _highest_bins(true_x, true_y) / simcc_split_ratio, counts, threshold=thr, sides=sides)


def _accuracy(found: Tensor, expected: Tensor, mask: Tensor, *, threshold: float, sides: np.ndarray) -> Accuracy:
    """With the precision of mmpose's arrays: float64 where ``sides`` are integers, distances in float32."""
    precision = torch.float32 if sides.dtype == np.float32 else torch.float64
    difference = (found.float() - expected.float()).to(precision)
    scaled = torch.stack([axis / float(side) for axis, side in zip(difference.unbind(-1), sides, strict=True)])
    is_close = scaled.square().sum(0).sqrt().float() < threshold
    labelled = mask.sum(0)
    accuracies = (is_close & mask).sum(0).double() / labelled.clamp(min=1)
    has_labels = labelled > 0
    count = has_labels.sum()
    return accuracies.masked_fill(~has_labels, -1), (accuracies * has_labels).sum() / count.clamp(min=1), count


def _highest_cells(heatmaps: Tensor) -> Tensor:
    """(B, K, 2) x and y, -1 where no cell is above 0, as ``get_heatmap_maximum``."""
    values, places = heatmaps.flatten(2).max(-1)
    width = heatmaps.shape[-1]
    cells = torch.stack((places % width, places // width), dim=-1).float()
    return cells.masked_fill((values <= 0)[..., None], -1)


def _highest_bins(along_x: Tensor, along_y: Tensor) -> Tensor:
    """(B, K, 2), -1 where the lower of both peaks is not above 0, as ``get_simcc_maximum``."""
    (value_x, column), (value_y, row) = along_x.max(-1), along_y.max(-1)
    lower = torch.where(value_x > value_y, value_y, value_x)
    return torch.stack((column, row), dim=-1).float().masked_fill((lower <= 0)[..., None], -1)


def _stays(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type not in _WITH_ARRAYS


def _tensors(*values: Any) -> tuple[Tensor, ...] | None:
    """The tensors, if all are on an accelerator and the last one is a mask (B, K)."""
    if not all(isinstance(value, OnDevice) for value in values):
        return None
    tensors = tuple(value.tensor for value in values)
    return tensors if tensors[-1].dtype is torch.bool and tensors[-1].dim() == 2 else None


def _array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, OnDevice) else value


def _equal_rows(factors: Any) -> np.ndarray | None:
    """The row of which an array consists, if its numbers are above 0."""
    is_one = isinstance(factors, np.ndarray) and factors.ndim == 2 and len(factors) and (factors == factors[0]).all()
    return factors[0] if is_one and (factors[0] > 0).all() else None

