"""What all heads share that classify coordinates: the task loss, flip test and decoding."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from distilpose.structures import PoseOutputs

from .common import keypoint_weights, share_within
from .simdr_decoding import SHIFTS, Axes, average_flipped, check_option, decode_axes, mirror


class SimCCHeadMixin:
    """Loss and prediction of a head whose ``forward`` gives ``PoseOutputs(simcc=(x, y))``.

    The head has a ``loss_module``, called with (logits, labels, weights), and a ``decoder``, a codec of
    :mod:`distilpose.codecs`.
    """

    loss_module: Any
    decoder: Any

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """The task loss ``loss_kpt`` and ``acc_pose``, the share of joints within 5 % of the input size."""
        simcc = self(feats).simcc  # type: ignore[operator]
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        targets = (torch.cat([label.keypoint_x_labels for label in labels]),
                   torch.cat([label.keypoint_y_labels for label in labels]))
        weights = keypoint_weights(batch_data_samples)
        return dict(loss_kpt=self.loss_module(simcc, targets, weights), acc_pose=_accuracy(simcc, targets, weights))

    def predict(self, feats: Any, batch_data_samples: list, test_cfg: dict | None = None) -> list[InstanceData]:
        """Decodes a batch to input pixels; mmpose maps them to the image.

        With ``test_cfg['flip_test']`` the features come as ``[plain, flipped]``. Options of ``test_cfg`` name what the
        publications do differently; the defaults are those of SimDR:

        * ``score``: ``'larger'`` peak of both axes (SimDR) or ``'smaller'`` (SimDR*).
        * ``average``: of the ``'probabilities'`` for image and mirror image (SimDR) or of the ``'logits'`` (SimDR*).
        * ``shift``: the reversed x axis is moved by ``'one_bin'``, as published, which is right for two bins a pixel
          only, or ``'exact'``, by the split ratio less one.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = (self._simcc(part) for part in feats)
            mirrored = mirror(flipped, flip_indices=batch_data_samples[0].metainfo['flip_indices'],
                              shift=self._shift(test_cfg.get('shift', 'one_bin')))
            probabilities = average_flipped(plain, mirrored, average=test_cfg.get('average', 'probabilities'))
        else:
            along_x, along_y = self._simcc(feats)
            probabilities = along_x.softmax(dim=-1), along_y.softmax(dim=-1)
        keypoints, scores = decode_axes(probabilities, ratio=self.decoder.simdr_split_ratio,
                                        score=test_cfg.get('score', 'larger'))
        return [InstanceData(keypoints=joints[None], keypoint_scores=score[None])
                for joints, score in zip(to_numpy(keypoints), to_numpy(scores), strict=True)]

    def _simcc(self, feats: tuple[Tensor, ...]) -> Axes:
        outputs: PoseOutputs = self(feats)  # type: ignore[operator]
        assert outputs.simcc is not None
        return outputs.simcc

    def _shift(self, option: str) -> float:
        check_option('shift', option, SHIFTS)
        return 1.0 if option == 'one_bin' else self.decoder.simdr_split_ratio - 1.0


@torch.no_grad()
def _accuracy(simcc: Axes, targets: Axes, weights: Tensor) -> Tensor:
    """Share of labelled joints whose highest bins lie within 5 % of both axes of the target's."""
    errors = []
    for logits, target in zip(simcc, targets, strict=True):
        expected = target.argmax(dim=-1) if target.dim() == logits.dim() else target
        errors.append((logits.argmax(dim=-1) - expected) / logits.shape[-1])
    return share_within(torch.stack(errors, dim=-1), weights)
