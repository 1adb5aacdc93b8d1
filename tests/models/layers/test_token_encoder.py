"""Token encoders and their position table."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from distilpose.errors import DistilPoseError
from distilpose.models.layers import TokenEncoder, build_token_encoder, sine_position_table
from tests.devices import in_dtype, on_device


def test_follows_the_published_formula_entry_by_entry() -> None:
    width, height, dim = 3, 5, 16
    table = sine_position_table(width, height, dim=dim)[0]
    for row in range(height):
        for column in range(width):
            for channel in range(dim):
                count, size = (row + 1, height) if channel < dim // 2 else (column + 1, width)
                i = channel % (dim // 2)
                angle = 2 * math.pi * count / (size + 1e-6) / 10000 ** (2 * (i // 2) / (dim // 2))
                expected = math.sin(angle) if i % 2 == 0 else math.cos(angle)
                assert abs(table[row * width + column, channel].item() - expected) < 1e-5


def test_shape_and_distinct_positions() -> None:
    table = sine_position_table(16, 16, dim=192)
    assert table.shape == (1, 256, 192)
    assert len(torch.unique(table[0], dim=0)) == 256


SIZE = dict(feature_size=(6, 8), patch_size=(3, 4), dim=8, depth=3, num_heads=2, mlp_ratio=2)


def encoder(**options) -> TokenEncoder:
    torch.manual_seed(0)
    return TokenEncoder(2, 3, **dict(SIZE, **options))


@on_device
def test_shapes() -> None:
    keypoint, visual = encoder()(torch.randn(4, 2, 8, 6))
    assert keypoint.shape == (4, 3, 8) and visual.shape == (4, 4, 8)


@in_dtype
def test_patches_are_row_major_with_the_channel_fastest() -> None:
    feature_map = torch.arange(2 * 8 * 6.0).reshape(1, 2, 8, 6)
    patches = encoder()._patches(feature_map)
    expected = torch.stack([feature_map[0, :, r:r + 4, c:c + 3].permute(1, 2, 0).flatten()
                            for r in (0, 4) for c in (0, 3)])
    assert torch.equal(patches[0], expected)


@on_device
@pytest.mark.parametrize('scale, width', [('head', 4), ('dim', 8)])
def test_attention_equals_the_written_out_formula(scale: str, width: int) -> None:
    layer, tokens = encoder(attention_scale=scale).layers[0].attention, torch.randn(2, 7, 8)
    query, key, value = (part.reshape(2, 7, 2, 4).transpose(1, 2) for part in layer.qkv(tokens).chunk(3, dim=-1))
    weights = (query @ key.transpose(-1, -2) * width ** -0.5).softmax(dim=-1)
    torch.testing.assert_close(layer(tokens), layer.out((weights @ value).transpose(1, 2).reshape(2, 7, 8)))


def test_on_a_cpu_attention_is_in_float32_under_autocast_too() -> None:
    layer, tokens = encoder().layers[0].attention, torch.randn(2, 7, 8)
    seen = []
    layer.out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert layer(tokens).dtype is torch.bfloat16
    assert layer(tokens).dtype is torch.float32 and seen == [torch.float32, torch.float32]


@in_dtype
def test_position_is_added_before_every_layer_but_to_visual_tokens_only() -> None:
    model, seen = encoder(), []
    for layer in model.layers:  # layers that pass tokens through show what they are given
        layer.forward = lambda tokens, count: seen.append(tokens) or tokens
    model(torch.randn(1, 2, 8, 6))
    for before, after in pairwise(seen):
        torch.testing.assert_close(after - before, F.pad(model.position, (0, 0, 3, 0)))


@in_dtype
def test_position_is_no_trained_weight_but_is_stored() -> None:
    model = encoder()
    assert not model.position.requires_grad and 'position' in model.state_dict()


@on_device
def test_tokens_of_one_image_do_not_depend_on_another() -> None:
    model, images = encoder().eval(), torch.randn(3, 2, 8, 6)
    together, alone = model(images)[0][1:2], model(images[1:2])[0]
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize('wrong, sentence', [
    (dict(patch_size=(4, 4)), 'patch width 4 does not divide the feature width 6'),
    (dict(patch_size=(3, 3)), 'patch height 3 does not divide the feature height 8'),
    (dict(dim=10), 'token width 10 must be divisible by 4'),
    (dict(num_heads=3), 'by its 3 heads'),
    (dict(attention_scale='none'), "attention_scale='none'; expected one of"),
    (dict(cycles=0), 'cycles=0; expected a whole number of 1 or more'),
    (dict(cycles=1.5), 'cycles=1.5; expected a whole number'),
])
def test_sizes_that_do_not_divide_are_refused(wrong: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        encoder(**wrong)


@in_dtype
def test_another_feature_map_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='built for a feature map of 6x8 .* got 8x8'):
        encoder()(torch.randn(1, 2, 8, 8))


@on_device
def test_a_chain_leaves_the_keypoint_tokens_of_every_transformer() -> None:
    """Transformers of one layer each: only the embedding adds the position."""
    torch.manual_seed(0)
    chain = build_token_encoder(2, 3, **dict(SIZE, depth=1), transformers=3)
    keypoint, visual = chain(feature_map := torch.randn(4, 2, 8, 6))
    assert keypoint.shape == (4, 3, 24) and chain.readout_dim == 24 and visual.shape == (4, 4, 8)
    tokens = chain._embed(feature_map)
    for index, layer in enumerate(chain.layers):
        tokens = layer(tokens)
        torch.testing.assert_close(keypoint[..., 8 * index:8 * (index + 1)], tokens[:, :3])


@on_device
def test_a_chain_of_one_is_an_encoder() -> None:
    torch.manual_seed(0)
    chain = build_token_encoder(2, 3, **SIZE, transformers=1)
    feature_map = torch.randn(4, 2, 8, 6)
    alone = encoder()
    alone.load_state_dict(chain.state_dict())
    for found, expected in zip(chain(feature_map), alone(feature_map), strict=True):
        torch.testing.assert_close(found, expected)


@on_device
@pytest.mark.parametrize('chain', [{}, dict(transformers=2, depth=2)])
@pytest.mark.parametrize('scale', ['head', 'dim'])
def test_without_visual_tokens_the_keypoint_tokens_are_the_same(scale: str, chain: dict) -> None:
    model = build_token_encoder(2, 3, **dict(SIZE, attention_scale=scale, **chain))
    feature_map, seen = torch.randn(2, 2, 8, 6), []
    expected, _ = model(feature_map)
    for layer in model.layers:
        layer.mlp.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    model.returns_visual_tokens = False
    found, visual = model(feature_map)
    assert visual is None and seen == [7] * (len(seen) - 1) + [3]
    torch.testing.assert_close(found, expected)


def written_out(model: TokenEncoder, tokens: torch.Tensor, *, cycles: int) -> torch.Tensor:
    """Cycles over tokens (B, K + P, D) layer by layer: the position stands before all layers of a cycle but the first.

    That of the first cycle's first layer is in the tokens already.
    """
    position = F.pad(model.position, (0, 0, 3, 0))
    for _ in range(cycles):
        for index, layer in enumerate(model.layers):
            tokens = layer(tokens if index == 0 else tokens + position)
    return tokens


@on_device
@pytest.mark.parametrize('cycles', [1, 2, 3])
def test_cycles_are_passes_through_the_same_layers(cycles: int) -> None:
    model, feature_map = encoder(cycles=cycles), torch.randn(4, 2, 8, 6)
    keypoint, visual = model(feature_map)
    expected = written_out(model, model._embed(feature_map), cycles=cycles)
    torch.testing.assert_close(torch.cat((keypoint, visual), dim=1), expected)
    assert list(model.state_dict()) == list(encoder().state_dict())


@on_device
@pytest.mark.parametrize('cycles', [2, 3])
def test_a_next_cycle_continues_where_the_last_one_ended(cycles: int) -> None:
    once, often, feature_map = encoder(), encoder(cycles=cycles), torch.randn(4, 2, 8, 6)
    tokens = once(feature_map)
    for _ in range(cycles - 1):
        tokens = once.next_cycle(*tokens)
    for found, expected in zip(tokens, often(feature_map), strict=True):
        assert torch.equal(found, expected)


@on_device
def test_only_the_last_layer_of_the_last_cycle_leaves_out_visual_tokens() -> None:
    model, feature_map, seen = encoder(cycles=2), torch.randn(2, 2, 8, 6), []
    expected, _ = model(feature_map)
    model.returns_visual_tokens = False
    for layer in model.layers:
        layer.mlp.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    found, visual = model(feature_map)
    assert visual is None and seen == [7, 7, 7, 7, 7, 3]
    torch.testing.assert_close(found, expected)
    with pytest.raises(DistilPoseError, match='another cycle takes the visual tokens of the last one'):
        model.next_cycle(found, visual)


def test_a_chain_has_no_cycles() -> None:
    with pytest.raises(DistilPoseError, match='cycles=2 with transformers=2; cycles are those of a single'):
        build_token_encoder(2, 3, **dict(SIZE, cycles=2), transformers=2)
    chain = build_token_encoder(2, 3, **SIZE, transformers=2)
    with pytest.raises(DistilPoseError, match='a chain of transformers has no next cycle'):
        chain.next_cycle(*chain(torch.randn(1, 2, 8, 6)))
