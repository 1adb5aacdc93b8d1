"""Evaluation of finished trainings: metrics on the validation people, for every bootstrap draw and every keypoint."""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.fileio import load
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from distilpose import engine
from distilpose.complexity import ForwardPass, count_macs, count_parameters
from distilpose.config import ConfigTree, check_annotations
from distilpose.config.walk import type_name
from distilpose.engine.hooks.channels_last import use_channels_last
from distilpose.errors import DistilPoseError
from distilpose.evaluation import (
    Evaluation,
    People,
    average_precision,
    build_validation,
    correct_keypoints,
    is_a_figure,
    keypoint_similarity,
    match_detections,
    object_keypoint_similarity,
    only_keypoint,
    read_people,
    share_of_correct_keypoints,
)
from distilpose.inference.loading import load_model

from .runs import Run
from .statistics import Estimate, draw_images

FIGURES = ('ap', 'ap50', 'ap75', 'mean_oks', 'pck')
KEYPOINT_FIGURES = ('ap', 'oks', 'pck')


@dataclass(frozen=True)
class Measured:
    """What one model is worth."""

    run: Run
    evaluation: Evaluation
    estimates: Mapping[str, Estimate]
    """One of each of :data:`FIGURES`."""
    keypoints: Mapping[str, np.ndarray]
    """(K,) one of each of :data:`KEYPOINT_FIGURES`; NaN where nothing is labelled."""
    parameters: int
    """Trainable ones."""
    macs: int
    """Multiply-adds of convolutions, linear layers and attention for one image."""
    images_per_second: float | None = None
    """Forward passes a second of single images."""


@dataclass(frozen=True)
class Validation:
    """The people that a config is validated on."""

    dataset: BaseDataset
    people: People

    @property
    def keypoint_names(self) -> list[str]:
        """In order."""
        names = self.dataset.metainfo['keypoint_id2name']
        return [names[index] for index in range(len(names))]

    @classmethod
    def of(cls, cfg: Config, *, name: str) -> Validation:
        """Reads them.

        Raises:
            DistilPoseError: when people are found by a detector, so that predictions do not belong to annotations; or
                the annotations are not what they should be; or the evaluator is not one ``CocoMetric``.
        """
        _coco_metric(cfg, name=name)
        if cfg.val_dataloader.dataset.get('bbox_file'):
            raise DistilPoseError(f'{name} validates on the boxes of a detector '
                                  f'({cfg.val_dataloader.dataset.bbox_file}); models are compared on annotated people: '
                                  'add --cfg-options val_dataloader.dataset.bbox_file=None')
        check_annotations(ConfigTree(cfg, ['val']))
        dataset = build_validation(cfg)
        return cls(dataset, read_people(dataset))

    def check_same(self, other: Validation, *, name: str) -> None:
        """Makes sure that others are the same people.

        Raises:
            DistilPoseError: when they are not.
        """
        mine, theirs = self.people, other.people
        if not (np.array_equal(mine.images, theirs.images) and np.array_equal(mine.keypoints, theirs.keypoints)):
            raise DistilPoseError(f'{name} validates on {len(theirs.areas)} people who are not the {len(mine.areas)} '
                                  'of the baseline; give all configs the same val_dataloader.dataset')


def is_comparable(cfg: Config) -> bool:
    """Whether the config's evaluator is one ``CocoMetric`` of whole people, which gains and intervals need."""
    found = cfg.val_evaluator
    options = found[0] if isinstance(found, list) and len(found) == 1 else found
    return (not isinstance(options, list) and type_name(options['type']) == 'CocoMetric'
            and options.get('iou_type', 'keypoints') == 'keypoints')


def _coco_metric(cfg: Config, *, name: str) -> dict:
    """The config's evaluator.

    Raises:
        DistilPoseError: it is not one ``CocoMetric`` of whole people.
    """
    found = copy.deepcopy(cfg.val_evaluator)
    if not is_comparable(cfg):
        raise DistilPoseError(f'val_evaluator of {name} is {found}; models are compared by the average precision of '
                              "one dict(type='CocoMetric', ann_file=...)")
    return found[0] if isinstance(found, list) else found


