"""Attention in single steps, as TokenPose and DistilPose publish it."""

from __future__ import annotations

import torch
from torch import Tensor

from distilpose.models.layers.token_encoder import SelfAttention


def attend_in_steps(module: SelfAttention, tokens: Tensor, count: int | None = None) -> Tensor:
    """What ``SelfAttention.forward`` computes, with the matrix of all weights in memory.

    Args:
        module: whose projections are taken.
        tokens: (B, T, D).
        count: of how many of the first ones, all by default.

    Returns:
        (B, T, D) or (B, count, D).
    """
    query, key, value = (part.unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
                         for part in module.qkv(tokens).chunk(3, dim=-1))
    products = torch.einsum('bhid,bhjd->bhij', query[:, :, :count], key) * module.scale
    attended = torch.einsum('bhij,bhjd->bhid', products.softmax(dim=-1), value)
    return module.out(attended.transpose(1, 2).flatten(2))
