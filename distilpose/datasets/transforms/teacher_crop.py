"""Teacher crops: the inputs of teachers are cut from the original image, with the student's augmentation replayed.

Five steps around those of a pipeline, put there by :func:`distilpose.config.with_teacher_crops`. None of them draws a
random number, and none changes the student's input.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import PackPoseInputs, TopdownAffine
from mmpose.registry import TRANSFORMS

from distilpose.config.teacher_crop import REPLAYED, UNAUGMENTED, not_replayable
from distilpose.crop_store import StoredCrop
from distilpose.errors import DistilPoseError
from distilpose.host.albumentations import Compose
from distilpose.structures import ONLY_TEACHER, teacher_fields

from ..person_keys import box_of
from .coarse_dropout import CoarseDropout, Hole
from .cuts import BOX, CLEAN, Cut, UnaugmentedCut
from .formatting import channels_first
from .lazy_decoding import DecodingTopdownAffine, flip_of
from .random_blur import RandomBlur
from .single_person_crop import SinglePersonTopdownAffine

Step = Callable[[dict], dict]

_CUTS = 'teacher_crops'


@TRANSFORMS.register_module()
class TeacherCrop(BaseTransform):
    """Cuts crops for teachers next to that of the student.

    All have the person's centre and rotation and are cut from the same image, but for unaugmented views, which show the
    person's box in the image as it is. Sets ``teacher_image`` (H, W, 3), ``teacher_map`` (2, 3), affine from fractions
    of its sides to those of the student's, and ``teacher_mask`` (K,), 0 for joints which the annotations put outside of
    the teacher's crop; for an unaugmented view of a flipped sample also ``teacher_order`` (K,), the joints that the
    flip exchanges. Those of ``teachers`` end with the teacher's name.

    Args:
        crop: the student's step, ``TopdownAffine`` or one of its kind, which is applied as it is.
        size: (width, height) of the crop of the only teacher.
        teachers: name -> options of :class:`~.cuts.Cut` or :class:`~.cuts.UnaugmentedCut`, or the name of the teacher
            before it whose crop is the same.
        only: further options of the only teacher.

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
        self.cuts: list[Cut] = [_kind_of(options)([name, *(other for other, same in named.items() if same == name)],
                                                  kind, **options)
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
            own = [cut.step.transform(person | dict(img=cut.source(results))) if cut.is_needed(person) else person
                   for cut, person in zip(self.cuts, own, strict=True)]
            results.pop(CLEAN, None)
            results = self.crop.transform(results)
        for cut, person in zip(self.cuts, own, strict=True):
            results.update(cut.places(self.crop, results, person))
            results.update({cut.fields.image: person['img']} if 'img' in person else {})
            results.update({cut.fields.person: person['key']} if 'key' in person else {})
        results.pop(BOX, None)
        results[_CUTS] = self.cuts
        return results

    def _decoded(self, results: dict, own: list[dict]) -> tuple[dict, list[dict]]:
        """All crops of an image that is decoded here, once, down to the last row that one of the crops needs."""
        encoded, source = results.pop('encoded_img'), dict(results)
        needed = [cut.is_needed(person) for cut, person in zip(self.cuts, own, strict=True)]
        regions = [cut.region(person, source) for cut, person, is_needed in zip(self.cuts, own, needed, strict=True)
                   if is_needed]
        reduction = self.crop.reduction_for(results, encoded)
        image = self.crop.decode(encoded, source, reduction, also=regions)
        results = self.crop.crop_decoded(results, encoded, image, reduction)
        if reduction > 1 and regions and not isinstance(encoded, StoredCrop):
            # a teacher's crop may need more pixels than remain
            image, reduction = self.crop.decode(encoded, source, 1, also=regions), 1
        return results, [cut.crop_decoded(person, source, encoded, image, reduction) if is_needed else person
                         for cut, person, is_needed in zip(self.cuts, own, needed, strict=True)]


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
                for field in fields:
                    image = results[field.image]
                    own = self._mapped_holes(holes, results[field.map], results['img'].shape, image.shape)
                    results[field.image] = step.painted(image, own)
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
            place: (2, 3) the map of the teacher's crop, which does not rotate.
            shape: (H, W, 3) of the student's crop.
            own_shape: as ``shape``, of the teacher's.
        """
        scale, shift = place.diagonal()[::-1].astype(float), place[::-1, 2].astype(float)  # along y and x
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
        if CLEAN not in results:
            results[CLEAN] = results['img'].copy(), flip_of(results)  # some steps write to it
        return self.step(results)


@TRANSFORMS.register_module()
class KeepBox(BaseTransform):
    """Keeps the person's box for the unaugmented views of teachers, before a step that takes its centre and sides.

    Args:
        step: ``GetBBoxCenterScale``, which is applied as it is.
    """

    def __init__(self, step: dict | Step) -> None:
        self.step: Any = TRANSFORMS.build(step) if isinstance(step, Mapping) else step

    def transform(self, results: dict) -> dict:
        """See the class."""
        results[BOX] = box_of(results)
        return self.step(results)


@TRANSFORMS.register_module()
class PackTeacherCrop(PackPoseInputs):
    """Packs the student's sample as another step does, and the teachers' crops into its data sample.

    Fields of the data sample: ``teacher_image`` (3, H, W) of 8 bits in OpenCV's order of colours, ``teacher_map``
    (2, 3) and, with keypoints, ``teacher_mask`` (K,), see :class:`TeacherCrop`, and ``teacher_person`` where outputs
    for it are cached. All but the first are arrays: between processes every tensor would take a shared file of its own.
    Teachers with the same crop have the same objects.

    Args:
        pack: ``PackPoseInputs``, or one of its kind.
    """

    def __init__(self, pack: dict | Step) -> None:
        super().__init__()
        self.pack: Any = TRANSFORMS.build(pack) if isinstance(pack, Mapping) else pack

    def transform(self, results: dict) -> dict:
        """See the class."""
        found = [_packed(results, cut) for cut in results[_CUTS]]
        cuts = results[_CUTS]
        packed = self.pack(results)
        for cut, values in zip(cuts, found, strict=True):
            for fields in map(teacher_fields, cut.teachers):
                for name, value in values.items():
                    packed['data_samples'].set_field(value, getattr(fields, name))
        return packed


def _packed(results: dict, cut: Cut) -> dict[str, Any]:
    """Name of a field in :class:`~distilpose.structures.TeacherFields` -> what a sample has of it."""
    found = {name: results[field] for name, field in cut.fields._asdict().items() if field in results}
    if 'image' in found:
        found['image'] = channels_first(found['image'])
    if 'person' in found:
        checksum = zlib.crc32(found['image'].numpy()) if 'image' in found else -1
        found['person'] = np.array([found['person'], checksum], np.int64)
    return found


def _kind_of(options: Mapping[str, Any]) -> type[Cut]:
    return UnaugmentedCut if options.get('view') == UNAUGMENTED else Cut


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
