"""Teacher predictions for validation people, with the labels of the people."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from distilpose.datasets import TeacherCrop
from distilpose.distillation.heatmap_grid import HeatmapGrid
from distilpose.distillation.teachers.decoding import certainty_of, coordinates_of
from distilpose.errors import DistilPoseError
from distilpose.evaluation import People
from distilpose.structures import PoseOutputs

STRIDE = 4
"""Pixels of the student's crop that are called a cell where the teacher has no heatmaps."""
_FIRST = 4
"""People of the first batch where time is limited."""
AREA_OF_BOX = 0.53  # as mmpose's CocoMetric has it for people without an area


@dataclass(frozen=True)
class Predictions:
    """A teacher's predictions for N people with K keypoints, and their labels; in pixels unless stated otherwise."""

    coords: np.ndarray
    """(N, K, 2) as fractions of the student's crop."""
    certainty: np.ndarray
    """(N, K) in [0, 1]."""
    mask: np.ndarray
    """(N, K) whether the teacher predicts the keypoint."""
    people: People
    """The labels."""
    origins: np.ndarray
    """(N, 2) the corner of the crop."""
    extents: np.ndarray
    """(N, 2) the sides of the crop."""
    cells: tuple[int, int]
    """How many cells the crop has along x and y."""
    has_certainty: bool
    """Whether the teacher predicts a certainty."""
    seconds: float
    """Time of the teacher for an image, NaN where it was not taken."""
    crops: tuple[np.ndarray, ...] = ()
    """(H, W, 3) BGR crops of the first people."""

    @property
    def predicted(self) -> np.ndarray:
        """(N, K, 2) what the teacher predicts."""
        return self.to_image(self.coords)

    @property
    def counted(self) -> np.ndarray:
        """(N, K) whether a keypoint is labelled and predicted by the teacher."""
        return self.people.labelled & self.mask

    @property
    def truth(self) -> np.ndarray:
        """(N, K, 2) the labels as fractions of the crop."""
        return (self.people.keypoints - self.origins[:, None]) / self.extents[:, None]

    def to_image(self, fractions: np.ndarray) -> np.ndarray:
        """(N, K, 2) fractions of the crop to image pixels."""
        return self.origins[:, None] + fractions * self.extents[:, None]


@contextmanager
def untouched_randomness() -> Iterator[None]:
    """Restores the random states of Python, numpy and torch at the end."""
    for_python, for_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if torch.cuda.is_initialized() else []):
            yield
    finally:
        random.setstate(for_python)
        np.random.set_state(for_numpy)


def choose_people(dataset: Any, most: int) -> list[int]:
    """Indices of at most so many samples, always the same ones; every beginning of them is a fair draw."""
    return np.random.default_rng(0).permutation(len(dataset))[:most].tolist()


def with_one_teacher(distiller: Any, name: str) -> Any:
    """A shallow copy of a distiller that has one of its teachers only; the distiller does not change."""
    view = copy.copy(distiller)
    view._modules = dict(distiller._modules)  # which copy.copy shares
    view.teachers, view.combination = {name: distiller.teachers[name]}, None
    return view


def simcc_beta_of(distiller: Any) -> float:
    """That of the SimCC logits which :meth:`~distilpose.distillation.PoseDistiller.run_teacher` returns."""
    return distiller.teacher.simcc_beta if distiller.combination is None else distiller.combination.simcc_beta


def heatmap_grid_of(distiller: Any) -> HeatmapGrid:
    """As :func:`simcc_beta_of`, of the heatmaps."""
    return distiller.grids.target if distiller.combination is None else distiller.combination.grid


@torch.no_grad()
def collect(distiller: Any, dataset: Any, indices: Sequence[int], *, batch_size: int, seconds: float | None = None,
            keep_crops: int = 0) -> Predictions:
    """Runs a distiller's teacher, or the combination of several, on people of a data set as in the training.

    No random number is drawn, and no state changes.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller`.
        dataset: validation data, whose pipeline makes the student's crops.
        indices: of the people.
        batch_size: of the teacher.
        seconds: that this may take; the first few people are timed, to estimate how many more fit in.
        keep_crops: of how many people the crops are kept.

    Raises:
        DistilPoseError: the teacher gives numbers that are not finite.
    """
    batches: list[_Batch] = []
    crops: list[np.ndarray] = []
    began, done = time.perf_counter(), 0
    with untouched_randomness():
        while done < len(indices):
            size = _next_size(done, time.perf_counter() - began, batch_size=batch_size, seconds=seconds)
            if not size:
                break
            batch = pseudo_collate([dataset[index] for index in indices[done:done + size]])
            crops += [image.numpy().transpose(1, 2, 0) for image in batch['inputs'][:keep_crops - len(crops)]]
            batches.append(_predict(distiller, batch))
            done += size
    return _joined(batches, tuple(crops), is_udp=_uses_udp(dataset))


def _next_size(done: int, spent: float, *, batch_size: int, seconds: float | None) -> int:
    """Size of the next batch: as many people as there is time for; 0 where it is over."""
    if seconds is None:
        return batch_size
    if not done:
        return min(batch_size, _FIRST)
    return min(batch_size, max(int((seconds - spent) * done / spent), 0)) if spent else batch_size


