"""Recording of layers: outputs of named modules of a network, kept for the length of one forward pass.

Backbone, neck and head run one after another, and their outputs are recorded between. Modules inside of them have a
forward hook (:class:`Tap`), registered before a network runs, which does nothing unless its thread is recording. So
nothing is patched while a network runs, and several threads may run one network.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import Tensor, nn
from torch.utils import _pytree as pytree

_THREAD = threading.local()


@dataclass
class Recording:
    """The outputs of modules in one forward pass."""

    modules: frozenset[str]
    """Names of the modules that are recorded."""
    overwritten: frozenset[str] = frozenset()
    """Those whose outputs the network overwrites afterwards, as an inplace ReLU does: they are copied."""
    outputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Name of a module -> its output in each of its calls."""


@contextmanager
def recording(modules: Iterable[str], overwritten: Iterable[str] = ()) -> Iterator[Recording]:
    """Records the outputs of these modules of the network that this thread runs."""
    before = getattr(_THREAD, 'recording', None)
    _THREAD.recording = current = Recording(frozenset(modules), frozenset(overwritten))
    try:
        yield current
    finally:
        _THREAD.recording = before


def record(name: str, output: Any) -> None:
    """Adds the output of a module to the recording of this thread, if there is one."""
    current = getattr(_THREAD, 'recording', None)
    if current is None or name not in current.modules:
        return
    if name in current.overwritten:
        output = pytree.tree_map_only(Tensor, torch.clone, output)
    current.outputs[name] = (*current.outputs.get(name, ()), output)


def copy_recorded() -> None:
    """Copies what was recorded so far, where the next pass writes into the memory of this one (CUDA graphs)."""
    current = getattr(_THREAD, 'recording', None)
    if current is not None:
        current.outputs.update(pytree.tree_map_only(Tensor, torch.clone, current.outputs))


class Tap:
    """Forward hook that records the output of a module.

    Args:
        name: of the module in its network.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Called by torch after the module's forward pass."""
        record(self.name, output)


def add_taps(network: nn.Module, names: Iterable[str]) -> None:
    """Registers a tap on each of these modules that has none."""
    for name in names:
        module = network.get_submodule(name)
        if not any(isinstance(hook, Tap) and hook.name == name for hook in module._forward_hooks.values()):
            module.register_forward_hook(Tap(name))


def remove_taps(network: nn.Module) -> None:
    """Removes all taps, from a copy that shall not record."""
    for module in network.modules():
        for key in [key for key, hook in module._forward_hooks.items() if isinstance(hook, Tap)]:
            del module._forward_hooks[key]


def is_split(network: Any) -> bool:
    """Whether feature maps are the output of the backbone, or of the neck where there is one, as mmpose has them."""
    return getattr(type(network), 'extract_feat', None) is BasePoseEstimator.extract_feat


def extract_split(network: Any, images: Tensor) -> Any:
    """As mmpose's ``extract_feat``; outputs of backbone and neck are recorded."""
    maps = network.backbone(images)
    record('backbone', maps)
    if network.with_neck:
        maps = network.neck(maps)
        record('neck', maps)
    return maps


def recorded_pass(network: Any, images: Tensor) -> tuple[tuple[Tensor, ...], Any]:
    """Feature maps and prediction for images (B, 3, H, W), of which layers are recorded."""
    if is_split(network) and 'extract_feat' not in vars(network):
        features = extract_split(network, images)
    else:  # patched, as in a copy optimised for inference, or of the network's own
        features = network.extract_feat(images)
    return features, recorded_head_pass(network.head, features)


def recorded_head_pass(head: Any, features: tuple[Tensor, ...]) -> Any:
    """The prediction of a head, of which layers are recorded."""
    prediction = head(features)
    record('head', prediction)
    return prediction
