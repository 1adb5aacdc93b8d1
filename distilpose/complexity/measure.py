"""Complexity of a config's model: parameters, MACs, FLOPs, and the published figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import nn

from distilpose.config.models import build_estimator

from ..config.building import building_as_sentences
from ..engine import student_config
from ..errors import DistilPoseError
from .counting import ForwardPass, ParameterCount, count_macs_by_module, count_parameters
from .published import PublishedCount, PublishedStyle, count_published


@dataclass(frozen=True)
class ModuleCost:
    """Parameters and MACs of one module and its submodules."""

    params: int
    macs: int


@dataclass(frozen=True)
class Complexity:
    """Parameters and MACs of a model for one image, in one forward pass without flip test."""

    input_size: tuple[int, int]
    """(width, height) of the image."""
    params: ParameterCount
    published: PublishedCount
    modules: dict[str, ModuleCost]
    """Name -> cost, in the model's order; the empty name stands for the whole model."""

    @property
    def macs(self) -> int:
        """MACs of convolutions, linear layers and attention."""
        return self.modules[''].macs

    @property
    def flops(self) -> int:
        """Floating-point operations, two for a MAC."""
        return 2 * self.macs

    def modules_to(self, depth: int) -> dict[str, ModuleCost]:
        """The modules that cost anything, down to a depth: 0 is the whole model, 1 backbone, neck and head."""
        return {name: cost for name, cost in self.modules.items()
                if _depth(name) <= depth and (cost.params or cost.macs)}

    def figures(self) -> dict[str, int | float]:
        """The figures by name, for JSON."""
        return dict(params=self.params.all, params_trainable=self.params.trainable, macs=self.macs, flops=self.flops,
                    published_style_gmacs=self.published.gmacs)


def measure(cfg: Config, *, style: PublishedStyle, input_size: tuple[int, int] | None = None) -> Complexity:
    """Builds the model of a config, with random weights, and counts what it costs.

    Args:
        cfg: of a pose estimator; a distillation's stands for its student, and the teacher is not built.
        style: how the published figures to compare with were counted.
        input_size: (width, height) of the image, else that of the model's decoder or the codec.

    Raises:
        DistilPoseError: no pose estimator for images, no size, or one that the model cannot take.
    """
    cfg = student_config(cfg)
    size = input_size or read_input_size(cfg)
    if min(size) < 1:
        raise DistilPoseError(f'the image is {size[1]}x{size[0]} (height x width); both must be positive')
    with building_as_sentences(cfg):
        model = build_estimator(cfg.model)
    if not (isinstance(model, BasePoseEstimator) and model.with_head):
        raise DistilPoseError(f'the model is a {type(model).__name__}; only pose estimators with a backbone and a head '
                              'can be counted, such as TopdownPoseEstimator')
    images = torch.zeros(1, 3, size[1], size[0])
    try:
        macs = count_macs_by_module(model, images)
    except (RuntimeError, AssertionError) as error:
        raise DistilPoseError(f'the model cannot take an image of {size[1]}x{size[0]} (height x width), change '
                              f'--shape or the config: {type(error).__name__}: {error}') from error
    return Complexity(size, count_parameters(model), count_published(ForwardPass(model), images, style=style),
                      _module_costs(model, macs))


def _depth(name: str) -> int:
    return name.count('.') + 1 if name else 0


def _module_costs(model: nn.Module, macs: Mapping[str, int]) -> dict[str, ModuleCost]:
    return {name: ModuleCost(count_parameters(module).all, macs[name]) for name, module in model.named_modules()}


def read_input_size(cfg: Config) -> tuple[int, int]:
    """The (width, height) of the images that a plain estimator's config is for.

    Raises:
        DistilPoseError: when neither its head nor its codec has one.
    """
    head = cfg.model.get('head') or {}
    for codec in (head.get('decoder'), cfg.get('codec'), head):
        last: Any = codec[-1] if isinstance(codec, (list, tuple)) and codec else codec  # one codec for every stage
        if isinstance(last, Mapping) and 'input_size' in last:
            width, height = last['input_size']
            return width, height
    raise DistilPoseError('neither model.head.decoder nor codec of the config has an input_size; say which size the '
                          'images have with --shape HEIGHT WIDTH')
