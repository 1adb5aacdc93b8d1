"""The teacher's own crop: when it has one, and warping its outputs to the student's crop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.config.named_teachers import entry_of
from distilpose.config.teacher_crop import UNAUGMENTED, VIEWS
from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER, NetworkInput, PoseOutputs, teacher_fields

from .crop_mapping import MAPPED, inverse, mask_inside, moved, reordered, resample_logits, spread
from .heatmap_grid import COMMON_GRIDS, HeatmapGrids
from .image_adapter import ImageAdapter, proportioned

CROPS = ('student', 'own')
_ROUNDING = 1e-4  # of a cell, by which places of maps may be off
_SMALL = 2  # a student's crop whose side is smaller than the teacher's by more than this factor


class TeacherCrops(NamedTuple):
    """The teacher's crops of a batch, from :class:`~distilpose.datasets.PackTeacherCrop`."""

    images: Tensor
    """(B, 3, H, W) of 8 bits, blue, green, red."""
    maps: Tensor
    """(B, 2, 3) affine, from x and y as fractions of the teacher's crop to fractions of the student's."""
    mask: Tensor | None = None
    """(B, K) 0 for joints whose annotation is outside of the teacher's crop; ``None`` without annotations."""
    order: Tensor | None = None
    """(B, K) int64, the student's joint of the teacher's crop that each one of the student's crop is, which a flip
    exchanges; ``None`` where no crop is flipped against the teacher's."""


class CropChoice(NamedTuple):
    """Which crop is the teacher's input."""

    is_own: bool
    """Whether it has one of its own; otherwise it takes the student's."""
    reason: str
    """For the log."""


def choose_crop(options: Mapping[str, Any], *, student: tuple[int, int] | None,
                teacher: tuple[int, int] | None) -> CropChoice:
    """Chooses the crop of the teacher: the option ``crop``, or by the sizes of both crops.

    Without the option, a teacher has a crop of its own if its aspect ratio differs from the student's, if the
    student's crop is smaller than half of it, or with the view ``'clean'`` or ``'unaugmented'``.

    Args:
        options: ``model.teacher``; its ``crop``, ``view`` and ``padding`` are read.
        student: (width, height) of its crop, ``None`` if unknown.
        teacher: as ``student``.

    Raises:
        DistilPoseError: an option is not what it should be, or two of them contradict each other.
    """
    crop, view = options.get('crop'), options.get('view')
    _check_options(crop, view, options.get('padding'))
    if crop is not None:
        return CropChoice(crop == 'own', 'by model.teacher.crop')
    if view in ('clean', UNAUGMENTED):
        return CropChoice(True, f'since model.teacher.view is {view!r}')
    if student is None or teacher is None:
        return CropChoice(False, 'by default')
    if student[0] * teacher[1] != student[1] * teacher[0]:
        return CropChoice(True, 'by default, since the proportions differ')
    if _SMALL * student[1] < teacher[1]:
        return CropChoice(True, "by default, since the student's is smaller than half of it")
    return CropChoice(False, 'by default')


def _check_options(crop: Any, view: Any, padding: Any) -> None:
    if crop not in (None, *CROPS):
        raise DistilPoseError(f'model.teacher.crop is {crop!r}; expected one of {", ".join(CROPS)}, or None to leave '
                              'it to the sizes of both crops')
    if view not in (None, *VIEWS):
        raise DistilPoseError(f'model.teacher.view is {view!r}; expected one of {", ".join(VIEWS)}')
    if crop == 'student' and view in ('clean', UNAUGMENTED):
        raise DistilPoseError(f"model.teacher.view is {view!r} and model.teacher.crop is 'student', which is the "
                              "augmented crop; set model.teacher.crop='own', or drop the view")
    if padding is not None and not (isinstance(padding, (int, float)) and 0 < padding < math.inf):
        raise DistilPoseError(f"model.teacher.padding is {padding!r}; expected a factor of the person's box above 0, "
                              'such as 1.25')


def describe_choice(choice: CropChoice, *, student: tuple[int, int] | None, teacher: tuple[int, int] | None) -> str:
    """A line for the log: the crop of the teacher, and why."""
    sizes = ' and '.join(f'{size[0]}x{size[1]} for the {role}' for role, size in
                         (('student', student), ('teacher', teacher)) if size is not None)
    crop = 'a crop of its own, cut from the original image' if choice.is_own else "the student's crop"
    return f'The input of the teacher is {crop} ({sizes}), {choice.reason}.'


