"""The environment variable that turns the speedups of the host off."""

from __future__ import annotations

import os

from distilpose.errors import DistilPoseError

SWITCH = 'DISTILPOSE_SPEEDUPS'
"""``on`` (the default) or ``off``: whether functions of the host are replaced by faster ones."""


def speedups_are_on() -> bool:
    """Whether the speedups are used.

    Raises:
        DistilPoseError: The variable has another value than ``on`` and ``off``.
    """
    chosen = os.environ.get(SWITCH, 'on')
    if chosen not in ('on', 'off'):
        raise DistilPoseError(f'{SWITCH} is {chosen!r}; it must be on or off')
    return chosen == 'on'
