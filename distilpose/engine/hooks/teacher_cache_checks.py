"""Checks of the teacher cache: whether teacher outputs repeat, and the facts that they depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner
from mmpose.datasets.samplers import MultiSourceSampler

from ...checkpoints.integrity import sha256_of
from ...config.named_teachers import entry_of, title_of
from ...config.teacher_crop import with_crop_of
from ...config.walk import plain, type_name
from ...distillation import PoseDistiller
from ...distillation.heatmap_grid import COMMON_GRID, HeatmapGrid
from ...distillation.paired_teacher import PairedTeacher
from ...distillation.teachers import teacher_facts
from ...errors import DistilPoseError
from ...structures import ONLY_TEACHER
from ..fingerprints import annotation_files, digest
from .pipeline_switch import PipelineSwitchHook
from .randomness import SeededPreparation

_LEAVE_THE_CROP = ('GenerateTarget', 'WeighByCertainty', 'PackPoseInputs', 'PackMixedPoseInputs', 'PackTrainingInputs',
                   'PackTeacherCrop')
_PLACES = ('data_root', 'ann_file', 'metainfo', 'crops')


def check_that_outputs_repeat(runner: Runner, model: Any) -> None:
    """Refuses trainings whose teacher does not predict the same for a sample when its augmentation is repeated.

    Raises:
        DistilPoseError: with the reason, and what to change.
    """
    without = 'or train without default_hooks.teacher_cache'
    if not isinstance(model, PoseDistiller):
        raise DistilPoseError(f'a teacher cache needs a teacher, and the model is a {type(model).__name__}; take '
                              'default_hooks.teacher_cache out of this run')
    if model.shared:
        raise DistilPoseError('student and teacher share their backbone, so that the teacher costs no more than its '
                              'head; train without default_hooks.teacher_cache')
    _check_teachers(model, without)
    if any(paired.teacher.is_frozen and not has_fixed_crops(paired) for paired in model.teachers.values()):
        _check_that_crops_repeat(runner, model, f"set model.teacher.view='unaugmented', whose outputs follow any "
                                                f'augmentation, {without}')


def has_fixed_crops(paired: PairedTeacher) -> bool:
    """Whether a teacher's crops depend on the person alone, so that its outputs are cached by person."""
    return paired.own_crop is not None and paired.own_crop.is_unaugmented


def _check_that_crops_repeat(runner: Runner, model: PoseDistiller, without: str) -> None:
    """Refuses trainings whose crops do not come again."""
    if hasattr(runner.train_loop, 'dataloader_iterator'):
        raise DistilPoseError('a teacher cache repeats the augmentations of its first epochs, and this run counts '
                              f'iterations; train with train_cfg.by_epoch=True, {without}')
    loader = runner.train_dataloader
    if not isinstance(getattr(loader.dataset, 'prepare_data', None), SeededPreparation):
        raise DistilPoseError('the augmentation of this run cannot be repeated, since nothing seeds its samples: that '
                              'needs ResumableRandomnessHook in default_hooks and a data set with prepare_data, which '
                              f'RepeatDataset does not have; change that, {without}')
    if isinstance(loader.sampler, MultiSourceSampler):
        raise DistilPoseError('MultiSourceSampler draws samples several times in an epoch, augmented anew each time, '
                              "which a teacher cache does not hold; take sampler=dict(type='DefaultSampler', "
                              f'shuffle=True), {without}')
    if any(isinstance(hook, PipelineSwitchHook) for hook in runner.hooks):
        raise DistilPoseError('PipelineSwitchHook changes the crops of a sample during the training, and a teacher '
                              f'cache has one augmentation; drop the hook, {without}')
    if getattr(model.data_preprocessor, 'batch_augments', None) is not None:
        raise DistilPoseError('data_preprocessor.batch_augments change the crops behind the pipeline, differently in '
                              f'every iteration; drop them, {without}')


def _check_teachers(model: PoseDistiller, without: str) -> None:
    frozen = {name: paired.teacher for name, paired in model.teachers.items() if paired.teacher.is_frozen}
    if not frozen:
        kinds = ', '.join(type(paired.teacher).__name__ for paired in model.teachers.values())
        raise DistilPoseError(f'the teacher ({kinds}) changes during the training, and its outputs with it; train '
                              'without default_hooks.teacher_cache')
    for name, teacher in frozen.items():
        if teacher.mode != 'eval':
            title = title_of(name)
            raise DistilPoseError(f"{title[0].lower()}{title[1:]} predicts in {teacher.mode} mode, where its outputs "
                                  f"depend on the other images of a batch; set {entry_of(name)}.mode='eval', {without}")


def facts_of(runner: Runner, paired: PairedTeacher, *, dtype: str) -> dict[str, str]:
    """What all outputs of a teacher depend on: a phrase -> a short value; no paths, so that all can be moved.

    Every crop is compared by its checksum as well. These facts only show a difference before the first iteration, and
    which it is.
    """
    dataset, widening = runner.train_dataloader.dataset, paired.widening
    widened = {} if widening is None else {"widening of the teacher's heatmaps": widening.describe()}
    return {
        **facts_of_teacher(paired, dtype=dtype, grid=paired.grids.target),
        **widened,
        'training pipeline': digest(_crops(runner.cfg.train_dataloader.dataset.to_dict(), paired.name)),
        'annotation file': digest([sha256_of(file) for file in annotation_files(dataset)]),
        'number of samples': str(len(dataset)),
        'seed of the augmentation': ' '.join(map(str, dataset.prepare_data.stream)),
    }


def facts_of_teacher(paired: PairedTeacher, *, dtype: str, grid: HeatmapGrid) -> dict[str, str]:
    """As :func:`facts_of`, those of the teacher.

    Args:
        paired: the teacher.
        dtype: of the store.
        grid: of the heatmaps in it.
    """
    teacher, keypoint_map = paired.teacher, paired.keypoint_map
    known = teacher_facts(plain(paired.spec), teacher)
    options = dict(dtype=str(teacher.dtype), heatmaps=getattr(teacher, 'heatmaps', None))
    mapped = {} if keypoint_map is None else {"teacher's keypoints": digest(keypoint_map.partners)}
    on_grid = {} if grid == COMMON_GRID else {"grid of the teacher's heatmaps": f'{grid.kind} {grid.input_size}'}
    return {
        'number format': dtype,
        "teacher's weights": teacher.loaded_digest[:16],
        "teacher's config": digest([known, options]),
        **mapped,
        **on_grid,
    }


def _crops(dataset: Any, teacher: str = ONLY_TEACHER) -> Any:
    """A data set's config without what does not change a teacher's crops: labels, which differ between students, places
    and the crops of other teachers."""
    if isinstance(dataset, Mapping):
        return {key: _crops(value, teacher) for key, value in dataset.items() if key not in _PLACES}
    if isinstance(dataset, (list, tuple)):
        is_pipeline = all(isinstance(value, Mapping) and 'type' in value for value in dataset)
        return [_crops(value, teacher) for value in (with_crop_of(dataset, teacher) if is_pipeline else dataset)
                if not (isinstance(value, Mapping) and type_name(value.get('type')) in _LEAVE_THE_CROP)]
    return dataset
