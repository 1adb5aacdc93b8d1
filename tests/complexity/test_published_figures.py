"""The complexity of the published networks, to the digits that are published or were measured."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache

import pytest
import torch

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


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize(('config', 'params', 'trainable', 'macs', 'counted', 'printed'), [
    ('sdpose_t', 4.448, 4.399, 1.951, 1.798, (4.4, 1.8)),
    ('sdpose_s_v1_stemnet', 6.670, 6.621, 2.726, 2.401, (6.6, 2.4)),
    ('sdpose_s_v2_stemnet', 6.375, 6.228, 7.487, 4.666, (6.2, 4.7)),
    ('sdpose_b_hr32', 13.195, 13.146, 5.471, 5.162, (13.2, 5.2)),
    ('sdpose_reg_stemnet', 5.467, 5.418, 2.705, 2.380, (5.4, 2.4)),  # with the flow of its loss
])
def test_sdpose(config: str, params: float, trainable: float, macs: float, counted: float,
                printed: tuple[float, float]) -> None:
    """A prediction is one cycle. mmcv prints two digits, and the paper rounds those: 13.146, 13.15, 13.2."""
    with torch.device('meta'):
        found = measure(read_config(f'{ROOT}/sdpose/coco/{config}_coco_256x192.py'), style=STYLES['mmcv'])
    assert millions(found.params.all) == params and millions(found.params.trainable) == trainable
    assert billions(found.macs) == macs and round(found.published.gmacs, 3) == counted
    assert (_printed(found.published.parameters / 1e6), _printed(found.published.gmacs)) == printed


def _printed(value: float) -> float:
    """To two digits behind the point, and from there half up to one."""
    return float(Decimal(f'{value:.2f}').quantize(Decimal('0.1'), rounding=ROUND_HALF_UP))


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
