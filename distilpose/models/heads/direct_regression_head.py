"""Direct regression head: coordinates from pooled features, with confidences."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.structures import PoseOutputs

from .common import read_in_float32
from .coordinate_head import CoordinateHead


@MODELS.register_module()
class DirectRegressionHead(CoordinateHead):
    """One linear layer on pooled features, as DeepPose (Toshev and Szegedy, CVPR 2014).

    The neck pools (``GlobalAveragePooling``). mmpose's ``RegressionHead`` is the same without a confidence, so that
    average precision can rank its people by their boxes only.

    Args:
        in_channels: width of the pooled features.
        num_keypoints: number of keypoints K.
        **kwargs: as :class:`~distilpose.models.heads.coordinate_head.CoordinateHead`.
    """

    float32_layers = ('readout',)
    """Those that :func:`~distilpose.models.heads.common.read_in_float32` applies."""

    def __init__(self, in_channels: int, num_keypoints: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with torch.random.fork_rng(devices=[]):  # the other weights do not depend on the number of outputs
            self.readout = nn.Linear(in_channels, num_keypoints * self.num_outputs)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Pooled features, the last ones (B, C), to coords and optionally scores and sigmas."""
        values = read_in_float32(self.readout, feats[-1].flatten(1))
        return self._read(values.unflatten(-1, (-1, self.num_outputs)))
