"""Errors of the first batch as sentences: parts of a config that do not fit each other, such as head and backbone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import nn

from ...errors import BuildFailed
from ..workers import locals_of

_LINEAR = re.compile(r'mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)')
_CONVOLUTION = re.compile(r'to have (\d+) channels, but got (\d+) channels instead')
_NO_TARGET = re.compile(r"'(?:InstanceData|PixelData|PoseDataSample)' object has no attribute '(\w+)'")
_MOST_CHARACTERS = 300


def describe(error: Exception, model: nn.Module, *, batch: str, loader: str) -> BuildFailed | None:
    """The sentence for an error that a network raises of the first batch that it is given.

    Args:
        error: as it was raised.
        model: the network, without wrappers.
        batch: what it was given, such as ``'the first batch'``.
        loader: the entry of the config that built it, such as ``'train_dataloader'``.

    Returns:
        The error to raise in its place; ``None`` for one that did not come from the network.
    """
    modules = list(_modules(error, model))
    if not modules:
        return None
    name, module = modules[-1]
    place = f'{name} ({type(module).__name__})'
    text = ' '.join(str(error).split())
    channels = _channels(text)
    if channels is not None:
        takes, given = channels
        return BuildFailed(f'{place} takes {takes} channels and is given {given}; the parts of the model do not fit: '
                           f'change in_channels of the part that has it, or what comes before it')
    missing = _NO_TARGET.search(text)
    if missing:
        return BuildFailed(f'{_owner(modules)} reads {missing[1]}, which the pipeline of {loader} does not make; it '
                           'needs GenerateTarget with an encoder that fits the head, which is usually its decoder')
    text = text if len(text) <= _MOST_CHARACTERS else f'{text[:_MOST_CHARACTERS]} ...'
    return BuildFailed(f'{batch} does not go through the network: {place}: {type(error).__name__}'
                       f'{f": {text}" if text else ""}; see whether the channels, the codec, the loss and the data of '
                       'the config fit each other')


def _channels(text: str) -> tuple[int, int] | None:
    """How many channels a layer takes, and how many it is given."""
    linear, convolution = _LINEAR.search(text), _CONVOLUTION.search(text)
    if linear:
        return int(linear[2]), int(linear[1])
    return (int(convolution[1]), int(convolution[2])) if convolution else None


def _modules(error: Exception, model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules that an error went through and their names in the config, the outermost first."""
    names = {id(module): f'model.{name}' if name else 'model' for name, module in model.named_modules()}
    for values in locals_of(error.__traceback__):
        module = values.get('self')
        if isinstance(module, nn.Module) and id(module) in names:
            yield names[id(module)], module


def _owner(modules: list[tuple[str, nn.Module]]) -> str:
    """The innermost module that is a part of the config itself, such as ``model.head``."""
    name, module = next((pair for pair in reversed(modules) if pair[0].count('.') == 1), modules[-1])
    return f'{name} ({type(module).__name__})'
