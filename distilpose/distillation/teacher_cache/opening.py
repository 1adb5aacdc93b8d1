"""Opening a teacher cache: which fields are stored, in which kind of cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distilpose.distillation.image_adapter import input_size
from distilpose.structures import ONLY_TEACHER, PoseOutputs

from .cache import TeacherCache
from .header import agree_on_header
from .layout import RecordLayout, field_names
from .people import agree_on_people
from .person_cache import PersonCache
from .store import SlotStore

_TOLERANCE, _TOLERANCE_OF_HALF = 5e-3, 5e-2  # rounding of a float16 is 2.4e-4, of networks in half precision far more


def open_cache(distiller: Any, folder: Path, facts: Mapping[str, str], *, slots: int, dtype: str,
               name: str = ONLY_TEACHER, people: Sequence[int] | None = None) -> TeacherCache:
    """Creates or opens the cache of the outputs of a teacher that a distiller's terms read.

    That of a teacher with an unaugmented view holds its outputs for its own crops, and has a slot for each person.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller`, whose teacher is run once on each crop.
        folder: of the cache.
        facts: see :func:`~distilpose.distillation.teacher_cache.header.agree_on_header`.
        slots: number of crops, where ``people`` is ``None``.
        dtype: ``'float16'`` or ``'float32'``.
        name: of the teacher.
        people: keys of the people of the training, for an unaugmented view; ``None`` for any other.

    Raises:
        DistilPoseError: the cache was made for something else, or cannot be written.
    """
    paired = distiller.teachers[name]
    run = paired.run if people is None else paired.run_on_own_crops
    outputs = _probe_teacher(distiller, paired, run)
    fields = fields_read(distiller, name, outputs)
    if people is not None:
        fields = sorted({*fields, *_places_of(outputs)})
    fields = list(field_names(outputs, fields))
    layout, salt = agree_on_header(folder, facts, RecordLayout.of(outputs, fields))
    table = {} if people is None else agree_on_people(folder, people)
    if people is not None:  # two trainings that begin at once may both have added a person, who keeps the first slot
        slots = 1 + max(table.values(), default=0)
    store = SlotStore(folder, slots=slots, values=layout.values, dtype=dtype, salt=salt)
    tolerance = _TOLERANCE if paired.teacher.dtype is None else _TOLERANCE_OF_HALF
    options: dict[str, Any] = dict(store=store, layout=layout, fields=fields, tolerance=tolerance, name=name)
    return TeacherCache(run, **options) if people is None else PersonCache(run, table=table, **options)


def _places_of(outputs: PoseOutputs) -> list[str]:
    """The field that says whether a joint is in the student's crop: the first that coordinates are decoded from."""
    return [field for field in ('coords', 'simcc', 'heatmaps') if getattr(outputs, field) is not None][:1]


def fields_read(distiller: Any, name: str, outputs: PoseOutputs) -> list[str]:
    """The fields of a teacher's outputs that the terms of a distiller read, of its own and of the combined ones.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller`.
        name: of the teacher.
        outputs: of the teacher, for any image.
    """
    combination = distiller.combination
    others = set(distiller.teachers) - {name}
    found = {field for label, term in distiller.terms.items() if distiller.owners[label] not in others
             for field in term.teacher_fields}
    if combination is not None and combination.rule == 'confidence':  # which certainty_of reads
        found |= {field for field in ('scores', 'heatmaps', 'simcc') if getattr(outputs, field) is not None}
    return sorted(found | ({'mask'} if outputs.mask is not None else set()))


@torch.no_grad()
def _probe_teacher(distiller: Any, paired: Any, run: Callable[[Tensor], PoseOutputs]) -> PoseOutputs:
    width, height = input_size(distiller.student) or paired.teacher.input.size or (0, 0)  # pairing requires one
    weight = next(distiller.student.parameters())
    return run(torch.zeros(1, 3, height, width, device=weight.device))
