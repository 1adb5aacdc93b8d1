"""Fast copy of an estimator: optimised for inference as ``--fast`` says, with a line for the log."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.models import TopdownPoseEstimator
from mmpose.models.heads import VisPredictHead
from torch import Tensor
from torch.utils import _pytree as pytree

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from .fast_settings import check_fast, fast_settings
from .optimised import DTYPES, example_images, optimise_for_inference
from .outputs import read_outputs

_TOLERANCE = 0.1
"""Largest difference of outputs that ``auto`` accepts, as a share of the largest output of its kind."""
_PREDICTED = ('heatmaps', 'coords', 'sigmas', 'scores', 'simcc')
"""Fields of outputs that decoding reads."""


def fast_copy(model: Any, fast: str, *, compile: str | None = None) -> tuple[Any, str]:
    """The copy of an estimator that predicts as fast as this machine can, or the estimator itself; logs which.

    Args:
        model: a top-down estimator; others are returned as they are.
        fast: one of :data:`~distilpose.models.fast_settings.FAST`. ``'auto'`` takes bfloat16 only where the outputs are
            close to those in float32, and leaves a network as it is that cannot be optimised.
        compile: a mode of ``torch.compile`` that was chosen.

    Returns:
        The copy or the model, and the name of the type that it predicts in.

    Raises:
        DistilPoseError: another value, or the model is no such estimator and ``fast`` names a type.
    """
    check_fast(fast)
    if fast == 'off' and compile is None:
        return model, 'float32'
    if not (isinstance(model, TopdownPoseEstimator) and any(True for _ in model.parameters())):  # an ONNX file has none
        if fast != 'auto':
            raise DistilPoseError(f'fast is {fast}, which optimises a top-down torch network, and the model is '
                                  f'a {type(model).__name__}; leave it out')
        return model, 'float32'
    if fast in DTYPES and isinstance(model.head, VisPredictHead):  # whose prediction does not call its forward
        raise DistilPoseError(f'fast is {fast}, and {type(model.head).__name__} predicts in float32 only; take float32')
    settings = fast_settings(fast, next(model.parameters()).device.type, compile=compile)
    try:
        is_compared = fast == 'auto' and settings.dtype is not None
        if is_compared:
            copy, plain = (optimise_for_inference(model, dtype=dtype) for dtype in (settings.dtype, None))
            if not _are_close(copy, plain, images=example_images(model)):
                settings = replace(settings, dtype=None, reason=f'in {settings.dtype} outputs are not close to float32')
                copy = plain
        if not is_compared or settings.compile is not None:
            copy = optimise_for_inference(model, dtype=settings.dtype, compile=settings.compile)
    except Exception as error:  # of a network that does not take the example image, or cannot be copied
        if fast != 'auto' or compile is not None or isinstance(error, DistilPoseError):
            raise
        print_log('Predicting with the network as it is, in float32, since it cannot be optimised for inference: '
                  f'{type(error).__name__}: {str(error).partition(chr(10))[0]}', 'current', logging.WARNING)
        return model, 'float32'
    print_log(f'Predicting with a copy optimised for inference, in {settings.describe()}.', 'current', logging.INFO)
    return copy, settings.dtype or 'float32'


@torch.no_grad()
def _are_close(copy: Any, plain: Any, *, images: Tensor) -> bool:
    """Whether what a copy and one in float32 predict for an image is nearly equal, in a type that numpy has.

    The model itself does not run: in train mode its running statistics would change.
    """
    try:
        found, expected = (_predicted(one, images) for one in (copy, plain))
    except DistilPoseError:  # a head whose outputs cannot be read
        return False
    return all(one.dtype == other.dtype and torch.allclose(
        one, other, rtol=0, atol=_TOLERANCE * float(other.abs().nan_to_num().max()), equal_nan=True)
        for one, other in zip(found, expected, strict=True))


def _predicted(model: Any, images: Tensor) -> list[Tensor]:
    features = model.extract_feat(images)
    outputs: PoseOutputs = read_outputs(model.head, model.head(features), features)
    fields = [getattr(outputs, name) for name in _PREDICTED]
    return [leaf for leaf in pytree.tree_leaves(fields) if isinstance(leaf, Tensor)]
