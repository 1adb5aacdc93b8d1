"""A distiller's cache in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from distilpose.distillation.image_adapter import input_size
from distilpose.structures import PoseOutputs

from .cache import TeacherCache
from .header import agree_on_header
from .layout import RecordLayout
from .store import SlotStore

_TOLERANCE, _TOLERANCE_OF_HALF = 5e-3, 5e-2  # rounding of a float16 is 2.4e-4, of networks in half precision far more


def open_cache(distiller: Any, folder: Path, facts: Mapping[str, str], *, slots: int, dtype: str) -> TeacherCache:
    """Makes or opens the cache of what a distiller's terms read of its teacher.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller`, whose teacher is asked once.
        folder: of the cache.
        facts: see :func:`~distilpose.distillation.teacher_cache.header.agree_on_header`.
        slots: how many crops there are.
        dtype: ``'float16'`` or ``'float32'``.

    Raises:
        DistilPoseError: the cache was made for something else, or cannot be written.
    """
    outputs = _outputs_for_an_empty_image(distiller)
    fields = sorted({field for term in distiller.terms.values() for field in term.teacher_fields}
                    | ({'mask'} if outputs.mask is not None else set()))
    layout, salt = agree_on_header(folder, facts, RecordLayout.of(outputs, fields))
    store = SlotStore(folder, slots=slots, values=layout.values, dtype=dtype, salt=salt)
    tolerance = _TOLERANCE if distiller.teacher.dtype is None else _TOLERANCE_OF_HALF
    return TeacherCache(distiller.run_teacher, store=store, layout=layout, fields=fields, tolerance=tolerance)


@torch.no_grad()
def _outputs_for_an_empty_image(distiller: Any) -> PoseOutputs:
    width, height = input_size(distiller.student) or distiller.teacher.input.size or (0, 0)  # one says so
    weight = next(distiller.student.parameters())
    return distiller.run_teacher(torch.zeros(1, 3, height, width, device=weight.device))
