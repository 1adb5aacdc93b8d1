"""SimDR heads: linear layers that classify the coordinates of every joint, on feature maps or on keypoint tokens."""

from __future__ import annotations

from mmpose.models.heads import SimCCHead
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from distilpose.models.layers import build_token_encoder
from distilpose.structures import PoseOutputs

from .common import TOKEN_HEAD_INIT, read_in_float32
from .simcc import SimCCHeadMixin

SIMDR_HEAD_INIT = [  # the linear layers start as torch has them
    dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001),
    dict(type='Constant', layer='BatchNorm2d', val=1),
]
"""Initialisation of the published heads."""


@MODELS.register_module()
class SimDRHead(SimCCHeadMixin, SimCCHead):
    """mmpose's ``SimCCHead`` with the losses, scores and flip test of SimDR and SimDR* (Li et al., 2021).

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        decoder: a codec of :mod:`distilpose.codecs`; with the size of the input and the split ratio.
        feature_stride: pixels of the input that a cell of the last feature map stands for.
        deconv_out_channels: of layers that double the map's size, ``None`` for none.
        loss: one of :mod:`distilpose.models.losses` that belongs to the codec.
        init_cfg: mmengine initialisation; the published one by default.
    """

    float32_layers = ('mlp_head_x', 'mlp_head_y')
    """Those that :func:`~distilpose.models.heads.common.read_in_float32` applies."""

    def __init__(self, in_channels: int, num_keypoints: int, *, decoder: dict, feature_stride: int = 4,
                 deconv_out_channels: tuple[int, ...] | None = None, loss: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        codec = KEYPOINT_CODECS.build(decoder)
        width, height = codec.input_size
        super().__init__(
            in_channels, num_keypoints, input_size=codec.input_size,
            in_featuremap_size=(width // feature_stride, height // feature_stride),
            simcc_split_ratio=codec.simdr_split_ratio, deconv_out_channels=deconv_out_channels,
            deconv_kernel_sizes=(4,) * len(deconv_out_channels or ()), loss=loss or dict(type='NMTLoss'),
            decoder=decoder, init_cfg=init_cfg or SIMDR_HEAD_INIT)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Feature maps, the last one (B, C, H, W), to logits (B, K, Wx) and (B, K, Wy)."""
        maps = self.final_layer(feats[-1]) if self.deconv_head is None else self.deconv_head(feats)
        return self._classify(maps.flatten(2))

    def _classify(self, cells: Tensor) -> PoseOutputs:
        """(B, K, values of a joint) to logits."""
        return PoseOutputs(simcc=(read_in_float32(self.mlp_head_x, cells), read_in_float32(self.mlp_head_y, cells)))


@MODELS.register_module()
class UpsampleFreeSimDRHead(SimDRHead):
    """SimDR without deconvolutions: every joint has several channels of the backbone's small map instead.

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        decoder: as :class:`SimDRHead`.
        channels_per_joint: maps of a joint.
        feature_stride: as :class:`SimDRHead`.
        loss: as :class:`SimDRHead`.
        init_cfg: as :class:`SimDRHead`.
    """

    def __init__(self, in_channels: int, num_keypoints: int, *, decoder: dict, channels_per_joint: int = 32,
                 feature_stride: int = 32, loss: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(in_channels, num_keypoints, decoder=decoder, feature_stride=feature_stride, loss=loss,
                         init_cfg=init_cfg)
        self.channels_per_joint = channels_per_joint
        columns, rows = self.heatmap_size
        self.final_layer = nn.Conv2d(in_channels, num_keypoints * channels_per_joint, 1)
        values = columns * rows * channels_per_joint
        self.mlp_head_x, self.mlp_head_y = (nn.Linear(values, bins) for bins in self.decoder.bins)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """See :class:`SimDRHead`; the channels of a joint lie side by side."""
        maps = self.final_layer(feats[-1])
        return self._classify(maps.unflatten(1, (-1, self.channels_per_joint)).flatten(2))


@MODELS.register_module()
class TokenPoseSimDRHead(SimCCHeadMixin, BaseHead):
    """One layer normalisation and a linear layer for every axis on the keypoint tokens.

    There is no public code of it; this head is inferred from the published numbers of parameters and multiply-adds,
    which it reproduces.

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        encoder: arguments of :func:`~distilpose.models.layers.build_token_encoder`.
        decoder: a codec of :mod:`distilpose.codecs`; with the number of bins.
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
