"""Comparison of an exported file with its network, on crops of people: outputs, and joints in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn import functional as F

from distilpose.config import check_data_files
from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.evaluation.people import build_validation
from distilpose.structures import NetworkInput, PoseOutputs

from .decoding import decode

_PEOPLE = 8
_OUTPUTS = {False: 1e-3, True: 5e-2}
"""Largest difference of an output, as a share of its largest value; of float16."""
_PIXELS = {False: 0.1, True: 1.0}
"""Largest difference of a joint."""
_APPROXIMATE_PIXELS = 0.5
"""Added where the file decodes differently from the codec."""
_OUTLIERS = 0.03
"""Share of the joints that may differ by more, beside those whose place rounding decides."""
_ROUNDING = {False: 2e-5, True: 5e-3}
"""Share of the largest value by which outputs are shaken to find joints whose place rounding decides: where a heatmap
is flat, as of a keypoint that no label had, or has two equal peaks. DARK's step on a flat one may go anywhere."""
_SHAKES = 4


@dataclass(frozen=True)
class Crops:
    """Crops to compare with."""

    pixels: Tensor
    """(N, 3, H, W) of 0 to 255, blue, green, red."""
    source: str
    """What they are, for messages."""


@dataclass(frozen=True)
class Comparison:
    """Differences between a file and its network."""

    source: str
    outputs: float
    """Largest difference of an output's value."""
    share: float
    """The same as a share of the output's largest value."""
    pixels: float
    """Largest distance of a joint in input pixels."""
    outliers: float
    """Share of the joints that are further away than allowed."""
    undecided: float
    """Share of the joints whose place rounding decides, which are not compared."""
    allowed: float
    """Pixels."""
    half: bool

    @property
    def failed(self) -> bool:
        """Whether the outputs of the file differ from the network's; differences that are no number do."""
        return not (self.share <= _OUTPUTS[self.half] and self.outliers <= _OUTLIERS)

    def __str__(self) -> str:
        beyond = f' ({self.outliers:.1%} of them by more than {self.allowed:g})' if self.outliers else ''
        without = f'; {self.undecided:.0%} of the joints, whose place rounding decides, not compared'
        without *= self.undecided > 0
        return (f'onnxruntime and torch on {self.source}: outputs differ by {self.outputs:.2g} at most '
                f'({self.share:.2g} of the largest value), joints by {self.pixels:.2g} pixels{beyond}{without}.')


def compare(file: Path, network: Any, model: Any, crops: Crops, *, half: bool, is_approximate: bool,
            dynamic_batch: bool, name: Path) -> Comparison:
    """Runs a file and its network.

    Args:
        file: with its description as metadata.
        network: in float32, with the file's outputs: its ``predict`` gives the outputs of the estimator for images of
            the file, its ``show`` makes the file's outputs of them, its ``locate`` places of the estimator's crop of
            places of the file's.
        model: the estimator, whose head predicts the joints.
        crops: of people.
        half: whether the file computes in float16, which has tolerances of its own.
        is_approximate: whether the file's joints are computed differently from the head's.
        dynamic_batch: whether the file must take any number of images.
        name: of the file, for messages.

    Raises:
        RunFailed: they differ by more than rounding does, or the file cannot be used, as where float16 overflows.
    """
    with _usable(file, name):
        found: Any = build_estimator(dict(type='OnnxEstimator', file=str(file.absolute())))
    if dynamic_batch and found.network.session.batch is not None:
        raise RunFailed(f'{name} was not written, because its graph takes {found.network.session.batch} images at once '
                        'and no other number: a layer of the network computes with the number of images as Python '
                        'sees it. Export it without --dynamic-batch, or use the shape of a tensor there')
    size, crop_size = _sides(crops.pixels), found.network.input.size
    pixels = crops.pixels if (*size,) == crop_size else F.interpolate(crops.pixels, crop_size[::-1], mode='bilinear')
    images = normalised(pixels, found.network.input)
    allowed = _PIXELS[half] + _APPROXIMATE_PIXELS * is_approximate
    with torch.no_grad(), _usable(file, name):
        outputs = network.predict(images)
        expected = network.show(outputs, images)
        values = found.network.session.run(images, found.network.reading.ports)
        joints = _joints(model, network.prepare(images))
        found_joints = network.locate(_joints(found, images) / crop_size) * size
        stays, stays_there = _undisturbed(network, model.head, outputs, images, half=half, pixels=allowed / 2,
                                          size=size)
    differences = [_of_joints(value.float() - target) for value, target in zip(values, expected, strict=True)]
    differences = [torch.where(stays | ~difference.isfinite(), difference, 0) for difference in differences]
    shares = [float(difference.max()) / max(float(target.abs().max()), 1e-6)
              for difference, target in zip(differences, expected, strict=True)]
    is_inside = ((joints >= 0) & (joints <= np.array(size) - 1)).all(-1)  # a file may clip the others
    distances = np.linalg.norm(found_joints - joints, axis=-1)
    distances = np.where(is_inside | (not is_approximate), distances, 0)
    distances = distances[stays_there.numpy() | ~np.isfinite(distances)]
    result = Comparison(crops.source, float(np.max([float(difference.max()) for difference in differences])),
                        float(np.max(shares)), float(distances.max()), float(np.mean(~(distances <= allowed))),
                        1 - float(stays_there.float().mean()), allowed, half)
    if result.failed:
        raise RunFailed(f'{name} was not written, because its outputs differ from the network. {result} Allowed is '
                        f'{_OUTPUTS[half]:g} of the largest value, and {_OUTLIERS:.0%} of the joints may differ by '
                        f'more than {allowed:g} pixels')
    return result


