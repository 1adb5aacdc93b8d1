"""The published networks, filled with the fixtures' weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from distilpose.checkpoints.published import rename_distilpose
from distilpose.config import build_estimator, load_config
from tests.parity.reference import fixture, published_state

ROOT = 'configs/body/2d_kpt_sview_rgb_img'
CONFIGS = dict(
    distilpose_s=f'{ROOT}/distilpose/coco/DistilPose_S_coco_256x192.py',
    stemnet=f'{ROOT}/distilpose/coco/stemnet_coco_256x192.py',
    teacher_stemnet=f'{ROOT}/tokenpose/coco/teacher_stemnet_coco_256x192.py',
)


@pytest.fixture(scope='session')
def published_network() -> Callable[[str], nn.Module]:
    """Builds a network of the published configs (a student without its distiller) in eval mode."""
    def build(name: str) -> nn.Module:
        config = load_config(CONFIGS[name])
        model = build_estimator(config.model.get('student', config.model))
        state = rename_distilpose(published_state(fixture(name)['keys']))
        state['head.encoder.position'] = model.head.encoder.position  # a table, which the fixtures do not fill
        model.load_state_dict(state, strict=True)
        return model.eval()
    return build
