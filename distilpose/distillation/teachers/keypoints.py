"""Matching of student and teacher keypoints: by name, by a table, or to the mean of two; builds the keypoint map."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distilpose.errors import DistilPoseError

from .keypoint_map import ENTRY, KeypointMap, Partners
from .keypoint_names import KeypointDefinition, define, read_definition, side_of


def build_keypoint_map(option: Any, *, student_names: Sequence[str] | None, student_count: Callable[[], int | None],
                       teacher_names: Sequence[str] | None, simcc_beta: float = 1.0) -> KeypointMap | None:
    """The map of a config's ``model.teacher.keypoints``.

    Args:
        option: ``'auto'`` matches names; a table ``{student: teacher}`` or ``{student: (teacher, teacher)}`` of names
            and indices; the definition of the teacher's own keypoints, whose names are then matched (see
            :func:`~distilpose.distillation.teachers.keypoint_names.read_definition`);
            ``dict(definition=..., table=...)`` for a table of the names of a definition; ``None`` for no map.
        student_names: of its keypoints in order, ``None`` if unknown.
        student_count: returns the number of keypoints of the student; called where its names are unknown.
        teacher_names: as ``student_names``.
        simcc_beta: see :class:`KeypointMap`.

    Raises:
        DistilPoseError: names are unknown, nothing matches, a joint is used twice, or sides are swapped.
    """
    if option is None:
        return None
    student = None if student_names is None else define(student_names)
    teacher = None if teacher_names is None else define(teacher_names)
    if isinstance(option, Mapping) and set(option) == {'definition', 'table'}:
        teacher = read_definition(option['definition'], entry=f'{ENTRY}.definition')
        option = option['table']
        if not isinstance(option, Mapping):
            raise DistilPoseError(f'{ENTRY}.table is {option!r}; expected {{student: teacher}}')
    if isinstance(option, Mapping) and set(option) != {'from_file'}:
        count = len(student.names) if student else student_count()
        partners = _read_table(option, student, teacher, student_count=count)
    else:
        if isinstance(option, Mapping):
            option = option['from_file']
        if not isinstance(option, (str, list, tuple)):
            raise DistilPoseError(f"{ENTRY} is {option!r}; expected 'auto', a table {{student: teacher}}, or the "
                                  "definition of the teacher's keypoints: a set such as 'coco', a metainfo file, names")
        if option != 'auto':
            teacher = read_definition(option, entry=ENTRY)
        partners = _match(student, teacher)
    _check_use(partners, student, teacher)
    _check_sides(partners, student, teacher)
    return KeypointMap(partners, simcc_beta=simcc_beta, student_names=student.names if student else None,
                       teacher_names=teacher.names if teacher else None)


def _match(student: KeypointDefinition | None, teacher: KeypointDefinition | None) -> list[Partners]:
    """Matches every student keypoint to the teacher's of the same name, else to the one of the same joint."""
    if student is None:
        raise DistilPoseError(f'{ENTRY} matches names, and the student does not name its keypoints; set model.student.'
                              "metainfo=dict(from_file='configs/_base_/datasets/coco.py') to its definition, or write "
                              'a table of indices {student: teacher}')
    if teacher is None:
        raise DistilPoseError(f"{ENTRY} is 'auto', and the teacher does not name its keypoints; name its definition "
                              "instead, such as 'coco' or a list of names, or write a table {student: teacher index}")
    exact = {name: index for index, name in enumerate(teacher.names)}
    by_joint = defaultdict(list)
    for index, joint in enumerate(teacher.joints):
        by_joint[joint].append(index)
    same_set = student.set_name is not None and student.set_name == teacher.set_name
    partners: list[Partners] = []
    for name, joint in zip(student.names, student.joints, strict=True):
        found = [exact[name]] if name in exact and (same_set or teacher.joints[exact[name]] == joint) \
            else by_joint[joint]
        partners.append((found[0],) if len(found) == 1 else ())
    if not any(partners):
        raise DistilPoseError(f'{ENTRY}: no keypoint of the student ({_some(student.names)}) is one of the teacher '
                              f'({_some(teacher.names)}) by name; write a table {{student: teacher}}')
    return partners


