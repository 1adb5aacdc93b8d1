"""Teacher crops in a training: pipelines of a distillation bring a crop of its own for each teacher that has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from ..config.models import source_of, student_model
from ..config.named_teachers import errors_named, named_teachers
from ..config.teacher_crop import CropSpec, crop_of, padding_of, pipelines, with_teacher_crops
from ..config.walk import is_distillation, plain
from ..errors import DistilPoseError
from .own_crop import choose_crop
from .teachers import teacher_input

_PLACES = ('train_dataloader', 'default_hooks', 'custom_hooks')


def add_teacher_crops(cfg: Config) -> None:
    """Lets the training pipelines of a distillation cut its teachers' own crops, in place; any other config stays.

    A teacher has a crop of its own by its ``crop``, or by default as
    :func:`~distilpose.distillation.own_crop.choose_crop`. Pipelines are those of ``train_dataloader``, of the data sets
    in it, and those which hooks put in their place. Applied twice, it does what it does once.

    Args:
        cfg: with its final values.

    Raises:
        DistilPoseError: a pipeline cannot give a teacher a crop of its own; with the reason.
    """
    specs: dict[str, CropSpec] = {}
    model = cfg.get('model') or {}
    teachers = named_teachers(model) if is_distillation(model) else {}
    student = _student_size(cfg) if teachers else None
    for name, (entry, spec) in teachers.items():
        with errors_named(name):
            images = teacher_input(plain(spec), student=lambda: source_of(cfg))
            if choose_crop(spec, student=student, teacher=images.size).is_own:
                specs[name] = CropSpec(images, spec.get('view') or 'same', entry)
    if specs and not cut_teacher_crops([cfg.get(place) for place in _PLACES], specs):
        raise DistilPoseError("the teacher has a crop of its own, and no training pipeline has one TopdownAffine; "
                              'write the pipeline out in the config, or set '
                              f"{next(iter(specs.values())).entry}.crop='student'")


def cut_teacher_crops(parts: Sequence[Any], teachers: Mapping[str, CropSpec]) -> int:
    """Lets the pipelines in some parts of a config cut teachers' own crops, in place.

    Args:
        parts: of the config.
        teachers: name -> its crop; at least one.

    Returns:
        How many pipelines crop.

    Raises:
        DistilPoseError: as :func:`~distilpose.config.with_teacher_crops`.
    """
    found = [(node, key) for part in parts for node, key in pipelines(part)]
    paddings = {padding for node, key in found if (padding := padding_of(node[key])) is not None}
    shared = paddings.pop() if len(paddings) == 1 else None
    cropping = [(node, key) for node, key in found if crop_of(node[key]) is not None]
    for node, key in cropping:
        node[key] = with_teacher_crops(plain(node[key]), teachers, student_padding=shared)
    return len(cropping)


def _student_size(cfg: Config) -> tuple[int, int] | None:
    """(width, height) of the student's crop, of its codec or else of its pipeline."""
    decoder = ((student_model(cfg) or {}).get('head') or {}).get('decoder')
    size = (decoder or {}).get('input_size')
    if size is None:
        crops = (crop_of(node[key]) for node, key in pipelines(cfg.get('train_dataloader')))
        size = next((crop['input_size'] for crop in crops if crop is not None), None)
    return None if size is None else (int(size[0]), int(size[1]))
