"""Networks as they are exported: images in, named outputs of the prediction out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmpose.models.heads import RLEHead
from torch import Tensor, nn

from distilpose.distillation.heatmap_grid import describe_codec, grid_of
from distilpose.distillation.teachers.onnx import OnnxOutputs
from distilpose.errors import DistilPoseError
from distilpose.models import read_outputs
from distilpose.structures import PoseOutputs

from .decoding import decode

AXIS_NAMES = ('simcc_x', 'simcc_y')


class ExportedNetwork(nn.Module):
    """Images (B, 3, H, W) in float32 to the outputs that a prediction is decoded from, in float32.

    Heatmaps are those of the last stack; of regression there are coordinates and scores. What only a training reads
    (tokens, sigmas, error scales, features, earlier stacks) is not computed where that is possible.

    Args:
        model: an mmpose top-down estimator with its final weights; it stays as it is.
        half: computes in float16, but for the last layers of token heads, which would lose a part of a pixel.
    """

    def __init__(self, model: Any, *, half: bool = False) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        for part in self.model.modules():
            if hasattr(part, 'returns_visual_tokens'):
                part.returns_visual_tokens = False
        self.dtype = torch.float16 if half else torch.float32
        if half:
            self.model.half()
            for name in getattr(self.model.head, 'float32_layers', ()):
                getattr(self.model.head, name).float()

    def prepare(self, images: Tensor) -> Tensor:
        """The images (B, 3, H, W) of the file as the estimator takes them: the same."""
        return images

    def predict(self, images: Tensor) -> PoseOutputs:
        """What the network shows, reduced to what predicts."""
        features = self.model.extract_feat(images.to(self.dtype))
        outputs = read_outputs(self.model.head, self.model.head(features), features)._replace(features=None).float()
        if outputs.heatmaps is not None:
            return PoseOutputs(heatmaps=outputs.heatmaps[-1:])
        if outputs.simcc is not None:
            return PoseOutputs(simcc=outputs.simcc)
        scores = outputs.scores
        if isinstance(self.model.head, RLEHead) and outputs.error_scales is not None:
            scores = 1 - outputs.error_scales.sigmoid().mean(-1, keepdim=True)  # as RegressionLabel.decode
        return PoseOutputs(coords=outputs.coords, scores=scores)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The outputs in the order of :func:`describe_outputs`' names."""
        return self.show(self.predict(images), images)

    def show(self, outputs: PoseOutputs, images: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the file, computed from those of the network for its images."""
        return tensors_of(outputs)

    def locate(self, fractions: np.ndarray) -> np.ndarray:
        """Places (..., 2) in the file's crop as places in the estimator's: the same."""
        return fractions


class DecodedNetwork(nn.Module):
    """A network with its decoding: coordinates (B, K, 2) as fractions of the crop, and scores (B, K, 1).

    See :func:`~distilpose.export.decoding.decode`.
    """

    def __init__(self, network: ExportedNetwork) -> None:
        super().__init__()
        self.network = network

    def prepare(self, images: Tensor) -> Tensor:
        """The images (B, 3, H, W) of the file as the estimator takes them: the same."""
        return images

    def predict(self, images: Tensor) -> PoseOutputs:
        """What the network shows."""
        return self.network.predict(images)

    def show(self, outputs: PoseOutputs, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, 2) and (B, K, 1)."""
        return decode(outputs, head=self.network.model.head)

    def locate(self, fractions: np.ndarray) -> np.ndarray:
        """Places (..., 2) in the file's crop as places in the estimator's: the same."""
        return fractions

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, 2) and (B, K, 1)."""
        return self.show(self.predict(images), images)


def tensors_of(outputs: PoseOutputs) -> tuple[Tensor, ...]:
    """What a reduced prediction consists of."""
    if outputs.heatmaps is not None:
        return outputs.heatmaps
    if outputs.simcc is not None:
        return outputs.simcc
    assert outputs.coords is not None
    return (outputs.coords,) if outputs.scores is None else (outputs.coords, outputs.scores)


def describe_outputs(outputs: PoseOutputs, *, head: Any) -> OnnxOutputs:
    """Names and meaning of the outputs of an :class:`ExportedNetwork`.

    Raises:
        DistilPoseError: they are heatmaps of a codec that cannot be described.
    """
    if outputs.heatmaps is not None:
        return OnnxOutputs('heatmaps', ('heatmaps',), grid=_name_of_grid(getattr(head, 'decoder', None)), layout='nchw')
    if outputs.simcc is not None:
        beta = float(getattr(getattr(head, 'loss_module', None), 'beta', 1.0))
        return OnnxOutputs('simcc', AXIS_NAMES, values='logits', beta=beta)
    return coordinate_outputs(with_scores=outputs.scores is not None)


def coordinate_outputs(*, with_scores: bool) -> OnnxOutputs:
    """Names and meaning of coordinates and scores."""
    return OnnxOutputs('coordinates', ('coordinates', 'scores')[:1 + with_scores], unit='fractions', columns=('x', 'y'))


def _name_of_grid(decoder: Any) -> str:
    """Where the cells of a codec's heatmaps lie, see :class:`~distilpose.distillation.heatmap_grid.HeatmapGrid`."""
    grid = grid_of(decoder)
    if grid is None:
        raise DistilPoseError(f'heatmaps of {describe_codec(decoder)} cannot be exported; expected those of '
                              'MSRAHeatmap, UDPHeatmap (gaussian) or TokenPoseHeatmap')
    return grid.kind


def codec_of(model_config: Mapping[str, Any], outputs: PoseOutputs) -> dict[str, Any] | None:
    """The codec of a model's config that decodes its outputs; coordinates need none."""
    decoder = (model_config.get('head') or {}).get('decoder')
    return None if decoder is None or outputs.coords is not None else dict(decoder)
