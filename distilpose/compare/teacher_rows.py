"""Rows of teachers beside the students of a plan: ONNX files on the same validation people, in two kinds of crops."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from distilpose.checkpoints.integrity import sha256_of
from distilpose.config import project_path
from distilpose.distillation.teachers.onnx.graph import read_graph
from distilpose.engine.fingerprints import digest
from distilpose.engine.launch import load_and_change
from distilpose.engine.onnx_evaluation import is_onnx_file, onnx_test_config, split_options
from distilpose.errors import DistilPoseError
from distilpose.processor import processor_name
from distilpose.report.metrics import in_percent

from .measure import Measured, Validation, by_keypoint, estimate, evaluation_of
from .plans import Plan
from .results import figures_of, read_json, settings_of, write_json
from .runs import Run

_REQUIRED, _FURTHER = ('file', 'config'), ('title', 'family', 'options', 'crop')
_OF_VALIDATION = ('val_dataloader.', 'val_evaluator', 'data_root')
_BATCH = 8
"""Crops of a published teacher are large, and trainings need the memory."""
_MADE_FROM = ('file', 'config', 'crop', 'options')


@dataclass(frozen=True)
class TeacherRow:
    """An ONNX file as the ``teachers`` of a plan have it."""

    key: str
    """In the plan, and the name of the result file."""
    file: str
    """Relative to the project's root unless absolute."""
    config: str
    """Of a student, whose validation people are predicted."""
    title: str
    family: str = ''
    crop: str = 'own'
    """``'own'``: of the file's size and padding; ``'student'``: the student's, resampled to the file's size, as in a
    distillation with ``model.teacher.crop='student'``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value, put into the config; ``model.input.padding`` and so on describe the file."""

    @property
    def path(self) -> Path:
        """Where the file is."""
        return project_path(self.file)

    def made_from(self) -> dict[str, Any]:
        """What a result file says of it, without paths of a machine."""
        found = dict(file=self.path.name, config=self.config, crop=self.crop, options=dict(self.options))
        return dict(json.loads(json.dumps(found, default=str)))


def read_teachers(values: Mapping[str, Any], *, source: str) -> dict[str, TeacherRow]:
    """Reads the ``teachers`` of a plan: key -> ``dict(file=..., config=..., title=..., crop=..., options={...})``.

    Args:
        values: the entry of the plan.
        source: of it, for messages.

    Raises:
        DistilPoseError: a key is unknown or missing, or not what it should be.
    """
    return {key: _read(key, spec, f'{source}: teachers.{key}') for key, spec in values.items()}


def _read(key: str, spec: Any, entry: str) -> TeacherRow:
    if not isinstance(spec, Mapping):
        raise DistilPoseError(f'{entry} is {spec!r}; expected dict(file=..., config=...)')
    known = _REQUIRED + _FURTHER
    for name in spec:
        if name not in known:
            raise DistilPoseError(f'{entry} has an entry {name!r} that nothing reads; expected some of '
                                  f'{", ".join(known)}')
    missing = [name for name in _REQUIRED if not isinstance(spec.get(name), str)]
    if missing:
        raise DistilPoseError(f'{entry} has no {missing[0]}; expected the path of '
                              + ('an ONNX file' if missing == ['file'] else "a student's config"))
    for name in ('title', 'family'):
        if not isinstance(spec.get(name, ''), str):
            raise DistilPoseError(f'{entry}.{name} is {spec[name]!r}; expected a text')
    if not is_onnx_file(spec['file']):
        raise DistilPoseError(f'{entry}.file is {spec["file"]}; expected an ONNX file. A teacher with a config and a '
                              'checkpoint is one of the models')
    if spec.get('crop', 'own') not in ('own', 'student'):
        raise DistilPoseError(f"{entry}.crop is {spec['crop']!r}; expected 'own' or 'student'")
    if not isinstance(spec.get('options', {}), Mapping):
        raise DistilPoseError(f'{entry}.options is {spec["options"]!r}; expected a dictionary of dotted keys')
    return TeacherRow(key, **{'title': key.replace('_', ' '), **spec})


