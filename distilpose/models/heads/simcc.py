"""SimCC heads: the task loss, flip test and decoding of all heads that classify coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.renamed import forward_names
from distilpose.structures import PoseOutputs

from .common import keypoint_weights, share_within

Axes = tuple[Tensor, Tensor]

AVERAGES = ('probabilities', 'logits')
SCORES = ('larger', 'smaller')
SHIFTS = ('one_bin', 'exact')

__getattr__ = forward_names(__name__, {'AxisClassifier': 'distilpose.models.heads.simcc.SimCCHeadMixin'})


def check_option(name: str, value: str, expected: tuple[str, ...]) -> None:
    """Refuses an unknown value of an option of ``test_cfg``.

    Raises:
        DistilPoseError: names the option.
    """
    if value not in expected:
        raise DistilPoseError(f'test_cfg.{name}={value!r}; expected one of {expected}')


def mirror(simcc: Axes, *, flip_indices: Sequence[int], shift: float) -> Axes:
    """Mirrors the outputs for a flipped image back to the image.

    Args:
        simcc: (B, K, Wx) and (B, K, Wy), values over the bins.
        flip_indices: of every joint the joint on the other side.
        shift: how many bins the reversed x axis is moved to the left.
    """
    along_x, along_y = (values[:, flip_indices] for values in simcc)
    return shift_left(along_x.flip(-1), shift), along_y


def shift_left(values: Tensor, bins: float) -> Tensor:
    """Moves (..., N) by ``bins`` to the left, between bins linearly; the last ones keep their values.

    With whole numbers it is ``values[..., :-bins] = values[..., bins:]``, as in the published implementation.
    """
    count = values.shape[-1]
    source = torch.arange(count, device=values.device, dtype=torch.float32) + bins
    source = torch.where(source > count - 1, source - bins, source)
    left = source.floor().long()
    right = (left + 1).clamp(max=count - 1)
    share = (source - left).to(values.dtype)
    return values[..., left] * (1 - share) + values[..., right] * share


def average_flipped(plain: Axes, mirrored: Axes, *, average: str) -> Axes:
    """Flip test: averages the logits or probabilities of an image and of its mirror image.

    Args:
        plain: (B, K, Wx) and (B, K, Wy) logits.
        mirrored: from :func:`mirror`.
        average: ``'probabilities'``, as SimDR does, or ``'logits'``, as SimDR* does.
    """
    check_option('average', average, AVERAGES)

    def mean(logits: Tensor, others: Tensor) -> Tensor:
        if average == 'logits':
            return ((logits + others) / 2).softmax(dim=-1)
        return (logits.softmax(dim=-1) + others.softmax(dim=-1)) / 2

    return mean(plain[0], mirrored[0]), mean(plain[1], mirrored[1])


def decode_axes(probabilities: Axes, *, ratio: float, score: str) -> tuple[Tensor, Tensor]:
    """Joints and their scores.

    Args:
        probabilities: (B, K, Wx) and (B, K, Wy).
        ratio: bins of a pixel.
        score: ``'larger'`` of both peaks, as SimDR takes it, or the ``'smaller'``, as SimDR* does.

    Returns:
        (B, K, 2) the highest bins in input pixels, and (B, K).
    """
    check_option('score', score, SCORES)
    (peak_x, bin_x), (peak_y, bin_y) = (values.max(dim=-1) for values in probabilities)
    choose = torch.maximum if score == 'larger' else torch.minimum
    return torch.stack((bin_x, bin_y), dim=-1) / ratio, choose(peak_x, peak_y)


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

        With ``test_cfg['flip_test']`` the features come as ``[plain, flipped]``. Options of ``test_cfg`` select the
        variants of the publications; the defaults are those of SimDR:

        * ``score``: ``'larger'`` peak of both axes (SimDR) or ``'smaller'`` (SimDR*).
        * ``average``: of the ``'probabilities'`` for image and mirror image (SimDR) or of the ``'logits'`` (SimDR*).
        * ``shift``: the reversed x axis is moved by ``'one_bin'``, as published, which is right for two bins a pixel
          only, or ``'exact'``, by the split ratio less one.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            plain, flipped = (self._simcc(maps) for maps in feats)
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
