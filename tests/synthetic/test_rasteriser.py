from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.camera import Camera, turn
from distilpose.synthetic.rasteriser import NOTHING, Buffers, LocalCones, draw_boxes, draw_cones
from distilpose.synthetic.solids import Box, RoundCones

SIZE = 96
CAMERA = Camera(np.eye(3), np.zeros(3), 120.0, SIZE)  # looks along +z from the origin


def cones(starts, ends, radii, *, frames=None, scales=None, capped=True) -> RoundCones:
    count = len(starts)
    return RoundCones(
        starts=np.array(starts, float), ends=np.array(ends, float), radii=np.array(radii, float),
        frames=np.tile(np.eye(3), (count, 1, 1)) if frames is None else np.array(frames),
        scales=np.ones((count, 3)) if scales is None else np.array(scales, float), anchors=np.zeros((count, 3)),
        materials=np.zeros(count, int), owners=np.zeros(count, int), capped=np.full(count, capped),
    )  # fmt: skip


def drawn(solids: RoundCones) -> Buffers:
    buffers = Buffers.empty(SIZE)
    draw_cones(buffers, solids, LocalCones.of(solids), CAMERA)
    return buffers


def rays() -> np.ndarray:
    """Directions (H, W, 3) with unit depth."""
    steps = (np.arange(SIZE) - CAMERA.centre) / CAMERA.focal
    x, y = np.meshgrid(steps, steps)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def ball_depth(centre, radius: float) -> np.ndarray:
    """Depth (H, W) of a ball by the textbook, infinite where it is missed."""
    d, c = rays(), np.asarray(centre, float)
    a, b, k = (d * d).sum(-1), d @ c, c @ c - radius**2
    root = b * b - a * k
    return np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)


def assert_same_depth(found: np.ndarray, expected: np.ndarray, *, edge: int = 0, tolerance: float = 1e-3) -> None:
    """Equal depths; up to ``edge`` pixels may differ about being hit."""
    hit = np.isfinite(found) & np.isfinite(expected)
    assert (np.isfinite(found) != np.isfinite(expected)).sum() <= edge
    assert hit.sum() > 50
    np.testing.assert_allclose(found[hit], expected[hit], atol=tolerance)


def test_a_ball_is_where_the_textbook_says() -> None:
    centre = (0.3, -0.2, 4.0)
    assert_same_depth(
        drawn(cones([centre], [centre], [[0.5, 0.5]])).depth, ball_depth(centre, 0.5), edge=2, tolerance=2e-3
    )


def test_a_squeezed_ball_is_an_ellipsoid() -> None:
    centre, scales, frame = np.array([0.1, 0.1, 3.0]), np.array([1.0, 0.6, 0.4]), turn(0.7)
    found = drawn(cones([centre], [centre], [[0.6, 0.6]], frames=[frame], scales=[scales])).depth
    rows, columns = np.nonzero(np.isfinite(found))
    local = (rays()[rows, columns] * found[rows, columns, None] - centre) @ frame / scales
    inner = np.abs(found[rows, columns] - 3.0) > 0.02  # at the rim, float32 is coarse
    np.testing.assert_allclose(np.linalg.norm(local[inner], axis=1), 0.6, atol=6e-3)
    assert len(rows) > 500


@pytest.mark.parametrize('radii', [(0.3, 0.3), (0.45, 0.15), (0.1, 0.4)])
@pytest.mark.parametrize('end', [(0.9, 0.5, 4.2), (-0.2, 0.6, 2.6)])
def test_a_round_cone_is_the_hull_of_the_balls_between_its_ends(radii: tuple[float, float], end: tuple) -> None:
    start = np.array([-0.4, -0.3, 4.0])
    balls = [
        ball_depth(start + s * (np.array(end) - start), radii[0] + s * (radii[1] - radii[0]))
        for s in np.linspace(0, 1, 400)
    ]
    found = drawn(cones([start], [end], [radii])).depth
    assert_same_depth(found, np.min(balls, axis=0), edge=12, tolerance=8e-3)


