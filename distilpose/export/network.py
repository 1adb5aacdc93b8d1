"""Networks as they are exported: images in, only what predicts out, under names."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from mmpose.codecs import UDPHeatmap
from mmpose.models.heads import RLEHead
from torch import Tensor, nn

from distilpose.codecs import TokenPoseHeatmap, UnrefinedHeatmap
from distilpose.distillation.teachers.decoding import certainty_of, coordinates_of
from distilpose.distillation.teachers.heatmaps import is_on_common_grid
from distilpose.distillation.teachers.onnx import OnnxOutputs
from distilpose.errors import DistilPoseError
from distilpose.models import read_outputs
from distilpose.models.heads.axis_classifier import AxisClassifier
from distilpose.structures import PoseOutputs

AXIS_NAMES = ('simcc_x', 'simcc_y')


class ExportedNetwork(nn.Module):
    """Images (B, 3, H, W) in float32 to the outputs that a prediction is made of, in float32.

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
            if hasattr(part, 'shows_visual_tokens'):
                part.shows_visual_tokens = False
        self.dtype = torch.float16 if half else torch.float32
        if half:
            self.model.half()
            for name in getattr(self.model.head, 'float32_layers', ()):
                getattr(self.model.head, name).float()

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
        return tensors_of(self.predict(images))


class DecodedNetwork(nn.Module):
    """A network with its decoding: coordinates (B, K, 2) as fractions of the crop, and scores (B, K, 1).

    Heatmaps are decoded at the highest cell, moved by a quarter where the codec does so, else to the peak of a parabola
    through the logarithms, which a codec that blurs first (DARK) comes close to.
    """

    def __init__(self, network: ExportedNetwork) -> None:
        super().__init__()
        self.network = network
        self.decoder = getattr(network.model.head, 'decoder', None)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, 2) and (B, K, 1)."""
        return decode(self.network.predict(images), head=self.network.model.head)


def decode(outputs: PoseOutputs, *, head: Any) -> tuple[Tensor, Tensor]:
    """Coordinates (B, K, 2) as fractions of the crop, and scores (B, K, 1), both as the head's codec means them."""
    decoder = getattr(head, 'decoder', None)
    if outputs.heatmaps is not None:
        maps = outputs.heatmaps[-1]
        coords, scores = coordinates_of(outputs, refinement=_refinement(decoder)), maps.amax((-2, -1))
        if not is_on_common_grid(decoder):
            coords = coords * coords.new_tensor([side / (side - 1) for side in (maps.shape[-1], maps.shape[-2])])
    elif outputs.simcc is not None:
        axes = outputs.simcc
        if isinstance(head, AxisClassifier):
            axes = axes[0].softmax(-1), axes[1].softmax(-1)
            scores = torch.maximum(axes[0].amax(-1), axes[1].amax(-1))
        else:
            scores = torch.minimum(axes[0].amax(-1), axes[1].amax(-1))
        coords = coordinates_of(PoseOutputs(simcc=axes))
    else:
        coords, scores = coordinates_of(outputs), certainty_of(outputs)
        scores = scores if outputs.scores is None else outputs.scores[..., 0]
    return coords, scores.unsqueeze(-1)


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
        return OnnxOutputs('heatmaps', ('heatmaps',), grid=grid_of(getattr(head, 'decoder', None)), layout='nchw')
    if outputs.simcc is not None:
        beta = float(getattr(getattr(head, 'loss_module', None), 'beta', 1.0))
        return OnnxOutputs('simcc', AXIS_NAMES, values='logits', beta=beta)
    return coordinate_outputs(with_scores=outputs.scores is not None)


def coordinate_outputs(*, with_scores: bool) -> OnnxOutputs:
    """Names and meaning of coordinates and scores."""
    return OnnxOutputs('coordinates', ('coordinates', 'scores')[:1 + with_scores], unit='fractions', columns=('x', 'y'))


def grid_of(decoder: Any) -> str:
    """Where the cells of a codec's heatmaps lie, see :class:`~distilpose.distillation.teachers.onnx.OnnxOutputs`.

    Raises:
        DistilPoseError: its maps are not gaussians.
    """
    if is_on_common_grid(decoder):
        return 'i/n'
    if isinstance(decoder, TokenPoseHeatmap) or (
            isinstance(decoder, UDPHeatmap) and decoder.heatmap_type == 'gaussian'):
        return 'udp'
    raise DistilPoseError(f'heatmaps of {type(decoder).__name__} '
                          f'({getattr(decoder, "heatmap_type", "of its own kind")}) cannot be exported; expected those '
                          'of MSRAHeatmap, UDPHeatmap (gaussian) or TokenPoseHeatmap')


def codec_of(model_config: Mapping[str, Any], outputs: PoseOutputs) -> dict[str, Any] | None:
    """The codec of a model's config that decodes its outputs; coordinates need none."""
    decoder = (model_config.get('head') or {}).get('decoder')
    return None if decoder is None or outputs.coords is not None else dict(decoder)


def _refinement(decoder: Any) -> str:
    if isinstance(decoder, UnrefinedHeatmap):
        return 'none'
    return 'quarter' if is_on_common_grid(decoder) and not getattr(decoder, 'unbiased', False) else 'gaussian'
