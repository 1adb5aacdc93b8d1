"""Fused layers for inference on a CPU: convolution, residual sum and activation in one oneDNN call, packed weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmpose.models.backbones.hrnet import HRModule, HRNet
from mmpose.models.backbones.resnet import BasicBlock, Bottleneck, ResLayer
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.errors import DistilPoseError

from .backbones import HRNet3Stage, StemNet

_OPERATORS = ('_convolution_pointwise', '_convolution_pointwise_', '_reorder_convolution_weight',
              '_linear_pointwise', '_reorder_linear_weight', '_is_mkldnn_bf16_supported')
"""Operators of torch that compiled models call, and that have no public name."""
_ACTIVATIONS: dict[type, str] = {nn.Identity: 'none', nn.ReLU: 'relu', nn.SiLU: 'swish'}
"""Their names in oneDNN."""


def can_fuse(weight: Tensor) -> bool:
    """Whether torch has fused oneDNN operators for weights of this type, on this device and processor.

    Not with ``torch.backends.mkldnn.flags(enabled=False)``.
    """
    operators: Any = torch.ops.mkldnn
    if weight.device.type != 'cpu' or not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    if not all(hasattr(operators, name) for name in _OPERATORS):
        return False
    return weight.dtype is torch.float32 or (
        weight.dtype is torch.bfloat16 and operators._is_mkldnn_bf16_supported())


def fuse_convolutions(backbone: nn.Module) -> nn.Module:
    """Fuses convolutions, activations and residual sums of a copy of a backbone, where :func:`can_fuse` says so.

    Blocks of mmpose's ResNet and HRNet, mmcv's ``ConvModule`` and convolutions in ``nn.Sequential`` are replaced, in
    place; all else stays, and so do modules with hooks. Batch normalisation has to be folded into convolutions before.

    Returns:
        The backbone, or what replaces it.
    """
    weights = [module.weight for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    return _fused(backbone) if weights and all(map(can_fuse, weights)) else backbone


class PackedLayer(nn.Module):
    """A layer with its weight in oneDNN's layout, which torch packs for the processor once.

    Args:
        weight: in torch's layout, of the layer's type.
        bias: ``None`` for none.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer('weight', self._pack(weight.detach()), persistent=False)
        self.register_buffer('bias', None if bias is None else bias.detach(), persistent=False)

    def _pack(self, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """A copied or pickled one packs its weight anew; torch can do neither with a packed one."""
        return {**self.__dict__, '_buffers': {**self._buffers, 'weight': self.weight.to_dense()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.weight = self._pack(self.weight)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PackedLayer:
        """Packs a weight anew that was converted or moved, which torch does with no packed one.

        Raises:
            DistilPoseError: there are no such layers for that type or device.
        """
        weight = self.weight.to_dense()
        converted = fn(weight)
        if not can_fuse(converted):
            raise DistilPoseError('a copy of a network that is optimised for inference on this CPU has weights packed '
                                  f'for it, and cannot become {converted.dtype} on {converted.device}; convert or '
                                  'move the network itself, and optimise it then')
        self.weight = weight
        super()._apply(fn, recurse)
        self.weight = self._pack(self.weight)
        return self


class FusedConv(PackedLayer):
    """A convolution, or a residual sum with it, and the activation of the result, in one pass over memory.

    Args:
        conv: with zeros as padding.
        activation: oneDNN's name of one without options.
    """

    def __init__(self, conv: nn.Conv2d, activation: str = 'none') -> None:
        self.options = [list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups]
        super().__init__(conv.weight, conv.bias)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H', W'), channels last."""
        return torch.ops.mkldnn._convolution_pointwise(
            x.to(self.weight.dtype), self.weight, self.bias, *self.options, self.activation, [], '')

    def add(self, x: Tensor, residual: Tensor, *, overwrite: bool) -> Tensor:
        """The activation of the convolution of (B, C, H, W) plus a residual (B, D, H', W'), which it may overwrite."""
        operators: Any = torch.ops.mkldnn
        operator = operators._convolution_pointwise_ if overwrite else operators._convolution_pointwise
        return operator.binary(*((residual, x) if overwrite else (x, residual)), self.weight, self.bias, *self.options,
                               'add', None, None if self.activation == 'none' else self.activation, [], None)

    def _pack(self, weight: Tensor) -> Tensor:
        return torch.ops.mkldnn._reorder_convolution_weight(weight, *self.options)


class FusedBlock(nn.Module):
    """A residual block of ResNet or HRNet, basic or bottleneck.

    Args:
        convs: of the residual branch; the activation of the last one is that of the sum.
        shortcut: ``None`` for the input itself.
        owns_input: whether nothing else reads the block's input, so that the output may take its memory.
    """

    def __init__(self, convs: list[FusedConv], shortcut: nn.Module | None, *, owns_input: bool) -> None:
        super().__init__()
        self.first, self.last, self.shortcut = nn.Sequential(*convs[:-1]), convs[-1], shortcut
        self.overwrite = owns_input if shortcut is None else _has_new_output(shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H', W')."""
        inside = self.first(x)
        return self.last.add(inside, x if self.shortcut is None else self.shortcut(x), overwrite=self.overwrite)


class FusedHRModule(nn.Module):
    """A module of HRNet: parallel branches, and for every resolution the sum of all of them.

    Smaller maps are summed while they are enlarged step by step, which is the same sum.

    Args:
        module: with fused branches and fuse layers.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.branches = module.branches
        self.enlarging: Any = nn.ModuleList(nn.ModuleList(layer[0] for layer in layers[index + 1:])
                                       for index, layers in enumerate(module.fuse_layers))
        self.reducing: Any = nn.ModuleList(
            nn.ModuleList(nn.ModuleList(_first_and_last(layer)) for layer in layers[:index])
            for index, layers in enumerate(module.fuse_layers))
        reduced: list[Any] = list(self.reducing)
        for layers in reduced[1:]:
            layers[-1][1].activation = 'relu'  # of the sum

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Maps (B, C, H, W) of all branches, to those of the resolutions that the module puts out."""
        maps = [branch(one) for branch, one in zip(self.branches, maps, strict=True)]
        return [self._sum(maps, index) for index in range(len(self.enlarging))]

    def _sum(self, maps: list[Tensor], index: int) -> Tensor:
        total, is_new = maps[index], False
        if index + 1 < len(maps):
            total, is_new = self._enlarged(maps, index).add_(maps[index]), True
        for (first, last), one in zip(self.reducing[index], maps[:index], strict=True):
            total, is_new = last.add(first(one), total, overwrite=is_new), True
        return total if index else total.relu_()

    def _enlarged(self, maps: list[Tensor], index: int) -> Tensor:
        *larger, smallest = zip(self.enlarging[index], maps[index + 1:], strict=True)
        total = _twice_as_large(smallest[0](smallest[1]))
        for conv, one in reversed(larger):
            total = _twice_as_large(conv.add(one, total, overwrite=True))
        return total


def _first_and_last(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    *first, last = _flat(layer)
    return nn.Sequential(*first), last


def _flat(layer: nn.Module) -> list[nn.Module]:
    """The modules of nested sequences."""
    return [one for child in layer for one in _flat(child)] if isinstance(layer, nn.Sequential) else [layer]


def _twice_as_large(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode='nearest')


def _fused(module: nn.Module, *, owns_input: bool = False) -> nn.Module:
    """What replaces a module of the copy; ``owns_input`` as in :class:`FusedBlock`."""
    if not any(one._forward_hooks or one._forward_pre_hooks for one in module.modules()):
        if isinstance(module, (BasicBlock, Bottleneck)):
            return _fuse_block(module, owns_input=owns_input)
        fuse = _FORMS.get(type(module))
        if fuse is not None:
            return fuse(module)
    return _fuse_children(module)


def _fuse_children(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        setattr(module, name, _fused(child))
    return module


def _is_fusible(module: nn.Module) -> bool:
    return type(module) is nn.Conv2d and module.padding_mode == 'zeros' and not isinstance(module.padding, str)


def _has_new_output(module: nn.Module) -> bool:
    """Whether it is known that nothing else reads the output."""
    last = module[-1] if isinstance(module, nn.Sequential) and len(module) else module
    return isinstance(last, (FusedConv, FusedBlock))


def _fuse_block(block: Any, *, owns_input: bool) -> nn.Module:
    if type(block) not in (BasicBlock, Bottleneck):  # derived ones have other names and another forward pass
        return _fuse_children(block)
    names = [name for name in ('conv1', 'conv2', 'conv3') if hasattr(block, name)]
    convs = [getattr(block, name) for name in names]
    norms = [getattr(block, name.replace('conv', 'norm')) for name in names]
    if not (all(map(_is_fusible, convs)) and type(block.relu) is nn.ReLU
            and all(type(norm) is nn.Identity for norm in norms)):
        return _fuse_children(block)
    shortcut = None if block.downsample is None else _fused(block.downsample)
    return FusedBlock([FusedConv(conv, 'relu') for conv in convs], shortcut, owns_input=owns_input)


def _fuse_sequence(sequence: Any) -> nn.Module:
    """A convolution takes in the ReLU behind it; what follows a fused layer owns its input."""
    layers: list[nn.Module] = []
    for module in sequence:
        before = layers[-1] if layers else None
        if type(module) is nn.ReLU and isinstance(before, FusedConv) and before.activation == 'none':
            before.activation = 'relu'
        elif type(module) is not nn.Identity:
            layers.append(_fused(module, owns_input=before is not None and _has_new_output(before)))
    return nn.Sequential(*layers)


def _fuse_conv_module(module: Any) -> nn.Module:
    activation = _ACTIVATIONS.get(type(module.activate) if module.with_activation else nn.Identity)
    is_plain = (module.order == ('conv', 'norm', 'act') and not module.with_explicit_padding
                and (not module.with_norm or type(module.norm) is nn.Identity))
    if is_plain and activation is not None and _is_fusible(module.conv):
        return FusedConv(module.conv, activation)
    return module


def _fuse_stem(backbone: Any) -> nn.Module:
    """Of HRNet and StemNet: ``relu`` is applied in the stem only."""
    is_plain = (all(map(_is_fusible, (backbone.conv1, backbone.conv2))) and type(backbone.relu) is nn.ReLU
                and all(type(getattr(backbone, name, None)) is nn.Identity for name in ('bn1', 'bn2')))
    if is_plain:
        backbone.conv1, backbone.conv2 = FusedConv(backbone.conv1, 'relu'), FusedConv(backbone.conv2, 'relu')
        backbone.relu = nn.Identity()
    return _fuse_children(backbone)


def _fuse_hr_module(module: Any) -> nn.Module:
    _fuse_children(module)
    for index, layers in enumerate(module.fuse_layers or ()):
        for other, layer in enumerate(layers):
            if other > index and not _enlarges(layer, 2 ** (other - index)):
                return module
            if other < index and not _reduces(layer):
                return module
    return FusedHRModule(module) if module.fuse_layers else module


def _enlarges(layer: Any, times: int) -> bool:
    return bool(isinstance(layer, nn.Sequential) and [type(one) for one in layer] == [FusedConv, nn.Upsample]
            and layer[0].activation == 'none' and layer[1].mode == 'nearest' and layer[1].scale_factor == times)


def _reduces(layer: nn.Module) -> bool:
    *_, last = layers = _flat(layer)
    return isinstance(last, FusedConv) and last.activation == 'none' and all(type(one) is FusedConv for one in layers)


_FORMS: dict[type, Callable[[Any], nn.Module]] = {
    nn.Conv2d: lambda conv: FusedConv(conv) if _is_fusible(conv) else conv,
    nn.Sequential: _fuse_sequence, ResLayer: _fuse_sequence, ConvModule: _fuse_conv_module,
    StemNet: _fuse_stem, HRNet: _fuse_stem, HRNet3Stage: _fuse_stem, HRModule: _fuse_hr_module,
}
