"""Weights of distillation terms over training: a schedule is a function of progress in [0, 1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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


SCHEDULES: dict[str, Callable[..., float]] = dict(constant=constant, linear_decay=linear_decay, warmup=warmup)


def build_schedule(spec: str | dict | None) -> Schedule:
    """Makes a schedule of a name, of ``dict(type=name, **options)``, or of ``None`` (constant).

    Raises:
        DistilPoseError: for an unknown name.
    """
    options = dict(type=spec or 'constant') if isinstance(spec, str | None) else dict(spec)
    name = options.pop('type', None)
    if name not in SCHEDULES:
        raise DistilPoseError(f'unknown schedule {name!r}; expected one of {", ".join(SCHEDULES)}')
    return partial(SCHEDULES[name], **options)