class _Batch(NamedTuple):
    """The teacher's predictions for one batch."""

    coords: np.ndarray
    certainty: np.ndarray
    mask: np.ndarray
    samples: list
    seconds: float
    map_size: tuple[int, int] | None
    """(width, height) of the heatmaps."""
    has_certainty: bool


def _predict(distiller: Any, batch: dict) -> _Batch:
    """The teacher's outputs for one batch, and the time it took."""
    data = distiller.data_preprocessor(batch, False)
    images = data['inputs']
    _wait_for(images)
    began = time.perf_counter()
    outputs = distiller.run_teacher(images, data['data_samples'], widened=False)
    _wait_for(images)
    seconds = time.perf_counter() - began
    coords = coordinates_of(outputs, grid=heatmap_grid_of(distiller))
    certainty = certainty_of(outputs, beta=simcc_beta_of(distiller))
    _require_finite(distiller, outputs, coords, certainty, images)
    mask = torch.ones_like(certainty) if outputs.mask is None else outputs.mask
    maps = None if outputs.heatmaps is None else outputs.heatmaps[-1]
    return _Batch(coords.double().cpu().numpy(), certainty.double().cpu().numpy(), mask.cpu().numpy() > 0,
                  data['data_samples'], seconds, None if maps is None else (maps.shape[-1], maps.shape[-2]),
                  has_certainty=any(field is not None for field in (outputs.scores, maps, outputs.simcc)))


def _wait_for(images: Tensor) -> None:
    if images.is_cuda:
        torch.cuda.synchronize(images.device)


def _require_finite(distiller: Any, outputs: PoseOutputs, coords: Tensor, certainty: Tensor, images: Tensor) -> None:
    """Refuses numbers that are none, of what is decoded and of what the terms read.

    Raises:
        DistilPoseError: names the field.
    """
    read = {field for term in distiller.terms.values() for field in term.teacher_fields}
    found: dict[str, tuple[Tensor, ...]] = dict(coordinates=(coords,), certainties=(certainty,))
    found.update((field, outputs.tensors(field)) for field in sorted(read) if outputs.tensors(field))
    for name, tensors in found.items():
        bad = torch.stack([~tensor.flatten(1).isfinite().all(1) for tensor in tensors]).any(0)
        if bad.any():
            source = 'the images too have such numbers' if not images.isfinite().all() else 'the images are finite'
            raise DistilPoseError(
                f"the teacher's {name.replace('_', ' ')} are not finite for {int(bad.sum())} of {len(bad)} people of a "
                f'batch ({source}); nothing can be learnt from that. Its weights may be broken, its mean and std may '
                'be those of another network, or model.teacher.dtype may be too short for it')


def _uses_udp(dataset: Any) -> bool:
    """Whether the student's crops put the last pixel's centre on the edge of the box."""
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return any(getattr(step.crop if isinstance(step, TeacherCrop) else step, 'use_udp', False) for step in steps) or (
        any(map(_uses_udp, getattr(dataset, 'datasets', ()))))


def _joined(batches: Sequence[_Batch], crops: tuple[np.ndarray, ...], *, is_udp: bool) -> Predictions:
    samples = [sample for batch in batches for sample in batch.samples]
    sizes, centres, extents = (np.array([np.ravel(sample.metainfo[key]) for sample in samples], dtype=float)
                               for key in ('input_size', 'input_center', 'input_scale'))
    origins = centres - extents / 2
    extents = extents * (sizes / (sizes - 1) if is_udp else 1)
    coords, certainty, mask = (np.concatenate([batch[field] for batch in batches]) for field in range(3))
    timed = batches[1:] or batches  # the first one warms up what comes after it
    seconds = sum(batch.seconds for batch in timed) / sum(len(batch.samples) for batch in timed)
    cells = batches[0].map_size or (round(sizes[0, 0] / STRIDE), round(sizes[0, 1] / STRIDE))
    return Predictions(coords, certainty, mask, _people(samples), origins, extents, cells,
                   has_certainty=batches[0].has_certainty, seconds=seconds, crops=crops)


def _people(samples: Sequence[Any]) -> People:
    """The labels of data samples, as far as they have some."""
    keypoints = np.array([sample.gt_instances.keypoints[0, :, :2] for sample in samples], dtype=float)
    visible = np.array([_visible(sample.gt_instances.keypoints_visible) for sample in samples])
    raw = [sample.metainfo.get('raw_ann_info') or {} for sample in samples]
    corners = np.array([np.ravel(sample.gt_instances.bboxes)[:4] for sample in samples], dtype=float)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    boxes = np.array([entry.get('bbox', box) for entry, box in zip(raw, boxes, strict=True)], dtype=float)
    areas = np.array([entry.get('area') or AREA_OF_BOX * box[2] * box[3]
                      for entry, box in zip(raw, boxes, strict=True)], dtype=float)
    names = [sample.metainfo.get('img_id', place) for place, sample in enumerate(samples)]
    numbers = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return People(keypoints, visible, boxes, areas, np.array([numbers[name] for name in names], dtype=np.int64))


def _visible(values: np.ndarray) -> np.ndarray:
    """(K,) whether each keypoint is labelled; mmpose's flags are (1, K) or (1, K, 2)."""
    values = np.asarray(values)[0]
    return (values if values.ndim == 1 else values[:, 0]) > 0
