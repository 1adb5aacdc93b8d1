from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS as MODELS_OF_MMENGINE
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.models import VisionTransformer
from distilpose.models.backbones import vision_transformer
from distilpose.models.backbones.vision_transformer import SCOPES, Attention, TransformerLayer, resize_positions

ARCH = dict(embed_dims=24, num_layers=3, num_heads=4, feedforward_channels=48)
NORM = dict(type='LN', eps=1e-6)


def backbone(**options: Any) -> VisionTransformer:
    """A small one of 4 x 3 patches, all of whose weights say something."""
    torch.manual_seed(0)
    model = VisionTransformer(ARCH, **dict(dict(img_size=(64, 48), patch_cfg=dict(padding=2)), **options))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def images(height: int = 64, width: int = 48) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def torchs_layer(state: dict[str, Tensor], prefix: str) -> nn.TransformerEncoderLayer:
    """torch's own pre-norm layer with the weights of one of ours."""
    layer = nn.TransformerEncoderLayer(24, 4, dim_feedforward=48, dropout=0.0, activation='gelu', layer_norm_eps=1e-6,
                                       batch_first=True, norm_first=True)
    names = {'self_attn.in_proj_weight': 'attn.qkv.weight', 'self_attn.in_proj_bias': 'attn.qkv.bias',
             'self_attn.out_proj.weight': 'attn.proj.weight', 'self_attn.out_proj.bias': 'attn.proj.bias',
             'linear1.weight': 'ffn.layers.0.0.weight', 'linear1.bias': 'ffn.layers.0.0.bias',
             'linear2.weight': 'ffn.layers.1.weight', 'linear2.bias': 'ffn.layers.1.bias',
             'norm1.weight': 'ln1.weight', 'norm1.bias': 'ln1.bias',
             'norm2.weight': 'ln2.weight', 'norm2.bias': 'ln2.bias'}
    layer.load_state_dict({theirs: state[prefix + ours] for theirs, ours in names.items()})
    return layer


@pytest.mark.parametrize('scope', SCOPES)
def test_is_found_under_the_names_of_the_recipes(scope: str) -> None:
    if importlib.util.find_spec(scope) is not None:
        pytest.skip(f'{scope} is installed')
    for registry in (MODELS, MODELS_OF_MMENGINE):
        assert registry.get(f'{scope}.VisionTransformer') is VisionTransformer
        assert registry.get(f'{scope}.ConvNeXt') is None


def test_nothing_is_served_where_the_packages_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS_OF_MMENGINE, '_children', {})
    monkeypatch.setattr(vision_transformer.importlib.util, 'find_spec', lambda name: name)
    vision_transformer._serve_mmpretrain()
    assert not MODELS_OF_MMENGINE.children


def test_equals_torchs_transformer() -> None:
    model = backbone().eval()
    state = model.state_dict()
    patches = torch.conv2d(images(), state['patch_embed.projection.weight'], state['patch_embed.projection.bias'],
                           stride=16, padding=2)
    assert patches.shape[-2:] == (4, 3)
    tokens = patches.flatten(2).transpose(1, 2) + state['pos_embed']
    for index in range(3):
        tokens = torchs_layer(state, f'layers.{index}.')(tokens)
    tokens = nn.functional.layer_norm(tokens, (24,), state['ln1.weight'], state['ln1.bias'], eps=1e-6)
    found, = model(images())
    torch.testing.assert_close(found, tokens.transpose(1, 2).reshape(2, 24, 4, 3), rtol=0, atol=1e-5)


def test_has_the_names_of_the_published_checkpoints() -> None:
    layer = {f'{module}.{kind}' for module in ('ln1', 'attn.qkv', 'attn.proj', 'ln2', 'ffn.layers.0.0', 'ffn.layers.1')
             for kind in ('weight', 'bias')}
    expected = {'pos_embed', *(f'{module}.{kind}' for module in ('patch_embed.projection', 'ln1')
                               for kind in ('weight', 'bias')),
                *(f'layers.{index}.{name}' for index in range(3) for name in layer)}
    assert backbone().state_dict().keys() == expected


@pytest.mark.parametrize('arch, millions', [('base', 85.8), ('large', 303.3), ('huge', 630.8)])
def test_sizes(arch: str, millions: float) -> None:
    """Of ViT-B, L and H without a classifier: 86, 304 and 632 million with a class token and at 224 x 224."""
    with torch.device('meta'):
        model = VisionTransformer(arch, img_size=(256, 192), patch_cfg=dict(padding=2))
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.5)
    assert model.grid == (16, 12)


def test_queries_keys_and_values_may_lack_a_bias() -> None:
    assert Attention(24, 4, qkv_bias=False).qkv.bias is None


