"""TokenPose head: heatmaps from keypoint tokens; DistilPose's teacher."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from mmengine.structures import PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from distilpose.models.layers import build_token_encoder
from distilpose.structures import PoseOutputs

from .common import TOKEN_HEAD_INIT, keypoint_weights, read_in_float32, share_within


@MODELS.register_module()
class TokenPoseHead(BaseHead):
    """Reads every keypoint token as a heatmap (TokenPose, Li et al., ICCV 2021).

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        heatmap_size: (width, height) of the heatmaps.
        encoder: arguments of :func:`~distilpose.models.layers.build_token_encoder`.
        hidden_dim: width of the layer between token and heatmap, ``None`` for a single linear layer.
        loss: the heatmap loss, called with (prediction, target, keypoint weights).
        decoder: a heatmap codec of mmpose.
        init_cfg: mmengine initialisation; the published one by default.
    """

    float32_layers = ('readout',)
    """Those that :func:`~distilpose.models.heads.common.read_in_float32` applies."""

    def __init__(self, in_channels: int, num_keypoints: int, *, heatmap_size: tuple[int, int], encoder: dict,
                 hidden_dim: int | None = 384, loss: dict | None = None, decoder: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg or TOKEN_HEAD_INIT)
        self.heatmap_size = tuple(heatmap_size)
        self.encoder = build_token_encoder(in_channels, num_keypoints, **encoder)
        hidden = [] if hidden_dim is None else [hidden_dim]
        widths = [self.encoder.readout_dim, *hidden, heatmap_size[0] * heatmap_size[1]]
        self.readout = nn.Sequential(*(layer for before, after in pairwise(widths)
                                       for layer in (nn.LayerNorm(before), nn.Linear(before, after))))
        self.loss_module = MODELS.build(loss or dict(type='KeypointMSELoss', use_target_weight=True))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Feature maps, the last one (B, C, H, W), to heatmaps (B, K, H, W) and tokens."""
        return self._read(*self.encoder(feats[-1]))

    def next_cycle(self, outputs: PoseOutputs) -> PoseOutputs:
        """The outputs of one more cycle of the encoder, from the tokens of :meth:`forward` or of the last cycle."""
        assert outputs.keypoint_tokens is not None
        return self._read(*self.encoder.next_cycle(outputs.keypoint_tokens, outputs.visual_tokens))

    def _read(self, keypoint_tokens: Tensor, visual_tokens: Tensor | None) -> PoseOutputs:
        width, height = self.heatmap_size
        heatmaps = read_in_float32(self.readout, keypoint_tokens).unflatten(-1, (height, width))
        return PoseOutputs(heatmaps=(heatmaps,), keypoint_tokens=keypoint_tokens, visual_tokens=visual_tokens)

    def predict(self, feats: Any, batch_data_samples: list, test_cfg: dict | None = None) -> Any:
        """Decodes a batch; options of ``test_cfg`` as mmpose's HeatmapHead (flip_test, shift_heatmap, ...)."""
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = (self(maps).heatmaps[-1] for maps in feats)
            flipped = flip_heatmaps(flipped, flip_mode=test_cfg.get('flip_mode', 'heatmap'),
                                    flip_indices=batch_data_samples[0].metainfo['flip_indices'],
                                    shift_heatmap=test_cfg.get('shift_heatmap', False))
            heatmaps = (plain + flipped) / 2
        else:
            heatmaps = self(feats).heatmaps[-1]
        instances = self.decode(heatmaps)
        if test_cfg.get('output_heatmaps', False):
            return instances, [PixelData(heatmaps=heatmap) for heatmap in heatmaps.detach()]
        return instances

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """The heatmap loss ``loss_kpt`` and ``acc_pose``, the share of peaks within 5 % of the map."""
        heatmaps = self(feats).heatmaps[-1]
        targets = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        weights = keypoint_weights(batch_data_samples)
        return dict(loss_kpt=self.loss_module(heatmaps, targets, weights),
                    acc_pose=_peak_accuracy(heatmaps, targets, weights))


@torch.no_grad()
def _peak_accuracy(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Share of labelled joints whose highest pixel lies within 5 % of the map size of the target's."""
    def peaks(maps: Tensor) -> Tensor:
        height, width = maps.shape[-2:]
        index = maps.flatten(2).argmax(dim=-1)
        return torch.stack((index % width / width, index // width / height), dim=-1)

    return share_within(peaks(heatmaps) - peaks(targets), weights)
