"""Coordinate regression head: the base class with outputs, task loss, flip test and decoding."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.losses import RLELoss
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.structures import PoseOutputs

from .common import TOKEN_HEAD_INIT, keypoint_weights, share_within


@singledispatch
def coordinate_loss(loss: nn.Module, outputs: PoseOutputs, targets: Tensor, weights: Tensor) -> Tensor:
    """The task loss of regressed coordinates, dispatched on the type of the loss.

    Args:
        loss: its type determines its arguments.
        outputs: of the head.
        targets: (B, K, 2) in [0, 1].
        weights: (B, K, 1), 0 where a joint is not labelled.

    Returns:
        A scalar.
    """
    return loss(outputs.coords, targets, weights)


@coordinate_loss.register
def _(loss: RLELoss, outputs: PoseOutputs, targets: Tensor, weights: Tensor) -> Tensor:
    """Residual log-likelihood estimation (Li et al., ICCV 2021); its flow overflows in half precision."""
    assert outputs.coords is not None and outputs.error_scales is not None
    with torch.autocast(targets.device.type, enabled=False):
        return loss(outputs.coords.float(), outputs.error_scales.float(), targets, weights)


class CoordinateHead(BaseHead):
    """A head that regresses coordinates and optionally a confidence and two sigmas of every keypoint.

    Subclasses pass ``num_outputs`` values per keypoint to :meth:`_read` in its ``forward``.

    Args:
        with_scores: predict a confidence; without it every keypoint's score is 1.
        with_sigmas: predict the sigmas that draw simulated heatmaps.
        loss: the task loss on coordinates in [0, 1]: one of mmpose's that is called with (prediction, target,
            weight), or ``RLELoss``, for which the head also predicts error scales.
        decoder: mmpose's ``RegressionLabel`` codec.
        init_cfg: mmengine initialisation; the one of the published token heads by default.
    """

    def __init__(self, *, with_scores: bool = True, with_sigmas: bool = True, loss: dict | None = None,
                 decoder: dict | None = None, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg or TOKEN_HEAD_INIT)
        with torch.random.fork_rng(devices=[]):  # a loss with weights leaves the network's initialisation alone
            self.loss_module = MODELS.build(loss or dict(type='SmoothL1Loss', use_target_weight=True))
        self.with_scores, self.with_sigmas = with_scores, with_sigmas
        self.with_error_scales = isinstance(self.loss_module, RLELoss)
        self.decoder: Any = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    @property
    def num_outputs(self) -> int:
        """Number of values per keypoint."""
        return 2 + self.with_scores + 2 * self.with_sigmas + 2 * self.with_error_scales

    def _read(self, values: Tensor, *, keypoint_tokens: Tensor | None = None,
              visual_tokens: Tensor | None = None) -> PoseOutputs:
        """Reads (B, K, ``num_outputs``) as coordinates, scores, sigmas and error scales, in this order.

        One constructor for all fields: torch.compile of torch 2.11 fails at ``_replace`` of what is returned.
        """
        sizes = (2, 1 * self.with_scores, 2 * self.with_sigmas, 2 * self.with_error_scales)
        coords, scores, sigmas, error_scales = values.split(sizes, dim=-1)
        return PoseOutputs(
            coords=coords.sigmoid(),
            scores=scores if self.with_scores else None,
            sigmas=F.softplus(sigmas) if self.with_sigmas else None,
            error_scales=error_scales if self.with_error_scales else None,
            keypoint_tokens=keypoint_tokens,
            visual_tokens=visual_tokens)

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """The task loss ``loss_kpt`` and ``acc_pose``, the share of joints within 5 % of the input size."""
        outputs = self(feats)
        targets = torch.cat([sample.gt_instance_labels.keypoint_labels for sample in batch_data_samples])
        weights = keypoint_weights(batch_data_samples)
        return dict(loss_kpt=coordinate_loss(self.loss_module, outputs, targets, weights.unsqueeze(-1)),
                    acc_pose=share_within(outputs.coords - targets, weights))

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
            outputs = average_flipped(self(plain), self(flipped), batch_data_samples[0].metainfo, test_cfg)
        else:
            outputs = self(feats)
        keypoints, scores = self.decoder.decode(to_numpy(outputs.coords))
        if outputs.scores is not None:
            scores = to_numpy(outputs.scores)[..., 0]
        return [InstanceData(keypoints=keypoints[i:i + 1], keypoint_scores=scores[i:i + 1])
                for i in range(len(keypoints))]


def average_flipped(plain: PoseOutputs, flipped: PoseOutputs, metainfo: dict, test_cfg: dict) -> PoseOutputs:
    """Mean of the coordinates and scores for an image and for its mirror image; see :meth:`CoordinateHead.predict`."""
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
