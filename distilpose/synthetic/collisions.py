"""Do limbs pass through the body? Bones are thickened to capsules and their distances compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .skeleton import INDEX, Array, PosedSkeleton

# name: joint and offset of one end, joint and offset of the other end, radius; lengths as fractions of the height.
_CAPSULES: dict[str, tuple[str, tuple[float, float, float], str, tuple[float, float, float], float]] = {
    'trunk_left': ('pelvis', (0.036, 0.010, 0.0), 'chest', (0.042, 0.090, 0.0), 0.060),
    'trunk_right': ('pelvis', (-0.036, 0.010, 0.0), 'chest', (-0.042, 0.090, 0.0), 0.060),
    'head': ('head', (0.0, 0.020, 0.010), 'head', (0.0, 0.075, 0.005), 0.050),
}
for _side in ('left', 'right'):
    _CAPSULES |= {
        f'{_side}_arm': (f'{_side}_shoulder', (0.0, -0.090, 0.0), f'{_side}_elbow', (0.0, 0.0, 0.0), 0.026),
        f'{_side}_forearm': (f'{_side}_elbow', (0.0, 0.0, 0.0), f'{_side}_wrist', (0.0, 0.0, 0.0), 0.022),
        f'{_side}_hand': (f'{_side}_wrist', (0.0, 0.0, 0.0), f'{_side}_wrist', (0.0, -0.085, 0.0), 0.018),
        f'{_side}_thigh': (f'{_side}_hip', (0.0, -0.040, 0.0), f'{_side}_knee', (0.0, 0.0, 0.0), 0.042),
        f'{_side}_shank': (f'{_side}_knee', (0.0, -0.040, 0.0), f'{_side}_ankle', (0.0, 0.0, 0.0), 0.027),
        f'{_side}_foot': (f'{_side}_ankle', (0.0, -0.02, -0.01), f'{_side}_ankle', (0.0, -0.025, 0.085), 0.022),
    }

_NAMES = tuple(_CAPSULES)
_JOINT_A, _JOINT_B = (
    np.array([INDEX[name] for name in names])
    for names in zip(*((row[0], row[2]) for row in _CAPSULES.values()), strict=True)
)
_OFFSET_A, _OFFSET_B = (
    np.array(offsets) for offsets in zip(*((row[1], row[3]) for row in _CAPSULES.values()), strict=True)
)
_RADII = np.array([row[4] for row in _CAPSULES.values()])


def _pairs() -> NDArray[np.intp]:
    """The pairs (N, 2) of capsules that must stay apart."""
    names: list[tuple[str, str]] = []
    for side, other in (('left', 'right'), ('right', 'left')):
        names += [(f'{side}_arm', f'trunk_{side}')]
        for part in ('forearm', 'hand'):
            far = ('trunk_left', 'trunk_right', 'head', 'left_thigh', 'right_thigh', 'left_shank', 'right_shank')
            names += [(f'{side}_{part}', name) for name in far]
            names += [(f'{side}_{part}', f'{other}_arm')]
        names += [(f'{side}_shank', f'{other}_thigh'), (f'{side}_foot', f'{other}_shank')]
        names += [(f'{side}_thigh', f'trunk_{other}')]
    names += [(f'left_{one}', f'right_{two}') for one in ('forearm', 'hand') for two in ('forearm', 'hand')]
    names += [('left_shank', 'right_shank'), ('left_foot', 'right_foot')]
    return np.array([(_NAMES.index(one), _NAMES.index(two)) for one, two in names])


_PAIRS = _pairs()
_NEEDED = _RADII[_PAIRS].sum(axis=1)


def segment_distances(start_a: Array, end_a: Array, start_b: Array, end_b: Array) -> Array:
    """Least distances (N,) between N pairs of line segments, given by their ends, each (N, 3)."""
    along_a, along_b, between = end_a - start_a, end_b - start_b, start_a - start_b
    aa = np.maximum(np.einsum('ij,ij->i', along_a, along_a), 1e-12)
    bb = np.maximum(np.einsum('ij,ij->i', along_b, along_b), 1e-12)
    ab = np.einsum('ij,ij->i', along_a, along_b)
    a0, b0 = np.einsum('ij,ij->i', along_a, between), np.einsum('ij,ij->i', along_b, between)
    determinant = aa * bb - ab * ab
    parallel = determinant < 1e-9 * aa * bb
    on_a = np.where(parallel, 0.0, np.clip((ab * b0 - a0 * bb) / np.where(parallel, 1.0, determinant), 0.0, 1.0))
    on_b = np.clip((ab * on_a + b0) / bb, 0.0, 1.0)
    on_a = np.clip((ab * on_b - a0) / aa, 0.0, 1.0)
    return np.asarray(np.linalg.norm(between + on_a[:, None] * along_a - on_b[:, None] * along_b, axis=1))


def deepest_collision(skeleton: PosedSkeleton, height: float, girth: float = 1.0) -> float:
    """How far the worst pair of body parts is inside each other, as a share of their added radii; 0 or less: apart."""
    starts = skeleton.points(_JOINT_A, height * _OFFSET_A)
    ends = skeleton.points(_JOINT_B, height * _OFFSET_B)
    one, two = _PAIRS.T
    distances = segment_distances(starts[one], ends[one], starts[two], ends[two])
    return float(np.max(1.0 - distances / (height * girth * _NEEDED)))
