"""Measuring a trained model: COCO AP, figures without scores, size and speed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from distilpose.checkpoints import load_file, load_strict, state_dict_of
from distilpose.engine import student_config
from distilpose.model_config import build_estimator

from .metrics import object_keypoint_similarity, share_of_correct_keypoints
from .training import use_channels_last


@dataclass(frozen=True)
class People:
    """Ground truth of the validation people, in the order of the data set."""

    keypoints: np.ndarray
    """(N, K, 2) in image pixels."""
    labelled: np.ndarray
    """(N, K)"""
    boxes: np.ndarray
    """(N, 4) x, y, width, height."""
    areas: np.ndarray
    """(N,)"""


@dataclass(frozen=True)
class Evaluation:
    """What one model answered for all validation people, and how good that was."""

    predictions: np.ndarray
    """(N, K, 2) in image pixels."""
    oks: np.ndarray
    """(N,)"""
    figures: dict[str, float]


def load_model(cfg: Config, weights: Path) -> BaseModel:
    """The plain estimator of a config, trained; a distiller's config gives its student."""
    model = build_estimator(student_config(cfg).model)
    state = state_dict_of(load_file(weights), source=str(weights))
    load_strict(model, state, source=str(weights), ignore_prefixes=('distillation.',))
    use_channels_last(model)
    return model.eval()


def build_validation(cfg: Config) -> BaseDataset:
    """The data set of the config's ``val_dataloader``."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(cfg.val_dataloader.dataset)


def read_people(dataset: BaseDataset) -> People:
    """Collects the annotations of a COCO data set."""
    raw = [dataset.get_data_info(index)['raw_ann_info'] for index in range(len(dataset))]
    keypoints = np.array([entry['keypoints'] for entry in raw], dtype=float).reshape(len(raw), -1, 3)
    return People(keypoints[..., :2], keypoints[..., 2] > 0, np.array([entry['bbox'] for entry in raw], dtype=float),
                  np.array([entry['area'] for entry in raw], dtype=float))


def evaluate(model: BaseModel, cfg: Config, *, dataset: BaseDataset, people: People) -> Evaluation:
    """Predicts all people of the data set once and measures the answers.

    Args:
        model: from :func:`load_model`.
        cfg: its config; says how the average precision is taken.
        dataset: from :func:`build_validation`.
        people: from :func:`read_people`.
    """
    with DefaultScope.overwrite_default_scope('mmpose'):
        evaluator = Evaluator(cfg.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    predictions = []
    with torch.inference_mode():
        for batch in DataLoader(dataset, batch_size=32, num_workers=1, collate_fn=pseudo_collate):
            samples = model.test_step(batch)
            evaluator.process(samples, batch)
            predictions += [sample.pred_instances.keypoints[0] for sample in samples]
    average_precision = evaluator.evaluate(len(dataset))
    predicted = np.asarray(predictions, dtype=float)
    sigmas = np.asarray(dataset.metainfo['sigmas'])
    oks = object_keypoint_similarity(predicted, people.keypoints, labelled=people.labelled, areas=people.areas,
                                     sigmas=sigmas)
    pck = share_of_correct_keypoints(predicted, people.keypoints, labelled=people.labelled, boxes=people.boxes)
    figures = dict(ap=average_precision['coco/AP'], ap50=average_precision['coco/AP .5'],
                   ap75=average_precision['coco/AP .75'], mean_oks=float(np.nanmean(oks)), pck=pck)
    return Evaluation(predicted, oks, {name: float(value) for name, value in figures.items()})


def measure_cost(model: BaseModel, input_size: tuple[int, int]) -> dict[str, float]:
    """Trainable parameters, multiply-adds (attention included) and forward passes a second of single images."""
    images = torch.randn(1, 3, input_size[1], input_size[0]).contiguous(memory_format=torch.channels_last)
    forward = partial(_forward, model, images)
    # The counter knows the attention of the plain backend only; all of them multiply the same matrices.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        forward()
    seconds = []
    for _ in range(40):
        start = time.perf_counter()
        forward()
        seconds.append(time.perf_counter() - start)
    return dict(parameters=float(sum(weight.numel() for weight in model.parameters() if weight.requires_grad)),
                macs=counter.get_total_flops() / 2, images_per_second=1 / statistics.median(seconds[10:]))


def _forward(model: BaseModel, images: torch.Tensor) -> Any:
    with torch.inference_mode():
        return model.head(model.extract_feat(images))
