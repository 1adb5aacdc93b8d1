"""Teacher crop in a config: pipelines that also cut a crop for the teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput

from .walk import type_name

Step = Mapping[str, Any]

REPLAYED = ('YOLOXHSVRandomAug', 'PhotometricDistortion', 'RandomBlur', 'CoarseDropout')
"""Steps whose change to the student's crop can be made to the teacher's."""
VIEWS = ('same', 'clean')
WRAPPERS = dict(TeacherCrop='crop', TeacherView='step', KeepUndistorted='step', PackTeacherCrop='pack')
"""Type of a step that applies another -> its argument for that."""
CROP_STEPS = ('TopdownAffine', 'SinglePersonTopdownAffine', 'DecodingTopdownAffine')
"""Steps that cut the crop of a person."""
_PACKS = ('PackPoseInputs', 'PackMixedPoseInputs', 'PackTrainingInputs')
_PIXELS = (*REPLAYED, 'Albumentation')
_NO_PIXELS_BEHIND = ('GenerateTarget', 'FilterAnnotations', 'WeighByCertainty')
_NO_PIXELS_BEFORE = ('LoadImage', 'LoadEncodedImage', 'LoadImageOnce', 'GetBBoxCenterScale', 'RandomFlip',
                     'RandomHalfBody', 'RandomBBoxTransform', 'RandomBBoxCenterShift', 'RandomScaleRotation',
                     'FilterAnnotations', 'KeypointConverter')
DEFAULT_PADDING = 1.25
"""That of mmpose's ``GetBBoxCenterScale`` where a config has none."""


def with_teacher_crop(pipeline: Sequence[Step], teacher: NetworkInput, *, view: str = 'same',
                      student_padding: float | None = None) -> list[Step]:
    """A pipeline that gives every sample a crop for the teacher too; what the student is given stays the same.

    For training and for validation. A pipeline that has crops for a teacher already gets those of this one.

    Args:
        pipeline: the steps as a config writes them, with one top-down crop and one step that packs.
        teacher: its ``size``, ``padding`` (``None``: the student's) and ``udp`` count.
        view: ``'same'``: colour, blur and holes of the student's crop are the teacher's too; ``'clean'``: the teacher
            sees the image without them, only flipped, turned, scaled and shifted as the student does.
        student_padding: that of the student's crops; that of the pipeline's ``GetBBoxCenterScale`` by default.

    Raises:
        DistilPoseError: the teacher's size is not known, the pipeline does not crop and pack once, or a step cannot be
            repeated on the teacher's crop; names the step.
    """
    if view not in VIEWS:
        raise DistilPoseError(f'model.teacher.view is {view!r}; expected one of {", ".join(VIEWS)}')
    if teacher.size is None:
        raise DistilPoseError('the teacher does not say the size of its input, which a crop of its own needs; give the '
                              'head of its config a decoder with an input_size, or its input a size')
    steps = without_teacher_crop(pipeline)
    crop, pack = _only(steps, CROP_STEPS, 'crops'), _only(steps, _PACKS, 'packs')
    if teacher.padding is None:
        zoom = 1.0
    else:
        zoom = teacher.padding / (padding_of(steps) or student_padding or _refuse_padding())
    before = [_in_front(step, view) for step in steps[:crop]]
    behind = [_behind(step, view) for step in steps[crop + 1:pack]]
    own = dict(type='TeacherCrop', crop=dict(steps[crop]), size=tuple(teacher.size), zoom=zoom, use_udp=teacher.udp)
    return [*before, own, *behind, dict(type='PackTeacherCrop', pack=dict(steps[pack])), *steps[pack + 1:]]


def without_teacher_crop(pipeline: Sequence[Step]) -> list[Step]:
    """The steps of a pipeline as they were before :func:`with_teacher_crop`."""
    return [step[WRAPPERS[_kind(step)]] if _kind(step) in WRAPPERS else step for step in pipeline]


def padding_of(pipeline: Sequence[Step]) -> float | None:
    """Factor of the person's box in a pipeline, ``None`` where it does not make one."""
    boxes = [step for step in pipeline if _kind(step) == 'GetBBoxCenterScale']
    return float(boxes[-1].get('padding', DEFAULT_PADDING)) if boxes else None


def crop_of(pipeline: Sequence[Step]) -> Step | None:
    """The step that crops, ``None`` where there is none or there are several."""
    crops = [step for step in without_teacher_crop(pipeline) if _kind(step) in CROP_STEPS]
    return crops[0] if len(crops) == 1 else None


def pipelines(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every pipeline in a part of a config that is not for validation: the dictionary that has it, and its key."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if _is_pipeline(value) and key.endswith('pipeline') and not key.startswith(('val', 'test')):
                yield node, key  # type: ignore[misc]
            else:
                yield from pipelines(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from pipelines(value)


def not_replayable(name: str) -> DistilPoseError:
    """Message about a step behind the crop that may change pixels in an unknown way."""
    return DistilPoseError(f"the pipeline's step {name} behind the crop cannot be repeated on the teacher's own crop "
                           f"(it can for {', '.join(REPLAYED)}); leave it out for the teacher with "
                           "model.teacher.view='clean', or show it the student's crop with "
                           "model.teacher.crop='student'")


def _is_pipeline(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(step, Mapping) for step in value)


def _kind(step: Step) -> str:
    return type_name(step.get('type'))


def _only(steps: Sequence[Step], kinds: Sequence[str], what: str) -> int:
    places = [place for place, step in enumerate(steps) if _kind(step) in kinds]
    if len(places) != 1:
        raise DistilPoseError(f'a pipeline whose samples get a crop for the teacher should have one step that {what} '
                              f'({", ".join(kinds)}), and this one has {len(places)}: '
                              f'{", ".join(map(_kind, steps))}. Write the pipeline out in the config, or set '
                              "model.teacher.crop='student'")
    return places[0]


def _in_front(step: Step, view: str) -> Step:
    """A step before the crop: both crops are cut from what it makes of the image, unless the teacher's is clean."""
    kind = _kind(step)
    if view == 'same' or kind in _NO_PIXELS_BEFORE:
        return step
    if kind in _PIXELS:
        return dict(type='KeepUndistorted', step=dict(step))
    raise DistilPoseError(f"model.teacher.view is 'clean', and it is not known whether the pipeline's step {kind} in "
                          "front of the crop changes pixels or places; put it behind the crop, or set "
                          "model.teacher.view='same'")


def _behind(step: Step, view: str) -> Step:
    kind = _kind(step)
    if view == 'clean' or kind in _NO_PIXELS_BEHIND:
        return step
    if kind in _PIXELS:
        return dict(type='TeacherView', step=dict(step))
    raise not_replayable(kind)


def _refuse_padding() -> float:
    raise DistilPoseError("the teacher's padding is known and the student's is not, since its pipeline has no "
                          'GetBBoxCenterScale; put that step into the same pipeline as the crop, or set '
                          "model.teacher.crop='student'")
