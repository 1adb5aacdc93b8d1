"""Teacher crops in a config: pipelines that also cut crops for teachers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER, NetworkInput

from .walk import type_name

Step = Mapping[str, Any]

REPLAYED = ('YOLOXHSVRandomAug', 'PhotometricDistortion', 'RandomBlur', 'CoarseDropout')
"""Steps whose change to the student's crop can be made to the teacher's."""
UNAUGMENTED = 'unaugmented'
VIEWS = ('same', 'clean', UNAUGMENTED)
WRAPPERS = dict(TeacherCrop='crop', TeacherView='step', KeepUndistorted='step', KeepBox='step', PackTeacherCrop='pack')
"""Type of a step that applies another -> its argument for that."""
CROP_STEPS = ('TopdownAffine', 'SinglePersonTopdownAffine', 'DecodingTopdownAffine')
"""Steps that cut the crop of a person."""
_PACKS = ('PackPoseInputs', 'PackMixedPoseInputs', 'PackTrainingInputs')
_PIXELS = (*REPLAYED, 'Albumentation')
_OF_OTHER_VIEWS = dict(same=('KeepUndistorted', 'KeepBox'), clean=('TeacherView', 'KeepBox'),
                       unaugmented=('TeacherView',))
"""View -> steps that serve other ones only."""
_NO_PIXELS_BEHIND = ('GenerateTarget', 'FilterAnnotations', 'WeighByCertainty')
_NO_PIXELS_BEFORE = ('LoadImage', 'LoadEncodedImage', 'LoadImageOnce', 'GetBBoxCenterScale', 'RandomFlip',
                     'RandomHalfBody', 'RandomBBoxTransform', 'RandomBBoxCenterShift', 'RandomScaleRotation',
                     'FilterAnnotations', 'KeypointConverter')
DEFAULT_PADDING = 1.25
"""That of mmpose's ``GetBBoxCenterScale`` where a config has none."""


class CropSpec(NamedTuple):
    """The crop of its own of a teacher."""

    images: NetworkInput
    """Of the teacher; ``size``, ``padding`` (``None``: the student's) and ``udp`` count."""
    view: str = 'same'
    """``'same'``: colour, blur and holes of the student's crop are the teacher's too; ``'clean'``: the teacher sees the
    image without them, only flipped, turned, scaled and shifted as the student does; ``'unaugmented'``: the person's
    box in the image as it is, so that the crop is the same in every epoch."""
    entry: str = 'model.teacher'
    """Of the config, for messages."""


def with_teacher_crop(pipeline: Sequence[Step], teacher: NetworkInput, *, view: str = 'same',
                      student_padding: float | None = None) -> list[Step]:
    """:func:`with_teacher_crops` for the only teacher."""
    return with_teacher_crops(pipeline, {ONLY_TEACHER: CropSpec(teacher, view)}, student_padding=student_padding)


def with_teacher_crops(pipeline: Sequence[Step], teachers: Mapping[str, CropSpec], *,
                       student_padding: float | None = None) -> list[Step]:
    """A pipeline that gives every sample crops for teachers too; what the student is given stays the same.

    For training and for validation. A pipeline that has crops for teachers already gets those of these ones. A crop
    that equals that of a teacher before it is cut once.

    Args:
        pipeline: the steps as a config writes them, with one top-down crop and one step that packs.
        teachers: name -> its crop; at least one.
        student_padding: of the student's crops; that of the pipeline's ``GetBBoxCenterScale`` by default.

    Raises:
        DistilPoseError: a teacher's size is not known, the pipeline does not crop and pack once, or a step cannot be
            repeated on a teacher's crop; names the step.
    """
    for spec in teachers.values():
        _check_spec(spec)
    steps = without_teacher_crop(pipeline)
    entry = next(iter(teachers.values())).entry
    crop, pack = _only(steps, CROP_STEPS, 'crops', entry), _only(steps, _PACKS, 'packs', entry)
    padding = padding_of(steps) or student_padding
    crops: dict[str, dict[str, Any] | str] = {}
    for name, spec in teachers.items():
        options = _crop_options(spec, padding)
        crops[name] = next((other for other, found in crops.items() if found == options), options)
    step = dict(type='TeacherCrop', crop=dict(steps[crop]))
    step.update(crops[ONLY_TEACHER] if [*crops] == [ONLY_TEACHER] else dict(teachers=crops))  # type: ignore[arg-type]
    same = [spec.entry for spec in teachers.values() if spec.view == 'same']
    views = {spec.entry: spec.view for spec in teachers.values() if spec.view != 'same'}
    _check_box(steps[:crop], views)
    return [*(_in_front(step, views) for step in steps[:crop]), step,
            *(_behind(step, same) for step in steps[crop + 1:pack]),
            dict(type='PackTeacherCrop', pack=dict(steps[pack])), *steps[pack + 1:]]


def _check_spec(spec: CropSpec) -> None:
    if spec.view not in VIEWS:
        raise DistilPoseError(f'{spec.entry}.view is {spec.view!r}; expected one of {", ".join(VIEWS)}')
    if spec.images.size is None:
        raise DistilPoseError('the teacher does not say the size of its input, which a crop of its own needs; give the '
                              'head of its config a decoder with an input_size, or its input a size'
                              + ('' if spec.entry == 'model.teacher' else f' ({spec.entry})'))


