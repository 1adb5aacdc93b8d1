"""Parameters and multiply-adds of FPD's networks, true and as its own counter has them, on the meta device."""

from __future__ import annotations

import pytest
import torch

from distilpose.complexity import STYLES, measure
from distilpose.engine import read_config

ROOT = 'configs/body/2d_kpt_sview_rgb_img/fpd'


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize(('config', 'parameters', 'macs', 'counted'), [
    ('mpii/hourglass_8x256_mpii_256x256', 25_594_624, 28.094, 26.165),
    ('mpii/hourglass_4x128_mpii_256x256', 3_287_936, 3.907, 3.639),
    ('mpii/fpd_hourglass_8x256_to_4x128_mpii_256x256', 3_287_936, 3.907, 3.639),  # its student is what is counted
    ('mpii/hrnet_w48_mpii_256x256', 63_595_696, 20.922, 19.485),
    ('mpii/hrnet_w32_mpii_256x256', 28_536_080, 10.193, 9.493),
    ('coco/hrnet_w48_coco_256x192', 63_595_745, 15.692, 14.614),
    ('coco/hrnet_w32_coco_256x192', 28_536_113, 7.645, 7.120),
])
def test_row(config: str, parameters: int, macs: float, counted: float) -> None:
    """The publication prints 28.5 M and 7.1, 63.6 M and 14.6 on COCO, which are units of 2^30, and none on MPII."""
    with torch.device('meta'):
        found = measure(read_config(f'{ROOT}/{config}.py'), style=STYLES['hrnet'])
    assert found.params.all == found.published.parameters == parameters
    assert round(found.macs / 1e9, 3) == macs
    assert round(found.published.gmacs, 3) == counted
