"""The recipes of methods by name have the terms that ``--method NAME`` writes for their networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distilpose.config import PROJECT_ROOT, load_config
from distilpose.distillation.method_rules import read_term
from distilpose.distillation.methods import HEATMAP_SHARE, Network, choose_method
from distilpose.structures import PoseOutputs

LEAVES = sorted((PROJECT_ROOT / 'configs/body/2d_kpt_sview_rgb_img/methods/coco').glob('*.py'))
MAPS = (torch.zeros(1, 8, 16, 12),)
HRNET = Network('HRNet', PoseOutputs(heatmaps=(torch.zeros(1, 17, 16, 12),), features=MAPS), (192, 256),
                skeleton='coco')
RTMPOSE = Network('RTMPose', PoseOutputs(simcc=(torch.zeros(1, 17, 96), torch.zeros(1, 17, 128)), features=MAPS),
                  (192, 256), beta=10.0, sums_people=True, skeleton='coco')


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_terms_are_those_of_the_command(path: Path) -> None:
    method, is_rtmpose, _ = path.stem.partition('_rtmpose_l_to_t')
    network = RTMPOSE if is_rtmpose else HRNET
    model = load_config(path).model
    found = model.terms.to_dict()
    if method.startswith('cwd_features'):
        term = read_term('channels_of_features')
        assert found == dict(channels_of_features=dict(term, weight=term['weight'] * HEATMAP_SHARE))
        return
    recipe = choose_method(method.partition('_hrnet_w48_to_w32')[0], network, network)
    assert found == recipe.terms
    assert {key: value for key, value in model.student.to_dict().items() if key != 'config'} == recipe.student
