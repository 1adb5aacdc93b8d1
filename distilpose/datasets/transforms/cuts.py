"""Cuts: crops for teachers, of the person as the student sees it, or of the person's box in the image as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmpose.datasets.transforms import TopdownAffine

from distilpose.config.teacher_crop import UNAUGMENTED
from distilpose.errors import DistilPoseError
from distilpose.structures import teacher_fields

from ..person_keys import person_key
from .lazy_decoding import DecodingTopdownAffine, Encoded, Region, flip_of, flipped
from .single_person_crop import SinglePersonTopdownAffine

CLEAN = 'teacher_source'
"""In the results of a pipeline: the image in front of what changes its pixels, and its flip."""
BOX = 'teacher_box'
"""In the results of a pipeline: center and sides of the box before its padding and augmentation, each (1, 2)."""
COMPARE_EVERY = 50
"""Of as many crops whose teacher outputs are cached one is cut, to be compared."""


class Cut:
    """A crop that is cut for a teacher, or once for several that take the same.

    Args:
        teachers: their names.
        kind: of the step that cuts the student's.
        size: (width, height).
        zoom: side of the person's box as a multiple of that for the student: the ratio of their paddings.
        use_udp: whether it puts the last pixel's centre on the edge of the box, as in mmpose.
        view: ``'same'``, or ``'clean'`` for the image without what changes its pixels.
    """

    def __init__(self, teachers: Sequence[str], kind: Any, *, size: tuple[int, int], zoom: float = 1.0,
                 use_udp: bool = False, view: str = 'same') -> None:
        self.teachers, self.fields = tuple(teachers), teacher_fields(teachers[0])
        self.size, self.zoom, self.view = (int(size[0]), int(size[1])), zoom, view
        self.step: Any = kind(input_size=self.size, use_udp=use_udp)

    def box(self, results: dict, *, use_udp: bool) -> dict:
        """The person as the step takes it, without an image.

        Args:
            results: of the sample, before the student's crop.
            use_udp: of the student's crop; mmpose turns a crop by UDP the other way than one without.
        """
        own = dict(bbox_center=results['bbox_center'], bbox_scale=results['bbox_scale'] * np.float32(self.zoom),
                   keypoints=results.get('keypoints'))
        if 'bbox_rotation' in results:
            turn = results['bbox_rotation']
            own['bbox_rotation'] = turn if self.step.use_udp == use_udp else -turn
        return own

    def is_needed(self, person: dict) -> bool:
        """Whether the crop has to be cut; called once for a sample, with what :meth:`box` returned."""
        return True

    def source(self, results: dict) -> np.ndarray:
        """The image, or for a clean view what :class:`KeepUndistorted` kept of it, flipped as the image is."""
        kept = results.get(CLEAN) if self.view == 'clean' else None
        if kept is None:
            return results['img']
        image, had_flip = kept
        flip = flip_of(results)
        return image if flip == had_flip else flipped(image, flip or had_flip)

    def region(self, person: dict, results: dict) -> Region:
        """The pixels of the image, flipped as the sample is, that the crop is interpolated from."""
        return DecodingTopdownAffine.region(person, self.size)

    def crop_decoded(self, person: dict, results: dict, encoded: Encoded, image: np.ndarray, reduction: int) -> dict:
        """The person after the crop of an image that was decoded, and flipped as the sample is."""
        flip = {key: results[key] for key in ('flip', 'flip_direction') if key in results}
        return self.step.crop_decoded(person | flip, encoded, image, reduction)

    def places(self, student: TopdownAffine, results: dict, person: dict) -> dict[str, np.ndarray]:
        """Field of the sample -> its map, and its mask where there are keypoints.

        A point at the distance r from the centre has the pixel ``(r / side + 1 / 2) * n`` of n, with UDP
        ``(r / side + 1 / 2) * (n - 1)``. Both crops are turned alike, so that the map does not rotate.

        Args:
            student: the step that cut the student's crop.
            results: after it.
            person: after the cut.
        """
        share, own_share = _share(student), _share(self.step)
        factor = (share / results['bbox_scale'][0]) / (own_share / person['bbox_scale'][0])
        found = {self.fields.map: np.column_stack([np.diag(factor), (share - factor * own_share) / 2])}
        if results.get('keypoints') is not None:
            found[self.fields.mask] = _is_inside(person['transformed_keypoints'][0, :, :2], results, self.size)
        return {name: value.astype(np.float32) for name, value in found.items()}


class UnaugmentedCut(Cut):
    """The person's box in the image as it is, whatever the augmentation makes of the student's sample.

    Its pixels are those of every epoch, and of any student. So a cache finds a teacher's outputs for it by a key of the
    person, and only some of the crops whose outputs are cached are cut.

    Args:
        teachers: their names.
        kind: of the step that cuts the student's.
        size: (width, height).
        padding: factor of the box.
        use_udp: as in :class:`Cut`.
        view: ``'unaugmented'``.
    """

    def __init__(self, teachers: Sequence[str], kind: Any, *, size: tuple[int, int], padding: float,
                 use_udp: bool = False, view: str = UNAUGMENTED) -> None:
        alike = kind if issubclass(kind, SinglePersonTopdownAffine) else SinglePersonTopdownAffine
        super().__init__(teachers, alike, size=size, use_udp=use_udp, view=view)
        self.padding = float(padding)
        self.caches: dict[str, Callable[[int], bool]] = {}
        """Teacher -> whether its cache has the outputs for the person of a key."""
        self._until_comparison = 0

    def box(self, results: dict, *, use_udp: bool) -> dict:
        """The person in the image as it is."""
        if BOX not in results:
            raise DistilPoseError(f"a teacher's view is {UNAUGMENTED!r}, and the pipeline keeps no box from before the "
                                  'augmentation; write it with distilpose.config.with_teacher_crops')
        center, scale = results[BOX]
        height, width = results['img'].shape[:2]
        keypoints = results.get('keypoints')
        points = np.zeros((1, 1, 2), np.float32) if keypoints is None else keypoints[..., :2].copy()
        axes = _flipped_axes(results)
        points[..., axes] = (np.array([width, height]) - 1)[axes] - points[..., axes]
        person = dict(bbox_center=center, bbox_scale=scale * np.float32(self.padding), keypoints=points,
                      img_size=(width, height))
        if self.caches:
            person['key'] = person_key(results.get('img_path'), center, scale)
        return person

    def is_needed(self, person: dict) -> bool:
        """Not where all of its teachers have cached outputs, but for one of :data:`COMPARE_EVERY`."""
        if not all(name in self.caches and self.caches[name](person['key']) for name in self.teachers):
            return True
        self._until_comparison -= 1
        if self._until_comparison >= 0:
            return False
        self._until_comparison = COMPARE_EVERY - 1
        return True

    def source(self, results: dict) -> np.ndarray:
        """The image as it is."""
        image, flip = results.get(CLEAN) or (results['img'], flip_of(results))
        return flipped(image, flip)

    def region(self, person: dict, results: dict) -> Region:
        """As :meth:`Cut.region`."""
        low, high = np.array(super().region(person, results)).reshape(2, 2)
        axes, size = _flipped_axes(results), np.array(person['img_size'])
        low[axes], high[axes] = size[axes] - high[axes], size[axes] - low[axes]
        return (*low.tolist(), *high.tolist())

    def crop_decoded(self, person: dict, results: dict, encoded: Encoded, image: np.ndarray, reduction: int) -> dict:
        """As :meth:`Cut.crop_decoded`."""
        return self.step.crop_decoded(person, encoded, flipped(image, flip_of(results)), reduction)

    def places(self, student: TopdownAffine, results: dict, person: dict) -> dict[str, np.ndarray]:
        """As :meth:`Cut.places`, with a map that rotates and flips, and the order of joints in a flipped crop."""
        turn = float(results['bbox_rotation'][0]) if 'bbox_rotation' in results else 0.0
        size, own_center = np.array(person['img_size'], float), person['bbox_center'][0].astype(float)
        own_scale = TopdownAffine._fix_aspect_ratio(person['bbox_scale'].astype(float), self.size[0] / self.size[1])[0]
        to_own, to_student = _axes(self.step, own_scale, 0.0), _axes(student, results['bbox_scale'][0], turn)
        share, own_share, flip = _share(student), _share(self.step), np.ones(2)
        flip[_flipped_axes(results)] = -1
        center = np.where(flip < 0, size - 1 - own_center, own_center) - results['bbox_center'][0]
        linear = to_student @ np.diag(flip) @ np.linalg.inv(to_own)
        shift = to_student @ center + share / 2 - linear @ own_share / 2
        found = {self.fields.map: np.column_stack([linear, shift]).astype(np.float32)}
        if results.get('keypoints') is not None:
            fractions = (person['keypoints'][0] - own_center) @ to_own.T + own_share / 2
            found[self.fields.mask] = _is_inside(fractions * self.size, results, self.size)
        if flip.prod() < 0:  # mmpose exchanges no joints where both axes are flipped, which is a rotation
            found[self.fields.order] = _flip_indices(results)
        return found


def _axes(step: TopdownAffine, scale: np.ndarray, degrees: float) -> np.ndarray:
    """(2, 2) from pixels of the image to fractions of a step's crop, around the centre of its box.

    mmpose turns a crop by UDP the other way than one without.
    """
    angle = np.deg2rad(degrees)
    sine = np.sin(angle) * (-1 if step.use_udp else 1)
    return np.array([[np.cos(angle), sine], [-sine, np.cos(angle)]]) * (_share(step) / scale)[:, None]


def _share(step: TopdownAffine) -> np.ndarray:
    """(2,) along x and y: how much of the crop's side lies between the edges of the box."""
    size = np.array(step.input_size, float)
    return (size - 1) / size if step.use_udp else np.ones(2)


def _flipped_axes(results: dict) -> list[int]:
    """Axes of the image along which a sample is flipped, x 0 and y 1."""
    return dict(horizontal=[0], vertical=[1], diagonal=[0, 1]).get(str(flip_of(results)), [])


def _flip_indices(results: dict) -> np.ndarray:
    if results.get('flip_indices') is None:
        raise DistilPoseError('a sample is flipped, and its data set does not say which keypoints that exchanges '
                              '(flip_indices of its metainfo), which an unaugmented view of a teacher needs; give the '
                              "data set a metainfo, or set model.teacher.view='clean'")
    return np.array(results['flip_indices'], np.int64)


def _is_inside(points: np.ndarray, results: dict, size: tuple[int, int]) -> np.ndarray:
    """(K,) 1 for points (K, 2) in a crop and for those that are not labelled, else 0."""
    inside = ((points >= 0) & (points <= size)).all(axis=1)
    visible = results['keypoints_visible'][0]
    labelled = (visible if visible.ndim == 1 else visible[..., 0]) > 0
    return (inside | ~labelled).astype(np.float32)
