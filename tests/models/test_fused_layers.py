"""Fused layers of optimised copies against the modules that they replace."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from mmpose.models.backbones.resnet import BasicBlock
from mmpose.registry import MODELS
from torch import nn

from distilpose.errors import DistilPoseError
from distilpose.models import fused_encoder, fused_layers
from distilpose.models.fused_encoder import FusedEncoderLayer, fuse_encoders
from distilpose.models.fused_layers import FusedBlock, FusedConv, FusedHRModule, can_fuse, fuse_convolutions
from distilpose.models.layers import build_token_encoder
from distilpose.models.optimised import optimise_for_inference
from tests.models.test_optimised import estimator, noise, randomised, shown, spread

pytestmark = pytest.mark.skipif(not can_fuse(torch.zeros(1)), reason='this torch has no fused oneDNN operators')
AMX = pytest.mark.parametrize('features', [frozenset(), frozenset({'amx_bf16'})], ids=['no AMX', 'AMX'])
ENCODER: dict[str, Any] = dict(feature_size=(12, 16), patch_size=(3, 4), dim=16, depth=2, num_heads=2, mlp_ratio=2)


def types(model: nn.Module) -> set[type]:
    return {type(module) for module in model.modules()}


def encoder(**options: Any) -> Any:
    torch.manual_seed(0)
    return build_token_encoder(8, 17, **{**ENCODER, **options}).eval().requires_grad_(False)


def test_blocks_stem_and_sums_of_hrnet_are_fused() -> None:
    model = estimator('HRNet').eval()
    fast = optimise_for_inference(model)
    assert {FusedBlock, FusedHRModule} <= types(fast.backbone) and nn.Conv2d not in types(fast.backbone)
    assert type(fast.backbone.relu) is nn.Identity
    for size in (1, 3):
        for found, expected in zip(shown(fast, noise(model, size)), shown(model, noise(model, size)), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * spread(expected))


def test_every_resolution_of_a_module_of_hrnet() -> None:
    model = estimator('HRNet').eval()
    plain, fused = model.backbone.stage3[0], optimise_for_inference(model).backbone.stage3[0]
    maps = [torch.randn(2, 4 * 2 ** index, 16 // 2 ** index, 8 // 2 ** index) for index in range(3)]
    given = copy.deepcopy(maps)
    with torch.no_grad():
        for found, expected in zip(fused(given), plain(list(maps)), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * spread(expected))
    assert all(map(torch.equal, given, maps))


def test_an_input_that_others_read_is_not_overwritten() -> None:
    model = estimator('DistilPoseHead').eval()
    blocks = list(optimise_for_inference(estimator('HRNet')).backbone.stage2[0].branches[0])
    assert not blocks[0].overwrite
    fast, images = optimise_for_inference(model), noise(model)
    before = images.clone()
    shown(fast, images)
    assert torch.equal(images, before)


@pytest.mark.parametrize('act_cfg', [None, dict(type='ReLU'), dict(type='SiLU'), dict(type='GELU')])
def test_conv_module(act_cfg: dict | None) -> None:
    module = nn.Sequential(ConvModule(3, 4, 3, padding=1, act_cfg=act_cfg)).requires_grad_(False)
    x = torch.randn(2, 3, 8, 6)
    expected = module(x)
    fused = fuse_convolutions(module)
    assert isinstance(fused[0], FusedConv) == (act_cfg != dict(type='GELU'))
    torch.testing.assert_close(fused(x), expected, rtol=0, atol=1e-6)


def test_modules_with_hooks_stay() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).requires_grad_(False)
    called: list[Any] = []
    module[0].register_forward_hook(lambda *arguments: called.append(arguments))
    fuse_convolutions(module)(torch.randn(1, 3, 8, 8))
    assert called


@pytest.mark.parametrize('operators', [
    SimpleNamespace(), SimpleNamespace(**dict.fromkeys(fused_layers._OPERATORS, lambda *_: False))])
def test_without_the_operators_the_copy_is_a_plain_one(monkeypatch: pytest.MonkeyPatch, operators: Any) -> None:
    """An older torch; a processor without bfloat16."""
    monkeypatch.setattr(torch.ops, 'mkldnn', operators)
    fast = optimise_for_inference(estimator('DistilPoseHead'), dtype='bfloat16')
    assert not {FusedConv, FusedBlock, FusedEncoderLayer} & types(fast)
    assert all(values.isfinite().all() for values in shown(fast, noise(fast)))


def test_without_onednn_the_copy_is_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: False)
    assert not {FusedConv, FusedBlock} & types(optimise_for_inference(estimator('DistilPoseHead')))


def test_a_copied_layer_has_weights_of_its_own() -> None:
    layer, x = FusedConv(nn.Conv2d(3, 4, 3, padding=1), 'relu'), torch.randn(1, 3, 8, 8)
    other = copy.deepcopy(layer)
    assert torch.equal(other(x), layer(x)) and other.activation == 'relu'
    other.weight.zero_()
    assert not torch.equal(other(x), layer(x))


def test_a_layer_is_converted_or_says_what_it_is() -> None:
    layer, x = FusedConv(nn.Conv2d(3, 4, 3, padding=1)), torch.randn(1, 3, 8, 8)
    expected = layer(x)
    assert torch.equal(layer.to('cpu').float()(x), expected)
    for convert in (nn.Module.double, lambda one: one.to('meta')):
        with pytest.raises(DistilPoseError, match='packed for it, and cannot become'):
            convert(layer)
        assert torch.equal(layer(x), expected)


class Walk(nn.Module):
    """A backbone that returns what is between the layers of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), BasicBlock(8, 8), BasicBlock(8, 8))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = [images]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[2], maps[4]