class OwnCrop(nn.Module):
    """Prepares a teacher's own crops and maps its outputs to the student's.

    Args:
        teacher: its input, with a size.
        student: (width, height) of the student's crop.
        student_outputs: for any image; heatmaps and SimCC of the teacher get the sizes of the student's. Where the
            student has none, heatmaps get the teacher's rows and the aspect ratio of the student's crop.
        grids: of the student's heatmaps, and of those that the teacher returns.
        name: of the teacher, whose crops the samples hold.
        view: of the teacher, see :class:`~distilpose.config.CropSpec`.
    """

    def __init__(self, teacher: NetworkInput, *, student: tuple[int, int], student_outputs: PoseOutputs,
                 grids: HeatmapGrids = COMMON_GRIDS, name: str = ONLY_TEACHER, view: str = 'same') -> None:
        super().__init__()
        if teacher.size is None:
            raise DistilPoseError('the teacher has no size of its input, which a crop of its own needs; give '
                                  "the head of its config a decoder with an input_size, or set "
                                  "model.teacher.crop='student'")
        self.size, self.student, self.grids = teacher.size, student, grids._replace(target=grids.student)
        self.fields, self.entry = teacher_fields(name), entry_of(name)
        self.is_unaugmented = view == UNAUGMENTED
        mean, std = teacher.mean or (0.0,) * 3, teacher.std or (1.0,) * 3
        scale = 1 / torch.tensor(std)
        self.normalise = ImageAdapter(scale, -torch.tensor(mean) * scale, swap_channels=teacher.rgb, size=None)
        heatmaps, simcc = student_outputs.heatmaps, student_outputs.simcc
        self.cells = None if heatmaps is None else (heatmaps[-1].shape[-1], heatmaps[-1].shape[-2])
        self.bins = None if simcc is None else tuple(logits.shape[-1] for logits in simcc)

    def read(self, data_samples: Sequence[Any] | None, device: torch.device) -> TeacherCrops:
        """The teacher's crops of a batch.

        Args:
            data_samples: of the batch; ``None`` for one black crop in the place of the student's.
            device: of the student's images.

        Raises:
            DistilPoseError: a sample has no crop for the teacher, or one of another size.
        """
        images = self.read_images(data_samples, device)
        if data_samples is None:
            return TeacherCrops(images, torch.eye(2, 3, device=device)[None])
        return self.read_places(data_samples, device)._replace(images=images)

    def read_images(self, data_samples: Sequence[Any] | None, device: torch.device) -> Tensor:
        """As :meth:`read`, (B, 3, H, W) the images alone."""
        if data_samples is None:
            return torch.zeros(1, 3, *self.size[::-1], dtype=torch.uint8, device=device)
        image = self.fields.image
        if not data_samples or not all(image in sample for sample in data_samples):
            raise DistilPoseError(f"the teacher has a crop of its own ({self.entry}.crop='own'), and the samples hold "
                                  'none for it; train with distilpose train or distilpose.apis, which add it to the '
                                  'pipelines, or write them with distilpose.config.with_teacher_crop')
        images = torch.stack([sample.get(image) for sample in data_samples]).to(device)
        if tuple(images.shape[:1:-1]) != tuple(self.size):
            raise DistilPoseError(f'the crops for the teacher are of {images.shape[3]}x{images.shape[2]} (width x '
                                  f'height) and its input is of {self.size[0]}x{self.size[1]}; write the pipeline with '
                                  "distilpose.config.with_teacher_crop and the teacher's input")
        return images

    def read_places(self, data_samples: Sequence[Any], device: torch.device) -> TeacherCrops:
        """As :meth:`read`, without images, which samples need not hold."""
        maps, masks, orders = ([sample.get(field) for sample in data_samples]
                               for field in (self.fields.map, self.fields.mask, self.fields.order))
        annotated = _on_device(masks, device) if all(one is not None for one in masks) else None
        found = next((order for order in orders if order is not None), None)
        order = None if found is None else _on_device(
            [np.arange(len(found)) if one is None else one for one in orders], device)
        return TeacherCrops(torch.zeros(0), _on_device(maps, device), annotated, order)

    @property
    def mapped(self) -> tuple[str, ...]:
        """Fields of the outputs that can be mapped: those in :data:`MAPPED`; of a rotated crop without SimCC."""
        return tuple(name for name in MAPPED if name != 'simcc') if self.is_unaugmented else MAPPED

    @torch.no_grad()
    def to_student(self, outputs: PoseOutputs, crops: TeacherCrops) -> PoseOutputs:
        """Maps outputs for the teacher's own crops to the student's crops.

        Heatmaps are warped, 0 beyond the teacher's crop. SimCC logits are interpolated, and beyond the teacher's crop
        equal to its lowest; those of an unaugmented crop, whose axes may be rotated, are dropped. A joint that the
        teacher predicts outside of the student's crop has the mask 0. Fields without image coordinates (features,
        tokens, layers) are dropped.
        """
        with torch.autocast(crops.maps.device.type, enabled=False):
            linear, shift = crops.maps.float().split((2, 1), dim=-1)
            shift = shift.squeeze(-1)
            dropped = [name for name in PoseOutputs._fields if name not in self.mapped]
            changes: dict[str, Any] = dict.fromkeys(dropped)
            outputs = reordered(outputs, crops.order)
            if outputs.heatmaps is not None:
                changes['heatmaps'] = tuple(self._warp(maps, linear, shift) for maps in outputs.heatmaps)
            if outputs.simcc is not None and 'simcc' in self.mapped:
                changes['simcc'] = tuple(
                    resample_logits(logits, linear[:, axis, axis], shift[:, axis], bins) for axis, (logits, bins) in
                    enumerate(zip(outputs.simcc, self.bins or (None, None), strict=True)))
            if outputs.coords is not None:
                changes['coords'] = moved(outputs.coords, linear, shift)
            if outputs.sigmas is not None:
                changes['sigmas'] = spread(outputs.sigmas, linear, sides=self.size)
            if outputs.error_scales is not None:
                changes['error_scales'] = spread(outputs.error_scales.sigmoid(), linear).logit(eps=1e-6)
            changes['mask'] = mask_inside(outputs, linear, shift, annotated=crops.mask, grid=self.grids.teacher)
        return outputs._replace(**changes)

    def _warp(self, maps: Tensor, linear: Tensor, shift: Tensor) -> Tensor:
        """Bilinear, from the teacher's grid on its crop to the student's grid on the student's."""
        cells, own = self.cells or proportioned(self.student, maps.shape[-2]), (maps.shape[-1], maps.shape[-2])
        start, reach, to = self.grids.teacher.start, self.grids.teacher.reach(own), self.grids.target.reach(cells)
        back, zero = inverse(linear), self.grids.target.start
        x, y = ((torch.arange(count, dtype=shift.dtype, device=shift.device) - zero) / far - shift[:, axis, None]
                for axis, (count, far) in enumerate(zip(cells, to, strict=True)))
        columns, rows = ((back[:, axis, 0, None, None] * x[:, None] + back[:, axis, 1, None, None] * y[..., None])
                         * reach[axis] for axis in (0, 1))
        grid = torch.stack([(places + start) * 2 / max(count - 1, 1) - 1
                            for places, count in zip((columns, rows), own, strict=True)], dim=-1)
        is_inside = ((columns >= -_ROUNDING) & (columns < reach[0] - _ROUNDING)
                     & (rows >= -_ROUNDING) & (rows < reach[1] - _ROUNDING))
        return F.grid_sample(maps, grid, padding_mode='border', align_corners=True) * is_inside[:, None]


