"""The same work the way the publications do it, to compare with: equal values, other steps.

What a publication has no faster form of stays as it is, so that of a network without tokens, for instance, only the
precision, the memory layout, the optimizer, the flip test and the decoding of heatmaps change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from mmengine.structures import InstanceData
from mmpose.models import TopdownPoseEstimator
from mmpose.models.heads.base_head import BaseHead
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn

from distilpose.codecs import TokenPoseHeatmap, UnrefinedHeatmap
from distilpose.distillation.terms.simulated_heatmap import SimulatedHeatmapTerm
from distilpose.host.speedups.head_decoding import batch_decoder
from distilpose.host.speedups.tta import in_two_batches
from distilpose.models.layers.token_encoder import SelfAttention

from .attention import attend_in_steps
from .evaluation import evaluated_as_published
from .settings import published_settings
from .simulated_heatmaps import drawn_heatmap_loss, drawn_term

__all__ = ['attend_in_steps', 'drawn_heatmap_loss', 'evaluated_as_published', 'predict_as_published',
           'published_settings', 'train_as_published']

_OWN_CODECS = (TokenPoseHeatmap, UnrefinedHeatmap)


def train_as_published(*models: nn.Module) -> list[str]:
    """Lets the parts of a training (the model and, as it is no child, its teacher's network) work the published way.

    Returns:
        What was replaced, for the reader of a report.
    """
    return (_replace(models, SelfAttention, 'forward', attend_in_steps, called='attention by einsum')
            + _replace(models, SimulatedHeatmapTerm, 'forward', drawn_term, called='drawn simulated heatmaps'))


def predict_as_published(estimator: TopdownPoseEstimator) -> list[str]:
    """Lets an estimator predict the published way.

    Returns:
        What was replaced, for the reader of a report.
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