@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
def test_a_backbone_that_returns_what_is_between_its_layers_is_not_fused(dtype: str | None) -> None:
    model = estimator('HeatmapHead').eval()
    model.backbone = randomised(Walk()).eval()
    images = noise(model)
    fast = optimise_for_inference(model, dtype=dtype)
    with torch.no_grad():
        for found, expected in zip(fast.extract_feat(images), model.extract_feat(images), strict=True):
            atol = (0.1 if dtype else 2e-5) * spread(expected)
            torch.testing.assert_close(found.float(), expected, rtol=0, atol=atol)


def test_blocks_derived_from_those_of_resnet_stay() -> None:
    """ResNeSt's have no second normalisation."""
    model = MODELS.build(dict(type='ResNeSt', depth=50, stem_channels=8, base_channels=8)).requires_grad_(False)
    model.eval()
    fuse_conv_bn(model)
    images = torch.randn(1, 3, 64, 64)
    expected = model(images)[-1].detach()
    found = fuse_convolutions(model)(images)[-1]
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * spread(expected))


@pytest.mark.skipif(not can_fuse(torch.zeros(1, dtype=torch.bfloat16)), reason='this processor has no bfloat16')
@AMX
@pytest.mark.parametrize('options', [{}, dict(attention_scale='dim'), dict(transformers=2, depth=1),
                                     dict(patch_size=(3, 1), dim=64), dict(cycles=2)])
def test_encoder(monkeypatch: pytest.MonkeyPatch, features: frozenset, options: dict) -> None:
    """Padded tokens change nothing: with 17 + 16 and with 17 + 64 tokens."""
    monkeypatch.setattr(fused_encoder, 'cpu_features', lambda: features)
    plain, maps = encoder(**options), torch.randn(2, 8, 16, 12)
    fused = copy.deepcopy(plain)
    fuse_encoders(fused)
    assert types(fused) >= {FusedEncoderLayer} and bool(fused.num_padding) == bool(features)
    for returned in (True, False):
        plain.returns_visual_tokens = fused.returns_visual_tokens = returned
        for found, expected in zip(fused(maps), plain(maps), strict=True):
            if expected is not None:
                assert found.dtype is torch.float32 and found.shape == expected.shape
                torch.testing.assert_close(found, expected, rtol=0, atol=0.06 * spread(expected))
    assert returned is False and found is None


@pytest.mark.skipif(not can_fuse(torch.zeros(1, dtype=torch.bfloat16)), reason='this processor has no bfloat16')
def test_threads_share_a_copy() -> None:
    fast = optimise_for_inference(estimator('TokenPoseHead'), dtype='bfloat16')
    batches = [noise(fast, size) for size in (1, 2, 1, 2)]
    expected = [shown(fast, images)[0] for images in batches]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            for found, other in zip(pool.map(lambda images: shown(fast, images)[0], batches), expected, strict=True):
                assert torch.equal(found, other)