def _crop_options(spec: CropSpec, padding: float | None) -> dict[str, Any]:
    """Those of :class:`~distilpose.datasets.TeacherCrop`; ``padding`` is the student's."""
    if spec.view == UNAUGMENTED:
        return dict(size=tuple(spec.images.size or ()), padding=spec.images.padding or padding,
                    use_udp=spec.images.udp, view=spec.view)
    zoom = 1.0 if spec.images.padding is None else spec.images.padding / (padding or _refuse_padding(spec.entry))
    options = dict(size=tuple(spec.images.size or ()), zoom=zoom, use_udp=spec.images.udp)
    return options if spec.view == 'same' else options | dict(view=spec.view)


def without_teacher_crop(pipeline: Sequence[Step]) -> list[Step]:
    """The steps of a pipeline as they were before :func:`with_teacher_crops`."""
    return [step[WRAPPERS[_kind(step)]] if _kind(step) in WRAPPERS else step for step in pipeline]


def with_crop_of(pipeline: Sequence[Step], teacher: str) -> list[Step]:
    """The steps of a pipeline of :func:`with_teacher_crops` as if it were made for one of its teachers only."""
    step = next((step for step in pipeline if _kind(step) == 'TeacherCrop' and 'teachers' in step), None)
    if step is None:
        return list(pipeline)
    crops = step['teachers']
    options = crops.get(teacher)
    options = crops[options] if isinstance(options, str) else options
    if options is None:
        return without_teacher_crop(pipeline)
    others = _OF_OTHER_VIEWS[options.get('view', 'same')]
    steps = without_teacher_crop(pipeline)
    return [dict(type='TeacherCrop', crop=plain_step, **options) if given is step else
            plain_step if _kind(given) in others else given for given, plain_step in zip(pipeline, steps, strict=True)]


def padding_of(pipeline: Sequence[Step]) -> float | None:
    """Factor of the person's box in a pipeline, ``None`` where it does not make one."""
    boxes = [step for step in without_teacher_crop(pipeline) if _kind(step) == 'GetBBoxCenterScale']
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


def not_replayable(name: str, entry: str = 'model.teacher') -> DistilPoseError:
    """Message about a step behind the crop that may change pixels in an unknown way."""
    return DistilPoseError(f"the pipeline's step {name} behind the crop cannot be repeated on the teacher's own crop "
                           f"(it can for {', '.join(REPLAYED)}); leave it out for the teacher with "
                           f"{entry}.view='clean', or show it the student's crop with {entry}.crop='student'")


def _is_pipeline(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(step, Mapping) for step in value)


def _kind(step: Step) -> str:
    return type_name(step.get('type'))


def _only(steps: Sequence[Step], kinds: Sequence[str], what: str, entry: str) -> int:
    places = [place for place, step in enumerate(steps) if _kind(step) in kinds]
    if len(places) != 1:
        raise DistilPoseError(f'a pipeline whose samples get a crop for the teacher should have one step that {what} '
                              f'({", ".join(kinds)}), and this one has {len(places)}: '
                              f'{", ".join(map(_kind, steps))}. Write the pipeline out in the config, or set '
                              f"{entry}.crop='student'")
    return places[0]


def _check_box(steps: Sequence[Step], views: Mapping[str, str]) -> None:
    """Refuses steps before the crop that do not take the person's box once, before a flip, for unaugmented views."""
    entry = next((entry for entry, view in views.items() if view == UNAUGMENTED), None)
    kinds = [_kind(step) for step in steps]
    if entry is None or (kinds.count('GetBBoxCenterScale') == 1
                         and 'RandomFlip' not in kinds[:kinds.index('GetBBoxCenterScale')]):
        return
    raise DistilPoseError(f"{entry}.view is {UNAUGMENTED!r}, which shows the person's box as GetBBoxCenterScale takes "
                          'it before the augmentation, and the pipeline that crops has the steps '
                          f'{", ".join(kinds)} before the crop; put one GetBBoxCenterScale there, before RandomFlip, '
                          f"or set {entry}.view='clean'")


def _in_front(step: Step, views: Mapping[str, str]) -> Step:
    """A step before the crop: all crops are cut from what it makes of the image, but for other views than ``'same'``.

    Args:
        step: of the pipeline.
        views: entries of the teachers with another view -> that.
    """
    kind = _kind(step)
    if kind == 'GetBBoxCenterScale' and UNAUGMENTED in views.values():
        return dict(type='KeepBox', step=dict(step))
    if not views or kind in _NO_PIXELS_BEFORE:
        return step
    if kind in _PIXELS:
        return dict(type='KeepUndistorted', step=dict(step))
    entry, view = next(iter(views.items()))
    raise DistilPoseError(f"{entry}.view is {view!r}, and it is not known whether the pipeline's step {kind} in front "
                          f"of the crop changes pixels or places; put it behind the crop, or set {entry}.view='same'")


def _behind(step: Step, same: Sequence[str]) -> Step:
    kind = _kind(step)
    if not same or kind in _NO_PIXELS_BEHIND:
        return step
    if kind in _PIXELS:
        return dict(type='TeacherView', step=dict(step))
    raise not_replayable(kind, same[0])


def _refuse_padding(entry: str) -> float:
    raise DistilPoseError("the teacher's padding is known and the student's is not, since its pipeline has no "
                          'GetBBoxCenterScale; put that step into the same pipeline as the crop, or set '
                          f"{entry}.crop='student'")
