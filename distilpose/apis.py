"""What a program needs to use a trained student, in a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpose.apis.inference import dataset_meta_from_config

from distilpose.config.models import build_estimator

from .checkpoints import load_strict, read_weights
from .engine import student_config
from .engine.launch import load_and_change, unknown_types_as_sentences
from .errors import DistilPoseError
from .models.quick import quickened

__all__ = ['export_onnx', 'load_model', 'quickened']


def load_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> Any:
    """Builds the plain pose estimator of a config, in eval mode, ready for mmpose's ``inference_topdown``.

    A distillation config gives its student; the teacher is not built and its file is not needed.

    Args:
        config: a path from the current directory or the project's root, ``distilpose::...``, ``mmpose::...``, or a
            config.
        checkpoint: its weights, all of them: of a training, converted, or a published file as it was downloaded.
            Without one the weights are as the network's constructor leaves them, and nothing is downloaded.
        device: where to put it, for instance ``'cuda'`` or ``'cuda:1'``.

    Returns:
        The estimator; its ``cfg`` is the plain model's config and its ``dataset_meta`` describes the keypoints, which
        is ``None`` where the config has no data set.

    Raises:
        DistilPoseError: no such config, checkpoint or device, or they do not fit.
    """
    target = _find_device(device)
    cfg = student_config(load_and_change(config)[0])
    weights = None if checkpoint is None else read_weights(checkpoint)
    with unknown_types_as_sentences():
        model: Any = build_estimator(cfg.model)
    if weights is not None:
        load_strict(model, weights.state, source=str(checkpoint), ignore_prefixes=('distillation.',))
    model.cfg = cfg
    model.dataset_meta = _dataset_meta(cfg)
    return model.to(target).eval()


def export_onnx(config: str | Path | Config, checkpoint: str | Path | None, file: str | Path,
                **options: Any) -> Any:
    """Exports a network as an ONNX file that describes itself, see :func:`distilpose.export.onnx.export`.

    Raises:
        DistilPoseError: something does not fit, or the file does not answer as the network does.
    """
    from .export.onnx import export  # it is made of this module

    return export(config, checkpoint, file, **options)


def _find_device(name: str) -> torch.device:
    """Puts an empty tensor on the device to see whether it is there."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter is how torch says that it was built without CUDA
        raise DistilPoseError(f"the device {name!r} cannot be used here; expected 'cpu', or 'cuda' or 'cuda:N' where "
                              f'torch finds such a GPU ({str(error).splitlines()[0]})') from error


def _dataset_meta(cfg: Config) -> dict[str, Any] | None:
    """Keypoint names, flip pairs and the rest of it, from the first data set of the config that tells."""
    found = (dataset_meta_from_config(cfg, mode) for mode in ('train', 'val', 'test'))
    return next((meta for meta in found if meta is not None), None)
