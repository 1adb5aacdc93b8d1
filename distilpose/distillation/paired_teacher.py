"""Paired teacher: a teacher with what it needs to supervise a student: keypoint map, crop, heatmap grids and cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from distilpose.config.named_teachers import entry_of, with_entry
from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER, PoseOutputs

from .heatmap_grid import COMMON_GRIDS, HeatmapGrids
from .image_adapter import ImageAdapter, adapter_between, input_size, read_input
from .layers import names_of
from .own_crop import OwnCrop, TeacherCrops, choose_crop, describe_choice
from .pairing import choose_grids, count_keypoints, student_outputs, student_size, teacher_outputs
from .schedules import build_schedule, current_progress, require_numbers
from .teacher_cache import TeacherCache
from .teacher_cache.layout import with_last_maps
from .teachers import PAIRING_OPTIONS, Teacher
from .teachers.keypoint_map import KeypointMap
from .teachers.keypoints import build_keypoint_map
from .terms import DistillationTerm
from .widening import HeatmapWidening
from .widening_choice import choose_widening


class PairedTeacher(nn.Module):
    """A teacher whose outputs are for the keypoints and the crops of one student.

    The teacher's network is outside of the module tree. What converts its images and outputs is in it and follows the
    student from device to device; none of that is in a state dict.

    Args:
        teacher: predicts for images of its own input.
        name: of the teacher in the config.
        spec: its entry in the config.
        keypoint_map: from its keypoints to the student's, ``None`` where they are the same.
        own_crop: ``None`` where it takes the student's crop.
        to_teacher: converts the student's images to its input, or normalises its own crops.
        grids: of the heatmaps.
        widening: of the heatmaps, ``None`` where they are as narrow as the teacher's.

    Raises:
        DistilPoseError: its weight or its schedule is not what it should be.
    """

    cache: TeacherCache | None = None
    """``TeacherCacheHook`` may open one for a training."""

    def __init__(self, teacher: Teacher, *, name: str, spec: Mapping[str, Any], keypoint_map: KeypointMap | None,
                 own_crop: OwnCrop | None, to_teacher: nn.Module, grids: HeatmapGrids = COMMON_GRIDS,
                 widening: HeatmapWidening | None = None) -> None:
        super().__init__()
        self.teacher, self.name, self.spec = teacher, name, spec
        self.keypoint_map, self.own_crop, self.to_teacher = keypoint_map, own_crop, to_teacher
        self.grids, self.widening = grids, widening
        self.weight, self.schedule = spec.get('weight', 1.0), build_schedule(spec.get('schedule'))
        self.by_epoch = bool(spec.get('by_epoch', False))
        require_numbers(entry_of(name), weight=self.weight)
        if min(self.weight, *map(self.schedule, (0.0, 0.5, 1.0))) < 0:
            raise DistilPoseError(f'{entry_of(name)} has weight={self.weight} and schedule={spec.get("schedule")!r}; '
                                  'expected a share of at least 0')

    def factor(self) -> float:
        """Weight of the teacher times its schedule and its own factor at the current iteration; at 0 it is not run.

        Without a Runner it is that of the first iteration.
        """
        return self.weight * self.schedule(current_progress(by_epoch=self.by_epoch)) * self.teacher.factor()

    def run(self, inputs: Tensor, data_samples: list | None = None, *,
            adapted: dict[nn.Module, Tensor] | None = None, widened: bool = True) -> PoseOutputs:
        """Runs the teacher on a batch; its outputs are for the student's keypoints, relative to the student's crops.

        Its heatmaps are on ``grids.target``.

        Args:
            inputs: (B, 3, H, W) preprocessed for the student.
            data_samples: those of the images, which hold the crops of a teacher that has its own; ``None`` for a batch
                of one empty image, as when networks are compared.
            adapted: ``to_teacher`` of teachers that ran on these inputs -> their images; this one's are added.
            widened: whether ``widening`` is applied where there is one, as for terms; predictions are those without.
        """
        if self.own_crop is None:
            adapted = {} if adapted is None else adapted
            if self.to_teacher not in adapted:
                adapted[self.to_teacher] = self.to_teacher(inputs)
            outputs = self.map_keypoints(teacher_outputs(self.teacher, adapted[self.to_teacher], self.grids))
            return outputs if self.widening is None else self.widening.on_student(outputs, widened=widened)
        crops = self.own_crop.read(data_samples, inputs.device)
        return self._to_student(self._run_on(crops.images, self.own_crop), crops, widened=widened)

    def run_on_own_crops(self, inputs: Tensor, data_samples: list | None = None) -> PoseOutputs:
        """As :meth:`run`, relative to the teacher's own crops: what a cache of an unaugmented view holds."""
        assert self.own_crop is not None
        return self._run_on(self.own_crop.read_images(data_samples, inputs.device), self.own_crop)

    def _run_on(self, images: Tensor, own_crop: OwnCrop) -> PoseOutputs:
        return self.map_keypoints(teacher_outputs(self.teacher, own_crop.normalise(images), self.grids))

    def _to_student(self, outputs: PoseOutputs, crops: TeacherCrops, *, widened: bool = True) -> PoseOutputs:
        assert self.own_crop is not None
        if self.widening is None or not widened:
            return self.own_crop.to_student(outputs, crops)
        return self.widening.to_student(outputs, self.own_crop, crops)

    def run_head(self, features: tuple[Tensor, ...], layers: Mapping[str, Tensor] | None = None) -> PoseOutputs:
        """As :meth:`run`, from the feature maps (B, C, H, W) of a backbone that student and teacher share, and layers
        in it that terms read."""
        teacher: Any = self.teacher
        outputs = self.map_keypoints(teacher.outputs_from(features, own_grid=self.grids.keeps_own_grid, layers=layers))
        return outputs if self.widening is None else self.widening.on_student(outputs)

    def supervise(self, outputs: PoseOutputs) -> PoseOutputs:
        """As :meth:`run`, from the outputs of a further cycle of a student that is its own teacher."""
        teacher: Any = self.teacher
        return teacher.supervise(outputs.float(), own_grid=self.grids.keeps_own_grid)

    def outputs(self, inputs: Tensor, data_samples: list, *,
                adapted: dict[nn.Module, Tensor] | None = None) -> PoseOutputs:
        """As :meth:`run`, through the cache where there is one."""
        if self.cache is not None:
            outputs, own_crop = self.cache.outputs(inputs, data_samples), self.own_crop
            if own_crop is None or not own_crop.is_unaugmented:
                return outputs
            crops = own_crop.read_places(data_samples, inputs.device)
            return with_last_maps(outputs, lambda found: self._to_student(found, crops))
        return self.run(inputs, data_samples, adapted=adapted)

    def map_keypoints(self, outputs: PoseOutputs) -> PoseOutputs:
        """Outputs for the student's keypoints."""
        return outputs if self.keypoint_map is None else self.keypoint_map(outputs)


