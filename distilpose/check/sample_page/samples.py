"""Samples of a data set as its pipeline makes them, with the results of the pipeline before it packs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs

from distilpose.datasets import UnlabelledImages
from distilpose.host.views import view_of

from ...distillation.teacher_report.predictions import untouched_randomness
from ...engine.hooks.randomness import SAMPLE_STREAM, seed_generators

_MOST_EPOCHS = 16
"""Among so many epochs one is looked for that flips a person, or does not."""


@dataclass(frozen=True)
class Source:
    """A data set that samples come from, alone or in a mixture."""

    dataset: Any
    name: str
    start: int
    """The index of its first sample in the whole."""
    count: int
    is_labelled: bool


@dataclass(frozen=True)
class Sample:
    """One person as the network is given it."""

    source: Source
    index: int
    epoch: int
    """Of the training in which the person looks like this, from 0."""
    packed: dict[str, Any] | None
    """``inputs`` and ``data_samples`` as the loader collates them; ``None`` where the pipeline fails."""
    results: dict[str, Any]
    """The results of the pipeline before the step that packs."""
    error: str = ''
    """Why the pipeline fails."""

    @property
    def title(self) -> str:
        """Image and annotation."""
        name = Path(str(self.results.get('img_path', f'sample {self.index}'))).name
        return f'{name}, id {self.results["id"]}' if 'id' in self.results else name

    @property
    def flip(self) -> str | None:
        """The direction in which it is flipped."""
        return str(self.results.get('flip_direction')) if self.results.get('flip') else None

    @property
    def points(self) -> np.ndarray | None:
        """(K, 2) keypoints in pixels of the crop."""
        points = self.results.get('transformed_keypoints')
        return None if points is None else np.asarray(points, dtype=float)[0, :, :2]

    @property
    def visible(self) -> np.ndarray:
        """(K,) 0 not labelled, 1 labelled and hidden, 2 visible; where the annotation is not kept 0 or 2."""
        values = np.asarray(self.results['keypoints_visible'])[0]
        labelled = (values if values.ndim == 1 else values[:, 0]) > 0
        raw = (self.results.get('raw_ann_info') or {}).get('keypoints') or []
        if len(raw) != 3 * len(labelled):
            return np.where(labelled, 2, 0)
        flags = np.asarray(raw, dtype=float).reshape(-1, 3)[:, 2]
        if self.flip in ('horizontal', 'diagonal'):
            flags = flags[list(self.results['flip_indices'])]
        return np.where(labelled, np.where(flags == 1, 1, 2), 0)

    @property
    def weights(self) -> np.ndarray | None:
        """(K,) weights of the keypoints in the task loss, ``None`` where the pipeline makes no targets."""
        weights = self.results.get('keypoint_weights')
        if weights is None:
            return None
        weights = weights[-1] if isinstance(weights, list) else weights
        return np.asarray(weights, dtype=float).reshape(-1)[:len(self.visible)]

    @property
    def teacher_crops(self) -> dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]]:
        """Teachers that take the same -> their own crop (H, W, 3) BGR, and (2, 3) affine from its fractions to
        the student's."""
        return {cut.teachers: (self.results[cut.fields.image], self.results[cut.fields.map])
                for cut in self.results.get('teacher_crops', ())}


