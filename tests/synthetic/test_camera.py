from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.camera import Camera, look_at, turn

from .bodies import front_camera


def camera() -> Camera:
    return look_at(np.array([1.0, 1.5, 4.0]), np.array([0.0, 1.0, 0.0]), roll=0.1, focal=300.0, size=200)


def test_axes_are_a_rotation_without_mirroring() -> None:
    rotation = camera().rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_the_target_is_in_the_middle() -> None:
    pixels, depth = camera().project(np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(pixels, 99.5)
    assert depth == pytest.approx(np.linalg.norm([1.0, 0.5, 4.0]))


def test_projection_is_the_pinholes() -> None:
    view = camera()
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


def test_halving_scales_about_the_middle() -> None:
    view, points = camera(), np.random.default_rng(1).uniform(-0.5, 0.5, (9, 3))
    offset = view.project(points)[0] - view.centre
    half = view.halved()
    np.testing.assert_allclose(half.project(points)[0] - half.centre, 0.5 * offset)
    assert half.size == 100


def test_points_behind_the_camera_are_far_outside() -> None:
    pixels, depth = camera().project(np.array([1.5, 1.7, 8.0]))
    assert depth < 0 and (pixels < -1e5).all()


def test_turning_goes_from_forwards_to_the_left() -> None:
    np.testing.assert_allclose(turn(np.pi / 2) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
