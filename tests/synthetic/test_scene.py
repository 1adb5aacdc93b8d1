"""What counts as seen, and that rendered views agree with their labels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from distilpose.synthetic.rasteriser import Buffers
from distilpose.synthetic.scene import HIDDEN, OUTSIDE, VISIBLE, View, keypoint_visibility, render_scene

SIZE, NO_PERSON, ME, OTHER = 8, -1, 0, 1


def state(*, keypoint: float, surface: float, owner: int, pixel: tuple[float, float] = (3.0, 4.0)) -> int:
    """Visibility of a keypoint at a depth, behind or before a surface that covers the image; 0.1 m is allowed."""
    buffers = Buffers(np.full((SIZE, SIZE), surface), np.zeros((SIZE, SIZE), int))
    owners = np.full((SIZE, SIZE), owner)
    return int(keypoint_visibility(np.array([pixel]), np.array([keypoint]), np.array([0.1]), ME, buffers, owners)[0])


def test_a_joint_just_under_the_own_skin_is_seen() -> None:
    assert state(keypoint=3.0, surface=2.95, owner=ME) == VISIBLE


def test_a_joint_behind_another_limb_is_hidden() -> None:
    assert state(keypoint=3.0, surface=2.7, owner=ME) == HIDDEN


@pytest.mark.parametrize('owner', [OTHER, NO_PERSON])
def test_anything_else_in_front_hides(owner: int) -> None:
    assert state(keypoint=3.0, surface=2.95, owner=owner) == HIDDEN
    assert state(keypoint=3.0, surface=3.05, owner=owner) == VISIBLE


def test_an_empty_pixel_hides_nothing() -> None:
    assert state(keypoint=3.0, surface=np.inf, owner=NO_PERSON) == VISIBLE


@pytest.mark.parametrize('pixel', [(-0.5, 4.0), (3.0, 7.5), (-1e6, -1e6)])
def test_outside_the_image_is_outside(pixel: tuple[float, float]) -> None:
    assert state(keypoint=3.0, surface=np.inf, owner=NO_PERSON, pixel=pixel) == OUTSIDE


@pytest.fixture(scope='module')
def views() -> list[View]:
    return [render_scene(np.random.default_rng(seed), size=128) for seed in range(30)]


def test_views_are_pictures_of_one_to_three_people(views: list[View]) -> None:
    for view in views:
        assert view.image.shape == (128, 128, 3) and view.image.dtype == np.uint8
        assert view.image.std() > 5
        assert 1 <= len(view.people) <= 3
    assert {len(view.people) for view in views} == {1, 2, 3}


def test_masks_do_not_overlap(views: list[View]) -> None:
    for view in views:
        assert np.sum([person.mask for person in view.people], axis=0).max() <= 1


def test_keypoints_that_are_seen_lie_on_the_person(views: list[View]) -> None:
    """To a pixel or two for points on the outline, such as toes, finger tips and the jaw."""
    away = []
    for person in (person for view in views for person in view.people):
        column, row = np.round(person.whole_body[person.visibility == VISIBLE]).astype(int).T
        away.append(cv2.distanceTransform((~person.mask).astype(np.uint8), cv2.DIST_L2, 5)[row, column])
    assert (np.concatenate(away) == 0).mean() > 0.85
    assert (np.concatenate(away) <= 2.0).mean() > 0.98


def test_all_three_states_occur(views: list[View]) -> None:
    states = np.concatenate([person.visibility[:17] for view in views for person in view.people])
    shares = [float((states == state).mean()) for state in (OUTSIDE, HIDDEN, VISIBLE)]
    assert shares[2] > 0.4 and min(shares) > 0.02


def test_keypoints_labelled_inside_are_inside(views: list[View]) -> None:
    for person in (person for view in views for person in view.people):
        inside = ((person.whole_body >= 0) & (person.whole_body <= 127)).all(axis=1)
        np.testing.assert_array_equal(inside, person.visibility > OUTSIDE)


def test_a_view_follows_from_the_seed(views: list[View]) -> None:
    again = render_scene(np.random.default_rng(0), size=128)
    np.testing.assert_array_equal(again.image, views[0].image)
    np.testing.assert_array_equal(again.people[0].whole_body, views[0].people[0].whole_body)
    assert not np.array_equal(views[0].image, views[1].image)


def test_labels_do_not_depend_on_the_resolution(views: list[View]) -> None:
    large = render_scene(np.random.default_rng(0), size=256)
    for one, two in zip(views[0].people, large.people, strict=True):
        np.testing.assert_allclose((two.whole_body + 0.5) / 2 - 0.5, one.whole_body, atol=1.0)
