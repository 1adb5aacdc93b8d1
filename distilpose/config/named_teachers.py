"""Teachers of a distillation's config: that of ``model.teacher``, or those of ``model.teachers``, by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from distilpose.errors import DistilPoseError
from distilpose.structures import ONLY_TEACHER

from .models import SUPERVISION_OPTIONS


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


def with_entry(name: str, text: str) -> str:
    """A text about ``model.teacher`` with the entry of a teacher in its place."""
    return re.sub(r'\bmodel\.teacher\b', entry_of(name), text)


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Lets errors about a teacher of ``model.teachers`` name its entry; those of ``model.teacher`` stay."""
    try:
        yield
    except DistilPoseError as error:
        if name != ONLY_TEACHER:
            entry, text = entry_of(name), with_entry(name, str(error))
            error.args = (text if entry in text else f'{entry}: {text}', *error.args[1:])
        raise


def check_share(name: str, spec: Any) -> None:
    """Looks for misspelt options of a teacher's share; its other keys are checked when it is built.

    Raises:
        DistilPoseError: names the key, and what was probably meant.
    """
    for key in spec if isinstance(spec, Mapping) else ():
        close = difflib.get_close_matches(str(key), SUPERVISION_OPTIONS, n=1, cutoff=0.8)
        if close and key not in SUPERVISION_OPTIONS:
            raise DistilPoseError(f'{entry_of(name)} has a key {key!r}; did you mean {close[0]!r}?')


def of_teacher(name: str, what: str) -> str:
    """``"the teacher's weights"`` for the only one, else ``'the weights of the teacher hands'``."""
    return f"the teacher's {what}" if name == ONLY_TEACHER else f'the {what} of the teacher {name}'


def title_of(name: str) -> str:
    """A teacher at the beginning of a sentence: ``'The teacher'`` for the only one, else with its name."""
    return 'The teacher' if name == ONLY_TEACHER else f'The teacher {name}'
