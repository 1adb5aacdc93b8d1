"""Choice of the widening of a teacher's heatmaps: ``model.teacher.heatmap_sigma``, its checks and what is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.logging import print_log

from distilpose.config.named_teachers import with_entry
from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER

from .heatmap_grid import HeatmapGrids, sigma_of
from .image_adapter import proportioned
from .own_crop import OwnCrop
from .pairing import student_outputs, student_size, teacher_outputs
from .schedules import require_numbers
from .teachers import OnnxTeacher, Teacher
from .terms import DistillationTerm
from .widening import HeatmapWidening

_NARROW = 0.7
"""Sigma in cells below which the height of a resampled gaussian depends on its place between cells."""
_USUAL = 1.5


def choose_widening(student: Any, teacher: Teacher, terms: Mapping[str, DistillationTerm], spec: Mapping[str, Any], *,
                    grids: HeatmapGrids, own_crop: OwnCrop | None, name: str = ONLY_TEACHER) -> HeatmapWidening | None:
    """The widening of a teacher's heatmaps by its option ``heatmap_sigma``; ``None`` without it.

    Logs what is done, and warns of gaussians that are narrow for the student's cells where the option is missing.

    Args:
        student: a plain estimator.
        teacher: its teacher.
        terms: that read the teacher's outputs.
        spec: the teacher's entry in the config.
        grids: of the heatmaps.
        own_crop: of the teacher; for a student without heatmaps, it gets their size.
        name: of the teacher.

    Raises:
        DistilPoseError: the option is no number above 0, or the teacher has no heatmaps of its own.
    """
    sigma, reads = spec.get('heatmap_sigma'), any('heatmaps' in term.teacher_fields for term in terms.values())
    if sigma is None:
        if reads:
            _warn_of_narrow(student, teacher, own_crop, name)
        return None
    _check(sigma, teacher)
    own_size = _heatmap_size(teacher, sigma, grids)
    if not reads:
        _log(name, 'model.teacher.heatmap_sigma has no effect: no term reads heatmaps of the teacher.', is_warning=True)
        return None
    if own_crop is None:
        width, height = student_size(student, teacher)
        images = torch.zeros(1, 3, height, width, device=next(student.parameters()).device)
        maps = student_outputs(student, images).heatmaps
        size = own_size if maps is None else (maps[-1].shape[-1], maps[-1].shape[-2])
    else:
        size = own_crop.cells = own_crop.cells or proportioned(own_crop.student, own_size[1])
    found = HeatmapWidening(float(sigma), teacher.heatmap_sigma or 0.0, size, grids._replace(target=grids.student))
    _log(name, f"The teacher's heatmaps of {own_size[0]}x{own_size[1]} are widened to {found.describe()}.")
    if teacher.heatmap_sigma is None:
        remedy = '; set model.teacher.outputs.sigma' * isinstance(teacher, OnnxTeacher)
        _log(name, "The sigma of the teacher's heatmaps is unknown and counts as 0, so that they become a little wider "
             f'than model.teacher.heatmap_sigma={sigma:g}{remedy}.', is_warning=True)
    return found


def _check(sigma: Any, teacher: Teacher) -> None:
    require_numbers('model.teacher', heatmap_sigma=sigma)
    if sigma <= 0:
        raise DistilPoseError(f'model.teacher.heatmap_sigma is {sigma}; expected a number above 0: the sigma of '
                              "gaussians in cells of the student's heatmaps, such as 1.5")
    if getattr(teacher, 'heatmaps', None) is not None:
        raise DistilPoseError(f'model.teacher.heatmap_sigma={sigma:g} widens heatmaps, and those of the teacher are '
                              'drawn from SimCC with model.teacher.heatmaps.sigma; set that, and drop heatmap_sigma')


def _heatmap_size(teacher: Teacher, sigma: float, grids: HeatmapGrids) -> tuple[int, int]:
    """(width, height) of the teacher's heatmaps."""
    if teacher.heatmap_size is not None:
        return teacher.heatmap_size
    if teacher.input.size is None:
        raise DistilPoseError('model.teacher.heatmap_sigma needs the size of the input of the teacher; give the head '
                              'of its config a decoder with an input_size')
    outputs = teacher_outputs(teacher, torch.zeros(1, 3, *teacher.input.size[::-1]), grids)
    if outputs.heatmaps is None:
        raise DistilPoseError(f'model.teacher.heatmap_sigma={sigma:g} widens heatmaps, and {teacher.name} predicts '
                              f'{", ".join(outputs.produced())}; drop the option')
    return outputs.heatmaps[-1].shape[-1], outputs.heatmaps[-1].shape[-2]


def _warn_of_narrow(student: Any, teacher: Teacher, own_crop: OwnCrop | None, name: str) -> None:
    """Logs where resampled gaussians are so narrow that their height depends on their place between cells."""
    decoder = getattr(student.head, 'decoder', None)
    cells = getattr(decoder, 'heatmap_size', None) if own_crop is None else own_crop.cells
    own, own_cells = teacher.heatmap_sigma, teacher.heatmap_size
    if own is None or own_cells is None or cells is None:
        return
    sigma = own * float(cells[0]) / own_cells[0]
    if sigma < _NARROW:
        _log(name, f"The teacher's heatmaps of {own_cells[0]}x{own_cells[1]} have gaussians of sigma {own:g} cells, "
             f"about {sigma:.2g} of the student's {cells[0]}x{cells[1]}: peaks between cells become lower or get lost. "
             f'model.teacher.heatmap_sigma={sigma_of(decoder) or _USUAL:g} widens them.', is_warning=True)


def _log(name: str, text: str, *, is_warning: bool = False) -> None:
    text = with_entry(name, text)
    print_log(text if name == ONLY_TEACHER else f'{name}: {text}', 'current',
              logging.WARNING if is_warning else logging.INFO)
