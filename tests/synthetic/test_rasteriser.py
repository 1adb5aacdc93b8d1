from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.rasteriser import NO_PERSON, Buffers, Camera, ConeArrays, RoundCone, draw_cones, look_at, turn

from .bodies import front_camera

SIZE = 96
CAMERA = Camera(np.eye(3), np.zeros(3), 120.0, SIZE)  # looks along +z from the origin


def cones(starts, ends, radii, *, frame=None, scales=(1.0, 1.0, 1.0)) -> list[RoundCone]:
    return [
        RoundCone(np.array(start), np.array(end), tuple(radius), np.ones(3), frame=frame, scales=tuple(scales))
        for start, end, radius in zip(starts, ends, radii, strict=True)
    ]


def drawn(solids: list[RoundCone]) -> Buffers:
    return draw_cones(ConeArrays.of(solids, CAMERA), CAMERA)


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
    found = drawn(cones([centre], [centre], [[0.6, 0.6]], frame=frame, scales=scales)).depth
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


def test_what_is_nearer_hides_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    starts, ends = (rng.uniform([-0.7, -0.7, 3], [0.7, 0.7, 5], (12, 3)) for _ in range(2))
    radii = rng.uniform(0.05, 0.3, (12, 2))
    order = rng.permutation(12)
    one, two = drawn(cones(starts, ends, radii)), drawn(cones(starts[order], ends[order], radii[order]))
    np.testing.assert_array_equal(one.depth, two.depth)
    is_hit = one.ids != NO_PERSON
    np.testing.assert_array_equal(one.ids[is_hit], order[two.ids[is_hit]])


def test_solids_behind_the_camera_or_beside_the_image_draw_nothing() -> None:
    for place in ((0, 0, -3.0), (30.0, 0, 4.0)):
        buffers = drawn(cones([place], [place], [[0.5, 0.5]]))
        assert (buffers.ids == NO_PERSON).all() and np.isinf(buffers.depth).all()


def tilted_camera() -> Camera:
    return look_at(np.array([1.0, 1.5, 4.0]), np.array([0.0, 1.0, 0.0]), roll=0.1, focal=300.0, size=200)


def test_axes_are_a_rotation_without_mirroring() -> None:
    rotation = tilted_camera().rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_the_target_is_in_the_middle() -> None:
    pixels, depth = tilted_camera().project(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(pixels, 99.5)
    assert depth == pytest.approx(np.linalg.norm([1.0, 0.5, 4.0]))


def test_projection_is_the_pinholes() -> None:
    view = tilted_camera()
    points = np.random.default_rng(0).uniform(-1, 1, (50, 3)) + [0, 1, 0]
    matrix = np.array([[view.focal, 0, view.centre], [0, view.focal, view.centre], [0, 0, 1]]) @ view.rotation
    homogeneous = (points - view.position) @ matrix.T
    pixels, depth = view.project(points)
    np.testing.assert_allclose(pixels, homogeneous[:, :2] / homogeneous[:, 2:])
    np.testing.assert_allclose(depth, homogeneous[:, 2])


def test_up_is_up_and_the_left_of_who_faces_the_camera_is_right() -> None:
    view = front_camera()
    middle, above, persons_left = view.project(np.array([[0, 0.9, 0], [0, 1.4, 0], [0.3, 0.9, 0]]))[0]
    assert above[1] < middle[1] and persons_left[0] > middle[0]


def test_points_behind_the_camera_are_far_outside() -> None:
    pixels, depth = tilted_camera().project(np.array([1.5, 1.7, 8.0]))
    assert depth < 0 and (pixels < -1e5).all()


def test_turning_goes_from_forwards_to_the_left() -> None:
    np.testing.assert_allclose(turn(np.pi / 2) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
