"""What people do with their arms: gestures, each a typical set of shoulder and elbow angles with its spread."""

from __future__ import annotations

import numpy as np

from .draft import Draft
from .skeleton import INDEX

# name: mean and deviation in degrees of the shoulder's flex, abd, twist, the elbow's flex and twist (palm turn).
GESTURES: dict[str, tuple[tuple[float, float], ...]] = {
    'hang': ((2, 8), (9, 4), (0, 12), (14, 8), (-20, 20)),
    'akimbo': ((-22, 6), (42, 6), (-58, 8), (98, 8), (-10, 10)),
    'clasp': ((24, 7), (9, 4), (-36, 6), (78, 10), (-20, 15)),
    'forwards': ((78, 14), (8, 8), (0, 15), (16, 12), (-20, 30)),
    'sideways': ((8, 12), (84, 14), (10, 20), (18, 14), (-20, 30)),
    'up': ((155, 14), (14, 8), (0, 15), (24, 18), (0, 30)),
    'wave': ((8, 10), (84, 14), (76, 9), (70, 24), (-30, 30)),
    'phone': ((42, 8), (22, 8), (-14, 10), (130, 8), (20, 20)),
    'carry': ((12, 8), (12, 4), (2, 10), (84, 10), (30, 25)),
    'lap': ((30, 8), (9, 5), (-8, 8), (54, 9), (-55, 15)),
    'down': ((62, 14), (8, 5), (0, 10), (14, 10), (-20, 20)),
    'knees': ((48, 8), (14, 5), (-5, 8), (18, 9), (-40, 15)),
}
_BOTH = ('hang', 'akimbo', 'clasp', 'forwards', 'sideways', 'up', 'carry', 'knees', 'lap')
_USUAL = {'hang': 0.36, 'akimbo': 0.10, 'clasp': 0.08, 'forwards': 0.09, 'sideways': 0.07, 'up': 0.06, 'wave': 0.09,
          'phone': 0.08, 'carry': 0.07}  # fmt: skip
_LIVELY = {'up': 0.34, 'sideways': 0.28, 'wave': 0.18, 'forwards': 0.10, 'hang': 0.10}
_SEATED = {'lap': 0.5, 'hang': 0.08, 'forwards': 0.10, 'phone': 0.10, 'wave': 0.08, 'carry': 0.14}
_BENT = {'down': 0.62, 'forwards': 0.16, 'hang': 0.12, 'knees': 0.10}
_REACHING = {'forwards': 0.45, 'up': 0.35, 'sideways': 0.2}


def _draw(draft: Draft, choices: dict[str, float]) -> str:
    shares = np.array(list(choices.values()))
    return tuple(choices)[int(draft.rng.choice(len(shares), p=shares / shares.sum()))]


def apply_gesture(draft: Draft, side: str, gesture: str) -> None:
    """Set one arm's angles to a draw of the named gesture, with the hand following loosely."""
    flex, abd, twist, elbow, palm = (draft.near(mean, deviation) for mean, deviation in GESTURES[gesture])
    draft.set(f'{side}_clavicle', abd=max(0.0, 0.16 * (max(abd, flex) - 40.0)), twist=draft.near(0, 3))
    draft.set(f'{side}_shoulder', flex=flex, abd=abd, twist=twist)
    draft.set(f'{side}_elbow', flex=elbow, twist=palm)
    draft.set(f'{side}_wrist', flex=draft.near(0, 6), abd=draft.near(8, 14))


def add_arms(
    draft: Draft, *, is_seated: bool = False, is_lively: bool = False, is_bent: bool = False, is_reaching: bool = False
) -> None:
    """Give both arms something to do that suits the rest of the body."""
    if is_reaching:
        first = int(draft.rng.integers(2))
        gesture = _draw(draft, _REACHING)
        other = gesture if draft.rng.random() < 0.35 else _draw(draft, _USUAL)
        apply_gesture(draft, ('left', 'right')[first], gesture)
        apply_gesture(draft, ('left', 'right')[1 - first], other)
        return
    choices = _SEATED if is_seated else _LIVELY if is_lively else _BENT if is_bent else _USUAL
    gesture = _draw(draft, choices)
    is_alike = gesture in _BOTH and draft.rng.random() < 0.6
    apply_gesture(draft, 'left', gesture)
    apply_gesture(draft, 'right', gesture if is_alike else _draw(draft, choices))


def swing_arms(draft: Draft, phase: float, stride: float) -> None:
    """Swing the arms against the legs of a gait.

    Args:
        draft: The pose.
        phase: Where in the stride the left leg is, in radians.
        stride: Largest angle of the thigh in degrees; from 30 on the elbows are bent as in running.
    """
    is_running = stride > 30.0
    for number, side in enumerate(('left', 'right')):
        swing = -np.sin(phase + np.pi * number)
        bent = draft.near(88, 10) if is_running else draft.near(18, 6) + 12 * max(0.0, swing)
        reach = (1.0 if is_running else 0.9) * stride * swing + (2 if is_running else 0)
        twist = draft.near(-16, 6) if is_running else draft.near(-4, 6)
        draft.set(f'{side}_shoulder', flex=reach, abd=abs(draft.near(9, 3)) + 2, twist=twist)
        draft.set(f'{side}_elbow', flex=bent + 8 * swing, twist=draft.near(-10, 12))
        draft.set(f'{side}_wrist', abd=draft.near(6, 8))
    draft.angles[INDEX['chest'], 2] += 0.25 * stride * np.sin(phase)