class _Recorder:
    """A step that changes nothing and keeps what it was given."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        self.results = dict(results)
        return results


def list_sources(dataset: Any, *, start: int = 0, count: int | None = None) -> list[Source]:
    """The data sets whose samples a data set has, in the order of its indices.

    A data set that is repeated comes once.
    """
    if hasattr(dataset, 'datasets'):
        lengths = getattr(dataset, '_lens', None) or [len(part) for part in dataset.datasets]
        found: list[Source] = []
        for part, length in zip(dataset.datasets, lengths, strict=True):
            found += list_sources(part, start=start, count=length)
            start += length
        return found
    if hasattr(dataset, 'dataset'):
        return list_sources(dataset.dataset, start=start)
    named = getattr(dataset, 'ann_file', None) or (getattr(dataset, 'data_prefix', None) or {}).get('img') or ''
    name = f'{type(dataset).__name__} {Path(str(named)).name}'.strip()
    return [Source(dataset, name, start, len(dataset) if count is None else count,
                   not isinstance(dataset, UnlabelledImages))]


def draw_samples(dataset: Any, sources: Sequence[Source], *, people: int, draws: int,
                 seed: int) -> Iterator[list[Sample]]:
    """People of every source, each as it looks in some epochs of a training with this seed.

    Samples are those that the training's loader gives at these epochs. Of several draws one is flipped and one is not,
    where the pipeline does both within 16 epochs. The data set is not written to, and no random number outside is
    drawn.

    Args:
        dataset: of a loader.
        sources: of the data set, some of them.
        people: of all sources together, at least one of each; always the same ones.
        draws: how often each person is drawn; 1 for data without augmentation.
        seed: of the training.
    """
    recorder = _Recorder()
    view = _recorded(dataset, recorder)
    of_each = -(-people // max(len(sources), 1))
    for source in sources:
        for index in _choose(source, of_each):
            with untouched_randomness():
                drawn = _draw(view, recorder, source, index, draws=draws, seed=seed)
            yield drawn


def _draw(view: Any, recorder: _Recorder, source: Source, index: int, *, draws: int, seed: int) -> list[Sample]:
    drawn = [_sample(view, recorder, source, index, epoch=epoch, seed=seed) for epoch in range(draws)]
    epoch = draws
    while draws > 1 and epoch < _MOST_EPOCHS and len({sample.flip for sample in drawn}) < 2:
        other = _sample(view, recorder, source, index, epoch=epoch, seed=seed)
        if other.flip != drawn[0].flip:
            drawn[-1] = other
        epoch += 1
    return drawn


def _sample(view: Any, recorder: _Recorder, source: Source, index: int, *, epoch: int, seed: int) -> Sample:
    recorder.results = {}
    seed_generators((seed, SAMPLE_STREAM, epoch, index), with_torch=False)
    try:
        packed = view[index]
    except Exception as error:  # of any step, also one of a user: the page shows which sample fails, and how
        info = source.dataset.get_data_info(index - source.start)
        return Sample(source, index, epoch, None, info, f'{type(error).__name__}: {error}')
    return Sample(source, index, epoch, packed, recorder.results)


def _choose(source: Source, count: int) -> list[int]:
    places = np.random.default_rng(0).permutation(source.count)[:count]
    return [source.start + int(place) for place in np.sort(places)]


def _recorded(dataset: Any, recorder: _Recorder) -> Any:
    """A view of a data set and of those in it whose pipelines show what they pack."""
    changes: dict[str, Any] = {}
    steps = list(getattr(getattr(dataset, 'pipeline', None), 'transforms', ()))
    packing = [place for place, step in enumerate(steps) if isinstance(step, PackPoseInputs)]
    if packing:
        changes['pipeline'] = Compose([*steps[:packing[0]], recorder, *steps[packing[0]:]])
    if hasattr(dataset, 'datasets'):
        changes['datasets'] = [_recorded(part, recorder) for part in dataset.datasets]
    elif hasattr(dataset, 'dataset'):
        changes['dataset'] = _recorded(dataset.dataset, recorder)
    return view_of(dataset, **changes) if changes else dataset


def split_ratio(dataset: Any) -> float:
    """SimDR's bins of a pixel, as the pipelines of a data set make its classes; 1 where they make none."""
    for step in getattr(getattr(dataset, 'pipeline', None), 'transforms', ()):
        codecs = getattr(step, 'encoder', None) if isinstance(step, GenerateTarget) else None
        for codec in codecs if isinstance(codecs, list) else [codecs]:
            own = getattr(codec, 'simdr_split_ratio', None)
            if own is not None:
                return float(own)
    parts = (*getattr(dataset, 'datasets', ()), getattr(dataset, 'dataset', None))
    return next((ratio for part in parts if part is not None and (ratio := split_ratio(part)) != 1), 1.0)
