"""SimDR, SimDR* and TokenPose against figures that their published implementations produced (float32, CPU)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from distilpose.checkpoints.published import to_our_names
from distilpose.config import build_estimator, load_config
from tests.devices import on_device
from tests.parity.reference import fixture, images, published_state

ROOT = 'configs/body/2d_kpt_sview_rgb_img'
CONFIGS = dict(
    simdr_hrnet_w32_256x192=f'{ROOT}/simdr/coco/simdr_hrnet_w32_coco_256x192.py',
    simdr_res50_256x192=f'{ROOT}/simdr/coco/simdr_res50_coco_256x192.py',
    simdr_res50_64x64=f'{ROOT}/simdr/coco/simdr_res50_coco_64x64.py',
    heatmap_hrnet_w32_256x192=f'{ROOT}/simdr/coco/heatmap_hrnet_w32_coco_256x192.py',
    tokenpose_s_v1=f'{ROOT}/tokenpose/coco/tokenpose_s_v1_coco_256x192.py')


def published_network(name: str) -> nn.Module:
    """The network of a published config in eval mode, its weights those of the fixture."""
    model = build_estimator(load_config(CONFIGS[name]).model)
    state = to_our_names(published_state(fixture(name)['keys']))
    if name.startswith('tokenpose'):
        state['head.encoder.position'] = model.head.encoder.position  # a table, which the fixtures do not fill
    model.load_state_dict(state, strict=True)
    return model.eval()


@on_device
@pytest.mark.parametrize('name', CONFIGS)
def test_outputs(name: str) -> None:
    """Within 2e-5 of the expected output's spread; large outputs are stored as every 97th value."""
    model, expected = published_network(name), fixture(name)
    with torch.no_grad():
        outputs = model.head(model.extract_feat(images(expected['input_shape'])))
    if name.startswith('simdr'):
        found = dict(out_x=outputs.simcc[0], out_y=outputs.simcc[1])
    else:
        found = dict(out_heatmap=outputs if name.startswith('heatmap') else outputs.heatmaps[-1])
    for entry, value in found.items():
        assert tuple(value.shape) == tuple(expected[entry.replace('out', 'shape')])
        flat = value.cpu().numpy().ravel()
        flat = flat if flat.size == expected[entry].size else flat[::97]
        np.testing.assert_allclose(flat, expected[entry].ravel(), rtol=0, atol=2e-5 * expected[entry].std())
    assert sum(parameter.numel() for parameter in model.parameters()) == expected['params']


@pytest.mark.parametrize('name, entries', [('s_v1', 234), ('t', 144), ('b', 1074), ('l_d24', 1202)])
def test_number_of_entries_in_the_state_dict(name: str, entries: int) -> None:
    with torch.device('meta'):
        model = build_estimator(load_config(f'{ROOT}/tokenpose/coco/tokenpose_{name}_coco_256x192.py').model)
    assert len(model.state_dict()) == entries