def test_everything_learns_and_starts_as_it_should() -> None:
    model = backbone()
    model.init_weights()
    assert 0.01 < model.pos_embed.std() < 0.03
    assert model.layers[0].ffn.layers[1].bias.abs().max() < 1e-4
    model(images())[0].square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_drop_path_grows_with_depth_and_skips_samples_in_training_only() -> None:
    model = backbone(drop_path_rate=0.5)
    assert [layer.drop_path.drop_prob for layer in model.layers] == [0, 0.25, 0.5]
    torch.testing.assert_close(model.eval()(images()), backbone().eval()(images()))
    layer = TransformerLayer(24, 4, hidden=48, qkv_bias=True, norm_cfg=NORM, drop_path=0.5).train()
    torch.manual_seed(0)
    tokens = torch.randn(64, 5, 24)
    skipped = (layer(tokens) == tokens).flatten(1).all(1)
    assert 4 < int(skipped.sum()) < 32  # both branches: a quarter of the samples


def test_takes_images_of_another_size() -> None:
    model = backbone().eval()
    assert model(images(96, 80))[0].shape == (2, 24, 6, 5)


def test_computes_in_bfloat16() -> None:
    model = backbone().eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = model(images())[0].float()
    torch.testing.assert_close(half, model(images())[0], rtol=0, atol=0.2)


class TestWeightsOfOthers:
    @staticmethod
    def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The names of MAE and timm."""
        result = {}
        for name, value in state.items():
            if name.startswith('layers.'):
                _, index, rest = name.split('.', 2)
                for ours, theirs in (('ffn.layers.0.0', 'mlp.fc1'), ('ffn.layers.1', 'mlp.fc2'), ('ln', 'norm')):
                    rest = rest.replace(ours, theirs)
                name = f'blocks.{index}.{rest}'
            elif name.startswith('ln1.'):
                name = name.replace('ln1', 'norm')
            result[name.replace('patch_embed.projection', 'patch_embed.proj')] = value
        return result

    @pytest.mark.parametrize('wrapped', [False, True])
    def test_of_mae_start_the_backbone(self, wrapped: bool, tmp_path: Path) -> None:
        """With a class token and on a square grid, as `mae_pretrain_vit_base.pth`, which holds them as `model`."""
        source = backbone(img_size=64, patch_cfg=None).state_dict()
        token = torch.full((1, 1, 24), 7.0)
        state = {**self.renamed(source), 'cls_token': token, 'pos_embed': torch.cat((token, source['pos_embed']), 1)}
        assert 'blocks.2.mlp.fc1.weight' in state and 'blocks.0.norm2.bias' in state and 'norm.bias' in state
        torch.save({'model': state} if wrapped else state, tmp_path / 'mae.pth')
        model = backbone(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'mae.pth')))
        model.init_weights()
        for name, value in model.state_dict().items():
            if name == 'pos_embed':
                value, source[name] = value, resize_positions(source[name], (4, 4), size=(4, 3))
            torch.testing.assert_close(value, source[name], rtol=0, atol=0)

    @pytest.mark.parametrize('size', [(64, 48), (128, 96), (256, 192)])
    @pytest.mark.parametrize('extra', [0, 1])
    def test_positions_of_another_grid_are_interpolated(self, size: tuple[int, int], extra: int) -> None:
        grid = size[0] // 16, size[1] // 16
        rows, columns = torch.meshgrid(*((torch.arange(count) + 0.5) / count for count in grid), indexing='ij')
        ramp = torch.stack((rows, columns), -1).reshape(1, -1, 2).repeat(1, 1, 12)
        model = backbone(img_size=(64, 48))
        given = torch.cat((torch.full((1, extra, 24), 9.0), ramp), dim=1)
        model.load_state_dict({**model.state_dict(), 'pos_embed': given})
        found = model.pos_embed.unflatten(1, (4, 3))[0]
        assert found.amax() < 1.1 and found.amin() > -0.1, 'the class token is left out'
        expected = (torch.arange(4) + 0.5) / 4
        torch.testing.assert_close(found[:, 1, 0][1:3], expected[1:3], rtol=0, atol=0.03)

    def test_of_no_grid_are_refused(self) -> None:
        model = backbone()
        with pytest.raises(DistilPoseError, match=r'22 position embeddings.*4x3 patches \(rows x columns\)'):
            model.load_state_dict({**model.state_dict(), 'pos_embed': torch.zeros(1, 22, 24)})

    def test_a_copy_adapts_its_own(self) -> None:
        model = backbone()
        other = copy.deepcopy(model)
        other.load_state_dict(self.renamed(backbone().state_dict()))
        assert torch.equal(other.pos_embed, model.pos_embed)


@pytest.mark.parametrize('options, sentence', [
    (dict(arch='giant'), "arch='giant'; expected one of .*huge"),
    (dict(arch=dict(embed_dims=24)), 'lacks num_layers, num_heads, feedforward_channels'),
    (dict(arch=dict(ARCH, num_heads=5)), 'embed_dims=24, which its 5 heads do not divide'),
    (dict(out_type='cls_token'), "out_type='cls_token'.* needs a map"),
    (dict(with_cls_token=True), 'with_cls_token=True'),
    (dict(output_cls_token=True), 'output_cls_token=True'),
])
def test_what_it_does_not_do_is_a_sentence(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        VisionTransformer(**options)
