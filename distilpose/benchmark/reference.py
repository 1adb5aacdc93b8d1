"""The reference implementation: the same work as the publications do it, with equal values, to compare with.

A method whose publication has no other form of a step keeps it. Of a network without tokens, for instance, only the
precision, the memory format, the optimizer, the flip test and the decoding of heatmaps change.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import mmengine.fileio
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric
from mmpose.models import TopdownPoseEstimator
from mmpose.models.heads.base_head import BaseHead
from mmpose.utils.tensor_utils import to_numpy
from pycocotools import coco
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.codecs import TokenPoseHeatmap, UnrefinedHeatmap
from distilpose.config.walk import is_distillation
from distilpose.distillation.terms.simulated_heatmap import SimulatedHeatmapTerm
from distilpose.engine.default_hooks import is_hook
from distilpose.host import hotcoco, xtcoco
from distilpose.host.speedups import coco_metric as coco_speedups
from distilpose.host.speedups.head_decoding import batch_decoder
from distilpose.host.speedups.tta import in_two_batches
from distilpose.models.layers.token_encoder import SelfAttention
from distilpose.structures import Labels, PoseOutputs

_OWN_CODECS = (TokenPoseHeatmap, UnrefinedHeatmap)
_OF_LOWER_PRECISION = ('dtype', 'loss_scale')
_LOOPING_OPTIMIZERS = ('Adam', 'AdamW', 'SGD')


def published_settings(cfg: Config) -> Config:
    """The same training in float32, channels first, not compiled, the teacher as it is stored, a loop over weights as
    optimizer.

    Args:
        cfg: of a training; not changed.
    """
    cfg = copy.deepcopy(cfg)
    wrapper = cfg.optim_wrapper
    wrapper.type = 'OptimWrapper'
    for name in _OF_LOWER_PRECISION:
        wrapper.pop(name, None)
    if wrapper.optimizer.type in _LOOPING_OPTIMIZERS:
        wrapper.optimizer.update(fused=False, foreach=False)
    if is_distillation(cfg.model):
        cfg.model.teacher.update(dtype=None, compile=None, fused=False)
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or () if not is_hook(hook, 'ChannelsLastHook')]
    cfg.default_hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items()
                         if not is_hook(hook, 'ChannelsLastHook')}
    cfg.compile = False
    return cfg


def train_as_published(*models: nn.Module) -> list[str]:
    """Replaces modules of a training (the model and its teacher's network, which is no child) by the reference.

    Returns:
        What was replaced, in words.
    """
    return (_replace(models, SelfAttention, 'forward', attend_in_steps, called='attention by einsum')
            + _replace(models, SimulatedHeatmapTerm, 'forward', drawn_term, called='drawn simulated heatmaps'))


def predict_as_published(estimator: TopdownPoseEstimator) -> list[str]:
    """Replaces the prediction of an estimator by the reference.

    Returns:
        What was replaced, in words.
    """
    replaced = _replace([estimator], SelfAttention, 'forward', attend_in_steps, called='attention by einsum')
    if estimator.test_cfg.get('flip_test', False):
        replaced += _replace([estimator], TopdownPoseEstimator, 'predict', in_two_batches, called='two forward passes')
    if batch_decoder(estimator.head.decoder) is not None or isinstance(estimator.head.decoder, _OWN_CODECS):
        replaced += _replace([estimator], BaseHead, 'decode', decode_by_sample, called='decoding sample by sample')
    return replaced


def decode_by_sample(head: BaseHead, heatmaps: Tensor) -> list[InstanceData]:
    """mmpose's ``BaseHead.decode`` of heatmaps (B, K, H, W), for a codec that could decode a batch at once."""
    decoded = [head.decoder.decode(maps) for maps in to_numpy(heatmaps)]
    return [InstanceData(keypoints=keypoints, keypoint_scores=scores) for keypoints, scores in decoded]


def _replace(models: Iterable[nn.Module], kind: type[nn.Module], method: str, function: Callable[..., Any], *,
             called: str) -> list[str]:
    found = [module for model in models for module in model.modules() if isinstance(module, kind)]
    for module in found:
        setattr(module, method, partial(function, module))
    return [called] if found else []


def attend_in_steps(module: SelfAttention, tokens: Tensor, count: int | None = None) -> Tensor:
    """``SelfAttention.forward`` by einsum, as TokenPose and DistilPose publish it: all weights are in memory.

    Args:
        module: attention whose projections are used.
        tokens: (B, T, D).
        count: number of the first tokens that attend, all by default.

    Returns:
        (B, T, D) or (B, count, D).
    """
    query, key, value = (part.unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
                         for part in module.qkv(tokens).chunk(3, dim=-1))
    products = torch.einsum('bhid,bhjd->bhij', query[:, :, :count], key) * module.scale
    attended = torch.einsum('bhij,bhjd->bhid', products.softmax(dim=-1), value)
    return module.out(attended.transpose(1, 2).flatten(2))


def draw_gaussians(coords: Tensor, sigmas: Tensor, *, size: tuple[int, int]) -> Tensor:
    """Gaussians (B, K, H, W) of peak 1 with an exponential for every pixel.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        size: (width, height) of the heatmap.
    """
    columns = torch.arange(size[0], dtype=coords.dtype, device=coords.device)
    rows = torch.arange(size[1], dtype=coords.dtype, device=coords.device)[:, None]
    mean_x, mean_y = (coords[..., axis, None, None] * size[axis] for axis in (0, 1))
    variance_x, variance_y = (sigmas[..., axis, None, None] ** 2 + 1e-9 for axis in (0, 1))
    return torch.exp(-((columns - mean_x) ** 2 / variance_x + (rows - mean_y) ** 2 / variance_y) / 2)


def drawn_heatmap_loss(coords: Tensor, sigmas: Tensor, heatmaps: Tensor, *, weights: Tensor,
                       masking: str = 'official') -> Tensor:
    """The value of :func:`~distilpose.distillation.terms.simulated_heatmap_loss`, joint by joint and pixel by pixel.

    Args:
        coords: (B, K, 2) in [0, 1].
        sigmas: (B, K, 2) in heatmap pixels.
        heatmaps: (B, K, H, W) of the teacher.
        weights: (B, K) ground-truth keypoint weights.
        masking: ``'official'`` weighs the (B, H W) pixels of a joint with (B, 1, 1) weights, which makes (B, B, H W)
            values of them; ``'intended'`` with (B, 1).
    """
    drawn = draw_gaussians(coords, sigmas, size=(heatmaps.shape[-1], heatmaps.shape[-2])).flatten(2)
    expected = heatmaps.flatten(2)
    shape = (-1, 1, 1) if masking == 'official' else (-1, 1)
    losses = []
    for joint in range(coords.shape[1]):
        mask = weights[:, joint].reshape(shape)
        losses.append(F.mse_loss(drawn[:, joint] * mask, expected[:, joint] * mask))
    return torch.stack(losses).mean()


def drawn_term(term: SimulatedHeatmapTerm, student: PoseOutputs, teacher: PoseOutputs, labels: Labels) -> Tensor:
    """``SimulatedHeatmapTerm.forward`` with drawn maps, which the published code broadcasts to N x N of them."""
    assert student.coords is not None and teacher.heatmaps is not None  # checked when the pair was made
    return drawn_heatmap_loss(student.coords, term.sigmas_of(student), teacher.heatmaps[-1],
                              weights=labels.distillation_weights(), masking=term.masking)


@contextmanager
def evaluated_as_published() -> Iterator[None]:
    """While open, metrics are mmpose's own: people are scored and suppressed one by one, results are written and read,
    and pycocotools computes the figures.

    Patches functions of the whole process, so only for a benchmark that runs alone.
    """
    computed: Any = coco_metric.CocoMetric.compute_metrics
    own = [(coco_metric.CocoMetric, 'compute_metrics', computed.__wrapped__),
           (coco_speedups.nms, 'oks_iou', coco_speedups.pairwise_oks),
           (coco_metric, 'oks_nms', coco_speedups.pairwise_nms),
           (coco_metric, 'dump', mmengine.fileio.dump),
           (coco_wholebody_metric, 'dump', mmengine.fileio.dump),
           (xtcoco.COCO, 'loadRes', coco.COCO.loadRes),
           (hotcoco, 'can_compute', lambda params: False)]
    with ExitStack() as stack:
        for owner, name, function in own:
            stack.enter_context(patch.object(owner, name, function))
        yield
