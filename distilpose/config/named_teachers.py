"""Teachers of a distillation's config: that of ``model.teacher``, or those of ``model.teachers``, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from distilpose.structures import ONLY_TEACHER


class NamedTeacher(NamedTuple):
    """A teacher as the config has it."""

    entry: str
    """Of the config, such as ``'model.teachers.hands'``."""
    spec: Any
    """Its options, a mapping."""


def named_teachers(model: Mapping[str, Any] | None) -> dict[str, NamedTeacher]:
    """The teachers of a config's ``model`` by name.

    A teacher that was built by a program, or that is dropped with ``None``, is left out.
    """
    model = model or {}
    several = model.get('teachers')
    found = several if isinstance(several, Mapping) else {ONLY_TEACHER: model.get('teacher')}
    return {name: NamedTeacher(entry_of(name), spec) for name, spec in found.items() if isinstance(spec, Mapping)}


def entry_of(name: str) -> str:
    """The entry of a teacher in a config, for messages; ``'model.teacher'`` for that name."""
    return 'model.teacher' if name == ONLY_TEACHER else f'model.teachers.{name}'


def of_teacher(name: str, what: str) -> str:
    """``"the teacher's weights"`` for the only one, else ``'the weights of the teacher hands'``."""
    return f"the teacher's {what}" if name == ONLY_TEACHER else f'the {what} of the teacher {name}'


def title_of(name: str) -> str:
    """A teacher at the beginning of a sentence: ``'The teacher'`` for the only one, else with its name."""
    return 'The teacher' if name == ONLY_TEACHER else f'The teacher {name}'
