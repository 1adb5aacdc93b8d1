"""Families of published checkpoints (DistilPose, SDPose, TokenPose, HRNet, SimDR, FPD, mmpose 0.x) under our names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar


@dataclass(frozen=True)
class PublishedSource:
    """One kind of published state dict."""

    name: str
    """Its name within a sentence."""
    matches: Callable[[Collection[str]], bool]
    """Whether these are the keys of such a state dict."""
    rename: Callable[..., dict[str, Any]]
    """The state dict under our names, which are those of mmpose 1.x and of this project's own networks."""
    combine: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Applied before ``rename``: joins tensors that are one of ours, and drops those that the network does not use."""
    takes_bgr: bool = False
    """Trained on images in OpenCV's channel order, although with the means of red, green and blue."""


Value = TypeVar('Value')

_TOKEN_HEAD = [  # (pattern, replacement), the first that matches
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.keypoint_token$', 'head.encoder.keypoint_tokens'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.pos_embedding$', 'head.encoder.position'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.patch_to_embedding\.', 'head.encoder.embedding.'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.mlp_head\.', 'head.readout.'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.transformer(?:_layer1)?\.', 'head.encoder.'),
]
_ENCODER_LAYER = [
    ('.0.fn.norm.', '.attention_norm.'),
    ('.0.fn.fn.to_qkv.', '.attention.qkv.'),
    ('.0.fn.fn.to_out.0.', '.attention.out.'),
    ('.1.fn.norm.', '.mlp_norm.'),
    ('.1.fn.fn.net.0.', '.mlp.0.'),
    ('.1.fn.fn.net.3.', '.mlp.2.'),
]


def rename_distilpose_key(key: str) -> str:
    """Our name for a key of DistilPose's student, of its TokenPose teacher or of SDPose; a backbone key stays."""
    for pattern, replacement in _TOKEN_HEAD:
        key, count = re.subn(pattern, replacement, key)
        if count:
            break
    for theirs, ours in _ENCODER_LAYER:
        key = key.replace(theirs, ours)
    return key


def rename_distilpose(state: Mapping[str, Value]) -> dict[str, Value]:
    """A published DistilPose or TokenPose-teacher state dict under our names."""
    return {rename_distilpose_key(key): value for key, value in state.items()}


def _is_student(keys: Collection[str]) -> bool:
    return any(key.startswith('keypoint_head.tokenhead.') for key in keys)


def _is_sdpose(keys: Collection[str]) -> bool:
    return any(key.startswith('keypoint_head.tokenpose.transformer_layer1.') for key in keys)


def _is_teacher(keys: Collection[str]) -> bool:
    return any(key.startswith('keypoint_head.tokenpose.') for key in keys) and not _is_sdpose(keys)


DISTILPOSE_STUDENT = PublishedSource('a student of DistilPose', _is_student, rename_distilpose)
DISTILPOSE_TEACHER = PublishedSource("DistilPose's TokenPose teacher", _is_teacher, rename_distilpose)
SDPOSE = PublishedSource('a network of SDPose', _is_sdpose, rename_distilpose)


_TOKENPOSE_PREFIX = re.compile(r'^(features|transformer|pre_feature)\.')
_TOKENS = ('keypoint_token', 'pos_embedding', 'patch_to_embedding.', 'transformer', 'mlp_head.')
_CHAINED = re.compile(r'^transformer(\d)\.layers\.(\d+)\.')


def rename_tokenpose(state: Mapping[str, Value]) -> dict[str, Value]:
    """A state dict of TokenPose's code base under our names."""
    inside = {key: _TOKENPOSE_PREFIX.sub('', key) for key in state}
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


_HEATMAP_LAYERS = ('deconv_layers.', 'final_layer.')
_COORDINATE_CLASSIFIER = {'mlp_head_x', 'mlp_head_y'}  # of SimDR, whose files look like these otherwise


def rename_heatmap_network(state: Mapping[str, Value]) -> dict[str, Value]:
    """A published HRNet or SimpleBaseline state dict under mmpose's names."""
    return {f'{"head" if key.startswith(_HEATMAP_LAYERS) else "backbone"}.{key}': value for key, value in state.items()}


