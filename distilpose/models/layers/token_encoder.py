"""Token encoder: keypoint tokens and visual tokens in one transformer, or in several chained ones."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.errors import DistilPoseError


def sine_position_table(width: int, height: int, *, dim: int) -> Tensor:
    """Sine and cosine of row and column, as TokenPose and DistilPose use them.

    Rows and columns count from 1 and are scaled to one full turn; the first half of the channels describes
    the row, the second half the column, even channels with the sine and odd ones with the cosine.

    Args:
        width: number of columns of the token grid.
        height: number of rows of the token grid.
        dim: token width, divisible by 4.

    Returns:
        (1, height * width, dim), row-major.
    """
    half = dim // 2
    frequency = 10000.0 ** (2 * torch.div(torch.arange(half), 2, rounding_mode='floor') / half)

    def encode(count: int) -> Tensor:
        angle = torch.arange(1, count + 1, dtype=torch.float32) / (count + 1e-6) * 2 * math.pi
        phase = angle[:, None] / frequency
        return torch.stack((phase[:, 0::2].sin(), phase[:, 1::2].cos()), dim=2).flatten(1)

    rows = encode(height)[:, None].expand(height, width, half)
    columns = encode(width)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=2).reshape(1, height * width, dim)


ATTENTION_SCALES = ('head', 'dim')


class TokenEncoder(BaseModule):
    """Turns a feature map into visual tokens and reads it with one learned token a keypoint.

    As in the TDE of DistilPose and the transformer of TokenPose: patches of the map are embedded linearly,
    the keypoint tokens stand in front of them, and the sine position table is added to the visual tokens
    before *every* layer ("sine-full"), never to the keypoint tokens.

    Args:
        in_channels: channels of the feature map.
        feature_size: (width, height) of the feature map.
        patch_size: (width, height) of a patch; must divide the feature size.
        num_keypoints: number of keypoint tokens K.
        dim: token width D, divisible by 4 and by ``num_heads``.
        depth: number of layers.
        num_heads: attention heads of a layer.
        mlp_ratio: width of the MLP as a multiple of ``dim``.
        attention_scale: what the attention's products are divided by the root of: ``'head'``, the width of a head,
            as DistilPose and most of TokenPose do, or ``'dim'``, the whole token, as TokenPose-S does.
        cycles: how often the tokens pass through the layers, the multi-cycled transformer of SDPose (Chen et al., CVPR
            2024, section 3.1). Every cycle has the same weights.
        init_cfg: mmengine initialisation, such as ``dict(type='Pretrained', prefix='head.encoder.', checkpoint=...)``.

    Raises:
        DistilPoseError: when a size does not divide, for another scale, or for no cycle.
    """

    def __init__(self, in_channels: int, num_keypoints: int, *, feature_size: tuple[int, int],
                 patch_size: tuple[int, int], dim: int = 192, depth: int = 12, num_heads: int = 8,
                 mlp_ratio: int = 3, attention_scale: str = 'head', cycles: int = 1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if attention_scale not in ATTENTION_SCALES:
            raise DistilPoseError(f'attention_scale={attention_scale!r}; expected one of {ATTENTION_SCALES}')
        if isinstance(cycles, bool) or not isinstance(cycles, int) or cycles < 1:
            raise DistilPoseError(f'cycles={cycles!r}; expected a whole number of 1 or more')
        _check_sizes(feature_size, patch_size, dim, num_heads)
        self.feature_size, self.patch_size = tuple(feature_size), tuple(patch_size)
        columns, rows = feature_size[0] // patch_size[0], feature_size[1] // patch_size[1]
        self.embedding = nn.Linear(in_channels * patch_size[0] * patch_size[1], dim)
        self.keypoint_tokens = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, num_keypoints, dim), std=0.02))
        # A frozen parameter and not a buffer: the published figures count it, and its checkpoints hold it.
        self.position = nn.Parameter(sine_position_table(columns, rows, dim=dim), requires_grad=False)
        self.layers = nn.ModuleList(EncoderLayer(dim, num_heads, mlp_ratio=mlp_ratio, attention_scale=attention_scale)
                                    for _ in range(depth))
        self.cycles = cycles
        self.returns_visual_tokens = True
        """``False`` where visual tokens are not read: the last layer then computes the keypoint tokens only."""
        self.num_padding = 0
        """Tokens of zeros behind the others, which the layers of an optimised copy mask."""

    @property
    def readout_dim(self) -> int:
        """Width of a keypoint token."""
        return self.keypoint_tokens.shape[-1]

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor | None]:
        """Encodes a feature map (B, C, H, W).

        Returns:
            Keypoint tokens (B, K, D) and visual tokens (B, P, D), both as the last layer leaves them; ``None`` without
            ``returns_visual_tokens``.
        """
        tokens = self._embed(feature_map)
        for _ in range(self.cycles - 1):
            tokens = self._cycle(tokens, is_last=False)
        return self._split(self._cycle(tokens))

    def next_cycle(self, keypoint_tokens: Tensor, visual_tokens: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Passes tokens that left the layers through them once more.

        The position is added before all layers but the first, as in the published code of SDPose.

        Args:
            keypoint_tokens: (B, K, D), of :meth:`forward` or of this method.
            visual_tokens: (B, P, D), likewise.

        Returns:
            As :meth:`forward`.

        Raises:
            DistilPoseError: there are no visual tokens.
        """
        if visual_tokens is None:
            raise DistilPoseError('another cycle takes the visual tokens of the last one, which a copy for inference '
                                  'leaves out; take the network itself')
        return self._split(self._cycle(self._join(keypoint_tokens, visual_tokens)))

    def _cycle(self, tokens: Tensor, *, is_last: bool = True) -> Tensor:
        """All layers once: (B, T, D) to the same, or of the last cycle to the tokens that are read."""
        position = self._positions()
        for index, layer in enumerate(self.layers):
            count = self._num_left(index) if is_last else None
            tokens = layer(tokens if index == 0 else tokens + position, count=count)
        return tokens

    def _num_left(self, index: int) -> int | None:
        """Number of tokens that a layer returns, the first ones; ``None`` for all."""
        is_last = index == len(self.layers) - 1
        return None if self.returns_visual_tokens or not is_last else self.keypoint_tokens.shape[1]

    def _split(self, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        num_keypoints = self.keypoint_tokens.shape[1]
        end = num_keypoints + self.position.shape[1]
        return tokens[:, :num_keypoints], tokens[:, num_keypoints:end] if self.returns_visual_tokens else None

    def _embed(self, feature_map: Tensor) -> Tensor:
        """Tokens (B, T, D) of a feature map (B, C, H, W), T being K + P + ``num_padding``."""
        visual = self.embedding(self._patches(feature_map)) + self.position
        batch = visual.shape[0]  # not len(): a traced graph would keep the number
        return self._join(self.keypoint_tokens.expand(batch, -1, -1).to(visual.dtype), visual)

    def _join(self, keypoint_tokens: Tensor, visual_tokens: Tensor) -> Tensor:
        """Keypoint tokens (B, K, D), visual tokens (B, P, D) and padding as (B, T, D)."""
        tokens = [keypoint_tokens, visual_tokens]
        if self.num_padding:
            batch, _, dim = visual_tokens.shape
            tokens.append(visual_tokens.new_zeros(1, self.num_padding, dim).expand(batch, -1, -1))
        return torch.cat(tokens, dim=1)

    def _positions(self) -> Tensor:
        """Positions (1, T, D), zero for the keypoint tokens and the padding."""
        return F.pad(self.position, (0, 0, self.keypoint_tokens.shape[1], self.num_padding))

    def _patches(self, feature_map: Tensor) -> Tensor:
        """(B, C, H, W) to (B, P, ph * pw * C): row-major patches, the channel fastest inside a patch."""
        batch, channels, height, width = feature_map.shape
        if (width, height) != self.feature_size:
            raise DistilPoseError(
                f'the token encoder was built for a feature map of {self.feature_size[0]}x{self.feature_size[1]} '
                f'(width x height) and got {width}x{height}; make feature_size and the input size agree')
        patch_width, patch_height = self.patch_size
        patches = feature_map.reshape(batch, channels, height // patch_height, patch_height,
                                      width // patch_width, patch_width)
        return patches.permute(0, 2, 4, 3, 5, 1).reshape(batch, self.position.shape[1], -1)


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, dim: int, num_heads: int, *, mlp_ratio: int, attention_scale: str) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, num_heads, scale=attention_scale)
        self.mlp_norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim * mlp_ratio), nn.GELU(), nn.Linear(dim * mlp_ratio, dim))

    def forward(self, tokens: Tensor, count: int | None = None) -> Tensor:
        """(B, T, D) to (B, T, D), or to (B, count, D), the first ones, which attend to all T."""
        tokens = tokens[:, :count] + self.attention(self.attention_norm(tokens), count)
        return tokens + self.mlp(self.mlp_norm(tokens))


