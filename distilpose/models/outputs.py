"""Conversion of mmpose's predictions to :class:`PoseOutputs`, and of its data samples to :class:`Labels`."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from mmpose.models.heads import (
    CPMHead,
    HeatmapHead,
    IntegralRegressionHead,
    RegressionHead,
    RLEHead,
    RTMCCHead,
    RTMWHead,
    SimCCHead,
)
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels, PoseOutputs

from .heads.common import keypoint_weights


def read_outputs(head: nn.Module, prediction: Any, features: tuple[Tensor, ...]) -> PoseOutputs:
    """Converts the return value of ``head.forward``.

    Args:
        head: the head that made the prediction; its type determines what the prediction means.
        prediction: the return value of ``head(features)``.
        features: the input of the head, maps of (B, C, H, W) each.

    Raises:
        DistilPoseError: for a head of an unknown type.
    """
    outputs = prediction if isinstance(prediction, PoseOutputs) else _read(head, prediction)
    return outputs._replace(features=tuple(features))


def read_labels(data_samples: list) -> Labels:
    """Keypoint weights of data samples, and their meta information ``labelled`` (true where absent)."""
    weights = keypoint_weights(data_samples)
    labelled = torch.tensor([bool(sample.get('labelled', True)) for sample in data_samples])
    return Labels(weights, labelled.to(weights.device, non_blocking=weights.is_cuda))


@singledispatch
def _read(head: nn.Module, prediction: Any) -> PoseOutputs:
    raise DistilPoseError(
        f'{type(head).__name__} returned {type(prediction).__name__}, which distilpose cannot read; '
        'return PoseOutputs from its forward, or register a reading in distilpose/models/outputs.py')


@_read.register
def _(head: HeatmapHead, prediction: Tensor) -> PoseOutputs:
    return PoseOutputs(heatmaps=(prediction,))


@_read.register
def _(head: CPMHead, prediction: list[Tensor]) -> PoseOutputs:
    return PoseOutputs(heatmaps=tuple(prediction))


@_read.register
def _(head: RegressionHead, prediction: Tensor) -> PoseOutputs:
    return PoseOutputs(coords=prediction[..., :2])


@_read.register
def _(head: RLEHead, prediction: Tensor) -> PoseOutputs:
    return PoseOutputs(coords=prediction[..., :2], error_scales=prediction[..., 2:])


@_read.register
def _(head: IntegralRegressionHead, prediction: tuple[Tensor, Tensor]) -> PoseOutputs:
    return PoseOutputs(coords=prediction[0])  # its maps sum to 1, where heatmaps have peaks of 1


@_read.register(SimCCHead)
@_read.register(RTMCCHead)
@_read.register(RTMWHead)
def _(head: nn.Module, prediction: tuple[Tensor, Tensor]) -> PoseOutputs:
    return PoseOutputs(simcc=(prediction[0], prediction[1]))