def _on_device(arrays: Sequence[Any], device: torch.device) -> Tensor:
    """Arrays of one shape as a tensor; the copy to CUDA is asynchronous, from pinned memory."""
    stacked, is_cuda = torch.from_numpy(np.stack(arrays)), device.type == 'cuda'
    return (stacked.pin_memory() if is_cuda else stacked).to(device, non_blocking=is_cuda)


def refuse_unmapped(terms: Mapping[str, Any], own_crop: OwnCrop) -> None:
    """Refuses terms that read a field which cannot be mapped from the teacher's own crop to the student's.

    Raises:
        DistilPoseError: names the term and the fields.
    """
    for name, term in terms.items():
        unmapped = [field for field in term.teacher_fields if field not in own_crop.mapped]
        if unmapped == ['simcc']:
            raise DistilPoseError(f"term {name!r} reads simcc of the teacher, and {own_crop.entry}.view is "
                                  f"{UNAUGMENTED!r}: an axis of SimCC cannot be rotated with the student's crop; let "
                                  f'the teacher draw heatmaps with {own_crop.entry}.heatmaps=dict(size=(48, 64), '
                                  f"sigma=2) for a term that reads those, or set {own_crop.entry}.view='clean'")
        if unmapped:
            raise DistilPoseError(f'term {name!r} reads {", ".join(unmapped)} of the teacher, which cannot be mapped '
                                  "from a crop of its own to the student's; drop the term with None, or set "
                                  "model.teacher.crop='student' (with crops of the same proportions)")