def _read_table(table: Mapping, student: KeypointDefinition | None, teacher: KeypointDefinition | None, *,
                student_count: int | None) -> list[Partners]:
    found: dict[int, Partners] = {}
    for key, value in table.items():
        place = _index(key, student, role='student', count=student_count)
        if place in found:
            raise DistilPoseError(f'{ENTRY} has two entries for keypoint {_name_of(student, place)} of the student; '
                                  'keep one')
        several = value if isinstance(value, (tuple, list)) else () if value is None else (value,)
        if isinstance(value, (tuple, list)) and len(value) != 2:
            raise DistilPoseError(f'{ENTRY} maps {key!r} to {value!r}; expected one keypoint of the teacher, or two '
                                  'for their mean')
        count = len(teacher.names) if teacher else None
        found[place] = tuple(_index(item, teacher, role='teacher', count=count) for item in several)
    if not any(found.values()):
        raise DistilPoseError(f'{ENTRY} is a table without any keypoint of the teacher; expected '
                              "{student: teacher}, or 'auto'")
    return [found.get(place, ()) for place in range(student_count or max(found) + 1)]


def _index(key: Any, definition: KeypointDefinition | None, *, role: str, count: int | None) -> int:
    if isinstance(key, str) and not key.isdecimal():
        if definition is None:
            raise DistilPoseError(f'{ENTRY} names keypoint {key!r} of the {role}, which does not name its keypoints; '
                                  'write indices, or ' + ('set model.student.metainfo' if role == 'student' else
                                                          "its names: dict(definition='coco', table={...})"))
        if key in definition.names:
            return definition.names.index(key)
        close = difflib.get_close_matches(key, definition.names, n=3)
        raise DistilPoseError(f'{ENTRY} names {key!r}, which is no keypoint of the {role}; '
                              + (f'did you mean {" or ".join(map(repr, close))}?' if close else
                                 f'expected one of {", ".join(definition.names)}'))
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise DistilPoseError(f'{ENTRY} has {key!r} for a keypoint of the {role}; expected a name or an index')
    index = int(key)
    if index < 0 or (count is not None and index >= count):
        raise DistilPoseError(f'{ENTRY} names keypoint {index} of the {role}'
                              + (f', which has {count}: expected indices from 0 to {count - 1}' if count else
                                 '; expected an index of 0 or more'))
    return index


def _check_use(partners: Sequence[Partners], student: KeypointDefinition | None,
               teacher: KeypointDefinition | None) -> None:
    """Refuses the mean of a joint and itself, and two student joints with the same teacher joints."""
    used: dict[frozenset[int], int] = {}
    for place, found in enumerate(partners):
        if len(found) == 2 and found[0] == found[1]:
            raise DistilPoseError(f'{ENTRY} maps {_name_of(student, place)} to the mean of '
                                  f'{_name_of(teacher, found[0])} and itself; name it once')
        other = used.setdefault(frozenset(found), place) if found else place
        if other != place:
            raise DistilPoseError(f'{ENTRY} maps both {_name_of(student, other)} and {_name_of(student, place)} to '
                                  f'{" and ".join(_name_of(teacher, index) for index in found)}; two keypoints of the '
                                  'student cannot be in one place: drop one of them')


def _check_sides(partners: Sequence[Partners], student: KeypointDefinition | None,
                 teacher: KeypointDefinition | None) -> None:
    """Mirrored keypoints of the student must have mirrored ones of the teacher, and no left one a right one."""
    if student is None or teacher is None:
        return
    for place, found in enumerate(partners):
        side = side_of(student.names[place])
        wrong = next((index for index in found if side and side_of(teacher.names[index]) not in (side, None)), None)
        if wrong is not None:
            raise DistilPoseError(f'{ENTRY} maps {student.names[place]!r} to {teacher.names[wrong]!r}, which is on '
                                  'the other side; exchange left and right')
        mirrored = [teacher.mirrored[index] for index in found]
        opposite = student.mirrored[place]
        if not found or opposite is None or None in mirrored or not partners[opposite]:
            continue
        if set(mirrored) != set(partners[opposite]):
            names, theirs = ([teacher.names[index] for index in indices] for indices in (found, partners[opposite]))
            raise DistilPoseError(
                f'{ENTRY} maps {student.names[place]!r} to {" and ".join(map(repr, names))}'
                + (', which a mirror exchanges for '
                   f'{" and ".join(repr(teacher.names[index]) for index in mirrored if index is not None)}; expected '
                   'a joint in the middle, or the mean of a left and a right one' if opposite == place else
                   f' and {student.names[opposite]!r}, on the other side, to {" and ".join(map(repr, theirs))}; '
                   'expected keypoints of the teacher that are on either side as well'))


def _name_of(definition: KeypointDefinition | None, index: int) -> str:
    return f'keypoint {index}' if definition is None else repr(definition.names[index])


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:4]) + (', ...' if len(names) > 4 else '')
