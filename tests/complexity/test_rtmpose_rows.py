"""Parameters, state-dict entries and multiply-adds of RTMPose's and DWPose's networks, on the meta device."""

from __future__ import annotations

import pytest
import torch

from distilpose.complexity import STYLES, measure
from distilpose.config.models import build_estimator
from distilpose.engine import read_config

ROOT = 'configs/wholebody_2d_keypoint'
UBODY = 'coco-ubody-wholebody'
# (config, parameters, entries of the state dict, G multiply-adds, as counted for the published table)
ROWS = [
    (f'rtmpose-t_8xb64-270e_{UBODY}-256x192', 5_519_779, 218, 0.548, 0.552),
    (f'rtmpose-s_8xb64-270e_{UBODY}-256x192', 8_383_575, 254, 0.905, 0.910),
    (f'rtmpose-m_8xb64-270e_{UBODY}-256x192', 17_953_039, 362, 2.216, 2.227),
    (f'rtmpose-l_8xb64-270e_{UBODY}-256x192', 33_480_871, 470, 4.510, 4.528),
    (f'rtmpose-l_8xb32-270e_{UBODY}-384x288', 33_610_919, 470, 10.039, 10.078),
    (f'rtmpose-x_8xb64-270e_{UBODY}-256x192', 56_579_871, 578, 8.071, 8.097),
    (f'rtmpose-x_8xb32-270e_{UBODY}-384x288', 56_709_919, 578, 18.050, 18.108),
]


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize(('name', 'parameters', 'entries', 'macs', 'published'), ROWS, ids=[row[0] for row in ROWS])
def test_row(name: str, parameters: int, entries: int, macs: float, published: float) -> None:
    """The publication's counter adds batch normalisation and pooling, less than 1 %, and its table cuts digits off."""
    config = read_config(f'{ROOT}/rtmpose/ubody/{name}.py')
    with torch.device('meta'):
        found = measure(config, style=STYLES['mmcv'])
        assert len(build_estimator(config.model).state_dict()) == entries
    assert found.params.all == parameters
    assert found.macs / 1e9 == pytest.approx(macs, abs=5e-4)
    assert found.macs / 1e9 == pytest.approx(published, rel=0.01)


@pytest.mark.usefixtures('quick_traces')
def test_of_a_distillation_the_student_is_counted() -> None:
    with torch.device('meta'):
        found = measure(read_config(f'{ROOT}/dwpose/ubody/s2_dis/dwpose_t-tt_{UBODY[:10]}-256x192.py'),
                        style=STYLES['mmcv'])
    assert found.params.all == 5_519_779
