"""Optimised for inference: a copy of an estimator with fused batch normalisation, channels last, perhaps compiled."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from distilpose.errors import DistilPoseError
from distilpose.renamed import forward_names

from .compiling import COMPILE_MODES, WITH_CUDA_GRAPHS, compiled
from .fast_settings import resolve_dtype
from .fused_encoder import fuse_encoders
from .fused_layers import can_fuse, fuse_convolutions
from .layers import TokenEncoder
from .recording import copy_recorded, extract_split, is_split, remove_taps

DTYPES = dict(bfloat16=torch.bfloat16, float16=torch.float16)
_TOLERANCES = dict(highest=1e-4, high=1e-2, medium=1e-1)
"""Precision of float32 products -> largest difference by rounding, as a share of the largest output of its kind."""
_LAST_LAYERS = ('final_layer', 'fc', 'mlp_head_x', 'mlp_head_y', 'cls_x', 'cls_y')
"""Names of the last layers in mmpose's heads; token heads compute theirs in float32 already."""


def optimise_for_inference(model: Any, *, dtype: str | None = None, compile: str | None = None,
                           visual_tokens: bool = False, keeps_taps: bool = False) -> Any:
    """A copy of an estimator with the same predictions in less time, which cannot be trained.

    Batch normalisation is fused into the convolutions, which are stored channels-last; the copy is in eval mode without
    gradients. It predicts as the estimator does, flip test and decoding included. Its weights have other
    names and values: save those of the estimator.

    Args:
        model: an mmpose top-down estimator with its final weights; it stays as it is.
        dtype: ``'bfloat16'`` or ``'float16'`` to predict under autocast, with last layers in float32; ``None`` for
            float32, also inside of an autocast region; ``'auto'`` for bfloat16 where the model's device multiplies it
            fast, else float32.
        compile: ``None``, or a mode of ``torch.compile``: ``'default'`` (on a CPU with frozen weights),
            ``'reduce-overhead'`` (CUDA graphs, for small batches on a GPU) or ``'max-autotune'``. The first batch of
            each size then takes minutes.
        visual_tokens: whether the outputs of a token head have visual tokens, too, which no prediction reads; without
            them most of the encoder's last layer is left out.
        keeps_taps: whether layers of the copy are recorded as those of the model are
            (:mod:`~distilpose.models.recording`); layers in which they are stay as they are.

    Raises:
        DistilPoseError: for another dtype or mode; with the first batch, where compiling fails.
    """
    device_type = next(model.parameters()).device.type
    dtype = resolve_dtype(dtype, device_type)
    check_speed(dtype=dtype, compile=compile)
    optimised = _fused(model).eval().requires_grad_(False)
    if not keeps_taps:
        remove_taps(optimised)
    store_channels_last(optimised)
    for module in optimised.modules():
        if isinstance(module, TokenEncoder):
            module.returns_visual_tokens = visual_tokens
    is_fused = compile is None and _can_fuse_layers(optimised, dtype)  # compilers fuse layers themselves
    if dtype is not None:
        _store_convolutions(optimised.backbone, DTYPES[dtype])
        _keep_last_layers_in_float32(optimised.head)
    if is_fused:
        optimised.backbone = fuse_convolutions(optimised.backbone)
    if compile is None and dtype == 'bfloat16':
        fuse_encoders(optimised.head)
    if dtype is not None:
        for module in optimised.head.modules():
            if isinstance(module, TokenEncoder):
                _store_convolutions(module, DTYPES[dtype])
    compiler = None if compile is None else partial(compiled, mode=compile, is_frozen=device_type == 'cpu')
    patches: dict[str, Any] = dict(dtype=dtype, compiler=compiler, is_overwritten=compile in WITH_CUDA_GRAPHS,
                                   records=keeps_taps)
    _patch_method(optimised, 'extract_feat', **patches)
    _patch_method(optimised.head, 'forward', **patches)
    return optimised


def check_speed(*, dtype: str | None, compile: str | None, entry: str = 'compile') -> None:
    """Refuses unknown options of :func:`optimise_for_inference`.

    Args:
        dtype: see there.
        compile: see there.
        entry: what the message calls ``compile``.

    Raises:
        DistilPoseError: names the known ones.
    """
    if dtype is not None and dtype not in DTYPES:
        raise DistilPoseError(f'dtype is {dtype!r}; expected None (float32), auto or one of {", ".join(DTYPES)}')
    if compile is not None and compile not in COMPILE_MODES:
        raise DistilPoseError(f'{entry} is {compile!r}; expected None or one of {", ".join(COMPILE_MODES)}')


def store_channels_last(model: nn.Module) -> None:
    """Stores the weights of convolutions in the channels-last memory format, which changes no value."""
    for weight in model.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def store_contiguous(model: nn.Module) -> None:
    """Undoes :func:`store_channels_last`."""
    for weight in model.parameters():
        weight.data = weight.data.contiguous()


@torch.no_grad()
def _fused(model: Any) -> Any:
    """A copy with fused batch normalisation; where that changes the outputs, a plain copy."""
    plain = copy.deepcopy(model).eval()
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in plain.modules()):
        return plain
    images = example_images(plain)
    expected = _outputs(plain, images)
    fused = fuse_conv_bn(copy.deepcopy(plain))
    if all(_is_rounding(one, other) for one, other in zip(_outputs(fused, images), expected, strict=True)):
        return fused
    print_log('Batch normalisation was not fused into the convolutions, since that would change the outputs: in this '
              'network one does not follow the convolution that its module names before it.', 'current',
              logging.WARNING)
    return plain


