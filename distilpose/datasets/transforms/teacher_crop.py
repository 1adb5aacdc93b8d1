"""Teacher crops: the inputs of teachers are cut from the original image, with the student's augmentation replayed.

Four steps around those of a pipeline, put there by :func:`distilpose.config.with_teacher_crops`. None of them draws a
random number, and none changes the student's input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import PackPoseInputs, TopdownAffine
from mmpose.registry import TRANSFORMS

from distilpose.config.teacher_crop import REPLAYED, not_replayable
from distilpose.crop_store import StoredCrop
from distilpose.errors import DistilPoseError
from distilpose.host.albumentations import Compose
from distilpose.structures import ONLY_TEACHER, teacher_fields

from .coarse_dropout import CoarseDropout, Hole
from .formatting import channels_first
from .lazy_decoding import DecodingTopdownAffine, flip_of, flipped
from .random_blur import RandomBlur
from .single_person_crop import SinglePersonTopdownAffine

Step = Callable[[dict], dict]

_CUTS = 'teacher_crops'
_CLEAN = 'teacher_source'


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

    def source(self, results: dict) -> np.ndarray:
        """The image, or for a clean view what :class:`KeepUndistorted` kept of it, flipped as the image is."""
        kept = results.get(_CLEAN) if self.view == 'clean' else None
        if kept is None:
            return results['img']
        image, had_flip = kept
        flip = flip_of(results)
        return image if flip == had_flip else flipped(image, flip or had_flip)

    def map_from(self, student: TopdownAffine, scale: np.ndarray, own_scale: np.ndarray) -> np.ndarray:
        """(2, 2) scale and shift from its fractions to the student's, by the sides of both boxes.

        A point at the distance r from the centre has the pixel ``(r / side + 1 / 2) * n`` of n, with UDP
        ``(r / side + 1 / 2) * (n - 1)``.
        """
        share, own_share = _share(student), _share(self.step)
        factor = (share / scale) / (own_share / own_scale)
        return np.stack([factor, (share - factor * own_share) / 2], axis=1).astype(np.float32)


@TRANSFORMS.register_module()
class TeacherCrop(BaseTransform):
    """Cuts crops for teachers next to that of the student.

    All have the person's centre and rotation and are cut from the same image, so that a student's fraction of the side
    is ``scale * fraction + shift`` of the teacher's, along x and along y. Sets ``teacher_image`` (H, W, 3),
    ``teacher_map`` (2, 2), rows x and y, columns scale and shift, and ``teacher_mask`` (K,), 0 for joints which the
    annotations put outside of the teacher's crop; those of ``teachers`` end with the teacher's name.

    Args:
        crop: the student's step, ``TopdownAffine`` or one of its kind, which is applied as it is.
        size: (width, height) of the crop of the only teacher.
        teachers: name -> options of :class:`Cut`, or the name of the teacher before it whose crop is the same.
        only: further options of the only teacher: ``zoom``, ``use_udp`` and ``view``.

    Raises:
        DistilPoseError: the step is no top-down crop, or a sample has several images.
    """

    def __init__(self, crop: dict | Step, *, size: tuple[int, int] | None = None,
                 teachers: Mapping[str, dict | str] | None = None, **only: Any) -> None:
        self.crop: Any = TRANSFORMS.build(crop) if isinstance(crop, Mapping) else crop
        if not isinstance(self.crop, TopdownAffine):
            raise DistilPoseError(f'TeacherCrop got crop={type(self.crop).__name__}, and a crop of its own for the '
                                  'teacher needs TopdownAffine, or a step derived from it')
        kind = next(kind for kind in (DecodingTopdownAffine, SinglePersonTopdownAffine, TopdownAffine)
                    if isinstance(self.crop, kind))
        named = teachers or {ONLY_TEACHER: dict(only, size=size)}
        self.cuts = [Cut([name, *(other for other, same in named.items() if same == name)], kind, **options)
                     for name, options in named.items() if isinstance(options, Mapping)]

    def transform(self, results: dict) -> dict:
        """See the class."""
        if isinstance(results['img'], list):
            raise DistilPoseError("a crop of its own for the teacher needs samples of one image; set "
                                  "model.teacher.crop='student'")
        own = [cut.box(results, use_udp=self.crop.use_udp) for cut in self.cuts]
        if isinstance(self.crop, DecodingTopdownAffine) and 'encoded_img' in results:
            results, own = self._decoded(results, own)
        else:
            own = [cut.step.transform(person | dict(img=cut.source(results)))
                   for cut, person in zip(self.cuts, own, strict=True)]
            results.pop(_CLEAN, None)
            results = self.crop.transform(results)
        for cut, person in zip(self.cuts, own, strict=True):
            results[cut.fields.image] = person['img']
            results[cut.fields.map] = cut.map_from(self.crop, results['bbox_scale'][0], person['bbox_scale'][0])
            if results.get('keypoints') is not None:
                results[cut.fields.mask] = _is_inside(person['transformed_keypoints'][0, :, :2],
                                                      results['keypoints_visible'][0], cut.size)
        results[_CUTS] = self.cuts
        return results

    def _decoded(self, results: dict, own: list[dict]) -> tuple[dict, list[dict]]:
        """All crops of an image that is decoded here, once, down to the last row that one of the crops needs."""
        encoded, source = results.pop('encoded_img'), dict(results)
        regions = [self.crop.region(person, cut.size) for cut, person in zip(self.cuts, own, strict=True)]
        reduction = self.crop.reduction_for(results, encoded)
        image = self.crop.decode(encoded, source, reduction, also=regions)
        results = self.crop.crop_decoded(results, encoded, image, reduction)
        if reduction > 1 and not isinstance(encoded, StoredCrop):  # a teacher's crop may need more pixels than remain
            image, reduction = self.crop.decode(encoded, source, 1, also=regions), 1
        flip = {key: source[key] for key in ('flip', 'flip_direction') if key in source}
        return results, [cut.step.crop_decoded(person | flip, encoded, image, reduction)
                         for cut, person in zip(self.cuts, own, strict=True)]


@TRANSFORMS.register_module()
class TeacherView(BaseTransform):
    """Applies a step that changes pixels to the student's crop, and the same change to those of teachers.

    Not to clean views. Blur and holes are drawn once, and holes are mapped to the teacher's crop. Colour is drawn again
    from the same state of numpy's generator, which continues as without a teacher.

    Args:
        step: one of :data:`~distilpose.config.teacher_crop.REPLAYED`, or ``Albumentation`` of such.

    Raises:
        DistilPoseError: the step cannot be replayed.
    """

    def __init__(self, step: dict | Step) -> None:
        built: Any = TRANSFORMS.build(step) if isinstance(step, Mapping) else step
        self.steps = [built] if not hasattr(built, 'aug') else _steps_of(built.aug)
        for inner in self.steps:
            if type(inner).__name__ not in REPLAYED:
                raise not_replayable(type(inner).__name__)

    def transform(self, results: dict) -> dict:
        """See the class."""
        fields = [cut.fields for cut in results[_CUTS] if cut.view == 'same']
        images = [field.image for field in fields]
        for step in self.steps:
            if isinstance(step, RandomBlur):
                size = step.draw()
                if size is not None:
                    results.update({name: step.blurred(results[name], size) for name in ('img', *images)})
            elif isinstance(step, CoarseDropout):
                holes = step.draw(*results['img'].shape[:2])
                for image, place, _ in fields:
                    own = self._mapped_holes(holes, results[place], results['img'].shape, results[image].shape)
                    results[image] = step.painted(results[image], own)
                results['img'] = step.painted(results['img'], holes)
            else:
                before = np.random.get_state()
                results = step(results)
                for image in images:
                    with _rewound(before):
                        results[image] = step(dict(img=results[image]))['img']
        return results

    @staticmethod
    def _mapped_holes(holes: list[Hole], place: np.ndarray, shape: tuple[int, ...],
                      own_shape: tuple[int, ...]) -> list[Hole]:
        """The pixels of a teacher's crop that lie nearest to those of holes in the student's.

        Args:
            holes: of the student's.
            place: (2, 2) the map of the teacher's crop.
            shape: (H, W, 3) of the student's crop.
            own_shape: as ``shape``, of the teacher's.
        """
        scale, shift = place[::-1].astype(float).T  # along y and x
        student, own = np.array(shape[:2]), np.array(own_shape[:2])
        edges = np.array(holes, float).reshape(-1, 2, 2)  # the first pixel and the extent
        edges = np.stack([edges[:, 0], edges.sum(1)], axis=1) - 0.5
        edges = np.clip(np.ceil((edges / student - shift) / scale * own), 0, own).astype(int)
        return [(top, left, bottom - top, right - left) for (top, left), (bottom, right) in edges.tolist()]


@TRANSFORMS.register_module()
class KeepUndistorted(BaseTransform):
    """Keeps the image for the clean views of teachers as it is before a step in front of the crop that changes pixels.

    Args:
        step: is applied as it is.
    """

    def __init__(self, step: dict | Step) -> None:
        self.step: Any = TRANSFORMS.build(step) if isinstance(step, Mapping) else step

    def transform(self, results: dict) -> dict:
        """See the class."""
        if _CLEAN not in results:
            results[_CLEAN] = results['img'].copy(), flip_of(results)  # some steps write to it
        return self.step(results)


@TRANSFORMS.register_module()
class PackTeacherCrop(PackPoseInputs):
    """Packs the student's sample as another step does, and the teachers' crops into its data sample.

    Fields of the data sample: ``teacher_image`` (3, H, W) of 8 bits in OpenCV's order of colours, ``teacher_map``
    (2, 2) and, with keypoints, ``teacher_mask`` (K,), see :class:`TeacherCrop`. The latter two are arrays: between
    processes every tensor would take a shared file of its own. Teachers with the same crop have the same objects.

    Args:
        pack: ``PackPoseInputs``, or one of its kind.
    """

    def __init__(self, pack: dict | Step) -> None:
        super().__init__()
        self.pack: Any = TRANSFORMS.build(pack) if isinstance(pack, Mapping) else pack

    def transform(self, results: dict) -> dict:
        """See the class."""
        cuts = results[_CUTS]
        images = [channels_first(results[cut.fields.image]) for cut in cuts]
        packed = self.pack(results)
        sample = packed['data_samples']
        for cut, image in zip(cuts, images, strict=True):
            for field in map(teacher_fields, cut.teachers):
                sample.set_field(image, field.image)
                sample.set_field(results[cut.fields.map], field.map)
                if cut.fields.mask in results:
                    sample.set_field(results[cut.fields.mask], field.mask)
        return packed


def _steps_of(aug: Any) -> list[Step]:
    """What an ``Albumentation`` step is composed of; albumentations itself draws from generators of its own."""
    if not isinstance(aug, Compose):
        raise not_replayable('Albumentation (by the package albumentations)')
    return list(aug.transforms)


@contextmanager
def _rewound(state: Any) -> Iterator[None]:
    """While open, numpy's generator, from which all steps that are replayed draw, repeats what came after a state."""
    after = np.random.get_state()
    np.random.set_state(state)
    try:
        yield
    finally:
        np.random.set_state(after)


def _share(step: TopdownAffine) -> np.ndarray:
    """(2,) along x and y: how much of the crop's side lies between the edges of the box."""
    size = np.array(step.input_size, float)
    return (size - 1) / size if step.use_udp else np.ones(2)


def _is_inside(points: np.ndarray, visible: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(K,) 1 for points (K, 2) in a crop and for those that are not labelled, else 0."""
    inside = ((points >= 0) & (points <= size)).all(axis=1)
    labelled = (visible if visible.ndim == 1 else visible[..., 0]) > 0
    return (inside | ~labelled).astype(np.float32)
