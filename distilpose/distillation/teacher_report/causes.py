"""Likely faults of a teacher (channel order, normalisation, keypoint order, grid), judged by its metrics."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from distilpose.distillation.image_adapter import adapter_between
from distilpose.evaluation import People
from distilpose.structures import NetworkInput, PoseOutputs

from .metrics import correct, mean_pose
from .predictions import Predictions, collect

_LEAST_GAIN = 0.2
"""Points of PCK, of 1, that another order of keypoints must be better by."""
_MOVED = 0.2
"""By how much of 1 a keypoint is more often right by another label than the own keypoint of that label."""
MOST_BIAS = 0.2
"""Cells that joints may lie beside their labels on average."""
PEOPLE_TO_PROBE = 50
LEAST_PEOPLE = 10
"""Fewer are too few to judge a teacher: errors of the joints of one person are correlated."""
_NORMALISATIONS = {
    'pixel / 127.5 - 1': ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    'pixel / 255': ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    'pixels of 0 to 255': ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # red, green, blue
_LEAST_GAIN, _STANDARD_ERRORS = 0.02, 3.0


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a teacher."""

    kind: str
    """``'chance'``, ``'mirrored'``, ``'order'``, ``'channels'``, ``'normalisation'`` or ``'grid'``."""
    text: str
    """What was found, with figures, and the likely cause."""

    @property
    def is_severe(self) -> bool:
        """Whether a strict training refuses such a teacher. Definitions of joints differ, which looks like a grid."""
        return self.kind != 'grid'


def judge(figures: dict[str, Any], predictions: Predictions, *, names: Sequence[str], flip: Sequence[int],
          readings: Sequence[Finding] = ()) -> list[Finding]:
    """Everything that is wrong, the worst first; nothing where there are too few people to judge.

    Args:
        figures: from :func:`~distilpose.distillation.teacher_report.measure`.
        predictions: which they were taken of.
        names: of the K keypoints.
        flip: for every keypoint the one that it is in the mirror.
        readings: from :func:`other_readings`.
    """
    if figures['people_with_joints'] < LEAST_PEOPLE:
        return []
    found = [*_order(predictions, names, flip)] or [*_mirrored(figures, predictions, np.asarray(flip))]
    causes = [*found, *readings]
    chance = [*_chance(figures, predictions, has_cause=bool(causes))]
    # Where joints are exchanged or missed, those that are right by accident do not show the grid.
    return [*chance, *causes, *(() if found or chance else _grid(figures))]


def other_readings(distiller: Any, dataset: Any, indices: Sequence[int], predictions: Predictions, *, batch_size: int,
                   seconds: float) -> list[Finding]:
    """Whether the teacher is better on images in another order of channels, or normalised otherwise, than declared.

    Args:
        distiller: with the teacher.
        dataset: validation data.
        indices: of the people that ``predictions`` are of.
        predictions: of the teacher as it is declared.
        batch_size: of the teacher.
        seconds: that this may take, about.
    """
    declared, found = distiller.teacher.input, []
    choices = list(_readings(declared))
    for kind, text, other in choices:
        probed = collect(_with_input(distiller, other), dataset, indices[:PEOPLE_TO_PROBE], batch_size=batch_size,
                         seconds=seconds / len(choices))
        gain = _gain(predictions, probed.coords)
        if gain is not None:
            found.append((gain, Finding(kind, f'{text} it is right in {gain[1]:.1%} of the joints of '
                                              f'{len(probed.coords)} people, and in {gain[0]:.1%} as it is declared')))
    if not found:
        return []
    best = max(found, key=lambda entry: entry[0][1])[1]
    return [Finding(best.kind, f'{best.text}: {_REMEDIES[best.kind]}')]


_REMEDIES = {
    'channels': 'its channels are probably in the other order; change channel_order in its input, or bgr_to_rgb of '
                'the data_preprocessor in its config',
    'normalisation': 'its mean and std are probably those; change them in its input, or in the data_preprocessor of '
                     'its config',
}


