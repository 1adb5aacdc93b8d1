from __future__ import annotations

import torch
from mmpose.models.backbones import HRNet

from distilpose.config import load_config
from distilpose.models import HRNet3Stage, StemNet

BASES = 'configs/_base_/models'
EXTRA = dict(
    stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(8,)),
    stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(1, 1), num_channels=(4, 8)),
    stage3=dict(num_modules=2, num_branches=3, block='BASIC', num_blocks=(1, 1, 1), num_channels=(4, 8, 16)),
    stage4=dict(num_modules=1, num_branches=4, block='BASIC', num_blocks=(1, 1, 1, 1), num_channels=(4, 8, 16, 32)))


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_stem_has_the_published_size_and_stride() -> None:
    stem = StemNet()
    assert count(stem) == 325_056
    assert stem(torch.zeros(1, 3, 64, 48))[0].shape == (1, 256, 16, 12)


def test_stem_starts_as_published() -> None:
    torch.manual_seed(0)
    stem = StemNet()
    stem.init_weights()
    assert abs(stem.conv2.weight.std().item() - 0.001) < 5e-5
    assert (stem.bn1.weight == 1).all() and (stem.bn1.bias == 0).all()


def test_stem_keys_are_the_beginning_of_hrnet() -> None:
    hrnet = {name: value.shape for name, value in HRNet(dict(EXTRA, stage1=dict(
        EXTRA['stage1'], num_blocks=(4,), num_channels=(64,)))).state_dict().items()}
    assert all(hrnet[name] == value.shape for name, value in StemNet().state_dict().items())


def test_three_stages_have_the_published_size() -> None:
    config = load_config(f'{BASES}/distilpose_l.py').student.backbone.to_dict()
    config.pop('type')
    backbone = HRNet3Stage(**config)
    assert count(backbone) == 16_705_824
    features = backbone(torch.zeros(1, 3, 64, 48))
    assert [tuple(feature.shape) for feature in features] == [(1, 48, 16, 12)]


def test_three_stages_take_their_weights_from_a_full_hrnet() -> None:
    full, cut = HRNet(EXTRA), HRNet3Stage(EXTRA)
    available = full.state_dict()
    assert all(available[name].shape == value.shape for name, value in cut.state_dict().items())
    assert not any(name.startswith(('stage4', 'transition3')) for name in cut.state_dict())


def test_three_stages_compute_hrnets_third_stage() -> None:
    torch.manual_seed(0)
    full, cut = HRNet(EXTRA), HRNet3Stage(EXTRA)
    full.eval(), cut.eval()  # mmpose's eval returns nothing
    cut.load_state_dict({name: full.state_dict()[name] for name in cut.state_dict()})
    seen = []
    full.stage3.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[0]))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        full(images)
        torch.testing.assert_close(cut(images)[0], seen[0])
