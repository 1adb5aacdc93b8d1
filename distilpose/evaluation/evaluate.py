"""One pass of a model over the validation people, and how good its answers are."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from distilpose.errors import DistilPoseError

from .metrics import is_a_figure, object_keypoint_similarity, share_of_correct_keypoints
from .people import People


@dataclass(frozen=True)
class Evaluation:
    """What one model answered for all validation people, and how good that was."""

    predictions: np.ndarray
    """(N, K, 2) in image pixels."""
    oks: np.ndarray
    """(N,)"""
    figures: dict[str, float]
    """``ap``, ``ap50``, ``ap75``, ``mean_oks`` and ``pck``; NaN where there is nothing to evaluate."""
    detections: list[dict[str, Any]]
    """What the average precision was taken of: COCO's results, after scoring and suppression."""
    truth: dict[str, Any]
    """COCO's annotations that they were compared with."""


def evaluate(model: BaseModel, cfg: Config, *, dataset: BaseDataset, people: People) -> Evaluation:
    """Predicts all people of the data set once and measures the answers.

    Args:
        model: in eval mode, on any device.
        cfg: its config; says how the average precision is taken and how the data is loaded.
        dataset: from :func:`~distilpose.evaluation.build_validation`.
        people: from :func:`~distilpose.evaluation.read_people`.

    Raises:
        DistilPoseError: when the config's evaluator is not one ``CocoMetric`` of whole people.
    """
    with tempfile.TemporaryDirectory() as folder:
        evaluator = _build_evaluator(cfg, Path(folder))
        evaluator.dataset_meta = dataset.metainfo
        predictions = _predict(model, cfg, dataset=dataset, evaluator=evaluator)
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints a table
            precision = evaluator.evaluate(len(dataset))
        detections = json.loads((Path(folder) / 'results.keypoints.json').read_text(encoding='utf-8'))
    oks = object_keypoint_similarity(predictions, people.keypoints, labelled=people.labelled, areas=people.areas,
                                     sigmas=np.asarray(dataset.metainfo['sigmas']))
    pck = share_of_correct_keypoints(predictions, people.keypoints, labelled=people.labelled, boxes=people.boxes)
    figures = dict(ap=precision['coco/AP'], ap50=precision['coco/AP .5'], ap75=precision['coco/AP .75'],
                   mean_oks=float(np.nanmean(oks)), pck=pck)
    figures = {name: float(value) if is_a_figure(value) else float('nan') for name, value in figures.items()}
    return Evaluation(predictions, oks, figures, detections, evaluator.metrics[0].coco.dataset)


def _build_evaluator(cfg: Config, folder: Path) -> Evaluator:
    """The config's evaluator, leaving the results that it takes the precision of in the folder."""
    found = copy.deepcopy(cfg.val_evaluator)
    options = found[0] if isinstance(found, list) and len(found) == 1 else found
    if isinstance(options, list) or options['type'] != 'CocoMetric' or options.get('iou_type',
                                                                                   'keypoints') != 'keypoints':
        raise DistilPoseError(f'val_evaluator is {found}; models are compared by the average precision of one '
                              "dict(type='CocoMetric', ann_file=...)")
    options['outfile_prefix'] = str(folder / 'results')
    with DefaultScope.overwrite_default_scope('mmpose'):
        return Evaluator(options)


def _predict(model: BaseModel, cfg: Config, *, dataset: BaseDataset, evaluator: Evaluator) -> np.ndarray:
    """(N, K, 2) coordinates of all people in image pixels, also given to the evaluator."""
    loading = cfg.val_dataloader
    loader = DataLoader(dataset, batch_size=loading.batch_size, num_workers=loading.get('num_workers', 0),
                        collate_fn=pseudo_collate)
    predictions = []
    with torch.inference_mode():
        for batch in loader:
            samples = model.test_step(batch)
            evaluator.process(samples, batch)
            predictions += [sample.pred_instances.keypoints[0] for sample in samples]
    return np.asarray(predictions, dtype=float)
