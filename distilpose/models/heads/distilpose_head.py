"""The regression head of DistilPose: coordinates, confidences and sigmas from keypoint tokens."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.models.layers import TokenEncoder
from distilpose.structures import PoseOutputs

from .common import TOKEN_HEAD_INIT, keypoint_weights, read_in_float32


@MODELS.register_module()
class DistilPoseHead(BaseHead):
    """Reads every keypoint token as x, y and, as wanted, a confidence and two sigmas.

    Args:
        in_channels: channels of the last feature map.
        num_keypoints: number of keypoints K.
        encoder: arguments of :class:`~distilpose.models.layers.TokenEncoder`.
        with_scores: predict a confidence; without it every keypoint's score is 1.
        with_sigmas: predict the sigmas that draw simulated heatmaps.
        loss: the task loss on coordinates in [0, 1], called with (prediction, target, weight).
        decoder: mmpose's ``RegressionLabel`` codec.
        init_cfg: mmengine initialisation; the published one by default.
    """

    def __init__(self, in_channels: int, num_keypoints: int, *, encoder: dict, with_scores: bool = True,
                 with_sigmas: bool = True, loss: dict | None = None, decoder: dict | None = None,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg or TOKEN_HEAD_INIT)
        self.with_scores, self.with_sigmas = with_scores, with_sigmas
        self.encoder = TokenEncoder(in_channels, num_keypoints, **encoder)
        dim = self.encoder.keypoint_tokens.shape[-1]
        with torch.random.fork_rng(devices=[]):  # the other weights do not depend on the number of outputs
            self.readout = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 + with_scores + 2 * with_sigmas))
        self.loss_module = MODELS.build(loss or dict(type='SmoothL1Loss', use_target_weight=True))
        self.decoder: Any = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Feature maps, the last one (B, C, H, W), to coords, scores, sigmas and tokens."""
        keypoint_tokens, visual_tokens = self.encoder(feats[-1])
        values = read_in_float32(self.readout, keypoint_tokens)
        return PoseOutputs(
            coords=values[..., :2].sigmoid(),
            scores=values[..., 2:3] if self.with_scores else None,
            sigmas=F.softplus(values[..., -2:]) if self.with_sigmas else None,
            keypoint_tokens=keypoint_tokens, visual_tokens=visual_tokens)

    def predict(self, feats: Any, batch_data_samples: list, test_cfg: dict | None = None) -> list[InstanceData]:
        """Decodes a batch to input pixels; mmpose maps them to the image.

        With ``test_cfg['flip_test']`` the features come as ``[plain, flipped]`` and the outputs are averaged.
        Two options name the published behaviour: ``shift_coords=False`` (leaves a bias of half an input pixel
        to the right) and ``permute_scores=False`` (averages left scores with right ones); both are corrected
        by default.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = feats
            outputs = self._average(self(plain), self(flipped), batch_data_samples[0].metainfo, test_cfg)
        else:
            outputs = self(feats)
        keypoints, scores = self.decoder.decode(to_numpy(outputs.coords))
        if outputs.scores is not None:
            scores = to_numpy(outputs.scores)[..., 0]
        return [InstanceData(keypoints=keypoints[i:i + 1], keypoint_scores=scores[i:i + 1])
                for i in range(len(keypoints))]

    @staticmethod
    def _average(plain: PoseOutputs, flipped: PoseOutputs, metainfo: dict, test_cfg: dict) -> PoseOutputs:
        """Mean of the outputs for an image and for its mirror image."""
        assert plain.coords is not None and flipped.coords is not None
        indices = metainfo['flip_indices']
        mirrored = flipped.coords[:, indices]
        shift = 1 / metainfo['input_size'][0] if test_cfg.get('shift_coords', True) else 0.0
        mirrored = torch.stack((1 - shift - mirrored[..., 0], mirrored[..., 1]), dim=-1)
        scores = plain.scores
        if scores is not None and flipped.scores is not None:
            permute = test_cfg.get('permute_scores', True)
            scores = (scores + (flipped.scores[:, indices] if permute else flipped.scores)) / 2
        return PoseOutputs(coords=(plain.coords + mirrored) / 2, scores=scores)

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """The task loss ``loss_kpt`` and ``acc_pose``, the share of joints within 5 % of the input size."""
        coords = self(feats).coords
        targets = torch.cat([sample.gt_instance_labels.keypoint_labels for sample in batch_data_samples])
        weights = keypoint_weights(batch_data_samples)
        with torch.no_grad():
            hits = ((coords - targets).norm(dim=-1) <= 0.05) * (weights > 0)
            accuracy = hits.sum() / (weights > 0).sum().clamp(min=1)
        return dict(loss_kpt=self.loss_module(coords, targets, weights.unsqueeze(-1)), acc_pose=accuracy)
