"""Published checkpoints: recognising them by their keys, and giving the keys our names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from ...errors import DistilPoseError
from . import distilpose, hourglass, hrnet, mmpose0, simdr, tokenpose, vitpose
from .distilpose import rename_distilpose, rename_distilpose_key
from .source import PublishedSource

Value = TypeVar('Value')

SOURCES = (distilpose.STUDENT, distilpose.TEACHER, hrnet.HRNET, hrnet.SIMPLE_BASELINE, hourglass.HOURGLASS, simdr.HRNET,
           simdr.RESNET, simdr.UPSAMPLE_FREE, tokenpose.TOKENPOSE, vitpose.VITPOSE, vitpose.TRANSFORMERS,
           mmpose0.MMPOSE0)
"""All kinds of published files that are known; the first that knows the keys reads them."""


def recognise(keys: Collection[str]) -> PublishedSource | None:
    """Tells what a state dict is by its keys; ``None`` is one that needs no other names, or an unknown one."""
    return next((source for source in SOURCES if source.is_known_by(keys)), None)


def to_our_names(state: Mapping[str, Value]) -> Mapping[str, Value]:
    """A state dict under our names; one that has them, or that nobody knows, as it is.

    Raises:
        DistilPoseError: when two keys get the same name, for instance in a file that holds two heads.
    """
    source = recognise(state.keys())
    if source is None:
        return state
    if source.combine is not None:
        state = source.combine(state)
    renamed = source.rename(state)
    lost = len(state) - len(renamed)
    if lost:
        raise DistilPoseError(f'this looks like {source.name}, but {lost} of its weights would get '
                              'the name of another one: it seems to hold two networks. Save the weights of one')
    return renamed


__all__ = ['SOURCES', 'PublishedSource', 'recognise', 'rename_distilpose', 'rename_distilpose_key', 'to_our_names']
