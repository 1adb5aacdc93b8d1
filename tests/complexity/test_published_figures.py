"""The complexity of the published networks, to the digits that are published or were measured."""

from __future__ import annotations

from functools import cache

import pytest

from distilpose.complexity import STYLES, Complexity, measure
from distilpose.engine import read_config

ROOT = 'configs/body/2d_kpt_sview_rgb_img'
COCO = 'mmpose::body_2d_keypoint/topdown_heatmap/coco'
DISTILPOSE_S = f'{ROOT}/distilpose/coco/DistilPose_S_coco_256x192.py'
STEM_TEACHER = f'{ROOT}/tokenpose/coco/teacher_stemnet_coco_256x192.py'


@cache
def complexity(config: str, style: str = 'mmcv') -> Complexity:
    return measure(read_config(config), style=STYLES[style])


def millions(count: int) -> float:
    return round(count / 1e6, 3)


def billions(count: float) -> float:
    return round(count / 1e9, 3)


@pytest.mark.parametrize(('config', 'params', 'trainable', 'macs', 'published'), [
    (DISTILPOSE_S, 5.413, 5.364, 2.705, 2.380),
    (f'{ROOT}/distilpose/coco/DistilPose_L_coco_256x192.py', 21.315, 21.266, 10.612, 10.323),
    (f'{ROOT}/distilpose/coco/stemnet_coco_256x192.py', 5.413, 5.364, 2.705, 2.380),
    (f'{ROOT}/distilpose/coco/hr48_3stage_coco_256x192.py', 21.314, 21.265, 10.612, 10.323),
    (f'{ROOT}/tokenpose/coco/teacher_hr48_coco_256x192.py', 69.461, 69.411, 17.290, 17.026),
    (STEM_TEACHER, 6.670, 6.621, 2.726, 2.401),
])
def test_distilpose(config: str, params: float, trainable: float, macs: float, published: float) -> None:
    found = complexity(config)
    assert millions(found.params.all) == params and millions(found.params.trainable) == trainable
    assert billions(found.macs) == macs and found.flops == 2 * found.macs
    assert round(found.published.gmacs, 3) == published


def test_parts_of_distilpose_s() -> None:
    found = complexity(DISTILPOSE_S)
    assert millions(found.modules['backbone'].params) == 0.325 and millions(found.modules['head'].params) == 5.088
    assert billions(found.modules['backbone'].macs) == 1.003  # its convolutions, and nothing else multiplies there
    attention = sum(cost.macs for name, cost in found.modules.items() if name.endswith('.attention'))
    projections = sum(cost.macs for name, cost in found.modules.items() if name.endswith(('.qkv', '.out')))
    assert billions(attention - projections) == 0.343


@pytest.mark.parametrize(('config', 'params', 'macs', 'published'), [
    (STEM_TEACHER, 6.607, 2.726, 2.226),  # TokenPose-S-v1 but for the scale of its attention
    (f'{COCO}/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py', 28.536, 7.645, 7.120),
    (f'{COCO}/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py', 63.596, 15.692, 14.614),
    (f'{COCO}/td-hm_res50_8xb64-210e_coco-256x192.py', 34.000, 5.426, 8.991),
    ('mmpose::body_2d_keypoint/simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py', 36.753, 5.473, 8.991),
], ids=['tokenpose_s', 'hrnet_w32', 'hrnet_w48', 'res50', 'res50_simcc'])
def test_networks_counted_by_the_hrnet_code_base(config: str, params: float, macs: float, published: float) -> None:
    found = complexity(config, 'hrnet')
    assert millions(found.published.parameters) == params
    assert billions(found.macs) == macs
    assert round(found.published.gmacs, 3) == published
