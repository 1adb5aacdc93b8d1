"""Device check: predictions, losses and gradients of a config on a device against those on the CPU.

``python -m distilpose.benchmark.device_check CONFIG [--device cuda]`` prints a line for each and fails where one is
further away than its tolerance. Weights are random, and so is the teacher's where its file is missing.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from distilpose.config import load_config
from distilpose.distillation import PoseDistiller
from distilpose.engine.device_options import device_options
from distilpose.errors import DistilPoseError
from distilpose.models.optimised import cudnn_without_tf32, example_images, optimise_for_inference

from .inputs import build_model, synthetic_batch, with_a_teacher
from .machine import find_device

TOLERANCES = dict(float32=1e-3, float16=0.05, bfloat16=0.2)
"""Of predictions, as a share of the largest value of their kind."""
_LOSSES, _GRADIENTS = 1e-3, 1e-2
"""Of a step in float32: relative differences of losses, and of gradients by norm, at the median of all weights."""


@dataclass(frozen=True)
class Comparison:
    """How far values on the device are from those on the CPU."""

    name: str
    difference: float
    tolerance: float

    @property
    def is_equal(self) -> bool:
        """Whether they are within the tolerance; a difference that is not a number is not."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        return (f'{"equal" if self.is_equal else "DIFFERENT"}: {self.name} differs by {self.difference:.2g} '
                f'(at most {self.tolerance:g})')


def compare_predictions(cfg: Config, device: torch.device) -> Iterator[Comparison]:
    """The network on the device, and its optimised copies in every type that the device has.

    Args:
        cfg: its model, or the student of a distillation, is compared.
        device: see above.
    """
    network = _network(cfg).eval()
    images = example_images(network)
    with torch.no_grad(), full_float32():
        expected = _outputs(network, images)
        there = copy.deepcopy(network).to(device)
        yield Comparison('the network in float32', _apart(_outputs(there, images.to(device)), expected),
                         TOLERANCES['float32'])
        types = ('float32', 'bfloat16', 'float16') if device.type == 'cuda' else ('float32', 'bfloat16')
        for dtype in types:
            optimised = optimise_for_inference(there, dtype=None if dtype == 'float32' else dtype)
            yield Comparison(f'its optimised copy in {dtype}', _apart(_outputs(optimised, images.to(device)), expected),
                             TOLERANCES[dtype])


def compare_step(cfg: Config, device: torch.device, *, size: int = 2) -> Iterator[Comparison]:
    """Every loss of a training step in float32, and the gradients.

    Args:
        cfg: of the training; dropout is turned off.
        device: see above.
        size: images of the batch.
    """
    with with_a_teacher(cfg) as (usable, _), full_float32():
        model = build_model(usable).train()
        for module in model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0
        batch, there = synthetic_batch(usable, size=size), copy.deepcopy(model).to(device)
        losses, gradients = _step(model, copy.deepcopy(batch))
        found, gradients_there = _step(there, batch)
    for name, value in losses.items():
        yield Comparison(name, abs(found[name] - value) / max(abs(value), 1e-12), _LOSSES)
    apart = [float((gradients_there[name] - gradient).norm() / gradient.norm().clamp_min(1e-12))
             for name, gradient in gradients.items()]
    yield Comparison(f'the gradient of {len(apart)} weights (median)', statistics.median(apart), _GRADIENTS)


@contextmanager
def full_float32() -> Iterator[None]:
    """No TF32 in products and convolutions."""
    with device_options(Config(dict(env_cfg=dict(matmul_precision='highest')))), cudnn_without_tf32():
        yield


def _network(cfg: Config) -> Any:
    with with_a_teacher(cfg) as (usable, _):
        model: Any = build_model(usable)
    return model.student if isinstance(model, PoseDistiller) else model


def _outputs(network: Any, images: Tensor) -> list[Tensor]:
    outputs = network.head(network.extract_feat(images))
    return [leaf.float().cpu() for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]


def _apart(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference, as a share of the largest value of its tensor."""
    shared = [(one, other) for one, other in zip(found, expected, strict=False) if one.shape == other.shape]
    return max(float((one - other).abs().max() / other.abs().max().clamp_min(1e-12)) for one, other in shared)


def _step(model: Any, batch: Any) -> tuple[dict[str, float], dict[str, Tensor]]:
    data = model.data_preprocessor(batch, True)
    loss, log = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    gradients = {name: weight.grad.float().cpu() for name, weight in model.named_parameters()
                 if weight.grad is not None}
    return {name: float(value.detach()) for name, value in log.items() if 'loss' in name}, gradients


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparisons; 1 where something differs, 2 for a config or device that cannot be used."""
    parser = argparse.ArgumentParser(prog='python -m distilpose.benchmark.device_check', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config')
    parser.add_argument('--device', help='cpu, cuda or cuda:N (default: cuda where there is one)')
    parser.add_argument('--batch-size', type=int, default=2, help='images of the step (default: 2)')
    args = parser.parse_args(arguments)
    try:
        cfg, device = load_config(args.config), find_device(args.device)
    except DistilPoseError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    is_equal = True
    for found in (*compare_predictions(cfg, device), *compare_step(cfg, device, size=args.batch_size)):
        print(found, flush=True)
        is_equal = is_equal and found.is_equal
    return 0 if is_equal else 1


if __name__ == '__main__':
    sys.exit(main())
