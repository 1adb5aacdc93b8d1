"""Training of a config, with or without a teacher: ``distilpose train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from distilpose.config import check

from ..annotations import summaries
from ..distillation.crop_pipelines import add_teacher_crops
from ..errors import DistilPoseError
from .default_hooks import add_default_hooks, change_hook
from .environment import follow_the_first, is_first_process, prepare_environment
from .fast_training import describe_fast_training
from .hooks.crop_store import use_crop_store
from .launch import load_and_change, log_and_train, require_training, run, set_randomness, with_teacher, work_dir_of
from .log_backends import add_log_backends, check_log_backends
from .mixed_precision import use_autocast
from .resuming import pass_on_allowed, read_allowed, set_resume
from .resuming.checkpoint_search import out_dir
from .runner import FinishedRunner
from .work_dir import prepare_work_dir
from .work_dir_lock import locked


def train(config: str | Path | Config, *, work_dir: str | Path | None = None, resume: str | Path | bool | None = None,
          allow_changed: str | Sequence[str] = (), amp: bool = False, seed: int | None = None,
          deterministic: bool = False, validate: bool = True, auto_scale_lr: bool = False,
          options: Mapping[str, Any] | None = None, data_root: str | Path | None = None, launcher: str = 'none',
          teacher: str | Path | None = None, teacher_checkpoint: str | Path | None = None, method: str = 'auto',
          images: str | Path | None = None, boxes: str | Path | None = None, validation: str = 'auto',
          every: int | None = None, strict_teacher: bool = False, log_to: Sequence[str] = (),
          fast: str | None = None) -> Runner:
    """Trains a config, or with a teacher distils it.

    A distillation is written to ``<student>_from_<teacher>.py`` in the work directory, and that config is trained.

    Args:
        config: a path from the current directory or the project's root, ``distilpose::...``, ``mmpose::...``, or a
            config.
        work_dir: where checkpoints and logs go; else the config's, else ``work_dirs/<name of the config>`` in the
            current directory.
        resume: ``True`` or ``'last'`` continues from the last checkpoint in the work directory, ``'auto'`` starts from
            the beginning when there is none, a path continues from that checkpoint. ``None`` leaves it to the config.
        allow_changed: which of ``'data'``, ``'model'``, ``'optimizer'`` a run that is resumed may have others of than
            its checkpoint; without, such a run is refused.
        amp: train in bfloat16 (``optim_wrapper.dtype='float16'`` in options for that instead).
        seed: replaces the config's.
        deterministic: use deterministic algorithms only.
        validate: evaluate during training.
        auto_scale_lr: scale the learning rate to the number of processes and the batch size.
        options: dotted key -> value, put into the config.
        data_root: moves the paths of all data below the config's ``data_root`` here.
        launcher: ``'none'``, ``'pytorch'`` or ``'slurm'``: who started the processes.
        teacher: an ONNX file, a config, a folder of Hugging Face or a preset that teaches the config's student, see
            :func:`~distilpose.distillation.teachers.resolving.resolve_teacher`.
        teacher_checkpoint: weights of the teacher's config, or the file of a preset.
        method: how the student learns, one of :data:`~distilpose.distillation.method_rules.METHODS`.
        images: a folder or list of images without annotations, which take the place of the training data.
        boxes: a JSON file of people's boxes on them, see :class:`~distilpose.datasets.UnlabelledImages`.
        every: of videos among the images every so manieth frame is taken, see
            :class:`~distilpose.datasets.UnlabelledImages`.
        validation: of a training on images without annotations: ``'labels'`` evaluates on the validation data of the
            config, ``'agreement'`` compares with the teacher on images that are held out
            (:class:`~distilpose.evaluation.AgreementWithTeacher`), ``'auto'`` takes the former where that data is here.
        strict_teacher: refuse a teacher that its report finds to be no better than chance, to exchange keypoints or to
            be given the wrong images, see :class:`~distilpose.engine.hooks.TeacherReportHook`.
        log_to: some of ``'tensorboard'``, ``'wandb'``, ``'mlflow'``, beside what the config logs to, see
            :mod:`~distilpose.engine.log_backends`.
        fast: ``'auto'``, ``'float32'``, ``'bfloat16'`` or ``'float16'`` turns on what makes a training faster, see
            :func:`~distilpose.engine.fast_training.use_fast_training`; ``None`` leaves it to the config.

    Returns:
        The runner after training; when there is nothing left to train, with the weights of the end.

    Raises:
        DistilPoseError: wrong input, found before anything was written where that is possible.
        MachineFailed: a dead data worker, no memory, no descriptors, a lost process, a sample that cannot be prepared.
        Interrupted: after a signal; what was trained is saved.
    """
    check_log_backends(log_to, is_first=is_first_process(launcher))
    config, options, lines = with_teacher(config, teacher, options=options, work_dir=work_dir, launcher=launcher,
                                          method=method, teacher_checkpoint=teacher_checkpoint, images=images,
                                          boxes=boxes, validation=validation if validate else 'labels',
                                          data_root=data_root, every=every)
    cfg, notes = load_and_change(config, options=options, data_root=data_root, fast=fast)
    require_training(cfg)
    if not validate:
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.work_dir = str(work_dir_of(cfg, work_dir))
    set_randomness(cfg, seed=seed, deterministic=deterministic)
    if amp:
        use_autocast(cfg)
    lines = [*lines, *describe_fast_training(cfg)]
    if auto_scale_lr:
        _scale_learning_rate(cfg)
    with locked(Path(cfg.work_dir), by_this_process=is_first_process(launcher)):
        follow_the_first(launcher)
        allowed = read_allowed(allow_changed, is_resumed=bool(cfg.get('resume') if resume is None else resume))
        resumption = set_resume(cfg, resume)
        notes += resumption.notes
        add_default_hooks(cfg)
        use_crop_store(cfg)
        pass_on_allowed(cfg, allowed)
        add_teacher_crops(cfg)
        if strict_teacher:
            change_hook(cfg, 'teacher_report', strict=True)
        checked = check(cfg, ['train', 'val'] if validate else ['train'])
        notes, lines = [*notes, *checked.warnings], [*lines, *summaries(checked.findings)]
        notes += prepare_work_dir(Path(cfg.work_dir), out_dir=out_dir(cfg), is_resumed=bool(cfg.resume))
        add_log_backends(cfg, log_to, is_resumed=bool(cfg.resume))
        prepare_environment(cfg, launcher)
        if resumption.is_finished:
            return run(cfg, notes, FinishedRunner.train, runner_type=FinishedRunner)
        return run(cfg, notes, partial(log_and_train, lines))


def _scale_learning_rate(cfg: Config) -> None:
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise DistilPoseError('--auto-scale-lr needs to know which batch size the learning rate was chosen for; add '
                              'auto_scale_lr = dict(base_batch_size=...) to the config')
    cfg.auto_scale_lr.enable = True
