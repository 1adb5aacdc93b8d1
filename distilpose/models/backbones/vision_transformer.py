"""Vision transformer (ViT): the backbone of ViTPose, in place of mmpretrain's where that is not installed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import PatchEmbed
from mmengine.model import BaseModule
from mmengine.registry import MODELS as MODELS_OF_MMENGINE
from mmengine.registry import Registry
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.checkpoints.published.vitpose import rename_vit
from distilpose.errors import DistilPoseError

from ..layers.token_encoder import attend

Size = tuple[int, int]

SCOPES = ('mmpretrain', 'mmcls')
"""The package that the recipes take this backbone from, and its older name."""
_SIZES = ('embed_dims', 'num_layers', 'num_heads', 'feedforward_channels')
ARCHITECTURES = {
    'deit-tiny': (192, 12, 3, 768), 'deit-small': (384, 12, 6, 1536), 'small': (768, 8, 8, 2304),
    'base': (768, 12, 12, 3072), 'large': (1024, 24, 16, 4096), 'huge': (1280, 32, 16, 5120)}
"""``embed_dims``, ``num_layers``, ``num_heads`` and ``feedforward_channels`` of mmpretrain's names."""


@MODELS.register_module()
class VisionTransformer(BaseModule):
    """Patches as tokens, learned positions, pre-norm transformer layers; the tokens come out as a map.

    Arguments and parameter names are those of mmpretrain's class of this name, as far as pose networks use them:
    there is no class token. Weights under the names of ViTPose, MAE and timm (``blocks.0.norm1``) load too, and so do
    position embeddings of another grid, which are interpolated. (An Image is Worth 16x16 Words,
    https://arxiv.org/abs/2010.11929; ViTPose, https://arxiv.org/abs/2204.12484)

    Args:
        arch: a name of :data:`ARCHITECTURES`, or a dict of ``embed_dims``, ``num_layers``, ``num_heads`` and
            ``feedforward_channels``.
        img_size: height and width of the images, or the side of square ones.
        patch_size: side of a patch in pixels.
        qkv_bias: whether queries, keys and values have a bias.
        drop_path_rate: share of the samples that skip the last layer's branches in training (stochastic depth); it
            grows linearly from 0 in the first layer.
        norm_cfg: the normalisation.
        patch_cfg: further arguments of mmcv's ``PatchEmbed``; ViTPose pads images by 2 pixels.
        out_type: ``'featmap'``.
        with_cls_token: ``False``.
        output_cls_token: ``False``; mmcls' option in place of ``out_type``.
        init_cfg: mmengine initialisation, such as ``dict(type='Pretrained', checkpoint=...)``.

    Raises:
        DistilPoseError: for an unknown architecture, heads that do not divide the width, or a class token.
    """

    def __init__(self, arch: str | Mapping[str, int] = 'base', *, img_size: int | Size = 224, patch_size: int = 16,
                 qkv_bias: bool = True, drop_path_rate: float = 0.0,
                 norm_cfg: Mapping[str, Any] | None = None, patch_cfg: Mapping[str, Any] | None = None,
                 out_type: str = 'featmap', with_cls_token: bool = False, output_cls_token: bool = False,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if with_cls_token or output_cls_token or out_type != 'featmap':
            raise DistilPoseError(f'VisionTransformer has out_type={out_type!r}, with_cls_token={with_cls_token} and '
                                  f'output_cls_token={output_cls_token}; a pose network needs a map and no class '
                                  "token: out_type='featmap', the others False. For others install mmpretrain")
        width, depth, heads, hidden = _sizes(arch)
        norm_cfg = dict(norm_cfg or dict(type='LN', eps=1e-6))
        self.patch_embed = PatchEmbed(**dict(dict(input_size=img_size, embed_dims=width, kernel_size=patch_size,
                                                  stride=patch_size), **(patch_cfg or {})))
        self.grid: Size = self.patch_embed.init_out_size
        """(rows, columns) of patches."""
        self.pos_embed = nn.Parameter(torch.zeros(1, math.prod(self.grid), width))
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()
        self.layers = nn.ModuleList(TransformerLayer(width, heads, hidden=hidden, qkv_bias=qkv_bias, norm_cfg=norm_cfg,
                                                     drop_path=rate) for rate in rates)
        self.ln1 = build_norm_layer(norm_cfg, width)[1]
        self._register_load_state_dict_pre_hook(self._adapt_weights)

    def init_weights(self) -> None:
        """As mmpretrain's: torch's own initialisation, but for MLPs and positions; then what ``init_cfg`` names."""
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for name, module in self.layers.named_modules():
            if '.ffn.' in name and isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)
        super().init_weights()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Images (B, 3, H, W) to one map (B, embed_dims, rows, columns) of normalised tokens."""
        tokens, grid = self.patch_embed(images)
        tokens = tokens + resize_positions(self.pos_embed, self.grid, size=grid)
        for layer in self.layers:
            tokens = layer(tokens)
        return (self.ln1(tokens).transpose(1, 2).unflatten(2, grid),)

    def _adapt_weights(self, state: dict[str, Any], prefix: str, *_: Any) -> None:
        """Gives weights of other projects our names, leaves out the class token, interpolates positions."""
        if not prefix and isinstance(state.get('model'), Mapping):  # MAE's own files
            state.update(state.pop('model'))
        for name in [name for name in state if name.startswith(prefix)]:
            renamed = prefix + rename_vit(name.removeprefix(prefix))
            if renamed != name:
                state[renamed] = state.pop(name)
        has_token = state.pop(f'{prefix}cls_token', None) is not None
        positions = state.get(f'{prefix}pos_embed')
        if positions is not None and positions.shape != self.pos_embed.shape:
            state[f'{prefix}pos_embed'] = self._fitting_positions(positions, has_token=has_token)

    def _fitting_positions(self, positions: Tensor, *, has_token: bool) -> Tensor:
        """Position embeddings (1, P, D), or (1, 1 + P, D) with a class token's first, for this grid.

        A number of patches stands for a grid of our proportions, or else for a square.

        Raises:
            DistilPoseError: when it stands for neither.
        """
        count = positions.shape[1]
        for proportions in (self.grid, (1, 1)):
            for skipped in (1,) if has_token else (0, 1):
                grid = _grid_of(count - skipped, proportions)
                if grid is not None:
                    return resize_positions(positions[:, skipped:], grid, size=self.grid)
        raise DistilPoseError(f'the weights have {count} position embeddings, which are neither a square grid nor '
                              f'one of the proportions of {self.grid[0]}x{self.grid[1]} patches (rows x columns), with '
                              'or without a class token; take weights of such a grid')


class TransformerLayer(nn.Module):
    """A pre-norm transformer layer whose branches a sample may skip in training."""

    def __init__(self, dim: int, num_heads: int, *, hidden: int, qkv_bias: bool, norm_cfg: dict,
                 drop_path: float) -> None:
        super().__init__()
        self.ln1 = build_norm_layer(norm_cfg, dim)[1]
        self.attn = Attention(dim, num_heads, qkv_bias=qkv_bias)
        self.ln2 = build_norm_layer(norm_cfg, dim)[1]
        self.ffn = MLP(dim, hidden)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, P, D) to (B, P, D)."""
        tokens = tokens + self.drop_path(self.attn(self.ln1(tokens)))
        return tokens + self.drop_path(self.ffn(self.ln2(tokens)))


