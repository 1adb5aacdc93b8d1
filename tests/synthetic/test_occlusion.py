"""What a camera reports as seen and hidden of people placed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from distilpose.synthetic.landmarks import COCO_KEYPOINTS
from distilpose.synthetic.rasteriser import RoundCone
from distilpose.synthetic.scene import HIDDEN, OUTSIDE, VISIBLE, PersonView

from .bodies import front_camera, person, seen


def states(view: PersonView) -> dict[str, int]:
    return dict(zip(COCO_KEYPOINTS, view.visibility[:17].tolist(), strict=True))


def wall(*, low: float, high: float, z: float = 1.0) -> RoundCone:
    """A wide board in front of the person."""
    ends, radius = (np.array([x, (low + high) / 2, z]) for x in (-3.0, 3.0)), (high - low) / 2
    return RoundCone(*ends, (radius, radius), np.ones(3), scales=(1.0, 1.0, 0.02))


def test_who_faces_the_camera_with_arms_spread_hides_nothing_but_ears() -> None:
    found = states(seen([person()])[0][0])
    assert {name: state for name, state in found.items() if 'ear' not in name} == {
        name: VISIBLE for name in COCO_KEYPOINTS if 'ear' not in name
    }


def test_from_behind_the_face_is_hidden_and_the_limbs_are_seen() -> None:
    found = states(seen([person(heading=np.pi)])[0][0])
    assert [found[name] for name in ('nose', 'left_eye', 'right_eye')] == [HIDDEN] * 3
    assert all(found[f'{side}_{part}'] == VISIBLE for side in ('left', 'right') for part in ('elbow', 'knee', 'wrist'))


@pytest.mark.parametrize('side, heading', [('left', -np.pi / 2), ('right', np.pi / 2)])
def test_in_profile_the_far_side_is_hidden(side: str, heading: float) -> None:
    """Turned to the own right, the left side faces the camera, and the other way round."""
    far = {'left': 'right', 'right': 'left'}[side]
    straight = {f'{one}_{part}': (0.0, 4.0, 0.0) for one in ('left', 'right') for part in ('shoulder', 'hip')}
    straight |= {f'{one}_elbow': (110.0, 0.0, 0.0) for one in ('left', 'right')}  # hands off the hips
    found = states(seen([person(heading=heading, **straight)])[0][0])
    for part in ('eye', 'ear', 'shoulder', 'hip'):
        assert found[f'{side}_{part}'] == VISIBLE and found[f'{far}_{part}'] == HIDDEN, part


def test_a_board_hides_what_is_behind_it_and_nothing_else() -> None:
    view, free = (seen([person()], things=things)[0][0] for things in ([wall(low=-0.5, high=0.72)], []))
    found = states(view)
    for side in ('left', 'right'):
        assert found[f'{side}_knee'] == found[f'{side}_ankle'] == HIDDEN
        assert found[f'{side}_shoulder'] == found[f'{side}_elbow'] == VISIBLE
    assert view.mask.sum() < free.mask.sum() and (view.mask <= free.mask).all()


def test_behind_a_wall_nothing_is_left() -> None:
    view = seen([person()], things=[wall(low=-1.0, high=4.0)])[0][0]
    assert not view.mask.any() and (view.visibility == HIDDEN).all()


def test_a_board_behind_hides_nothing() -> None:
    (free,), _ = seen([person()])
    (view,), _ = seen([person()], things=[wall(low=-1.0, high=3.0, z=-1.0)])
    np.testing.assert_array_equal(view.visibility, free.visibility)
    np.testing.assert_array_equal(view.mask, free.mask)


def test_one_person_hides_another() -> None:
    front, back = seen([person(place=(0.0, 0.0, 0.8)), person(place=(0.1, 0.0, -0.8), owner=1)])[0]
    assert states(front)['left_hip'] == VISIBLE and states(back)['right_hip'] == states(back)['left_hip'] == HIDDEN
    assert not (front.mask & back.mask).any()
    alone = seen([person(place=(0.1, 0.0, -0.8))])[0][0]
    assert back.mask.sum() < 0.7 * alone.mask.sum() and (back.mask <= alone.mask).all()


def test_what_the_frame_cuts_off_is_outside() -> None:
    view = seen([person(place=(0.0, -0.9, 0.0))])[0][0]
    found = states(view)
    assert found['left_ankle'] == found['right_ankle'] == OUTSIDE and found['nose'] == VISIBLE


def test_left_is_left() -> None:
    """Facing the camera the person's left is on the right of the image, from behind on the left."""
    for heading, sign in ((0.0, 1), (np.pi, -1)):
        view = seen([person(heading=heading)])[0][0]
        at = dict(zip(COCO_KEYPOINTS, view.whole_body[:17, 0], strict=True))
        for part in ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
            assert sign * (at[f'left_{part}'] - at[f'right_{part}']) > 0


def test_keypoints_are_where_the_camera_model_puts_them_and_on_the_body() -> None:
    one = person()
    view, camera = seen([one])[0][0], front_camera()
    np.testing.assert_allclose(view.whole_body, camera.project(one.marks.whole_body)[0])
    column, row = np.round(view.whole_body[5:17]).astype(int).T
    assert view.mask[row, column].all()


def test_the_head_rectangle_holds_the_head() -> None:
    view = seen([person()])[0][0]
    low, high = view.head_box
    face = view.whole_body[[0, 1, 2, 3, 4]]
    assert (face >= low).all() and (face <= high).all()
    person_height = np.ptp(np.flatnonzero(view.mask.any(axis=1)))
    assert 0.09 < (high - low)[1] / person_height < 0.19
