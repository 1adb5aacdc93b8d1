"""Test-time augmentation: the flip test runs images and mirror images through the network as one batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmpose.models import TopdownPoseEstimator
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from distilpose.errors import DistilPoseError
from distilpose.host.views import view_of

in_two_batches = TopdownPoseEstimator.predict
"""mmpose's own, which :func:`predict` replaces."""

OPTION = 'flip_in_one_batch'
"""Of ``test_cfg``: ``True``, ``False`` or ``'auto'``, which is the default."""

_LARGEST_BATCH = dict(cpu=1)
_LARGEST_BATCH_ELSEWHERE = 16
"""Images up to which ``'auto'`` takes one batch, by device; the activations of a larger one need twice the memory."""


@functools.wraps(in_two_batches)
def predict(self: TopdownPoseEstimator, inputs: Tensor, data_samples: list) -> list:
    """mmpose's ``TopdownPoseEstimator.predict``, whose flip test is one batch of twice the size where that is faster.

    A second pass reads all weights again, and on an accelerator launches all kernels again. For small batches this
    costs more than activations of twice the size (docs/benchmarks/speed.md).

    Args:
        inputs: (N, 3, H, W) preprocessed images.
        data_samples: N of mmpose's data samples.

    Raises:
        DistilPoseError: for another value of ``test_cfg['flip_in_one_batch']``.
    """
    one_batch = read_option(self.test_cfg)
    if one_batch == 'auto':
        one_batch = len(inputs) <= _LARGEST_BATCH.get(inputs.device.type, _LARGEST_BATCH_ELSEWHERE)
    return (in_one_batch if one_batch else in_two_batches)(self, inputs, data_samples)


def read_option(test_cfg: Mapping[str, Any]) -> bool | str:
    """``test_cfg['flip_in_one_batch']``: ``True``, ``False`` or ``'auto'``, also where it is missing.

    Raises:
        DistilPoseError: for any other value.
    """
    option = test_cfg.get(OPTION, 'auto')
    if isinstance(option, bool) or option == 'auto':
        return option
    raise DistilPoseError(f"model.test_cfg.{OPTION} is {option!r}; expected True, False or 'auto', which takes one "
                          f'batch for a single image on a CPU and for up to {_LARGEST_BATCH_ELSEWHERE} elsewhere')


def in_one_batch(self: TopdownPoseEstimator, inputs: Tensor, data_samples: list) -> list:
    """mmpose's ``TopdownPoseEstimator.predict``, running the network once for images and mirror images.

    In eval mode no sample of a batch depends on another one, so that predictions are the same up to the rounding of
    float32. mmpose's own code runs on a view of the estimator, which the estimator itself does not notice. Where the
    difference could be seen, because a module of the network has hooks or is in train mode, it runs twice.

    Args:
        inputs: (N, 3, H, W) preprocessed images.
        data_samples: N of mmpose's data samples.
    """
    if not self.with_head or not self.test_cfg.get('flip_test', False) or _sees_batches(self):
        return in_two_batches(self, inputs, data_samples)
    both = self.extract_feat(torch.cat((inputs, inputs.flip(-1))))
    features = halves(both, len(inputs))
    if features is None:
        return in_two_batches(self, inputs, data_samples)
    next_features = iter(features)
    head = view_of(self.head, forward=_forward_once(self.head.forward, both, features, size=len(inputs)))
    view = view_of(self, head=head, extract_feat=lambda _: next(next_features))
    return in_two_batches(view, inputs, data_samples)


def _forward_once(forward: Callable[..., Any], both: Any, features: tuple[Any, Any], *,
                  size: int) -> Callable[..., Any]:
    """A head's ``forward`` that runs for both halves of the features when it is called with one of them."""
    predictions = functools.cache(lambda: halves(forward(both), size))

    def forward_of_half(maps: Any, *args: Any, **kwargs: Any) -> Any:
        half = next((index for index, known in enumerate(features) if maps is known), None)
        if half is None or args or kwargs:  # a head may run on other features as well
            return forward(maps, *args, **kwargs)
        found = predictions()
        return forward(maps) if found is None else found[half]

    return forward_of_half


def _sees_batches(network: nn.Module) -> bool:
    """Whether a module of the network may treat one batch otherwise than two: it has hooks, or is in train mode.

    ``modules()`` would take ten times as long.
    """
    if network.training or (torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks
                            or torch_module._global_backward_hooks or torch_module._global_backward_pre_hooks):
        return True
    waiting = list(network._modules.values())
    while waiting:
        module = waiting.pop()
        if module is None:
            continue
        if (module.training or module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
                or module._backward_pre_hooks):
            return True
        if module._modules:
            waiting.extend(module._modules.values())
    return False


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