def _readings(declared: NetworkInput) -> Iterator[tuple[str, str, NetworkInput]]:
    order = ('red, green, blue', 'blue, green, red')
    yield ('channels', f'With its channels as {order[declared.rgb]} instead of {order[not declared.rgb]}',
           replace(declared, rgb=not declared.rgb))
    if declared.mean is None or declared.std is None:
        return
    mean, std = _IMAGENET if declared.rgb else (values[::-1] for values in _IMAGENET)
    for name, (other_mean, other_std) in {"ImageNet's mean and std": (mean, std), **_NORMALISATIONS}.items():
        if not np.allclose(other_mean, declared.mean, atol=1) or not np.allclose(other_std, declared.std, rtol=0.05):
            yield 'normalisation', f'With {name}', replace(declared, mean=other_mean, std=other_std)


class _Reading:
    """A teacher whose images are converted as if it had another input description."""

    def __init__(self, teacher: Any, adapter: nn.Module) -> None:
        self._teacher, self._adapter = teacher, adapter

    def outputs(self, images: Tensor, **options: Any) -> PoseOutputs:
        """As the teacher's."""
        return self._teacher.outputs(self._adapter.to(images.device)(images), **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._teacher, name)


def _with_input(distiller: Any, other: NetworkInput) -> Any:
    """A shallow copy of the distiller whose teacher has another input description; the distiller does not change."""
    view, paired = copy.copy(distiller), copy.copy(distiller.only_teacher())
    paired.teacher = _Reading(paired.teacher, adapter_between(paired.teacher.input, other))
    view.teachers = {paired.name: paired}
    return view


def _gain(predictions: Predictions, coords: np.ndarray) -> tuple[float, float] | None:
    """The shares of right joints of the first people before and after, where the second is surely larger."""
    some = _first(predictions, len(coords))
    counted = some.counted
    before, after = (correct(some, some.to_image(values))[counted] for values in (some.coords, coords))
    return (float(before.mean()), float(after.mean())) if _is_better(after, before) else None


def _is_better(right: np.ndarray, other: np.ndarray, *, errors: float = _STANDARD_ERRORS) -> bool:
    """Whether one of two predictions of the same joints is right surely more often, by so many standard errors."""
    won, lost = int((right & ~other).sum()), int((other & ~right).sum())
    return won - lost >= max(_LEAST_GAIN * len(right), errors * np.sqrt(won + lost), 1)


def _first(predictions: Predictions, count: int) -> Predictions:
    people = predictions.people
    some = People(people.keypoints[:count], people.labelled[:count], people.boxes[:count], people.areas[:count],
                  people.images[:count])
    return replace(predictions, coords=predictions.coords[:count], certainty=predictions.certainty[:count],
                   mask=predictions.mask[:count], people=some, origins=predictions.origins[:count],
                   extents=predictions.extents[:count])


def _chance(figures: dict[str, Any], predictions: Predictions, *, has_cause: bool) -> Iterator[Finding]:
    """Also where it is better by a joint or two, as another pose would be that needs no image."""
    mean, pck, ap = figures['mean_pose'], figures['pck'], figures['ap']
    of_teacher, of_mean = (correct(predictions, predictions.to_image(coords))[predictions.counted]
                           for coords in (predictions.coords, mean_pose(predictions)))
    by_pck = not _is_better(of_teacher, of_mean, errors=2)
    by_ap = ap is not None and mean['ap'] and ap <= mean['ap']
    if by_pck or by_ap:
        how = 'hardly' if pck > mean['pck'] and not by_ap else 'no'
        cause = ('the cause is named below' if has_cause else
                 'check the order of its channels, its mean and std, the grid of its heatmaps, the order of its '
                 'keypoints and the padding of its crop, and that the weights are those of this network')
        yield Finding('chance', f'The teacher is {how} better than the mean pose of these people, which needs no '
                                f'image: AP {_points(ap)} against {_points(mean["ap"])}, PCK@0.1 {_points(pck)} '
                                f'against {_points(mean["pck"])}; {cause}')


def _mirrored(figures: dict[str, Any], predictions: Predictions, flip: np.ndarray) -> Iterator[Finding]:
    sides, truth = figures['sides'], predictions.people.keypoints
    pairs = predictions.counted & predictions.people.labelled[:, flip] & (flip != np.arange(len(flip)))
    own, mirrored = (correct(predictions, predictions.predicted, labels)[pairs] for labels in (truth, truth[:, flip]))
    if _is_better(mirrored, own) and sides['pck_mirrored'] > figures['mean_pose']['pck']:
        yield Finding('mirrored', 'The teacher exchanges left and right: of the joints that have two sides it is right '
                                  f'in {sides["pck_mirrored"]:.1%} when the labels are mirrored, and in '
                                  f'{sides["pck"]:.1%} as they are; its keypoints are probably in another order (give '
                                  'their names in model.teacher.keypoints), or its images or the labels are mirrored')


