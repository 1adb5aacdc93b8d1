"""Files as the publications wrote them, of networks small enough for a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from distilpose.config.models import build_estimator
from tests import networks
from tests.engine import tiny

ENCODER_LAYER = [  # both tables are written down from the published names, not derived from the reader's
    ('.attention_norm.', '.0.fn.norm.'), ('.attention.qkv.', '.0.fn.fn.to_qkv.'),
    ('.attention.out.', '.0.fn.fn.to_out.0.'), ('.mlp_norm.', '.1.fn.norm.'),
    ('.mlp.0.', '.1.fn.fn.net.0.'), ('.mlp.2.', '.1.fn.fn.net.3.'),
]
_PUBLISHED = [
    ('head.encoder.keypoint_tokens', 'keypoint_head.tokenhead.keypoint_token'),
    ('head.encoder.position', 'keypoint_head.tokenhead.pos_embedding'),
    ('head.encoder.embedding.', 'keypoint_head.tokenhead.patch_to_embedding.'),
    ('head.encoder.layers.', 'keypoint_head.tokenhead.transformer.layers.'),
    ('head.readout.', 'keypoint_head.tokenhead.mlp_head.'),
    *ENCODER_LAYER,
]


def student_weights(*, seed: int = 7) -> dict[str, Tensor]:
    """Random weights of ``networks.STUDENT`` under our names; not even the frozen table is what it is when built."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(value.shape, generator=generator) + 0.5 if value.is_floating_point() else value
            for name, value in build_estimator(networks.STUDENT).state_dict().items()}


def published_names(state: Mapping[str, Tensor], *, head: str = 'tokenhead') -> dict[str, Tensor]:
    """The same under DistilPose's published names; its teachers' head is ``tokenpose``."""
    renamed = {}
    for name, value in state.items():
        for ours, theirs in _PUBLISHED:
            name = name.replace(ours, theirs)
        renamed[name.replace('.tokenhead.', f'.{head}.')] = value
    return renamed


def wrapped(state: Mapping[str, Tensor]) -> dict:
    """As mmcv's runner saved a parallel model."""
    return dict(meta=dict(epoch=300, iter=175600), optimizer=dict(state={}, param_groups=[]),
                state_dict={f'module.{name}': value for name, value in state.items()})


def write_student_config(file: Path, data: Path) -> Path:
    """A config of ``networks.STUDENT`` with the data of :mod:`tests.engine.tiny`."""
    return tiny.write_config(file, data, extra=f'\nmodel = {networks.STUDENT!r}\n')
