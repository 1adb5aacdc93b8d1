"""Comparison of an exported file with its network, on crops of people: outputs, and joints in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn import functional as F

from distilpose.config.checks import check_data_files
from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.evaluation.people import build_validation
from distilpose.structures import NetworkInput

_PEOPLE = 8
_OUTPUTS = {False: 1e-3, True: 5e-2}
"""Largest difference of an output, as a share of its largest value; of float16."""
_PIXELS = {False: 0.1, True: 1.0}
"""Largest difference of a joint."""
_APPROXIMATE_PIXELS = 0.5
"""Added where the file decodes otherwise than the codec."""
_OUTLIERS = 0.1
"""Share of the joints that may differ by more: where a heatmap is flat or has two peaks, rounding decides, and DARK's
step on a flat one may go anywhere."""


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
    allowed: float
    """Pixels."""
    half: bool

    @property
    def failed(self) -> bool:
        """Whether the file answers otherwise than the network; differences that are no number do."""
        return not (self.share <= _OUTPUTS[self.half] and self.outliers <= _OUTLIERS)

    def __str__(self) -> str:
        beyond = f' ({self.outliers:.1%} of them by more than {self.allowed:g})' if self.outliers else ''
        return (f'onnxruntime and torch on {self.source}: outputs differ by {self.outputs:.2g} at most '
                f'({self.share:.2g} of the largest value), joints by {self.pixels:.2g} pixels{beyond}.')


def compare(file: Path, network: Any, model: Any, crops: Crops, *, half: bool, is_approximate: bool,
            name: Path) -> Comparison:
    """Runs a file and its network.

    Args:
        file: with its description as metadata.
        network: in float32, with the file's outputs; its ``prepare`` makes the estimator's images of the file's.
        model: the estimator, whose head predicts the joints.
        crops: of people.
        half: whether the file computes in float16, which has tolerances of its own.
        is_approximate: whether the file's joints are made otherwise than the head's.
        name: of the file, for messages.

    Raises:
        RunFailed: they differ by more than rounding does.
    """
    found: Any = build_estimator(dict(type='OnnxEstimator', file=str(file.absolute())))
    images = normalised(crops.pixels, found.network.input)
    with torch.no_grad():
        expected = network(images)
        values = found.network.session.run(images, found.network.reading.ports)
        joints = _joints(model, network.prepare(images))
        found_joints = _joints(found, images)
    differences = [float((value.float() - wanted).abs().max()) for value, wanted in zip(values, expected, strict=True)]
    shares = [difference / max(float(wanted.abs().max()), 1e-6)
              for difference, wanted in zip(differences, expected, strict=True)]
    last = np.array([crops.pixels.shape[-1], crops.pixels.shape[-2]]) - 1
    is_inside = ((joints >= 0) & (joints <= last)).all(-1)  # of the others a file with its own decoding may know less
    distances = np.linalg.norm(found_joints - joints, axis=-1)
    distances = np.where(is_inside, distances, 0) if is_approximate else distances
    allowed = _PIXELS[half] + _APPROXIMATE_PIXELS * is_approximate
    result = Comparison(crops.source, float(np.max(differences)), float(np.max(shares)), float(distances.max()),
                        float(np.mean(~(distances <= allowed))), allowed, half)
    if result.failed:
        raise RunFailed(f'{name} was not written, because it does not answer as the network does. {result} Allowed is '
                        f'{_OUTPUTS[half]:g} of the largest value, and {_OUTLIERS:.0%} of the joints may differ by '
                        f'more than {allowed:g} pixels')
    return result


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
