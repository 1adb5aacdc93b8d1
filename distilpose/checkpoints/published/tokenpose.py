"""The networks of TokenPose's own code base: T, S, B and L.

S keeps everything under ``features.``; the others keep the tokens under ``transformer.`` and the HRNet, if there is
one, under ``pre_feature.``. L has three transformers, whose layers are one list here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from .distilpose import rename_distilpose_key
from .source import PublishedSource

Value = TypeVar('Value')

_PREFIX = re.compile(r'^(features|transformer|pre_feature)\.')
_TOKENS = ('keypoint_token', 'pos_embedding', 'patch_to_embedding.', 'transformer', 'mlp_head.')
_CHAINED = re.compile(r'^transformer(\d)\.layers\.(\d+)\.')


def rename_tokenpose(state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict of TokenPose's code base under our names."""
    inside = {key: _PREFIX.sub('', key) for key in state}
    depth = 1 + max((int(found[2]) for found in map(_CHAINED.match, inside.values()) if found), default=0)

    def rename(key: str) -> str:
        if not key.startswith(_TOKENS):
            return f'backbone.{key}'
        key = _CHAINED.sub(lambda found: f'transformer.layers.{(int(found[1]) - 1) * depth + int(found[2])}.', key)
        return rename_distilpose_key(f'keypoint_head.tokenpose.{key}')

    return {rename(inside[key]): value for key, value in state.items()}


def _is_tokenpose(keys: Collection[str]) -> bool:
    return 'features.keypoint_token' in keys or 'transformer.keypoint_token' in keys


TOKENPOSE = PublishedSource("a TokenPose of TokenPose's own code base", _is_tokenpose, rename_tokenpose)
