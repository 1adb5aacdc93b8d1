"""Every row of SimDR's and TokenPose's tables: parameters and multiply-adds, published and true.

Counted on the meta device, where a network of any size takes a second.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distilpose.complexity import STYLES, measure
from distilpose.config import PROJECT_ROOT
from distilpose.engine import read_config

ROOT = PROJECT_ROOT / 'configs/body/2d_kpt_sview_rgb_img'
MISPRINTS = {  # what is printed beside what the code base's own tool counts
    'simdr/coco/simdr_res101_coco_256x192': dict(parameters=53.7),  # 55.7
    'simdr/coco/heatmap_res50_coco_256x192': dict(gmacs=8.9),  # SimpleBaseline's own figure, like the next
    'simdr/coco/heatmap_res50_coco_384x288': dict(gmacs=20.0),
}
# (config, M parameters as published, in truth, as the tool counts them, G multiply-adds as published, tool's, true)
ROWS = [
    ('simdr/coco/heatmap_hrnet_w32_coco_128x128', 28.5, 28.536, 28.536, 2.4, 2.373, 2.548),
    ('simdr/coco/heatmap_hrnet_w32_coco_256x192', 28.5, 28.536, 28.536, 7.1, 7.120, 7.645),
    ('simdr/coco/heatmap_hrnet_w32_coco_64x64', 28.5, 28.536, 28.536, 0.6, 0.593, 0.637),
    ('simdr/mpii/heatmap_hrnet_w32_mpii_256x256', None, 28.536, 28.536, None, 9.493, 10.193),
    ('simdr/mpii/heatmap_hrnet_w32_mpii_64x64', None, 28.536, 28.536, None, 0.593, 0.637),
    ('simdr/coco/heatmap_hrnet_w48_coco_128x128', 63.6, 63.596, 63.596, 4.9, 4.871, 5.231),
    ('simdr/coco/heatmap_hrnet_w48_coco_256x192', 63.6, 63.596, 63.596, 14.6, 14.614, 15.692),
    ('simdr/coco/heatmap_hrnet_w48_coco_384x288', None, 63.596, 63.596, 32.9, 32.882, 35.307),
    ('simdr/coco/heatmap_hrnet_w48_coco_64x64', 63.6, 63.596, 63.596, 1.2, 1.218, 1.308),
    ('simdr/coco/heatmap_res101_coco_128x128', 53.0, 52.992, 52.992, 4.1, 4.126, 3.021),
    ('simdr/coco/heatmap_res101_coco_256x192', 53.0, 52.992, 52.992, 12.4, 12.378, 9.063),
    ('simdr/coco/heatmap_res101_coco_384x288', None, 52.992, 52.992, None, 27.850, 20.391),
    ('simdr/coco/heatmap_res101_coco_64x64', 53.0, 52.992, 52.992, 1.0, 1.031, 0.755),
    ('simdr/coco/heatmap_res152_coco_384x288', None, 68.635, 68.635, None, 35.470, 28.573),
    ('simdr/coco/heatmap_res50_coco_128x128', 34.0, 34.000, 34.000, 3.0, 2.997, 1.809),
    ('simdr/coco/heatmap_res50_coco_256x192', 34.0, 34.000, 34.000, 8.9, 8.991, 5.426),
    ('simdr/coco/heatmap_res50_coco_384x288', None, 34.000, 34.000, 20.0, 20.230, 12.209),
    ('simdr/coco/heatmap_res50_coco_64x64', 34.0, 34.000, 34.000, 0.7, 0.749, 0.452),
    ('simdr/coco/heatmap_tokenpose_s_coco_128x128', 5.2, 5.217, 5.155, 1.6, 1.603, 1.939),
    ('simdr/coco/heatmap_tokenpose_s_coco_256x192', 6.6, 6.670, 6.607, 2.2, 2.226, 2.726),
    ('simdr/coco/heatmap_tokenpose_s_coco_64x64', 4.9, 4.921, 4.859, 1.4, 1.369, 1.648),
    ('simdr/mpii/sa_simdr_hrnet_w32_mpii_256x256', None, 32.731, 32.731, None, 9.493, 10.260),
    ('simdr/coco/sa_simdr_hrnet_w48_coco_256x192', None, 66.349, 66.349, 14.6, 14.614, 15.739),
    ('simdr/coco/sa_simdr_hrnet_w48_coco_384x288', None, 70.564, 70.564, 32.9, 32.882, 35.425),
    ('simdr/coco/sa_simdr_res50_coco_384x288', None, 43.291, 43.291, 20.2, 20.231, 12.367),
    ('simdr/coco/simdr_hrnet_w32_coco_128x128', 29.1, 29.061, 29.061, 2.4, 2.373, 2.557),
    ('simdr/coco/simdr_hrnet_w32_coco_256x192', 31.3, 31.290, 31.290, 7.1, 7.120, 7.692),
    ('simdr/coco/simdr_hrnet_w32_coco_64x64', 28.6, 28.635, 28.635, 0.6, 0.593, 0.639),
    ('simdr/mpii/simdr_hrnet_w32_mpii_256x256', None, 32.731, 32.731, None, 9.493, 10.260),
    ('simdr/mpii/simdr_hrnet_w32_mpii_64x64', None, 28.635, 28.635, None, 0.593, 0.639),
    ('simdr/coco/simdr_hrnet_w48_coco_128x128', 64.1, 64.121, 64.121, 4.9, 4.872, 5.240),
    ('simdr/coco/simdr_hrnet_w48_coco_256x192', 66.3, 66.349, 66.349, 14.6, 14.614, 15.739),
    ('simdr/coco/simdr_hrnet_w48_coco_64x64', 63.7, 63.694, 63.694, 1.2, 1.218, 1.309),
    ('simdr/coco/simdr_res101_coco_128x128', 53.5, 53.517, 53.517, 4.1, 4.126, 3.030),
    ('simdr/coco/simdr_res101_coco_256x192', 53.7, 55.745, 55.745, 12.4, 12.378, 9.110),
    ('simdr/coco/simdr_res101_coco_384x288', None, 62.283, 62.283, None, 27.851, 20.549),
    ('simdr/coco/simdr_res101_coco_64x64', 53.1, 53.091, 53.091, 1.0, 1.032, 0.757),
    ('simdr/coco/simdr_res152_coco_384x288', None, 77.927, 77.927, None, 35.471, 28.731),
    ('simdr/coco/simdr_res50_coco_128x128', 34.8, 34.787, 34.787, 3.0, 2.997, 1.822),
    ('simdr/coco/simdr_res50_coco_256x192', 36.8, 36.753, 36.753, 9.0, 8.991, 5.473),
    ('simdr/coco/simdr_res50_coco_384x288', None, 43.291, 43.291, None, 20.231, 12.367),
    ('simdr/coco/simdr_res50_coco_64x64', 34.1, 34.098, 34.098, 0.7, 0.749, 0.454),
    ('simdr/coco/simdr_res50_upfree_coco_128x128', None, 25.017, 25.017, None, 1.260, 1.359),
    ('simdr/coco/simdr_res50_upfree_coco_256x192', None, 25.688, 25.688, None, 3.773, 4.071),
    ('simdr/coco/simdr_res50_upfree_coco_64x64', None, 24.672, 24.672, None, 0.315, 0.339),
    ('simdr/coco/simdr_tokenpose_s_coco_128x128', 5.1, 5.118, 5.056, 1.6, 1.603, 1.937),
    ('simdr/coco/simdr_tokenpose_s_coco_256x192', 5.5, 5.585, 5.523, 2.2, 2.225, 2.708),
    ('simdr/coco/simdr_tokenpose_s_coco_64x64', 4.9, 4.946, 4.884, 1.4, 1.369, 1.648),
    ('tokenpose/coco/tokenpose_b_coco_256x192', None, 13.514, 13.452, None, 5.655, 6.276),
    ('tokenpose/coco/tokenpose_l_d24_coco_256x192', None, 27.532, 27.460, None, 10.984, 12.193),
    ('tokenpose/coco/tokenpose_l_d24_coco_384x288', None, 29.864, 29.786, None, 22.138, 24.010),
    ('tokenpose/coco/tokenpose_l_d6_coco_256x192', None, 20.865, 20.807, None, 9.064, 9.867),
    ('tokenpose/mpii/tokenpose_l_d6_mpii_256x256', None, 21.492, 21.434, None, 11.864, 12.891),
    ('tokenpose/coco/tokenpose_s_v1_coco_256x192', 6.6, 6.670, 6.607, 2.2, 2.226, 2.726),
    ('tokenpose/coco/tokenpose_s_v2_coco_256x192', None, 6.375, 6.214, None, 11.618, 7.487),
    ('tokenpose/coco/tokenpose_t_coco_256x192', None, 5.866, 5.803, None, 1.292, 1.601),
    ('simdr/crowdpose/heatmap_hrnet_w32_crowdpose_256x192', None, 28.536, 28.536, None, 7.120, 7.645),
    ('simdr/crowdpose/heatmap_hrnet_w32_crowdpose_64x64', None, 28.536, 28.536, None, 0.593, 0.637),
    ('simdr/crowdpose/simdr_hrnet_w32_crowdpose_256x192', None, 31.289, 31.289, None, 7.120, 7.683),
    ('simdr/crowdpose/simdr_hrnet_w32_crowdpose_64x64', None, 28.635, 28.635, None, 0.593, 0.638),
]


def marked(row: tuple) -> Any:
    """The rows of a network that differ in the size of the image alone: the smallest is quick, the others are slow."""
    def network(config: str) -> str:
        return config.rpartition('_')[0]

    def pixels(config: str) -> int:
        width, height = config.rpartition('_')[2].split('x')
        return int(width) * int(height)

    smallest = min(pixels(other) for other, *_ in ROWS if network(other) == network(row[0]))
    return pytest.param(*row, id=row[0], marks=[] if pixels(row[0]) == smallest else pytest.mark.slow)


def test_every_row_has_a_config_and_every_config_a_row() -> None:
    configs = [path.relative_to(ROOT).with_suffix('') for part in ('simdr', 'tokenpose')
               for path in (ROOT / part).rglob('*.py')]
    assert sorted(row[0] for row in ROWS) == sorted(
        str(path) for path in configs if path.name.startswith(('heatmap', 'simdr', 'sa_simdr', 'tokenpose_'))
        and not {'from', 'fast'} & set(path.name.split('_')))


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize(('config', 'published', 'parameters', 'counted', 'published_g', 'tool', 'macs'),
                         [marked(row) for row in ROWS])
def test_row(config: str, published: float | None, parameters: float, counted: float, published_g: float | None,
             tool: float, macs: float) -> None:
    with torch.device('meta'):
        found = measure(read_config(ROOT / f'{config}.py'), style=STYLES['hrnet'])
    assert round(found.params.all / 1e6, 3) == parameters
    assert round(found.published.parameters / 1e6, 3) == counted
    assert round(found.published.gmacs, 3) == tool
    assert round(found.macs / 1e9, 3) == macs
    misprints = MISPRINTS.get(config, {})
    if published is not None:
        assert (round(counted, 1) == published) != (misprints.get('parameters') == published)
    if published_g is not None:
        assert (round(tool, 1) == published_g) != (misprints.get('gmacs') == published_g)
