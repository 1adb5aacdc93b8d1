"""DistilPose's students and its TokenPose teachers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from .source import PublishedSource

Value = TypeVar('Value')

_TOKEN_HEAD = [  # (pattern, replacement), the first that matches
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.keypoint_token$', 'head.encoder.keypoint_tokens'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.pos_embedding$', 'head.encoder.position'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.patch_to_embedding\.', 'head.encoder.embedding.'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.mlp_head\.', 'head.readout.'),
    (r'^keypoint_head\.(?:tokenhead|tokenpose)\.transformer\.', 'head.encoder.'),
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
    """Our name for a key of DistilPose's student or of its TokenPose teacher; a backbone key stays."""
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


def _is_teacher(keys: Collection[str]) -> bool:
    return any(key.startswith('keypoint_head.tokenpose.') for key in keys)


STUDENT = PublishedSource('a student of DistilPose', _is_student, rename_distilpose)
TEACHER = PublishedSource("DistilPose's TokenPose teacher", _is_teacher, rename_distilpose)