def _order(predictions: Predictions, names: Sequence[str], flip: Sequence[int]) -> Iterator[Finding]:
    """Whether keypoints are those of other labels, by the assignment of keypoints to labels that is right most often.

    Nothing where they only change sides, which :func:`_mirrored` reports.
    """
    labelled, mask = predictions.people.labelled, predictions.mask
    counts = np.array([(labelled[:, [label]] & mask).sum(0) for label in range(len(names))]).T
    shares = _shares_right(predictions) / np.maximum(counts, 1)
    labels = np.flatnonzero(predictions.counted.any(0))
    weights = predictions.counted.sum(0)[labels]
    most = shares[:, labels].max(0) - shares[labels, labels]
    if not _is_other_order(most, most > _MOVED, weights):
        return
    from scipy.optimize import linear_sum_assignment  # its import takes half a second

    rows, columns = linear_sum_assignment(shares[:, labels] * weights + 1e-3 * np.eye(len(names))[:, labels],
                                          maximize=True)
    own, other = shares[labels[columns], labels[columns]], shares[rows, labels[columns]]
    moved = (rows != labels[columns]) & (other > own + _MOVED)
    gain = _points_of_order(other - own, moved, weights[columns])
    changes_sides = np.array_equal(rows[moved], np.asarray(flip)[labels[columns][moved]])
    if not _is_other_order(other - own, moved, weights[columns]) or changes_sides:
        return
    pairs = [f'{names[row]} lies on {names[label]}' for row, label in
             zip(rows[moved].tolist(), labels[columns][moved].tolist(), strict=True)]
    more = f' and {len(pairs) - 4} more' if len(pairs) > 4 else ''
    yield Finding('order', f'The keypoints of the teacher are in another order than the labels: {", ".join(pairs[:4])}'
                           f'{more}; in the order that fits best PCK@0.1 is {100 * gain:.1f} points higher. Give their '
                           'names in model.teacher.keypoints')


def _points_of_order(differences: np.ndarray, moved: np.ndarray, weights: np.ndarray) -> float:
    """By how much PCK, of 1, is higher with the labels of moved keypoints exchanged."""
    return float((differences * weights)[moved].sum() / max(weights.sum(), 1))


def _is_other_order(differences: np.ndarray, moved: np.ndarray, weights: np.ndarray) -> bool:
    """Whether that is worth a word."""
    return moved.sum() >= 2 and _points_of_order(differences, moved, weights) >= _LEAST_GAIN


def _shares_right(predictions: Predictions) -> np.ndarray:
    """(K, K) how often keypoint i is right by label j."""
    truth, labelled = predictions.people.keypoints, predictions.people.labelled
    predicted = predictions.predicted
    return np.array([(correct(predictions, predicted, np.broadcast_to(truth[:, [label]], truth.shape))
                      & labelled[:, [label]] & predictions.mask).sum(0) for label in range(truth.shape[1])]).T


def _grid(figures: dict[str, Any]) -> Iterator[Finding]:
    bias = figures['bias']
    found = {axis: bias[axis] for axis in ('x', 'y') if bias[axis] is not None and abs(bias[axis]) > MOST_BIAS
             and abs(bias[axis]) > _STANDARD_ERRORS * bias[f'error_of_{axis}']}
    if found:
        where = ' and '.join(f'{value:+.2f} cells along {axis}' for axis, value in found.items())
        shifts = [found.get(axis, 0.0) for axis in 'xy']
        is_half = min(map(abs, shifts)) > 0.3 and max(map(abs, shifts)) < 0.7 and shifts[0] * shifts[1] > 0
        cause = ('about half a cell along both: cells stand for another place than they are taken for; set the grid in '
                 'its outputs' if is_half else 'the grid of its heatmaps or the padding of its crop may be wrong, or '
                 'its joints are defined otherwise than the labels')
        yield Finding('grid', f'The joints of the teacher that are right lie beside their labels, {where} of '
                              f'{bias["cells"][0]}x{bias["cells"][1]} on average (more than {MOST_BIAS}): {cause}')


def _points(value: float | None) -> str:
    return 'unknown' if value is None else f'{100 * value:.1f}'
