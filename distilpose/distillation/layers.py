"""Layers: named layers of a student or a teacher whose outputs are recorded for terms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard, TypeVar

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from distilpose.errors import DistilPoseError
from distilpose.models.modes import eval_mode
from distilpose.models.optimised import cudnn_without_tf32, example_images, is_close
from distilpose.models.recording import Recording, add_taps, is_split, recorded_pass, recording
from distilpose.structures import PoseOutputs

Result = TypeVar('Result')

_TOP = ('backbone', 'neck', 'head')
_NAME = re.compile(r'(?P<module>[^\[\]]+)(\[(?P<item>-?\d+)\])?')
_NEAREST = 4


class _Layer(NamedTuple):
    """Where the output of a layer is found."""

    module: str
    item: int | None


class Layers:
    """Layers of a network, by the names of its modules.

    ``'backbone.layer3'`` is the output of that module; ``'backbone[1]'`` the second one of a module with several. The
    outputs of backbone, neck and head are read between their calls, those of modules inside of them by forward hooks
    that are registered here, see :mod:`~distilpose.models.recording`.

    Args:
        network: an mmpose estimator; it runs on noise, in eval mode.
        names: of the layers.
        role: ``'student'`` or ``'teacher'``, for messages.
        size: (width, height) of its images; ``None``: that of its codec.

    Raises:
        DistilPoseError: there is no such layer, its output is no tensor with a row for every image, it has none or
            several in a forward pass, or one of a student has no gradient.
    """

    def __init__(self, network: Any, names: Iterable[str] = (), *, role: str = 'student',
                 size: tuple[int, int] | None = None) -> None:
        self.role, self.size = role, size
        self._layers = {name: _find(network, name, role=role) for name in dict.fromkeys(names)}
        self._overwritten: frozenset[str] = frozenset()
        if self._layers:
            self.tap(network)
            self._overwritten = self._find_overwritten(network)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(self._layers)

    def tap(self, network: Any) -> None:
        """Registers the forward hooks of modules that have none, as those that replaced ``SyncBN`` in the network."""
        add_taps(network, self._modules() - _recorded_between(network))

    def inside(self, modules: Iterable[str]) -> tuple[str, ...]:
        """Names of the layers that are in one of these modules, or its output."""
        return tuple(name for name, layer in self._layers.items() if layer.module.split('.')[0] in set(modules))

    def record(self, run: Callable[[], Result], *,
               given: Mapping[str, Tensor] | None = None) -> tuple[Result, dict[str, Tensor]]:
        """Runs a forward pass of the network, and returns its result and the outputs of the layers.

        Args:
            run: calls :func:`~distilpose.models.recording.recorded_pass`.
            given: outputs of layers that it does not reach, since they were recorded elsewhere.

        Raises:
            DistilPoseError: the pass does not reach a layer, or more than once.
        """
        if not self._layers:
            return run(), {}
        with recording(self._modules(), self._overwritten) as recorded:
            result = run()
        given = given or {}
        return result, {name: given[name] if name in given else self._read(name, recorded) for name in self._layers}

    def differing(self, network: Any, other: Any, *, tolerance: float) -> tuple[str, ...]:
        """Names of the layers whose outputs for noise are not the same in a copy of the network.

        Args:
            network: the network.
            other: its copy, which may lack layers.
            tolerance: largest difference, as a share of the largest output of the layer.
        """
        images = example_images(network, self.size)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False), cudnn_without_tf32():
            expected = self.record(lambda: recorded_pass(network, images))[1]
            with recording(self._modules(), self._overwritten) as recorded:
                recorded_pass(other, images)
        return tuple(name for name, value in expected.items()
                     if not _are_close(self._found(name, recorded), value, tolerance=tolerance))

    def _modules(self) -> set[str]:
        return {layer.module for layer in self._layers.values()}

    def _find_overwritten(self, network: Any) -> frozenset[str]:
        """Modules whose outputs are changed in place by what comes after them; reads all layers once."""
        images, is_student = example_images(network, self.size), self.role == 'student'
        with eval_mode(network):
            for module in network.modules():
                if isinstance(module, nn.modules.dropout._DropoutNd) and module.inplace:
                    module.train()  # in eval mode it overwrites nothing
            with torch.no_grad(), recording(self._modules(), self._modules()) as copies:
                recorded_pass(network, images)
            with torch.set_grad_enabled(is_student), recording(self._modules()) as recorded:
                recorded_pass(network, images.requires_grad_(is_student).clone())  # frozen layers have gradients, too
        for name, layer in self._layers.items():
            self._check_output(name, self._read(name, recorded), network.get_submodule(layer.module.split('.')[0]))
        return frozenset(name for name in self._modules()
                         if not _are_equal(copies.outputs[name], recorded.outputs[name]))

    def _check_output(self, name: str, value: Tensor, around: nn.Module) -> None:
        """Refuses the output of a layer for one image that has other rows than images, or no gradient in training."""
        if len(value) != 1:
            raise DistilPoseError(f'the layer {name!r} of the {self.role} puts out {tuple(value.shape)} for one image; '
                                  'expected (1, ...), a row for every image; name the layer around it')
        is_trained = self.role == 'student' and any(weight.requires_grad for weight in around.parameters())
        if is_trained and not value.requires_grad:
            raise DistilPoseError(f'the layer {name!r} of the student has no gradient: a block around it computes it '
                                  'again in the backward pass (with_cp=True); name that block, or set with_cp=False')

    def _read(self, name: str, recorded: Recording) -> Tensor:
        value = self._found(name, recorded)
        if value is None:
            raise DistilPoseError(self._complaint(name, recorded))
        return value

    def _found(self, name: str, recorded: Recording) -> Tensor | None:
        """The output of a layer, if it has one."""
        layer = self._layers[name]
        outputs = recorded.outputs.get(layer.module, ())
        if len(outputs) != 1:
            return None
        value = outputs[0]
        if isinstance(value, (tuple, list)):
            item = 0 if layer.item is None and len(value) == 1 else layer.item
            value = None if item is None or not -len(value) <= item < len(value) else value[item]
        elif layer.item is not None:
            return None
        return value if _is_layer(value) else None

    def _complaint(self, name: str, recorded: Recording) -> str:
        layer, who = self._layers[name], f'the layer {name!r} of the {self.role}'
        outputs = recorded.outputs.get(layer.module, ())
        if not outputs:
            return (f'{who} is not reached in a forward pass: nothing calls {layer.module} itself; name one inside of '
                    'it, or the one around it')
        if len(outputs) > 1:
            return (f'{who} is called {len(outputs)} times in a forward pass, and has as many outputs; name the layer '
                    'around it that is called once, or another one')
        values = outputs[0] if isinstance(outputs[0], (tuple, list)) else outputs
        found = [f"'{layer.module}[{item}]'" for item, value in enumerate(values) if _is_layer(value)]
        if len(values) == 1 and found:
            return f'{who} is not there: {layer.module} has one output; name it {layer.module!r}'
        if found:
            return f'{who} is no single tensor, and {layer.module} has {len(values)} outputs; name {" or ".join(found)}'
        return (f'{who} puts out {type(outputs[0]).__name__}; expected a tensor (B, ...) of floating-point numbers, as '
                'the output of a convolution, a block or a stage')


def names_of(terms: Iterable[Any], role: str) -> tuple[str, ...]:
    """Names of the layers of the student or the teacher (``role``) that terms read."""
    return tuple(dict.fromkeys(name for term in terms for name in getattr(term, f'{role}_layers')))


def with_layers(outputs: PoseOutputs, layers: Mapping[str, Tensor]) -> PoseOutputs:
    """The outputs with those of layers, if there are some."""
    return outputs._replace(layers=dict(layers)) if layers else outputs


def nearest_names(name: str, names: Iterable[str]) -> str:
    """``"'backbone.layer3', 'backbone.layer4'"``: the names most like one that is none of them."""
    found = difflib.get_close_matches(name, list(names), n=_NEAREST, cutoff=0.3)
    return ', '.join(map(repr, found or list(names)[:_NEAREST]))


def _find(network: nn.Module, name: str, *, role: str) -> _Layer:
    match = _NAME.fullmatch(name)
    modules = [module for module, _ in network.named_modules() if module.split('.')[0] in _TOP]
    if match is None or match['module'] not in modules:
        raise DistilPoseError(f'the {role} has no layer {name!r}; the nearest are '
                              f'{nearest_names(match["module"] if match else name, modules)}')
    return _Layer(match['module'], None if match['item'] is None else int(match['item']))


def _is_layer(value: Any) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 1


def _recorded_between(network: Any) -> set[str]:
    """The modules without taps, between whose calls outputs are recorded."""
    return set(_TOP) if is_split(network) else {'head'}


def _are_equal(one: Any, other: Any) -> bool:
    pairs = zip(pytree.tree_leaves(one), pytree.tree_leaves(other), strict=True)
    return all(torch.equal(*pair) for pair in pairs if isinstance(pair[0], Tensor))


def _are_close(found: Tensor | None, expected: Tensor, *, tolerance: float) -> bool:
    return found is not None and found.shape == expected.shape and is_close(found, expected, tolerance=tolerance)