def test_without_caps_only_the_side_is_there() -> None:
    start, end = np.array([-0.5, 0.0, 4.0]), np.array([0.5, 0.0, 4.0])
    whole, side = (
        np.isfinite(drawn(cones([start], [end], [[0.3, 0.3]], capped=capped)).depth) for capped in (True, False)
    )
    assert (side <= whole).all() and side.sum() < whole.sum()
    left, right = (CAMERA.centre + CAMERA.focal * x / 3.7 for x in (-0.5, 0.5))  # its front is 3.7 m away
    columns = np.flatnonzero(side.any(axis=0))
    assert columns[0] == pytest.approx(left, abs=1.5) and columns[-1] == pytest.approx(right, abs=1.5)


def test_what_is_nearer_hides_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    starts, ends = (rng.uniform([-0.7, -0.7, 3], [0.7, 0.7, 5], (12, 3)) for _ in range(2))
    radii = rng.uniform(0.05, 0.3, (12, 2))
    order = rng.permutation(12)
    one, two = drawn(cones(starts, ends, radii)), drawn(cones(starts[order], ends[order], radii[order]))
    np.testing.assert_array_equal(one.depth, two.depth)
    is_hit = one.ids != NOTHING
    np.testing.assert_array_equal(one.ids[is_hit], order[two.ids[is_hit]])


def test_solids_behind_the_camera_or_beside_the_image_draw_nothing() -> None:
    for place in ((0, 0, -3.0), (30.0, 0, 4.0)):
        buffers = drawn(cones([place], [place], [[0.5, 0.5]]))
        assert (buffers.ids == NOTHING).all() and np.isinf(buffers.depth).all()


def test_a_box_shows_its_front_at_the_right_depth() -> None:
    buffers = Buffers.empty(SIZE)
    box = Box(np.array([0.0, 0.0, 4.0]), np.array([0.5, 0.4, 0.5]), np.eye(3), np.ones(3))
    normals, colours = draw_boxes(buffers, [box], 7, CAMERA)
    rows, columns = np.nonzero(buffers.ids != NOTHING)
    np.testing.assert_allclose(buffers.depth[rows, columns], 3.5, rtol=1e-5)  # seen from the front only
    front = np.unique(buffers.ids[rows, columns]).item() - 7
    np.testing.assert_array_equal(normals[front], [0, 0, -1])
    assert np.ptp(columns) == pytest.approx(2 * 0.5 / 3.5 * CAMERA.focal, abs=2) and colours.shape == (6, 3)


def test_a_turned_box_shows_surfaces_of_the_box() -> None:
    buffers, box = Buffers.empty(SIZE), Box(np.array([0.2, 0.3, 4.0]), np.array([0.4, 0.3, 0.5]), turn(0.6), np.ones(3))
    draw_boxes(buffers, [box], 0, CAMERA)
    rows, columns = np.nonzero(buffers.ids != NOTHING)
    local = (rays()[rows, columns] * buffers.depth[rows, columns, None] - box.centre) @ box.frame / box.half
    # On the surface the largest coordinate is 1; polygon filling includes pixels just beyond the rim.
    assert np.quantile(np.abs(np.abs(local).max(axis=1) - 1), 0.9) < 1e-3 and len(np.unique(buffers.ids)) >= 3


def test_a_box_behind_a_ball_stays_hidden() -> None:
    ball = cones([(0, 0, 3.0)], [(0, 0, 3.0)], [[0.5, 0.5]])
    buffers = drawn(ball)
    before = buffers.ids == 0
    draw_boxes(buffers, [Box(np.array([0, 0, 5.0]), np.full(3, 0.9), np.eye(3), np.ones(3))], 1, CAMERA)
    assert (buffers.ids[before] == 0).all() and (buffers.ids > 0).any()
