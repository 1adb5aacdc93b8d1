"""SimDR and SimDR* on HRNet and on ResNets; both have the same networks.

Their names are those of the HRNet code base and of its SimpleBaseline, with two linear layers more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TypeVar

from .source import PublishedSource

Value = TypeVar('Value')

_CLASSIFIER = ('mlp_head_x.', 'mlp_head_y.')
_MAPS = ('deconv_layers.', 'final_layer.')


def _rename(state: Mapping[str, Value], *, maps: str) -> dict[str, Value]:
    """Our names; ``maps`` is where the layers are that draw a map of every joint."""
    def prefix(key: str) -> str:
        return 'head.' if key.startswith(_CLASSIFIER) else maps if key.startswith(_MAPS) else 'backbone.'
    return {prefix(key) + key: value for key, value in state.items()}


def _has(keys: Collection[str], *modules: str) -> bool:
    found = {key.partition('.')[0] for key in keys}
    return {'conv1', 'layer1', 'final_layer', 'mlp_head_x', 'mlp_head_y', *modules} <= found


def _is_hrnet(keys: Collection[str]) -> bool:
    return _has(keys, 'conv2', 'stage2', 'stage3', 'stage4')


def _is_resnet(keys: Collection[str]) -> bool:
    return _has(keys, 'layer4', 'deconv_layers')


def _is_upsample_free(keys: Collection[str]) -> bool:
    return _has(keys, 'layer4') and not _is_resnet(keys)


HRNET = PublishedSource('SimDR on HRNet', _is_hrnet, partial(_rename, maps='head.'))
RESNET = PublishedSource('SimDR on a ResNet', _is_resnet, partial(_rename, maps='head.deconv_head.'), takes_bgr=True)
UPSAMPLE_FREE = PublishedSource('SimDR on a ResNet without upsampling', _is_upsample_free,
                                partial(_rename, maps='head.'), takes_bgr=True)