@contextmanager
def _usable(file: Path, name: Path) -> Iterator[None]:
    """Raises where the file cannot be read or run: it is not written."""
    try:
        yield
    except DistilPoseError as error:
        reason = str(error).replace(str(file.absolute()), 'it')
        raise RunFailed(f'{name} was not written, because the graph that torch exported cannot be used: '
                        f'{reason}') from error


def _undisturbed(network: Any, head: Any, outputs: PoseOutputs, images: Tensor, *, half: bool, pixels: float,
                 size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Whether a joint's values in the file, and its place, stay when the network's outputs are shaken.

    Each (B, K), and true everywhere where it would be true nowhere.
    """
    generator = torch.Generator().manual_seed(0)

    def shake(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(shake, value))
        noise = 2 * torch.rand(value.shape, generator=generator) - 1
        return value + noise * (_ROUNDING[half] * value.abs().max())

    expected, places = network.show(outputs, images), decode(outputs, head=head)[0]
    largest = [float(value.abs().max()) for value in expected]
    stays = torch.ones(places.shape[:2], dtype=torch.bool)
    stays_there = stays.clone()
    for _ in range(_SHAKES):
        shaken = outputs._replace(**{name: shake(getattr(outputs, name)) for name in outputs.produced()})
        for value, target, most in zip(network.show(shaken, images), expected, largest, strict=True):
            stays &= _of_joints(value - target) <= _OUTPUTS[half] * most
        moved = (decode(shaken, head=head)[0] - places) * places.new_tensor(size)
        stays_there &= moved.norm(dim=-1) <= pixels
    every = torch.ones_like(stays)
    return stays if stays.any() else every, stays_there if stays_there.any() else every


def _of_joints(difference: Tensor) -> Tensor:
    """(B, K, ...) to the largest absolute value (B, K) of every joint."""
    return difference.abs().flatten(2).amax(-1)


def _sides(images: Tensor) -> tuple[int, int]:
    return images.shape[-1], images.shape[-2]


def find_crops(cfg: Config, images: NetworkInput, *, most: int = _PEOPLE) -> Crops:
    """Crops of the config's validation people, or random images where the data is not there."""
    assert images.size is not None
    width, height = images.size
    reason = 'the config has no val_dataloader'
    if cfg.get('val_dataloader'):
        try:
            check_data_files(cfg, ['val'])
            dataset = build_validation(cfg)
        except DistilPoseError:
            reason = 'the validation data of the config is not there: --data-root DIR'
        else:
            places = sorted({round(place) for place in np.linspace(0, len(dataset) - 1, min(most, len(dataset)))})
            found = [torch.as_tensor(dataset[place]['inputs']) for place in places]
            if found and all(tuple(crop.shape) == (3, height, width) for crop in found):
                return Crops(torch.stack(found).float(), f'{len(found)} crops of the validation data')
            reason = f'the validation data gives no crops of {width}x{height}'
    draw = torch.rand(most, 3, max(height // 8, 1), max(width // 8, 1), generator=torch.Generator().manual_seed(0))
    pixels = (F.interpolate(draw, (height, width), mode='bilinear') * 255).round()
    return Crops(pixels, f'{most} random images ({reason})')


def normalised(pixels: Tensor, images: NetworkInput) -> Tensor:
    """Pixels (N, 3, H, W), blue, green, red, as a network takes them."""
    pixels = pixels.flip(1) if images.rgb else pixels
    mean, std = (pixels.new_tensor(value or default).view(-1, 1, 1)
                 for value, default in ((images.mean, (0.0,)), (images.std, (1.0,))))
    return (pixels - mean) / std


def _joints(model: Any, images: Tensor) -> np.ndarray:
    """(N, K, 2) as the head predicts them, in input pixels."""
    predicted = model.head.predict(model.extract_feat(images), [], {})
    instances = predicted[0] if isinstance(predicted, tuple) else predicted
    return np.concatenate([one.keypoints for one in instances]).astype(np.float64)[..., :2]
