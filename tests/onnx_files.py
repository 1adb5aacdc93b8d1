"""ONNX files small enough for a test: exported networks, and graphs that show whatever a test wants."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distilpose.distillation import FrozenTeacher
from distilpose.structures import PoseOutputs
from tests.networks import INPUT_SIZE, NUM_KEYPOINTS

PIXELS = dict(mean=127.5, std=127.5, channel_order='rgb')
"""``input`` of a file whose names and shapes say all else."""


class Shows(nn.Module):
    """Images (B, 3, H, W), float32, to what a function makes of a map (B, channels, 4, 3), which depends on them.

    Args:
        read: features to one output or several.
        channels: of the features.
        nhwc: whether the images come as (B, H, W, 3).
    """

    def __init__(self, read: Callable[[Tensor], Tensor | tuple[Tensor, ...]], *, channels: int = NUM_KEYPOINTS,
                 nhwc: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layers = nn.Conv2d(3, channels, 16, stride=16)
        self.read, self.nhwc = read, nhwc

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        images = images.float()
        return self.read(self.layers(images.permute(0, 3, 1, 2) if self.nhwc else images))


class Exported(nn.Module):
    """An mmpose estimator with an output for each of some fields of what it shows."""

    def __init__(self, frozen: FrozenTeacher, fields: Sequence[str]) -> None:
        super().__init__()
        self.model, self.fields = copy.deepcopy(frozen.model), tuple(fields)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        from distilpose.models import read_outputs

        features = self.model.extract_feat(images)
        outputs: PoseOutputs = read_outputs(self.model.head, self.model.head(features), features)
        values = [getattr(outputs, field) for field in self.fields]
        return tuple(one for value in values for one in (value if isinstance(value, tuple) else (value,)))


def export(network: nn.Module, file: Path, *, outputs: Sequence[str], size: tuple[int, int] = INPUT_SIZE,
           batch: int | None = None, nhwc: bool = False, dtype: torch.dtype = torch.float32) -> Path:
    """Writes a network as an ONNX file, on the CPU and in eval mode.

    Args:
        network: images to one output or several.
        file: to write.
        outputs: their names.
        size: (width, height) of the images.
        batch: a fixed one; ``None`` leaves it open.
        nhwc: whether the images come as (B, H, W, 3).
        dtype: of the images; the network is converted to a type of floating point.
    """
    width, height = size
    network = network.eval().to(dtype) if dtype.is_floating_point else network.eval()
    images = torch.zeros(batch or 2, *((height, width, 3) if nhwc else (3, height, width))).to(dtype)
    axes: dict[str, Any] = {} if batch else {name: {0: 'batch'} for name in ('images', *outputs)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')
        torch.onnx.export(network, (images,), str(file), input_names=['images'], output_names=list(outputs),
                          dynamic_axes=axes, opset_version=17, dynamo=False)
    return file


def export_teacher(frozen: FrozenTeacher, file: Path, *, fields: Sequence[str] = ('heatmaps',),
                   outputs: Sequence[str] | None = None, **options: Any) -> Path:
    """Writes a teacher of :func:`tests.networks.teacher` with some fields of its outputs, see :func:`export`."""
    return export(Exported(frozen, fields), file, outputs=outputs or fields,
                  **dict(dict(size=frozen.input.size or INPUT_SIZE), **options))


def write_heatmaps(file: Path, *, keypoints: int = NUM_KEYPOINTS, size: tuple[int, int] = INPUT_SIZE,
                   stride: int = 4, **options: Any) -> Path:
    """A file that shows heatmaps (B, K, H / stride, W / stride) of random weights."""
    scale = 16 // stride
    network = Shows(lambda maps: nn.functional.interpolate(maps, scale_factor=scale, mode='bilinear').sigmoid(),
                    channels=keypoints, nhwc=options.get('nhwc', False))
    return export(network, file, outputs=['heatmaps'], size=size, **options)