def pair_teacher(student: Any, teacher: Teacher, terms: Mapping[str, DistillationTerm], *, name: str,
                 spec: Mapping[str, Any], student_names: tuple[str, ...] | None,
                 share_backbone: bool = False) -> PairedTeacher:
    """Attaches a teacher to a student, and chooses its keypoint map, its crop and the heatmap grids.

    Args:
        student: a plain estimator.
        teacher: its teacher.
        terms: that read the teacher's outputs.
        name: of the teacher in the config.
        spec: its entry in the config.
        student_names: names of the student's keypoints in order, ``None`` if unknown.
        share_backbone: whether the teacher takes the student's feature maps, and with them its crop.

    Raises:
        DistilPoseError: an option does not fit student and teacher.
    """
    teacher.attach(student)
    teacher.record(names_of(terms.values(), 'teacher'))
    if teacher.is_student:
        _refuse_pairing(spec)
    keypoint_map = build_keypoint_map(
        spec.get('keypoints'), student_names=student_names, student_count=lambda: count_keypoints(student, teacher),
        teacher_names=teacher.keypoint_names, simcc_beta=teacher.simcc_beta)
    grids = choose_grids(student, teacher, terms)
    own_crop = _make_own_crop(student, teacher, spec, grids, name=name)
    if share_backbone and own_crop is not None:
        raise DistilPoseError("share_backbone gives the teacher the student's images, and the teacher has a crop of "
                              "its own; set model.teacher.crop='student', or share_backbone=False")
    grids = grids if own_crop is None else own_crop.grids
    widening = choose_widening(student, teacher, terms, spec, grids=grids, own_crop=own_crop, name=name)
    to_teacher = adapter_between(read_input(student), teacher.input) if own_crop is None else own_crop.normalise
    return PairedTeacher(teacher, name=name, spec=spec, keypoint_map=keypoint_map, own_crop=own_crop,
                         to_teacher=to_teacher, grids=grids if widening is None else widening.grids, widening=widening)


def _refuse_pairing(spec: Mapping[str, Any]) -> None:
    found = [key for key in PAIRING_OPTIONS if spec.get(key) is not None]
    if found:
        raise DistilPoseError(f'model.teacher.{found[0]} is {spec[found[0]]!r}, and the teacher is the student itself, '
                              "with the student's crop and keypoints; drop the option")


def share_adapters(teachers: Iterable[PairedTeacher]) -> None:
    """Gives teachers that convert the student's images alike one adapter, so that each batch is converted once."""
    kept: list[nn.Module] = []
    for paired in teachers:
        same = next((adapter for adapter in kept if _are_equal(adapter, paired.to_teacher)), None)
        if paired.own_crop is None and same is not None:
            paired.to_teacher = same
        elif paired.own_crop is None:
            kept.append(paired.to_teacher)


def _are_equal(one: nn.Module, other: nn.Module) -> bool:
    if isinstance(one, ImageAdapter) and isinstance(other, ImageAdapter):
        return (one.size == other.size and one.swap_channels == other.swap_channels
                and torch.equal(one.scale, other.scale) and torch.equal(one.offset, other.offset))
    return isinstance(one, nn.Identity) and isinstance(other, nn.Identity)


def _make_own_crop(student: Any, teacher: Teacher, spec: Mapping[str, Any], grids: HeatmapGrids, *,
                   name: str) -> OwnCrop | None:
    sizes = dict(student=input_size(student), teacher=teacher.input.size)
    choice = choose_crop(spec, **sizes)
    if choice.is_own or spec.get('crop') is not None:
        described = with_entry(name, describe_choice(choice, **sizes))
        print_log(described if name == ONLY_TEACHER else f'{name}: {described}', 'current')
    if not choice.is_own:
        return None
    if getattr(student.data_preprocessor, 'batch_augments', None) is not None:
        raise DistilPoseError("data_preprocessor.batch_augments change the student's crops behind the pipeline, "
                              'where a crop of its own for the teacher cannot follow; drop them, or set '
                              "model.teacher.crop='student'")
    size = student_size(student, teacher)
    with torch.no_grad():
        outputs = student_outputs(student, torch.zeros(1, 3, *size[::-1], device=next(student.parameters()).device))
    return OwnCrop(teacher.input, student=size, student_outputs=outputs, grids=grids, name=name,
                   view=spec.get('view') or 'same')
