"""Joints that a teacher is the expert of: names, indices, or the body, hands, face and feet of a whole-body student."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from distilpose.errors import DistilPoseError

_PARTS = dict(
    hands=re.compile(r'.*(hand|thumb|finger|pinky)'),
    face=re.compile(r'face'),
    feet=re.compile(r'.*(toe|heel|foot)'))
PARTS = ('body', *_PARTS)
"""Names of sets: ``'body'`` are the joints in none of the others, such as the 17 of COCO with nose, eyes and ears."""


def read_joints(joints: Any, *, names: Sequence[str] | None, count: int, entry: str) -> tuple[int, ...]:
    """The indices of the student's keypoints that an option names.

    Args:
        joints: a name, an index or one of :data:`PARTS`, or a list of these; ``None`` for none.
        names: of the student's keypoints in order, ``None`` if unknown.
        count: number of the student's keypoints.
        entry: of the config, for messages.

    Raises:
        DistilPoseError: a name or an index is not one of the student's keypoints.
    """
    several = [] if joints is None else [joints] if isinstance(joints, (str, int)) else joints
    if not isinstance(several, (list, tuple)):
        raise DistilPoseError(f"{entry} is {joints!r}; expected names of the student's keypoints, or of "
                              f'{", ".join(PARTS)}')
    found = [index for one in several for index in _indices(one, names=names, count=count, entry=entry)]
    return tuple(dict.fromkeys(found))


def _indices(joint: Any, *, names: Sequence[str] | None, count: int, entry: str) -> list[int]:
    if isinstance(joint, int) and not isinstance(joint, bool):
        if not 0 <= joint < count:
            raise DistilPoseError(f'{entry} names keypoint {joint} of the student, which has {count}: expected indices '
                                  f'from 0 to {count - 1}')
        return [joint]
    if names is None:
        raise DistilPoseError(f'{entry} names {joint!r}, and the student does not name its keypoints; write indices, '
                              'or set model.student.metainfo to its definition')
    if joint in names:
        return [list(names).index(joint)]
    found = [index for index, name in enumerate(names) if part_of(name) == joint]
    if not found:
        close = difflib.get_close_matches(str(joint), [*names, *PARTS], n=1)
        raise DistilPoseError(f'{entry} names {joint!r}, which is no keypoint of the student and none of its parts '
                              f'({", ".join(PARTS)})' + (f'; did you mean {close[0]!r}?' if close else ''))
    return found


def part_of(name: str) -> str:
    """One of :data:`PARTS`, by the name of a keypoint as COCO-WholeBody and Halpe have them."""
    return next((part for part, pattern in _PARTS.items() if pattern.match(name)), 'body')
