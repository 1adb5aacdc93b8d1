"""DistilPose head: coordinates, confidences and sigmas from keypoint tokens."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.models.layers import TokenEncoder
from distilpose.structures import PoseOutputs

from .common import read_in_float32
from .coordinate_head import CoordinateHead


@MODELS.register_module()
class DistilPoseHead(CoordinateHead):
    """Reads every keypoint token as x, y and optionally a confidence and two sigmas.

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        encoder: arguments of :class:`~distilpose.models.layers.TokenEncoder`.
        **kwargs: as :class:`~distilpose.models.heads.coordinate_head.CoordinateHead`.
    """

    float32_layers = ('readout',)
    """Those that :func:`~distilpose.models.heads.common.read_in_float32` applies."""

    def __init__(self, in_channels: int, num_keypoints: int, *, encoder: dict, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = TokenEncoder(in_channels, num_keypoints, **encoder)
        dim = self.encoder.keypoint_tokens.shape[-1]
        with torch.random.fork_rng(devices=[]):  # the other weights do not depend on the number of outputs
            self.readout = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, self.num_outputs))

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Feature maps, the last one (B, C, H, W), to coords, scores, sigmas and tokens."""
        return self._read_tokens(*self.encoder(feats[-1]))

    def next_cycle(self, outputs: PoseOutputs) -> PoseOutputs:
        """The outputs of one more cycle of the encoder, from the tokens of :meth:`forward` or of the last cycle."""
        assert outputs.keypoint_tokens is not None
        return self._read_tokens(*self.encoder.next_cycle(outputs.keypoint_tokens, outputs.visual_tokens))

    def _read_tokens(self, keypoint_tokens: Tensor, visual_tokens: Tensor | None) -> PoseOutputs:
        values = read_in_float32(self.readout, keypoint_tokens)
        return self._read(values, keypoint_tokens=keypoint_tokens, visual_tokens=visual_tokens)
