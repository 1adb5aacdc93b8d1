"""Checkpoint conversion: published state dicts are recognised by their keys and get our names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from ...errors import DistilPoseError
from . import families, vitpose
from .families import PublishedSource, rename_distilpose, rename_distilpose_key

Value = TypeVar('Value')

SOURCES = (families.DISTILPOSE_STUDENT, families.DISTILPOSE_TEACHER, families.SDPOSE, families.HRNET,
           families.SIMPLE_BASELINE, families.HOURGLASS, families.SIMDR_HRNET, families.SIMDR_RESNET,
           families.SIMDR_UPSAMPLE_FREE, families.TOKENPOSE, vitpose.VITPOSE, vitpose.TRANSFORMERS, families.MMPOSE0)
"""All families of published files; the first whose ``matches`` accepts the keys is taken."""


def recognise(keys: Collection[str]) -> PublishedSource | None:
    """The family of a state dict by its keys; ``None`` if it is unknown or has our names already."""
    return next((source for source in SOURCES if source.matches(keys)), None)


def to_our_names(state: Mapping[str, Value]) -> Mapping[str, Value]:
    """A state dict under our names; one that has them already, or is unknown, is returned as it is.

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
