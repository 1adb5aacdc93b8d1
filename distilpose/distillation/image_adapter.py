"""Image adapter: converts student inputs (size, normalisation, channel order) to those of the teacher."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmpose.codecs import UDPHeatmap
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput


class ImageAdapter(nn.Module):
    """Converts images that were normalised for one network to the input of another: channels, mean and std, size.

    Args:
        scale: (3,) factors of the channels, after their order was changed.
        offset: (3,) added after scaling.
        swap_channels: reverse the order of the channels first.
        size: (width, height) to resample to, ``None`` to leave it.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: Tensor, offset: Tensor, *, swap_channels: bool, size: tuple[int, int] | None) -> None:
        super().__init__()
        self.register_buffer('scale', scale.reshape(3, 1, 1), persistent=False)
        self.register_buffer('offset', offset.reshape(3, 1, 1), persistent=False)
        self.swap_channels, self.size = swap_channels, size

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), the input of one network, to (B, 3, H', W'), that of the other."""
        images = images.flip(1) if self.swap_channels else images
        images = images * self.scale + self.offset
        return images if self.size is None else resample(images, self.size)


def resample(maps: Tensor, size: tuple[int, int], *, reach: tuple[float, float] | None = None,
             start: float = 0.0) -> Tensor:
    """Bilinear resampling in which pixel ``i`` of n stands for the fraction ``i / n`` of the side.

    That is the convention of mmpose's top-down crops and gaussian heatmaps; ``F.interpolate`` takes pixels as
    squares instead, which would shift everything by a part of a pixel.

    Args:
        maps: (B, C, H, W).
        size: (width, height) of the result.
        reach: (x, y) pixels of ``maps`` at which the result would have its pixel (width, height); W and H by default.
        start: pixel of ``maps``, along both axes, at which the result has its first one; added to all.

    Returns:
        (B, C, height, width); border values beyond the border.
    """
    own = maps.shape[-1], maps.shape[-2]
    places = (torch.arange(count, dtype=maps.dtype, device=maps.device) * far / count + start
              for count, far in zip(size, reach or own, strict=True))
    columns, rows = (place * 2 / (old - 1) - 1 for place, old in zip(places, own, strict=True))
    grid = torch.stack(torch.meshgrid(columns, rows, indexing='xy'), dim=-1)
    return F.grid_sample(maps, grid.expand(maps.shape[0], -1, -1, -1), padding_mode='border', align_corners=True)


def adapter_between(student: NetworkInput, teacher: NetworkInput) -> nn.Module:
    """The adapter from the student's images to the teacher's; ``nn.Identity`` where they are the same.

    Raises:
        DistilPoseError: one of the two does not normalise, or the aspect ratios of their crops differ.
    """
    if (student.mean is None) != (teacher.mean is None):
        with_it, without = ('teacher', 'student') if student.mean is None else ('student', 'teacher')
        raise DistilPoseError(f'the {with_it} normalises its images and the {without} does not; give the '
                              f'data_preprocessor of the {without} a mean and a std')
    swap = student.rgb != teacher.rgb
    (mean, std), (new_mean, new_std) = _statistics(student, flip=swap), _statistics(teacher)
    scale, offset = std / new_std, (mean - new_mean) / new_std
    size = _new_size(student.size, teacher.size)
    if size is None and not swap and torch.equal(scale, torch.ones(3)) and torch.equal(offset, torch.zeros(3)):
        return nn.Identity()
    return ImageAdapter(scale, offset, swap_channels=swap, size=size)


def read_input(model: Any) -> NetworkInput:
    """Input of an mmpose estimator, from its data preprocessor and its codec."""
    preprocessor, decoder = model.data_preprocessor, getattr(model.head, 'decoder', None)
    mean = std = None
    if getattr(preprocessor, '_enable_normalize', False):
        mean, std = (_three(value) for value in (preprocessor.mean, preprocessor.std))
    return NetworkInput(input_size(model), mean, std, rgb=bool(getattr(preprocessor, '_channel_conversion', False)),
                        udp=isinstance(decoder, UDPHeatmap))


def input_size(model: Any) -> tuple[int, int] | None:
    """(width, height) of a model's crops from its codec, ``None`` where it has none."""
    decoder = getattr(model.head, 'decoder', None)
    codecs: tuple[Any, ...] = (decoder, getattr(decoder, 'keypoint_codec', None))  # that of integral regression has two
    size = next((codec.input_size for codec in codecs if getattr(codec, 'input_size', None) is not None), None)
    return None if size is None else (int(size[0]), int(size[1]))


def _three(values: Tensor) -> tuple[float, float, float]:
    one, two, three = values.flatten().expand(3).tolist()
    return one, two, three


def proportioned(size: tuple[int, int], rows: int) -> tuple[int, int]:
    """(columns, rows) of exactly the proportions of (width, height), with that many rows or nearly so."""
    width, height = size
    unit = math.gcd(width, height)
    count = max(round(rows * unit / height), 1)
    return width // unit * count, height // unit * count


def _statistics(images: NetworkInput, *, flip: bool = False) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(default if value is None else value)
                 for value, default in ((images.mean, (0.0,) * 3), (images.std, (1.0,) * 3)))
    return (mean.flip(-1), std.flip(-1)) if flip else (mean, std)


def _new_size(found: tuple[int, int] | None, expected: tuple[int, int] | None) -> tuple[int, int] | None:
    if found is None or expected is None or found == expected:
        return None
    if found[0] * expected[1] != found[1] * expected[0]:
        raise DistilPoseError(f'the student takes images of {found[0]}x{found[1]} (width x height), the teacher of '
                              f'{expected[0]}x{expected[1]}, which is another shape; give the teacher a crop of its '
                              "own (model.teacher.crop='own'), or choose one whose crops have the same proportions")
    return expected