class SelfAttention(nn.Module):
    """Multi-head self-attention, its projection to queries, keys and values without a bias."""

    def __init__(self, dim: int, num_heads: int, *, scale: str) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads if scale == 'head' else dim) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, count: int | None = None) -> Tensor:
        """(B, T, D) to (B, T, D), or to (B, count, D), what the first ones take from all T."""
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = attend(query[:, :, :count], key, value, scale=self.scale)
        return self.out(attended.transpose(1, 2).flatten(2))


def attend(query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    """Queries (B, heads, Q, D / heads) attend to (B, heads, T, D / heads); on CPUs always in float32.

    torch's kernel there is no faster in bfloat16, and takes 1.7 times as long for the gradients (torch 2.13, Zen 4).
    """
    if query.dtype is torch.bfloat16 and query.device.type == 'cpu':
        with torch.autocast('cpu', enabled=False):
            return F.scaled_dot_product_attention(query.float(), key.float(), value.float(), scale=scale)
    return F.scaled_dot_product_attention(query, key, value, scale=scale)


def _check_sizes(feature_size: tuple[int, int], patch_size: tuple[int, int], dim: int, num_heads: int) -> None:
    for axis, size, patch in zip(('width', 'height'), feature_size, patch_size, strict=True):
        if size % patch:
            raise DistilPoseError(f'patch {axis} {patch} does not divide the feature {axis} {size}; '
                                  'choose a patch_size that does')
    if dim % num_heads or dim % 4:
        raise DistilPoseError(f'token width {dim} must be divisible by 4 and by its {num_heads} heads')


class ChainedTokenEncoder(TokenEncoder):
    """Transformers one after the other, whose keypoint tokens are concatenated for the readout.

    Every transformer adds the position before all of its layers but the first, as TokenPose does.

    Args:
        in_channels: channels of the feature map.
        num_keypoints: number of keypoint tokens K.
        transformers: how many.
        depth: layers of each.
        **kwargs: as :class:`TokenEncoder`.

    Raises:
        DistilPoseError: as there, and for several cycles.
    """

    def __init__(self, in_channels: int, num_keypoints: int, *, transformers: int, depth: int, **kwargs: Any) -> None:
        super().__init__(in_channels, num_keypoints, depth=transformers * depth, **kwargs)
        if self.cycles > 1:
            raise DistilPoseError(f'cycles={self.cycles} with transformers={transformers}; cycles are those of a '
                                  'single transformer, drop one of both')
        self.depth = depth

    @property
    def readout_dim(self) -> int:
        """Width of a keypoint token."""
        return self.keypoint_tokens.shape[-1] * (len(self.layers) // self.depth)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor | None]:
        """Encodes a feature map (B, C, H, W).

        Returns:
            Keypoint tokens (B, K, transformers * D), those of all transformers side by side, and visual tokens
            (B, P, D) as the last layer leaves them; ``None`` without ``returns_visual_tokens``.
        """
        tokens, position = self._embed(feature_map), self._positions()
        left = []
        for index, layer in enumerate(self.layers):
            tokens = layer(tokens if index % self.depth == 0 else tokens + position, count=self._num_left(index))
            if (index + 1) % self.depth == 0:
                left.append(self._split(tokens)[0])
        return torch.cat(left, dim=-1), self._split(tokens)[1]

    def next_cycle(self, keypoint_tokens: Tensor, visual_tokens: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """There is none: the keypoint tokens are those of all transformers side by side."""
        raise DistilPoseError('a chain of transformers has no next cycle; give the head an encoder without '
                              'transformers')


def build_token_encoder(in_channels: int, num_keypoints: int, **options: Any) -> TokenEncoder:
    """A :class:`ChainedTokenEncoder` where ``transformers`` is given, else a :class:`TokenEncoder`."""
    encoder = ChainedTokenEncoder if 'transformers' in options else TokenEncoder
    return encoder(in_channels, num_keypoints, **options)
