"""Schedules of loss weights: functions of the training progress in [0, 1)."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mmengine.logging import MessageHub

from distilpose.errors import DistilPoseError

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def linear_decay(progress: float, *, end: float = 0.0) -> float:
    """From 1 down to ``end`` in a straight line (DWPose, section 3.2, with ``end=0``)."""
    return 1.0 + (end - 1.0) * progress


def warmup(progress: float, *, until: float = 0.1) -> float:
    """From 0 up to 1 in a straight line, which it reaches at progress ``until`` and keeps."""
    return min(progress / until, 1.0) if until > 0 else 1.0


def window(progress: float, *, start: float = 0.0, end: float = 1.0) -> float:
    """1 from progress ``start`` until ``end``, 0 outside: teachers that follow each other (ODKD, arXiv 2104.10414)."""
    if not 0 <= start < end <= 1:
        raise DistilPoseError(f"schedule 'window' has start={start} and end={end}; expected 0 <= start < end <= 1")
    return float(start <= progress < end or progress >= end == 1)


SCHEDULES: dict[str, Callable[..., float]] = dict(constant=constant, linear_decay=linear_decay, warmup=warmup,
                                                  window=window)


def build_schedule(spec: str | dict | None) -> Schedule:
    """Makes a schedule of a name, of ``dict(type=name, **options)``, or of ``None`` (constant).

    Raises:
        DistilPoseError: for an unknown name or option, and for one with which its values are not finite.
    """
    if not isinstance(spec, str | Mapping | None):
        raise DistilPoseError(f'schedule is {spec!r}; expected a name ({", ".join(SCHEDULES)}), or '
                              'dict(type=NAME, ...)')
    options = dict(spec) if isinstance(spec, Mapping) else dict(type=spec or 'constant')
    name = options.pop('type', None)
    if name not in SCHEDULES:
        raise DistilPoseError(f'unknown schedule {name!r}; expected one of {", ".join(SCHEDULES)}')
    schedule = partial(SCHEDULES[name], **options)
    require_numbers(f'schedule {name!r}', **options)
    try:
        values = [schedule(progress) for progress in (0.0, 0.5, 1.0)]
    except (TypeError, ArithmeticError) as error:
        raise DistilPoseError(f'schedule {name!r} cannot be evaluated with {options}: {error}') from error
    require_numbers(f'schedule {name!r} with {options}', **dict(zip(('start', 'middle', 'end'), values, strict=True)))
    return schedule


def current_progress(*, by_epoch: bool = False) -> float:
    """The progress of the current training, counted in iterations or epochs; 0 without a Runner."""
    hub, unit = MessageHub.get_current_instance(), 'epoch' if by_epoch else 'iter'
    total = hub.get_info(f'max_{unit}s', 0)
    return min(hub.get_info(unit, 0) / total, 1.0) if total else 0.0


def require_numbers(owner: str, /, **values: Any) -> None:
    """Refuses values that are no finite numbers.

    Args:
        owner: whose they are, for the message.
        **values: by name.

    Raises:
        DistilPoseError: names the first.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise DistilPoseError(f'{owner}: {name} is {value!r}; expected a finite number')


def require_weights(owner: str, /, **weights: Any) -> None:
    """Refuses weights of the parts of a loss that are no finite numbers or negative, or all 0.

    Args:
        owner: whose they are, for the message.
        **weights: by name.

    Raises:
        DistilPoseError: names all of them.
    """
    require_numbers(owner, **weights)
    if min(weights.values()) < 0 or not any(weights.values()):
        found = ' and '.join(f'{name}={value}' for name, value in weights.items())
        raise DistilPoseError(f'{owner} got {found}; expected weights that are not negative, one of them above 0')
