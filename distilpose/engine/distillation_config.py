"""``distilpose train STUDENT --teacher TEACHER``: the config of the distillation, written before it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from ..config import check_data_files, merge_options, read_config, set_data_root
from ..config.models import student_model
from ..distillation.leaf_config import VALIDATIONS, Distillation, write_leaf_config
from ..errors import DistilPoseError
from .default_hooks import DEFAULT_HOOKS
from .environment import follow_the_first, is_first_process
from .work_dir_lock import locked

_TEACHER = 'model.teacher.'


class WrittenDistillation(NamedTuple):
    """A config that was written, and what is left to do with it."""

    config: Path
    options: dict[str, Any]
    """Of the command line, without those of the teacher, which are in the config."""
    notes: list[str]
    """To log."""


def write_distillation(student: str | Path | Config, teacher: str | Path, *, options: Mapping[str, Any] | None,
                       work_dir: str | Path | None, launcher: str, method: str = 'auto',
                       validation: str = 'labels', data_root: str | Path | None = None, every: int | None = None,
                       **files: str | Path | None) -> WrittenDistillation:
    """Writes ``<student>_from_<teacher>.py`` into the work directory, on the first process.

    Args:
        student: the path of its config.
        teacher: see :class:`~distilpose.distillation.leaf_config.Distillation`.
        options: dotted key -> value; those below ``model.teacher`` describe the teacher in the config.
        work_dir: of the training; by default as for a training of the config.
        launcher: what started the processes.
        method: one of :data:`~distilpose.distillation.method_rules.METHODS`.
        validation: one of :data:`~distilpose.distillation.leaf_config.VALIDATIONS`; of images without annotations.
        every: of :class:`~distilpose.distillation.leaf_config.Distillation`.
        data_root: of the training, where labelled validation data is looked for.
        **files: ``teacher_checkpoint``, ``images`` and ``boxes`` of
            :class:`~distilpose.distillation.leaf_config.Distillation`.

    Raises:
        DistilPoseError: student, teacher, method or images do not exist or do not fit.
    """
    if isinstance(student, Config):
        raise DistilPoseError('a distillation is written as a config over that of its student; name the latter by its '
                              'path')
    if _TEACHER.rstrip('.') in (options or {}):
        raise DistilPoseError(f"--cfg-options {_TEACHER.rstrip('.')}=... and --teacher {teacher} both name a teacher; "
                              'leave one of them out')
    if validation not in VALIDATIONS:
        raise DistilPoseError(f'there is no validation {validation!r}; expected one of {", ".join(VALIDATIONS)}')
    own = {key: value for key, value in (options or {}).items() if key.startswith(_TEACHER)}
    rest = {key: value for key, value in (options or {}).items() if key not in own}
    named: dict[str, Any] = {key: None if file is None else str(file) for key, file in files.items()}
    notes: list[str] = []
    if named.get('images') is None:
        if validation == 'agreement':
            raise DistilPoseError('--validation agreement holds out a part of --images, which is missing; name a '
                                  'folder of images')
        validation = 'labels'
    elif validation == 'auto':
        validation, notes = _choose_validation(student, rest, data_root)
    described = Distillation(str(student), str(teacher), method=method, validation=validation, every=every,
                             teacher_options={
        key.removeprefix(_TEACHER): value for key, value in own.items()}, **named)
    folder = _folder(student, described, work_dir)
    if is_first_process(launcher):
        with locked(folder):
            notes += write_leaf_config(described, folder, check=partial(_check_options, options=rest))[1]
    follow_the_first(launcher, step='written')
    return WrittenDistillation(folder / f'{described.name}.py', rest, notes)


def _choose_validation(student: str | Path, options: Mapping[str, Any],
                       data_root: str | Path | None) -> tuple[str, list[str]]:
    """Labels where the validation data of the student's config is here, else agreement; and why."""
    config = read_config(student)
    root = options.get('data_root') if data_root is None else data_root
    if root is not None:
        set_data_root(config, root)
    merge_options(config, {key: value for key, value in options.items() if key.startswith('val_')})
    if not config.get('val_dataloader'):
        return 'labels', []
    try:
        check_data_files(config, ['val'])
    except DistilPoseError as error:
        reason = str(error).partition('; put the data there')[0]
        return 'agreement', [f'Validation is agreement with the teacher on a part of the images, because {reason} '
                             '(--validation labels expects that data).']
    return 'labels', []


def _check_options(config: Config, *, options: Mapping[str, Any]) -> None:
    """Refuses options that do not fit the distillation, or mean its student without saying so."""
    student = student_model(config) or {}
    for key in options:
        first, _, rest = key.partition('.')
        entry = rest.partition('.')[0]
        if first == 'model' and entry in student and entry not in config.model:
            raise DistilPoseError(f'--cfg-options {key} is of the student, which is model.student in a distillation; '
                                  f'write model.student.{rest}')
    merge_options(config, {key: value for key, value in options.items() if key != 'data_root'}, hooks=DEFAULT_HOOKS)


def _folder(student: str | Path, described: Distillation, work_dir: str | Path | None) -> Path:
    found = read_config(student).get('work_dir') if work_dir is None else work_dir
    return Path(found or Path('work_dirs', described.name)).expanduser().absolute()
