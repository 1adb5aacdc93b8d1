"""From a finished training to its figures, of the images as they are and of every draw of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from distilpose.apis import load_model
from distilpose.complexity import ForwardPass, count_macs, count_parameters
from distilpose.config import ConfigTree, check_annotations
from distilpose.errors import DistilPoseError
from distilpose.evaluation import (
    Evaluation,
    People,
    average_precision,
    build_validation,
    correct_keypoints,
    evaluate,
    keypoint_similarity,
    match_detections,
    only_keypoint,
    read_people,
)

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


@dataclass(frozen=True)
class Validation:
    """The people that a config is validated on."""

    dataset: BaseDataset
    people: People

    @classmethod
    def of(cls, cfg: Config, *, name: str) -> Validation:
        """Reads them.

        Raises:
            DistilPoseError: when people are found by a detector, so that answers do not belong to annotations; or the
                annotations are not what they should be.
        """
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


def measure(run: Run, validation: Validation) -> Measured:
    """Predicts the validation people of the run's own config once, on the GPU if there is one."""
    model = load_model(run.cfg, run.checkpoint, device='cuda' if torch.cuda.is_available() else 'cpu')
    image = torch.zeros(1, *validation.dataset[0]['inputs'].shape, device=next(model.parameters()).device)
    evaluation = evaluate(model, run.cfg, dataset=validation.dataset, people=validation.people)
    sigmas = np.asarray(validation.dataset.metainfo['sigmas'])
    return Measured(run, evaluation, estimate(evaluation, validation.people, sigmas=sigmas),
                    by_keypoint(evaluation, validation.people, sigmas=sigmas), count_parameters(model).trainable,
                    count_macs(ForwardPass(model), image))


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