def _has_modules(keys: Collection[str], modules: set[str]) -> bool:
    """Whether all of these top-level modules are there, and none of a coordinate classifier."""
    found = {key.partition('.')[0] for key in keys}
    return modules <= found and not found & _COORDINATE_CLASSIFIER


def _is_hrnet(keys: Collection[str]) -> bool:
    return _has_modules(keys, {'conv1', 'conv2', 'layer1', 'stage2', 'stage3', 'stage4', 'final_layer'})


def _is_simple_baseline(keys: Collection[str]) -> bool:
    return _has_modules(keys, {'conv1', 'layer1', 'layer4', 'deconv_layers', 'final_layer'})


HRNET = PublishedSource('a heatmap HRNet of the HRNet code base', _is_hrnet, rename_heatmap_network)
SIMPLE_BASELINE = PublishedSource('a SimpleBaseline ResNet of the HRNet code base', _is_simple_baseline,
                                  rename_heatmap_network, takes_bgr=True)


_CLASSIFIER = ('mlp_head_x.', 'mlp_head_y.')
_MAP_LAYERS = ('deconv_layers.', 'final_layer.')


def _rename_simdr(state: Mapping[str, Value], *, maps: str) -> dict[str, Value]:
    """Our names; ``maps`` is where the layers are that draw a map of every joint."""
    def prefix(key: str) -> str:
        return 'head.' if key.startswith(_CLASSIFIER) else maps if key.startswith(_MAP_LAYERS) else 'backbone.'
    return {prefix(key) + key: value for key, value in state.items()}


def _has_classifier(keys: Collection[str], *modules: str) -> bool:
    found = {key.partition('.')[0] for key in keys}
    return {'conv1', 'layer1', 'final_layer', 'mlp_head_x', 'mlp_head_y', *modules} <= found


def _is_simdr_hrnet(keys: Collection[str]) -> bool:
    return _has_classifier(keys, 'conv2', 'stage2', 'stage3', 'stage4')


def _is_simdr_resnet(keys: Collection[str]) -> bool:
    return _has_classifier(keys, 'layer4', 'deconv_layers')


def _is_upsample_free(keys: Collection[str]) -> bool:
    return _has_classifier(keys, 'layer4') and not _is_simdr_resnet(keys)


SIMDR_HRNET = PublishedSource('SimDR on HRNet', _is_simdr_hrnet, partial(_rename_simdr, maps='head.'))
SIMDR_RESNET = PublishedSource('SimDR on a ResNet', _is_simdr_resnet,
                               partial(_rename_simdr, maps='head.deconv_head.'), takes_bgr=True)
SIMDR_UPSAMPLE_FREE = PublishedSource('SimDR on a ResNet without upsampling', _is_upsample_free,
                                      partial(_rename_simdr, maps='head.'), takes_bgr=True)


_HOURGLASS_MODULES = {'conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'hg', 'res', 'fc', 'score'}
"""Of any number of stacks; a single one has no ``fc_`` and ``score_``."""


def rename_hourglass(state: Mapping[str, Value]) -> dict[str, Value]:
    """A published state dict under our names: all of it is backbone, since the scores are fed back."""
    return {f'backbone.{key}': value for key, value in state.items()}


def _is_hourglass(keys: Collection[str]) -> bool:
    return {key.partition('.')[0] for key in keys} >= _HOURGLASS_MODULES


HOURGLASS = PublishedSource('a stacked hourglass of FPD', _is_hourglass, rename_hourglass, takes_bgr=True)


_OLD_HEAD, _NEW_HEAD = 'keypoint_head.', 'head.'


def rename_mmpose0(state: Mapping[str, Value]) -> dict[str, Value]:
    """Renames the head as in mmpose 1.x; mmpose's heads convert their own old keys when they load."""
    return {_NEW_HEAD + key.removeprefix(_OLD_HEAD) if key.startswith(_OLD_HEAD) else key: value
            for key, value in state.items()}


def _is_mmpose0(keys: Collection[str]) -> bool:
    return any(key.startswith(_OLD_HEAD) for key in keys)


MMPOSE0 = PublishedSource('a pose estimator of mmpose 0.x', _is_mmpose0, rename_mmpose0)
