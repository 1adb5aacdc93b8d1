"""SimDR on TokenPose: every keypoint token is read as two classifications."""

from __future__ import annotations

from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from distilpose.models.layers import build_token_encoder
from distilpose.structures import PoseOutputs

from .common import TOKEN_HEAD_INIT, read_in_float32
from .simcc import SimCCHeadMixin


@MODELS.register_module()
class TokenPoseSimDRHead(SimCCHeadMixin, BaseHead):
    """One layer normalisation and a linear layer for every axis on the keypoint tokens.

    There is no public code of it; this head is inferred from the published numbers of parameters and multiply-adds,
    which it reproduces.

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        encoder: arguments of :func:`~distilpose.models.layers.build_token_encoder`.
        decoder: a codec of :mod:`distilpose.codecs`; it says the number of bins.
        loss: one of :mod:`distilpose.models.losses` that belongs to the codec.
        init_cfg: mmengine initialisation; the one of the published token heads by default.
    """

    float32_layers = ('norm', 'mlp_head_x', 'mlp_head_y')
    """Those that :func:`~distilpose.models.heads.common.read_in_float32` applies."""

    def __init__(self, in_channels: int, num_keypoints: int, *, encoder: dict, decoder: dict,
                 loss: dict | None = None, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg or TOKEN_HEAD_INIT)
        self.encoder = build_token_encoder(in_channels, num_keypoints, **encoder)
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.loss_module = MODELS.build(loss or dict(type='NMTLoss'))
        dim = self.encoder.readout_dim
        self.norm = nn.LayerNorm(dim)
        self.mlp_head_x, self.mlp_head_y = (nn.Linear(dim, bins) for bins in self.decoder.bins)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Feature maps, the last one (B, C, H, W), to logits (B, K, Wx) and (B, K, Wy), and tokens."""
        keypoint_tokens, visual_tokens = self.encoder(feats[-1])
        normalised = read_in_float32(self.norm, keypoint_tokens)
        simcc = read_in_float32(self.mlp_head_x, normalised), read_in_float32(self.mlp_head_y, normalised)
        return PoseOutputs(simcc=simcc, keypoint_tokens=keypoint_tokens, visual_tokens=visual_tokens)
