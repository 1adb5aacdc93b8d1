"""Token encoder for inference in bfloat16 on a CPU: fused linear layers with packed weights, padded attention."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.processor import cpu_features

from .fused_layers import PackedLayer, can_fuse
from .layers import TokenEncoder
from .layers.token_encoder import ChainedTokenEncoder, EncoderLayer, SelfAttention, attend

_MULTIPLE = 16
"""Attention over a number of tokens that is no multiple of it takes 1.5 times as long (torch 2.13, AMX)."""
_MASKED = -1e4
"""Product of a query and a padded key before scaling, whose exponential is 0."""


def fuse_encoders(model: nn.Module) -> None:
    """Fuses the layers of token encoders of a copy, in bfloat16, where torch has such layers for this processor."""
    encoders: list[Any] = [module for module in model.modules() if type(module) in (TokenEncoder, ChainedTokenEncoder)]
    for encoder in encoders:
        weight = encoder.embedding.weight
        if weight.dtype is torch.float32 and can_fuse(weight[:1].to(torch.bfloat16)):
            _fuse(encoder)


def _fuse(encoder: Any) -> None:
    keypoints, patches = encoder.keypoint_tokens.shape[1], encoder.position.shape[1]
    multiplies_tiles = 'amx_bf16' in cpu_features()
    encoder.num_padding = -(keypoints + patches) % _MULTIPLE if multiplies_tiles else 0
    encoder.embedding = FusedLinear(encoder.embedding.weight, encoder.embedding.bias)
    encoder.layers = nn.ModuleList(
        FusedEncoderLayer(layer, count=keypoints + patches, num_padding=encoder.num_padding,
                          half_precision=multiplies_tiles) for layer in encoder.layers)


class FusedLinear(PackedLayer):
    """A linear layer in bfloat16, with its activation in one pass over memory.

    Args:
        weight: (out, in).
        bias: (out,) or ``None``.
        gelu: ``nn.GELU.approximate`` where a GELU follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, gelu: str | None = None) -> None:
        super().__init__(weight.to(torch.bfloat16), None if bias is None else bias.to(torch.bfloat16))
        self.activation: tuple[Any, ...] = ('none', [], '') if gelu is None else ('gelu', [], gelu)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out) in bfloat16."""
        return torch.ops.mkldnn._linear_pointwise(x.to(torch.bfloat16), self.weight, self.bias, *self.activation)

    def _pack(self, weight: Tensor) -> Tensor:
        return torch.ops.mkldnn._reorder_linear_weight(weight)


class FusedEncoderLayer(nn.Module):
    """A pre-norm transformer layer with products in bfloat16.

    Tokens and their normalisation stay in float32: in bfloat16 the coordinates' error is twice as large.

    Args:
        layer: the layer in float32.
        count: number of tokens T.
        num_padding: number of tokens behind them, which nothing attends to.
        half_precision: whether attention is in bfloat16, too.
    """

    def __init__(self, layer: EncoderLayer, *, count: int, num_padding: int, half_precision: bool) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = layer.attention_norm, layer.mlp_norm
        self.attention = FusedAttention(layer.attention, count=count, num_padding=num_padding,
                                        half_precision=half_precision)
        mlp: Any = layer.mlp
        self.up = FusedLinear(mlp[0].weight, mlp[0].bias, gelu=mlp[1].approximate)
        self.down = FusedLinear(mlp[2].weight, mlp[2].bias)

    def forward(self, tokens: Tensor, count: int | None = None) -> Tensor:
        """(B, T + padding, D) to the same shape, or to (B, count, D), the first ones."""
        with torch.autocast('cpu', enabled=False):
            tokens = tokens[:, :count] + self.attention(self.attention_norm(tokens), count)
            return tokens.add_(self.down(self.up(self.mlp_norm(tokens))))


class FusedAttention(nn.Module):
    """Multi-head self-attention in bfloat16.

    Padded keys are masked by one more channel of queries and keys: it is 1 in queries, and 0 or a large negative
    number in keys. A mask would cost more.

    Args:
        attention: in float32.
        count: as :class:`FusedEncoderLayer`.
        num_padding: as there.
        half_precision: as there.
    """

    def __init__(self, attention: SelfAttention, *, count: int, num_padding: int, half_precision: bool) -> None:
        super().__init__()
        self.num_heads, self.scale, self.count = attention.num_heads, attention.scale, count
        self.num_padding, self.half_precision = num_padding, half_precision
        width = attention.qkv.in_features // self.num_heads
        self.channel = width
        added = 8 - width % 8 if num_padding else 0
        weight = F.pad(attention.qkv.weight.unflatten(0, (3, self.num_heads, width)), (0, 0, 0, added))
        bias = weight.new_zeros(weight.shape[:-1])
        if num_padding:
            bias[0, :, width] = 1
        self.qkv = FusedLinear(weight.flatten(0, 2), bias.flatten())
        out = F.pad(attention.out.weight.unflatten(1, (self.num_heads, width)), (0, added))
        self.out = FusedLinear(out.flatten(1), attention.out.bias)

    def forward(self, tokens: Tensor, count: int | None = None) -> Tensor:
        """(B, T + padding, D) to the same shape, or to (B, count, D), what the first ones take from all T."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))
        if self.num_padding:
            qkv[:, self.count:, 1, :, self.channel] = _MASKED
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        query = query[:, :, :count]
        if self.half_precision:
            attended = F.scaled_dot_product_attention(query, key, value, scale=self.scale)
        else:
            attended = attend(query, key, value, scale=self.scale)
        return self.out(attended.transpose(1, 2).flatten(2))