class MLP(nn.Module):
    """Two linear layers, under the names of mmcv's ``FFN``."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Sequential(nn.Linear(dim, hidden), nn.GELU()), nn.Linear(hidden, dim))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, P, D) to (B, P, D)."""
        return self.layers(tokens)


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dim: int, num_heads: int, *, qkv_bias: bool) -> None:
        super().__init__()
        self.num_heads, self.scale = num_heads, (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, P, D) to (B, P, D)."""
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(query, key, value, scale=self.scale).transpose(1, 2).flatten(2))


def resize_positions(positions: Tensor, grid: Size, *, size: Size) -> Tensor:
    """Position embeddings (1, rows * columns, D) of a grid for one of another size, interpolated bicubically."""
    if tuple(grid) == tuple(size):
        return positions
    maps = positions.transpose(1, 2).unflatten(2, grid)
    maps = F.interpolate(maps.float(), size=size, mode='bicubic', align_corners=False)
    return maps.flatten(2).transpose(1, 2).to(positions.dtype)


def _grid_of(count: int, proportions: Size) -> Size | None:
    """(rows, columns) of these proportions that a number of patches makes up, ``None`` if it makes up no such grid."""
    rows, columns = proportions
    height = math.isqrt(count * rows // columns)
    width = height * columns // rows
    return (height, width) if height * width == count and height * columns == width * rows else None


def _sizes(arch: str | Mapping[str, int]) -> tuple[int, int, int, int]:
    if isinstance(arch, str):
        if arch.lower() not in ARCHITECTURES:
            raise DistilPoseError(f'VisionTransformer has arch={arch!r}; expected one of {", ".join(ARCHITECTURES)}, '
                                  f'or a dict of {", ".join(_SIZES)}')
        return ARCHITECTURES[arch.lower()]
    missing = [name for name in _SIZES if name not in arch]
    if missing:
        raise DistilPoseError(f'the arch of VisionTransformer lacks {", ".join(missing)}; give it '
                              f'{", ".join(_SIZES)}, or one of the names {", ".join(ARCHITECTURES)}')
    width, depth, heads, hidden = (int(arch[name]) for name in _SIZES)
    if width % heads:
        raise DistilPoseError(f'the arch of VisionTransformer has embed_dims={width}, which its {heads} heads do not '
                              'divide; change embed_dims or num_heads')
    return width, depth, heads, hidden


def _serve_mmpretrain() -> None:
    """Registers ``mmpretrain.VisionTransformer`` where the package is missing; nothing of mmengine is replaced."""
    for scope in SCOPES:
        if importlib.util.find_spec(scope) is None and scope not in MODELS_OF_MMENGINE.children:
            registry = Registry('model', scope=scope, parent=MODELS_OF_MMENGINE, locations=[__name__])
            registry.register_module(module=VisionTransformer)


_serve_mmpretrain()
