"""Loading a trained model for inference: the estimator of a config with its checkpoint, or an ONNX file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from distilpose.checkpoints import load_strict, read_weights
from distilpose.config.building import building_as_sentences
from distilpose.config.models import build_estimator
from distilpose.distillation.teachers.keypoint_names import metainfo_of
from distilpose.engine import student_config
from distilpose.engine.launch import load_and_change
from distilpose.engine.onnx_evaluation import (
    is_onnx_file,
    match_keypoints,
    onnx_config,
    onnx_test_config,
    split_options,
)
from distilpose.errors import DistilPoseError

from .devices import find_device


def load_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu', *,
               options: Mapping[str, Any] | None = None) -> Any:
    """Builds the plain pose estimator of a config, in eval mode, ready for :func:`predict`.

    A distillation config gives its student; the teacher is not built and its file is not needed. An ONNX file is a
    model as well: as the checkpoint, with the crops, keypoints and flip test of the config, or in the config's place
    where a preset describes it.

    Args:
        config: a path from the current directory or the project's root, ``distilpose::...``, ``mmpose::...``, or a
            config; or an ONNX file.
        checkpoint: its weights, all of them: of a training, converted, or a published file as it was downloaded; or an
            ONNX file. Without one the weights are as the network's constructor leaves them, and nothing is downloaded.
        device: where to put it, for instance ``'cuda'`` or ``'cuda:1'``.
        options: dotted key -> value, put into the config; with an ONNX file ``model.input.mean`` and so on describe
            the file.

    Returns:
        The estimator; its ``cfg`` is the plain model's config and its ``dataset_meta`` describes the keypoints, which
        is ``None`` where the config has no data set.

    Raises:
        DistilPoseError: no such config, checkpoint or device, or they do not fit.
    """
    target = find_device(device)
    if not isinstance(config, Config) and is_onnx_file(config):
        return _load_onnx_alone(config, checkpoint, options).to(target).eval()
    if checkpoint is not None and is_onnx_file(checkpoint):
        return _load_onnx(config, checkpoint, options).to(target).eval()
    cfg = student_config(load_and_change(config, options=options)[0])
    weights = None if checkpoint is None else read_weights(checkpoint)
    model = _build(cfg)
    if weights is not None:
        load_strict(model, weights.state, source=str(checkpoint), ignore_prefixes=('distillation.',))
    model.dataset_meta = _dataset_meta(cfg)
    return model.to(target).eval()


def _build(cfg: Config) -> Any:
    with building_as_sentences(cfg):
        model: Any = build_estimator(cfg.model)
    model.cfg = cfg
    return model


def _load_onnx(config: str | Path | Config, file: str | Path, options: Mapping[str, Any] | None) -> Any:
    """An ONNX file, with the crops and the keypoints of a config."""
    of_config, of_model = split_options(options)
    cfg = load_and_change(config, options=of_config)[0]
    if not cfg.get('test_dataloader'):
        raise DistilPoseError(f'{cfg.filename or "the config"} has no test_dataloader, which defines how people are '
                              f'cropped for {file}; take a config with test data')
    cfg, notes = onnx_test_config(cfg, file, of_model)
    model = _build(cfg)
    model.dataset_meta = _dataset_meta(cfg)
    matched = match_keypoints(model, model.dataset_meta) if model.dataset_meta else None
    for note in filter(None, (*notes, matched)):
        print_log(note, 'current', logging.INFO)
    return model


def _load_onnx_alone(file: str | Path, checkpoint: str | Path | None, options: Mapping[str, Any] | None) -> Any:
    """An ONNX file that a preset or its graph describes."""
    if checkpoint is not None:
        raise DistilPoseError(f'{file} is an ONNX file, which holds its weights, and a checkpoint {checkpoint} is '
                              'named; leave it out, or name a config and then the ONNX file')
    cfg, notes = onnx_config(file, options or {})
    model = _build(cfg)
    for note in notes:
        print_log(note, 'current', logging.INFO)
    names = model.network.keypoint_names
    model.dataset_meta = None if names is None else parse_pose_metainfo(metainfo_of(names))
    return model


def _dataset_meta(cfg: Config) -> dict[str, Any] | None:
    """Keypoint names, flip pairs and the rest of it, from the first data set of the config that has them."""
    found = (dataset_meta_from_config(cfg, mode) for mode in ('train', 'val', 'test'))
    return next((meta for meta in found if meta is not None), None)
