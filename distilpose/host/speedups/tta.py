"""The flip test: images and mirror images go through the network together where that is quicker."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from mmpose.models import TopdownPoseEstimator
from torch import Tensor

from distilpose.shadowing import shadowed

in_two_batches = TopdownPoseEstimator.predict
"""mmpose's own, which :func:`predict` replaces."""


@functools.wraps(in_two_batches)
def predict(self: TopdownPoseEstimator, inputs: Tensor, data_samples: list) -> list:
    """mmpose's ``TopdownPoseEstimator.predict``, whose flip test is one batch where that is quicker.

    A second pass reads all weights again, and on an accelerator launches all kernels again. On a CPU that is less than
    what activations of twice the size cost, but for a single image (docs/benchmarks/speed.md).

    Args:
        inputs: (N, 3, H, W) preprocessed images.
        data_samples: N of mmpose's data samples.
    """
    way = in_one_batch if inputs.device.type != 'cpu' or len(inputs) == 1 else in_two_batches
    return way(self, inputs, data_samples)


def in_one_batch(self: TopdownPoseEstimator, inputs: Tensor, data_samples: list) -> list:
    """mmpose's ``TopdownPoseEstimator.predict``, running the network once for images and mirror images.

    In eval mode no sample of a batch depends on another one, so that the answers are the same up to the rounding of
    float32. Heads are unmodified: their ``predict`` is handed both halves of what the network gave for 2N images.

    Args:
        inputs: (N, 3, H, W) preprocessed images.
        data_samples: N of mmpose's data samples.
    """
    if self.training or not self.test_cfg.get('flip_test', False):
        return in_two_batches(self, inputs, data_samples)
    both = self.extract_feat(torch.cat((inputs, inputs.flip(-1))))
    features = halves(both, len(inputs))
    predictions = halves(self.head(both), len(inputs))
    if features is None or predictions is None:
        return in_two_batches(self, inputs, data_samples)
    answers = iter(features)
    forward = self.head.forward

    def answer(maps: Any, *args: Any, **kwargs: Any) -> Any:
        """The prediction for one half; a head may run on other features as well."""
        for known, prediction in zip(features, predictions, strict=True):
            if maps is known:
                return prediction
        return forward(maps, *args, **kwargs)

    with shadowed(self, 'extract_feat', lambda _: next(answers)), shadowed(self.head, 'forward', answer):
        return in_two_batches(self, inputs, data_samples)


def halves(value: Any, size: int) -> tuple[Any, Any] | None:
    """Splits tensors of 2 x ``size`` samples, and tuples, lists and named tuples of such; None where that cannot be."""
    if isinstance(value, Tensor):
        return (value[:size], value[size:]) if value.dim() and len(value) == 2 * size else None
    if value is None:
        return None, None
    if not isinstance(value, (tuple, list)):
        return None
    parts = [halves(entry, size) for entry in value]
    if None in parts:
        return None
    make: Callable[[Any], Any] = getattr(type(value), '_make', type(value))
    return make(part[0] for part in parts if part), make(part[1] for part in parts if part)