@torch.no_grad()
def _can_fuse_layers(model: Any, dtype: str | None) -> bool:
    """Whether layers of this type can be fused, and a backbone in float32 has the same outputs with fused layers.

    It has others where its forward pass walks through an ``nn.Sequential`` by itself and returns what is between the
    layers: a fused layer may overwrite its input, and takes in the ReLU behind it.
    """
    weight = next(model.parameters())
    if not (can_fuse(weight) and (dtype is None or can_fuse(weight[:0].to(DTYPES[dtype])))):
        return False
    images = example_images(model)
    with torch.autocast(images.device.type, enabled=False):
        expected = _tensors(model.backbone(images))
        try:
            found = _tensors(fuse_convolutions(copy.deepcopy(model.backbone))(images))
        except (RuntimeError, LookupError, AttributeError):  # it reads attributes or layers that are no more
            found = []
    return len(found) == len(expected) and all(
        one.shape == other.shape and _is_rounding(one, other) for one, other in zip(found, expected, strict=True))


def example_images(model: Any, size: tuple[int, int] | None = None) -> Tensor:
    """An image (1, 3, H, W) of noise, of a size (width, height) or that of the model's input; always the same."""
    weight = next(model.parameters())
    decoder = getattr(model.head, 'decoder', None)
    inner = getattr(decoder, 'heatmap_codec', None)  # of integral regression
    declared = getattr(decoder, 'input_size', getattr(inner, 'input_size', (64, 64)))
    width, height = declared if size is None else size
    noise = torch.randn(1, 3, int(height), int(width), generator=torch.Generator().manual_seed(0))
    return noise.to(weight.device, weight.dtype)


def _outputs(model: Any, images: Tensor) -> list[Tensor]:
    """Feature maps and predictions in full float32."""
    with torch.autocast(images.device.type, enabled=False), cudnn_without_tf32():
        features = model.extract_feat(images)
        return _tensors((features, model.head(features)))


def cudnn_without_tf32() -> Any:
    """``torch.backends.cudnn.flags`` turns cuDNN off unless it is given ``enabled``."""
    return torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False)


def is_close(found: Tensor, expected: Tensor, *, tolerance: float) -> bool:
    """Whether two tensors of one shape differ by at most a share of the largest value that is expected."""
    largest = float(expected.abs().nan_to_num().max())
    return torch.allclose(found.to(expected.dtype), expected, rtol=0, atol=tolerance * largest, equal_nan=True)


def _is_rounding(found: Tensor, expected: Tensor) -> bool:
    return is_close(found, expected, tolerance=_tolerance())


def _tolerance() -> float:
    """By ``torch.set_float32_matmul_precision``: float32 is multiplied as TF32 on GPUs, or as bfloat16."""
    try:
        return _TOLERANCES[torch.get_float32_matmul_precision()]
    except RuntimeError:  # it was set by backend, in torch's newer way
        return _TOLERANCES['medium']


def _store_convolutions(network: nn.Module, dtype: torch.dtype) -> None:
    """Autocast casts these weights, and those of linear layers, in every pass where they are not trained."""
    for module in network.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            module.to(dtype)


def _keep_last_layers_in_float32(head: nn.Module) -> None:
    names = [name for name in _LAST_LAYERS if isinstance(getattr(head, name, None), nn.Module)]
    for name in names:
        layer = getattr(head, name)
        if name != 'final_layer' or len(names) == 1:  # of SimCC, whose last layers are those of both axes
            setattr(head, name, _InFloat32(layer))


class _InFloat32(nn.Module):
    """A layer outside of autocast: half precision in a last layer moves joints by up to a pixel."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """As the layer."""
        with torch.autocast(x.device.type, enabled=False):
            return self.layer(x.float())


def _patch_method(module: nn.Module, name: str, *, dtype: str | None,
                  compiler: Callable[[Callable[..., Any]], Callable[..., Any]] | None, is_overwritten: bool,
                  records: bool) -> None:
    """Patches a method of a module to run in this precision, compiled if there is a compiler.

    With ``is_overwritten`` its next pass writes into the memory of this one, as CUDA graphs do, and outputs are copied.
    With ``records``, outputs of backbone and neck are recorded in ``extract_feat``.

    It is bound to the module, so that a copy of the module has one that is bound to the copy.
    """
    plain: Callable[..., Any] = getattr(type(module), name)
    if records and name == 'extract_feat' and is_split(module):
        plain = extract_split
    run = plain if compiler is None else compiler(plain)
    autocast: dict[str, Any] = dict(enabled=False) if dtype is None else dict(dtype=DTYPES[dtype])

    def patched(self: nn.Module, inputs: Any) -> Any:
        with torch.autocast(_tensors(inputs)[0].device.type, **autocast):
            found = run(self, inputs)
        if not is_overwritten:
            return found
        copy_recorded()
        return pytree.tree_map_only(Tensor, torch.clone, found)

    setattr(module, name, MethodType(patched, module))


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)]


__getattr__ = forward_names(__name__, {'quickened': 'distilpose.models.optimised.optimise_for_inference'})