def teacher_rows(teachers: Mapping[str, TeacherRow], *, plan: str, results: Path,
                 options: Mapping[str, Any] | None = None, data_root: str | None = None,
                 log: Callable[[str], None] = print) -> dict[str, dict[str, Any]]:
    """Measures teachers and writes ``<results>/<key>.json``, result files whose seed is ``None``.

    A file that was made from the same is read, also where the ONNX file is gone. All are checked before the first of
    them is measured, see :func:`check_teachers`.

    Args:
        teachers: from :func:`read_teachers`.
        plan: its name.
        results: folder of the result files.
        options: of all configs of the plan; those of validation count.
        data_root: folder of the data, instead of the configs'.
        log: called with a line for every teacher that is measured.

    Returns:
        Key -> values of the result file.

    Raises:
        DistilPoseError: a file or a config is missing, or they do not fit.
    """
    shared = _of_validation(options)
    found = check_teachers(teachers, results=results, options=options, data_root=data_root)
    for key, row in teachers.items():
        if key not in found:
            found[key] = dict(plan=plan, model=key, title=row.title, family=row.family, seed=None, **row.made_from(),
                              validation=_validation(row, shared, data_root), **_measure(row, shared, data_root),
                              processor=processor_name(), torch=torch.__version__)
            write_json(results / f'{key}.json', found[key])
            log(f'{row.title}: AP {in_percent(found[key]["figures"]["ap"])}, '
                f'PCK {in_percent(found[key]["figures"]["pck"])}.')
    return {key: found[key] for key in teachers}


def check_teachers(teachers: Mapping[str, TeacherRow], *, results: Path, options: Mapping[str, Any] | None = None,
                   data_root: str | None = None) -> dict[str, dict[str, Any]]:
    """Looks whether teachers can be measured, as far as that is known without it; arguments as of :func:`teacher_rows`.

    Returns:
        Key -> values of the result files that are there.

    Raises:
        DistilPoseError: a file or a config is missing, or they do not fit.
    """
    shared = _of_validation(options)
    found: dict[str, dict[str, Any]] = {}
    for key, row in teachers.items():
        stored = _stored(row, results / f'{key}.json', shared, data_root)
        if stored is None:
            _read_config(row, shared, data_root)
        else:
            found[key] = stored
    return found


def _of_validation(options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (options or {}).items() if key.startswith(_OF_VALIDATION)}


def _stored(row: TeacherRow, file: Path, shared: Mapping[str, Any], data_root: str | None) -> dict[str, Any] | None:
    """The result file, ``None`` where there is none, or one of something else."""
    if not file.is_file():
        return None
    values, expected = read_json(file), row.made_from()
    is_same = all(values.get(name) == expected[name] for name in _MADE_FROM)
    if 'validation' in values:  # of an earlier version it is not known
        is_same = is_same and values['validation'] == _validation(row, shared, data_root)
    if row.path.is_file():
        is_same = is_same and values['checkpoint_sha256'] == sha256_of(row.path)
    return values if is_same else None


def _validation(row: TeacherRow, shared: Mapping[str, Any], data_root: str | None) -> str:
    """A digest of the data set that it is measured on, and of how that is read."""
    cfg, _ = load_and_change(row.config, options={**shared, **split_options(row.options)[0]}, data_root=data_root)
    return digest(settings_of(cfg, fast='off')['val_dataloader']['dataset'])


def _read_config(row: TeacherRow, shared: Mapping[str, Any], data_root: str | None) -> tuple[Run, dict[str, Any]]:
    """The file as the checkpoint of a run, and the options that describe it."""
    if not row.path.is_file():
        raise DistilPoseError(f'teachers.{row.key}: there is no ONNX file {row.path}, and its result file is not there '
                              'or was made from something else; put the file there')
    of_config, of_model = split_options(row.options)
    of_model |= {'model.crop': row.crop}
    cfg, _ = load_and_change(row.config, options={**shared, **of_config}, data_root=data_root)
    cfg.val_dataloader.batch_size = min(cfg.val_dataloader.batch_size, _BATCH)
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    onnx_test_config(cfg, row.path, of_model)
    plan = Plan('teacher', row.title, row.config, row.options, cfg)
    return Run(plan, cfg, 0, row.path.parent, row.path, 0, {}), of_model


def _measure(row: TeacherRow, shared: Mapping[str, Any], data_root: str | None) -> dict[str, Any]:
    run, of_model = _read_config(row, shared, data_root)
    validation = Validation.of(run.cfg, name=row.config)
    evaluation = evaluation_of(run, validation, options=of_model)
    people = dict(people=validation.people, sigmas=validation.dataset.metainfo['sigmas'])
    measured = Measured(run, evaluation, estimate(evaluation, **people), by_keypoint(evaluation, **people),
                        read_graph(row.path).parameters, 0)
    return figures_of(measured, validation.keypoint_names) | dict(macs=None)