def validation_metrics(run: Run, folder: str | Path, *, evaluator: Sequence[dict] | None = None,
                       dump: Path | None = None, options: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Metrics of a training on its validation data, from :func:`distilpose.engine.evaluate`.

    Args:
        run: the training.
        folder: of the log.
        evaluator: instead of the config's.
        dump: a pickle file for all predictions.
        options: dotted key -> value, which describe the checkpoint where that is an ONNX file.
    """
    cfg = copy.deepcopy(run.cfg)
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, cfg.get('test_cfg') or {}
    cfg.test_evaluator = cfg.val_evaluator if evaluator is None else evaluator
    return engine.evaluate(cfg, run.checkpoint, work_dir=folder, dump=dump, options=options)


def measure(run: Run, validation: Validation, *, speed: bool = False) -> Measured:
    """Evaluates the model of a training on its validation people, on the GPU if there is one.

    Args:
        run: the training.
        validation: its people.
        speed: also time forward passes of single images.
    """
    model = load_model(run.cfg, run.checkpoint, device='cuda' if torch.cuda.is_available() else 'cpu')
    image = torch.zeros(1, *validation.dataset[0]['inputs'].shape, device=next(model.parameters()).device)
    rate = _images_per_second(model, image) if speed else None
    evaluation = evaluation_of(run, validation)
    sigmas = np.asarray(validation.dataset.metainfo['sigmas'])
    return Measured(run, evaluation, estimate(evaluation, validation.people, sigmas=sigmas),
                    by_keypoint(evaluation, validation.people, sigmas=sigmas), count_parameters(model).trainable,
                    count_macs(ForwardPass(model), image), rate)


def evaluation_of(run: Run, validation: Validation, *, options: Mapping[str, Any] | None = None) -> Evaluation:
    """Predicts the validation people with :func:`distilpose.engine.evaluate`, the test loop of the Runner.

    Args:
        run: the training.
        validation: its people.
        options: see :func:`validation_metrics`.
    """
    people, sigmas = validation.people, np.asarray(validation.dataset.metainfo['sigmas'])
    with tempfile.TemporaryDirectory() as folder:
        dump, prefix = Path(folder, 'predictions.pkl'), Path(folder, 'results')
        metric = dict(_coco_metric(run.cfg, name=run.plan.config), outfile_prefix=str(prefix))
        precision = validation_metrics(run, folder, evaluator=[metric], dump=dump, options=options)
        predictions = np.array([sample['pred_instances']['keypoints'][0] for sample in load(dump)], dtype=float)
        detections = load(f'{prefix}.keypoints.json')
        truth = load(metric.get('ann_file') or f'{prefix}.gt.json')
    return Evaluation(predictions, *_with_figures(predictions, precision, people=people, sigmas=sigmas), detections,
                      truth)


def _with_figures(predictions: np.ndarray, precision: Mapping[str, float], *, people: People,
                  sigmas: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """(N,) OKS of the predictions, and the metrics of an :class:`Evaluation`."""
    oks = object_keypoint_similarity(predictions, people.keypoints, labelled=people.labelled, areas=people.areas,
                                     sigmas=sigmas)
    pck = share_of_correct_keypoints(predictions, people.keypoints, labelled=people.labelled, boxes=people.boxes)
    figures = dict(ap=precision['coco/AP'], ap50=precision['coco/AP .5'], ap75=precision['coco/AP .75'],
                   mean_oks=float(np.nanmean(oks)), pck=pck)
    return oks, {name: float(value) if is_a_figure(value) else float('nan') for name, value in figures.items()}


def evaluate(model: BaseModel, cfg: Config, *, dataset: BaseDataset, people: People) -> Evaluation:
    """Predicts the people of a data set with a loaded model: ``distilpose.evaluation.evaluate`` of earlier versions.

    Use :func:`distilpose.engine.evaluate` for the metrics of a config and a checkpoint.

    Args:
        model: in eval mode, on any device.
        cfg: its config, with the evaluator and the loading of the data.
        dataset: from :func:`~distilpose.evaluation.build_validation`.
        people: from :func:`~distilpose.evaluation.read_people`.

    Raises:
        DistilPoseError: the config's evaluator is not one ``CocoMetric`` of whole people.
    """
    loading, predictions = cfg.val_dataloader, []
    loader = DataLoader(dataset, batch_size=loading.batch_size, num_workers=loading.get('num_workers', 0),
                        collate_fn=pseudo_collate)
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope('mmpose'):
        evaluator = Evaluator(dict(_coco_metric(cfg, name='the config'), outfile_prefix=str(Path(folder, 'results'))))
        evaluator.dataset_meta = dataset.metainfo
        with torch.inference_mode():
            for batch in loader:
                samples = model.test_step(batch)
                evaluator.process(samples, batch)
                predictions += [sample.pred_instances.keypoints[0] for sample in samples]
        precision = evaluator.evaluate(len(dataset))
        detections = load(Path(folder, 'results.keypoints.json'))
    found = np.asarray(predictions, dtype=float)
    return Evaluation(
        found, *_with_figures(found, precision, people=people, sigmas=np.asarray(dataset.metainfo['sigmas'])),
        detections, evaluator.metrics[0].coco.dataset)


def _images_per_second(model: BaseModel, image: torch.Tensor) -> float:
    """Forward passes a second, in the channels-last memory format."""
    use_channels_last(model)
    forward, seconds = ForwardPass(model), []
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(40):
            start = time.perf_counter()
            forward(image)
            seconds.append(time.perf_counter() - start)
    return 1 / statistics.median(seconds[10:])


def estimate(evaluation: Evaluation, people: People, *, sigmas: np.ndarray) -> dict[str, Estimate]:
    """All of :data:`FIGURES` with their draws; two models that are measured on the same images see the same draws."""
    counts = draw_images(len(evaluation.truth['images']))
    matches = match_detections(evaluation.truth, evaluation.detections, sigmas=sigmas)
    precision = np.array([_three(average_precision(matches, row)) for row in counts])
    draws = dict(zip(('ap', 'ap50', 'ap75'), precision.T, strict=True))
    place = {number: index for index, number in enumerate(sorted(entry['id'] for entry in evaluation.truth['images']))}
    images = np.array([place[number] for number in people.images.tolist()])
    is_known = np.isfinite(evaluation.oks)
    draws['mean_oks'] = _mean_of_draws(np.nan_to_num(evaluation.oks), is_known, images=images, counts=counts)
    correct = correct_keypoints(evaluation.predictions, people.keypoints, boxes=people.boxes) & people.labelled
    draws['pck'] = _mean_of_draws(correct.sum(axis=1), people.labelled.sum(axis=1), images=images, counts=counts)
    return {name: Estimate(evaluation.figures[name], draws[name]) for name in FIGURES}


def _three(values: np.ndarray) -> tuple[float, float, float]:
    """AP, AP50 and AP75 of the ten thresholds 0.50, 0.55, ..., 0.95."""
    return float(values.mean()), float(values[0]), float(values[5])


def _mean_of_draws(sums: np.ndarray, numbers: np.ndarray, *, images: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(B,) sum of ``sums`` over sum of ``numbers``, both (N,) of people who are in ``images``."""
    total, number = (counts @ np.bincount(images, weights=values.astype(float), minlength=counts.shape[1])
                     for values in (sums, numbers))
    return np.divide(total, number, out=np.full(len(counts), np.nan), where=number > 0)


def by_keypoint(evaluation: Evaluation, people: People, *, sigmas: np.ndarray) -> dict[str, np.ndarray]:
    """All of :data:`KEYPOINT_FIGURES`.

    ``ap`` is COCO's AP with the annotations of one keypoint only and the same scores of whole people; ``oks`` the mean
    of that keypoint's own similarity; ``pck`` its share within a tenth of the longer side of the box.
    """
    found, truth = evaluation.predictions, people.keypoints
    similarity = keypoint_similarity(found, truth, areas=people.areas, sigmas=sigmas)
    correct = correct_keypoints(found, truth, boxes=people.boxes)
    precision = [average_precision(match_detections(only_keypoint(evaluation.truth, index), evaluation.detections,
                                                    sigmas=sigmas)).mean() for index in range(len(sigmas))]
    return dict(ap=np.array(precision), oks=_mean_of_labelled(similarity, people.labelled),
                pck=_mean_of_labelled(correct, people.labelled))


def _mean_of_labelled(values: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    number = labelled.sum(axis=0)
    return np.divide((values * labelled).sum(axis=0), number, out=np.full(len(number), np.nan), where=number > 0)
