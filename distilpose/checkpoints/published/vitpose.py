"""ViTPose checkpoints of its own repository (mmpose 0.x) and of Hugging Face's transformers: conversion to our names.

Both add the position embedding of a class token, which they do not have, to those of all patches. The
mixture-of-experts networks (ViTPose+) have several outputs of an MLP's last layer side by side, of which each data set
uses one; with one of them chosen they are plain ViTPose.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from typing import TypeVar

import torch
from mmengine.logging import print_log
from torch import Tensor

from ...errors import DistilPoseError
from .families import PublishedSource

Value = TypeVar('Value')

_LAYER = r'^layers\.(\d+)\.'
_VIT = [  # (pattern, replacement) of the names inside of a backbone, all of them in this order
    (r'^blocks\.(\d+)\.', r'layers.\1.'),
    (_LAYER + r'norm([12])\.', r'layers.\1.ln\2.'),
    (_LAYER + r'mlp\.fc1\.', r'layers.\1.ffn.layers.0.0.'),
    (_LAYER + r'mlp\.fc2\.', r'layers.\1.ffn.layers.1.'),
    (r'^(?:last_)?norm\.', 'ln1.'),
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
]
_TRANSFORMERS = [  # those of a whole network
    (r'^backbone\.embeddings\.position_embeddings$', 'backbone.pos_embed'),
    (r'^backbone\.embeddings\.patch_embeddings\.', 'backbone.patch_embed.'),
    (r'^backbone\.layernorm\.', 'backbone.ln1.'),
    (r'^backbone\.encoder\.layer\.', 'backbone.layers.'),
    (r'^(backbone\.layers\.\d+)\.attention\.output\.dense\.', r'\1.attn.proj.'),
    (r'^(backbone\.layers\.\d+)\.attention\.attention\.qkv\.', r'\1.attn.qkv.'),
    (r'^(backbone\.layers\.\d+)\.layernorm_before\.', r'\1.ln1.'),
    (r'^(backbone\.layers\.\d+)\.layernorm_after\.', r'\1.ln2.'),
    (r'^(backbone\.layers\.\d+)\.mlp\.fc1\.', r'\1.ffn.layers.0.0.'),
    (r'^(backbone\.layers\.\d+)\.mlp\.fc2\.', r'\1.ffn.layers.1.'),
    (r'^head\.deconv1\.', 'head.deconv_layers.0.'),
    (r'^head\.batchnorm1\.', 'head.deconv_layers.1.'),
    (r'^head\.deconv2\.', 'head.deconv_layers.3.'),
    (r'^head\.batchnorm2\.', 'head.deconv_layers.4.'),
    (r'^head\.conv\.', 'head.final_layer.'),
]
_EXPERT = re.compile(r'^(.*\.mlp)\.experts\.(?:experts\.)?(\d+)\.(weight|bias)$')
_OTHER_HEADS = 'associate_keypoint_heads.'


def rename_vit(name: str) -> str:
    """mmpretrain's name for a weight of a vision transformer of ViTPose, MAE or timm; any other name stays."""
    return _renamed(name, _VIT)


def _rename_vitpose(state: Mapping[str, Value]) -> dict[str, Value]:
    def rename(name: str) -> str:
        if name.startswith('backbone.'):
            return f'backbone.{rename_vit(name.removeprefix("backbone."))}'
        return re.sub(r'^keypoint_head\.', 'head.', name)
    return {rename(name): value for name, value in state.items()}


def _rename_transformers(state: Mapping[str, Value]) -> dict[str, Value]:
    return {_renamed(name, _TRANSFORMERS): value for name, value in state.items()}


def _renamed(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _combine_vitpose(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = {name: value for name, value in state.items() if not name.startswith(_OTHER_HEADS)}
    return _with_plain_positions(_with_first_expert(state), name='backbone.pos_embed')


def _combine_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Also stacks the projections to queries, keys and values."""
    kept: dict[str, Tensor] = {}
    for name, value in state.items():
        stem, _, kind = name.rpartition('.attention.attention.')
        if not stem:
            kept[name] = value
        elif kind.startswith('query.'):
            which = kind.removeprefix('query.')
            names = [f'{stem}.attention.attention.{part}.{which}' for part in ('query', 'key', 'value')]
            kept[f'{stem}.attention.attention.qkv.{which}'] = torch.cat([_get(state, each) for each in names])
    return _with_plain_positions(_with_first_expert(kept), name='backbone.embeddings.position_embeddings')


def _with_plain_positions(state: dict[str, Tensor], *, name: str) -> dict[str, Tensor]:
    """Adds the first position embedding, of the class token, to those (1, P, D) of the patches."""
    positions = _get(state, name)
    return {**state, name: positions[:, 1:] + positions[:, :1]}


def _with_first_expert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Makes an MLP of a mixture of experts: the shared channels of its last layer, then those of the first expert.

    A file that ViTPose's ``model_split.py`` wrote has them already, and the experts all the same.
    """
    experts = {name: found for name in state if (found := _EXPERT.match(name))}
    kept = {name: value for name, value in state.items() if name not in experts}
    for name, found in experts.items():
        mlp, number, which = found.groups()
        last, width = f'{mlp}.fc2.{which}', _get(state, f'{mlp}.fc1.weight').shape[1]
        if number == '0' and _get(state, last).shape[0] < width:
            kept[last] = torch.cat((state[last], state[name]))
    if experts:
        print_log('This is a mixture of experts (ViTPose+); the first expert is taken, which is that of COCO.',
                  'current', logging.INFO)
    return kept


def _get(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        raise DistilPoseError(f'this looks like a ViTPose, but its weights lack {name}; download or save it again')
    return state[name]


def _is_vitpose(keys: Collection[str]) -> bool:
    return 'backbone.blocks.0.attn.qkv.weight' in keys and any(key.startswith('keypoint_head.') for key in keys)


def _is_transformers(keys: Collection[str]) -> bool:
    return 'backbone.encoder.layer.0.attention.attention.query.weight' in keys


VITPOSE = PublishedSource('a ViTPose of its own repository', _is_vitpose, _rename_vitpose, combine=_combine_vitpose)
TRANSFORMERS = PublishedSource("a ViTPose of Hugging Face's transformers", _is_transformers, _rename_transformers,
                               combine=_combine_transformers)
