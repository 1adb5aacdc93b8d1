"""How the native prediction of a head is read as :class:`PoseOutputs`."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

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
from distilpose.structures import PoseOutputs


def read_outputs(head: nn.Module, prediction: Any, features: tuple[Tensor, ...]) -> PoseOutputs:
    """Reads what ``head.forward`` returned.

    Args:
        head: the head that made the prediction; its type says what the prediction means.
        prediction: the return value of ``head(features)``.
        features: the maps that the head was given, each (B, C, H, W).

    Raises:
        DistilPoseError: for a head of a type that has no reading.
    """
    outputs = prediction if isinstance(prediction, PoseOutputs) else _read(head, prediction)
    return outputs._replace(features=tuple(features))


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
