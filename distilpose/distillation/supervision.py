"""Supervision: builds the teachers and the terms of a student, and checks that they fit each other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.logging import print_log
from mmpose.registry import MODELS

from distilpose.config.models import SUPERVISION_OPTIONS
from distilpose.config.named_teachers import check_share, entry_of, errors_named
from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER

from .combination import Combination, combine_teachers
from .combining import RULES
from .layers import Layers, names_of
from .paired_teacher import PairedTeacher, pair_teacher, share_adapters
from .pairing import check_pair, student_size
from .teachers import Teacher, build_teacher
from .terms import DistillationTerm

COMBINED = 'all teachers'
"""Owner of the terms that read the combined outputs."""
_RESERVED = (ONLY_TEACHER, COMBINED.replace(' ', '_'))  # in data samples, in names of files


class Supervision(NamedTuple):
    """What supervises a student beside its labels."""

    teachers: dict[str, PairedTeacher]
    terms: dict[str, DistillationTerm]
    """Those of a teacher in ``model.teachers`` begin with its name: ``'hands_heatmaps'``."""
    owners: dict[str, str]
    """Term -> the teacher whose outputs it reads, or :data:`COMBINED`."""
    combination: Combination | None
    """Where terms read the outputs of several teachers together."""
    layers: Layers
    """Of the student, that terms read."""


def supervise(student: Any, teacher: dict | Teacher | None, teachers: Mapping[str, Any] | None,
              terms: Mapping[str, dict | None] | None, *, rule: str | None = None,
              student_names: tuple[str, ...] | None = None, share_backbone: bool = False) -> Supervision:
    """Builds the teachers of a student and the terms.

    Args:
        student: a plain estimator.
        teacher: ``model.teacher``, or ``None``.
        teachers: ``model.teachers``, or ``None``; exactly one of both is given.
        terms: ``model.terms``.
        rule: ``model.combine``.
        student_names: names of the student's keypoints in order, ``None`` if unknown.
        share_backbone: see :func:`~distilpose.distillation.paired_teacher.pair_teacher`.

    Raises:
        DistilPoseError: an option is not what it should be, or student, teachers and terms do not fit.
    """
    specs = _specs(teacher, teachers, rule)
    opened: dict[str, tuple[Mapping[str, Any], Teacher]] = {}
    for name, spec in specs.items():
        with errors_named(name):
            opened[name] = ({}, spec) if isinstance(spec, Teacher) else (spec, build_teacher(spec))
            if name != ONLY_TEACHER and opened[name][1].is_student:
                raise DistilPoseError('the teacher is the student itself, which has no other teacher beside it; name '
                                      'it as the only one (teacher=...), or drop it')
    shared: dict[str, DistillationTerm] = {} if teachers is None else build_terms(terms or {})
    own = {name: _own_terms(name, spec, terms) for name, (spec, _) in opened.items()}
    if not shared:
        _warn_of_no_effect(own, rule)
    paired: dict[str, PairedTeacher] = {}
    for name, (spec, built) in opened.items():
        with errors_named(name):
            alone = {f'{name}_{label}': term for label, term in own[name].items()}
            paired[name] = pair_teacher(student, built, {**shared, **alone}, name=name, spec=spec,
                                        student_names=student_names, share_backbone=share_backbone)
    layers = Layers(student, names_of([*shared.values(), *(term for terms in own.values() for term in terms.values())],
                                      'student'), size=student_size(student, next(iter(paired.values())).teacher))
    for name, (_, built) in opened.items():
        with errors_named(name):
            check_pair(student, built, own[name], to_teacher=paired[name].to_teacher, student_names=student_names,
                       keypoint_map=paired[name].keypoint_map, own_crop=paired[name].own_crop,
                       grids=paired[name].grids, widening=paired[name].widening, layers=layers)
    share_adapters(paired.values())
    combination = None if not shared else combine_teachers(
        rule or 'mean', student, paired, shared, names=student_names, layers=layers)
    return Supervision(paired, *_named_terms(shared, own), combination, layers)


def _warn_of_no_effect(own: Mapping[str, Mapping[str, Any]], rule: str | None) -> None:
    """Logs what nothing reads where no terms read the combined outputs."""
    found = [f'{entry_of(name)} supervises nothing: it has no terms of its own, and model.terms has none.'
             for name, terms in own.items() if not terms and name != ONLY_TEACHER]
    if rule is not None:
        found.append(f'model.combine={rule!r} has no effect: no term of model.terms reads the combined outputs.')
    for text in found:
        print_log(text, 'current', logging.WARNING)


def build_terms(terms: Mapping[str, dict | None], *, entry: str = 'model.terms') -> dict[str, DistillationTerm]:
    """Terms by name, without those that are ``None``.

    Args:
        terms: name -> term config.
        entry: of the config, for messages.

    Raises:
        DistilPoseError: a weight, a schedule or another option is not what it should be; names the term.
    """
    built: dict[str, DistillationTerm] = {}
    for name, term in terms.items():
        if not term:
            continue
        try:
            built[name] = MODELS.build(term)
        except DistilPoseError as error:
            raise DistilPoseError(f'{entry}.{name}: {error}') from error
    return built


def _specs(teacher: Any, teachers: Mapping[str, Any] | None, rule: str | None) -> dict[str, Any]:
    """The teachers by name, as the config has them."""
    if (teacher is None) == (teachers is None):
        raise DistilPoseError('model.teacher and model.teachers are '
                              + ('both missing; name one teacher in model.teacher, or several in model.teachers'
                                 if teacher is None else 'both set; set one of them to None'))
    if teachers is None:
        own = [key for key in SUPERVISION_OPTIONS if isinstance(teacher, Mapping) and key in teacher]
        if own or rule is not None:
            found = f'model.teacher.{own[0]}' if own else 'model.combine'
            raise DistilPoseError(f'{found} is for several teachers, and model.teacher is one; drop it (weights and '
                                  'schedules are those of model.terms), or name the teacher in model.teachers')
        return {ONLY_TEACHER: teacher}
    if rule not in (None, *RULES):
        raise DistilPoseError(f'model.combine is {rule!r}; expected one of {", ".join(RULES)}')
    specs = {name: spec for name, spec in teachers.items() if spec is not None}
    if not specs:
        raise DistilPoseError('model.teachers has no teacher; expected dict(NAME=dict(config=..., checkpoint=...))')
    for name, spec in specs.items():
        if not str(name).isidentifier() or name in _RESERVED:
            raise DistilPoseError(f'model.teachers has the name {name!r}; expected a word of letters, digits and '
                                  f'underscores other than {" and ".join(map(repr, _RESERVED))}, such as hands')
        check_share(name, spec)
        if isinstance(spec, Mapping) and spec.get('joints') is not None and rule != 'expert':
            raise DistilPoseError(f"model.teachers.{name}.joints is read by model.combine='expert', which is "
                                  f"{rule or 'mean'!r}; drop the joints, or set model.combine='expert'")
    return specs


def _own_terms(name: str, spec: Mapping[str, Any], terms: Mapping[str, dict | None] | None
               ) -> dict[str, DistillationTerm]:
    """The terms that read one teacher's outputs: all terms where there is one teacher."""
    if name == ONLY_TEACHER:
        return build_terms(terms or {})
    return build_terms(spec.get('terms') or {}, entry=f'{entry_of(name)}.terms')


def _named_terms(shared: Mapping[str, DistillationTerm], own: Mapping[str, Mapping[str, DistillationTerm]]
                 ) -> tuple[dict[str, DistillationTerm], dict[str, str]]:
    """All terms by the name in the log, and their owners."""
    terms, owners = dict(shared), dict.fromkeys(shared, COMBINED)
    for teacher, several in own.items():
        for name, term in several.items():
            full = name if teacher == ONLY_TEACHER else f'{teacher}_{name}'
            if full in terms:
                raise DistilPoseError(f'{entry_of(teacher)}.terms.{name} would be logged as loss_{full}, as another '
                                      'term is; give one of them another name')
            terms[full], owners[full] = term, teacher
    return terms, owners
