"""Weights of checkpoint files: the state dict under our names, and loading it into a network, all of it or nothing."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ..errors import BadCheckpoint, DistilPoseError
from .finite import require_finite
from .published import PublishedSource, recognise, to_our_names
from .published.dwpose import holds_two_models
from .safe_loading import load_file
from .signatures import some_names

_STATE_DICT_NAMES = ('state_dict', 'ema_state_dict', 'state_dict_ema', 'model_state_dict', 'model', 'model_ema', 'ema')


class CheckpointMismatch(DistilPoseError):
    """Weights and network do not fit: keys are missing, left over or of another shape."""


class Weights(NamedTuple):
    """The weights of a file."""

    state: Mapping[str, Tensor]
    """By name: ours, which are mmpose's for its networks."""
    source: PublishedSource | None
    """The family of the file; ``None`` when its names are taken as they are."""


def read_weights(path: str | os.PathLike[str]) -> Weights:
    """Reads the weights of a checkpoint file without running code that it carries.

    Takes files of this project, of mmpose, and the published ones of :mod:`distilpose.checkpoints.published`; the
    family of a published file is logged.

    Raises:
        DistilPoseError: there is no such file, it is damaged or unsafe, it holds no weights or two networks, or some
            of its weights are not finite.
    """
    state = state_dict_of(load_file(path), source=str(path))
    if holds_two_models(state.keys()):
        raise BadCheckpoint(f'{path} holds a student and its teacher, as DWPose saves them during training; '
                            f'python tools/pth_transfer.py {path} DST [--two_dis] writes the plain model')
    require_finite(state, source=str(path))
    source = recognise(state.keys())
    if source is not None:
        print_log(f'{path} is {source.name}; its weights get our names.', 'current', logging.INFO)
        if source.takes_bgr:
            print_log(f'{path} was trained on BGR images: its config needs model.data_preprocessor.bgr_to_rgb=False, '
                      'or it predicts worse than published, without an error.', 'current', logging.WARNING)
    try:
        return Weights(to_our_names(state), source)
    except DistilPoseError as error:
        raise DistilPoseError(f'{path}: {error}') from error


def state_dict_of(checkpoint: Mapping[str, Any], *, source: str, key: str | None = None) -> OrderedDict[str, Tensor]:
    """Find the weights in a checkpoint and take the ``module.`` of a parallel wrapper off their names.

    Args:
        checkpoint: What :func:`load_file` returned: a training checkpoint or the weights themselves.
        source: Its name in messages, for instance its path.
        key: Which of several sets of weights to take. Without it, ``state_dict`` is taken where there is
            one (in files of mmengine's EMA hook these are the averaged weights) which is logged if there
            are others; several sets without a ``state_dict`` among them are an error.

    Returns:
        The weights by name; ``module.`` is removed only if every name has it.
    """
    names = [name for name in _STATE_DICT_NAMES if _looks_like_weights(checkpoint.get(name))]
    if key is not None:
        if not _looks_like_weights(checkpoint.get(key)):
            raise BadCheckpoint(f'{source} holds no weights under {key!r}; it holds them under {names or "no name"}.')
        weights = checkpoint[key]
    elif _looks_like_weights(checkpoint):
        weights = checkpoint
    elif not names:
        raise BadCheckpoint(
            f'{source} holds no weights: it has none of {list(_STATE_DICT_NAMES)}, only {sorted(map(str, checkpoint))}.'
        )
    elif len(names) > 1 and 'state_dict' not in names:
        raise BadCheckpoint(f'{source} holds several sets of weights, {names}: name the one to take with key=....')
    else:
        weights = checkpoint[names[0]]
        if len(names) > 1:
            print_log(f'{source} holds {names}: {names[0]!r} is used.', 'current', logging.INFO)
    return _without_wrapper(weights)


def load_strict(
    module: nn.Module, state_dict: Mapping[str, Tensor], *, source: str, ignore_prefixes: Iterable[str] = ()
) -> None:
    """Load weights into a network, all of them or none.

    The network's own hooks for older names (``_register_load_state_dict_pre_hook``) apply.

    Args:
        module: The network.
        state_dict: The weights by name, see :func:`state_dict_of`.
        source: Their name in messages, for instance the path of the file.
        ignore_prefixes: Names that begin like this are neither loaded nor expected.

    Raises:
        CheckpointMismatch: Names are missing, left over or of another shape; the module is as it was before.
    """
    prefixes = tuple(ignore_prefixes)
    own = module.state_dict()
    not_tensors = [name for name, value in state_dict.items() if not isinstance(value, Tensor) and name not in own]
    if not_tensors:
        raise CheckpointMismatch(f'{source} is no set of weights: {some_names(not_tensors)} are no tensors.')
    kept = OrderedDict((name, value) for name, value in state_dict.items() if not name.startswith(prefixes))
    if hasattr(state_dict, '_metadata'):
        kept._metadata = state_dict._metadata  # type: ignore[attr-defined]
    before = {name: value.detach().clone() for name, value in own.items() if isinstance(value, Tensor)}
    messages = ''
    try:
        result = module.load_state_dict(kept, strict=False)
    except RuntimeError as error:  # torch reports other shapes this way, even when it is not strict
        messages = str(error)
        missing, unexpected = sorted(own.keys() - kept.keys()), sorted(kept.keys() - own.keys())
    else:
        missing, unexpected = result.missing_keys, result.unexpected_keys
    missing = [name for name in missing if not name.startswith(prefixes)]
    if not (missing or unexpected or messages):
        return
    with torch.no_grad():
        for name, value in before.items():
            own[name].copy_(value)
    raise CheckpointMismatch(_mismatch(module, source, own, kept, missing, unexpected, messages))


def _mismatch(
    module: nn.Module,
    source: str,
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    missing: list[str],
    unexpected: list[str],
    messages: str,
) -> str:
    shapes = [
        f'{name} {tuple(given[name].shape)} instead of {tuple(own[name].shape)}'
        for name in given
        if name in own and isinstance(given[name], Tensor) and given[name].shape != own[name].shape
    ]
    parts = []
    if missing:
        parts.append(f'{len(missing)} of {len(own)} names are missing from it: {some_names(missing)}')
    if unexpected:
        parts.append(f'{len(unexpected)} of its names are unknown to the network: {some_names(unexpected)}')
    if shapes:
        parts.append(f'{len(shapes)} have another shape: {some_names(shapes)}')
    elif messages:
        parts.append(messages)
    return f'{source} does not fit {type(module).__name__}: ' + '; '.join(parts) + '. Nothing was loaded.'


def _looks_like_weights(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(entry, Tensor) for entry in value.values())


def _without_wrapper(weights: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    prefix = 'module.' if all(name.startswith('module.') for name in weights) else ''
    stripped = OrderedDict((name[len(prefix) :], value) for name, value in weights.items())
    if not prefix and hasattr(weights, '_metadata'):
        stripped._metadata = weights._metadata  # type: ignore[attr-defined]
    return stripped


