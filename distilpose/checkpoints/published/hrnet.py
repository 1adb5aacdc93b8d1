"""Heatmap networks of the HRNet code base: HRNet itself and SimpleBaseline, a ResNet with deconvolutions.

Their names inside of the backbone are mmpose's already; what they lack is the division into backbone and head.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from .source import PublishedSource

Value = TypeVar('Value')

_HEAD = ('deconv_layers.', 'final_layer.')
_COORDINATE_CLASSIFIER = {'mlp_head_x', 'mlp_head_y'}  # of SimDR, whose files look like these otherwise


def rename_heatmap_network(state: Mapping[str, Value]) -> dict[str, Value]:
    """A published HRNet or SimpleBaseline state dict under mmpose's names."""
    return {f'{"head" if key.startswith(_HEAD) else "backbone"}.{key}': value for key, value in state.items()}


def _has(keys: Collection[str], modules: set[str]) -> bool:
    """Whether all of these top-level modules are there, and none of a coordinate classifier."""
    found = {key.partition('.')[0] for key in keys}
    return modules <= found and not found & _COORDINATE_CLASSIFIER


def _is_hrnet(keys: Collection[str]) -> bool:
    return _has(keys, {'conv1', 'conv2', 'layer1', 'stage2', 'stage3', 'stage4', 'final_layer'})


def _is_simple_baseline(keys: Collection[str]) -> bool:
    return _has(keys, {'conv1', 'layer1', 'layer4', 'deconv_layers', 'final_layer'})


HRNET = PublishedSource('a heatmap HRNet of the HRNet code base', _is_hrnet, rename_heatmap_network)
SIMPLE_BASELINE = PublishedSource('a SimpleBaseline ResNet of the HRNet code base', _is_simple_baseline,
                                  rename_heatmap_network, takes_bgr=True)
