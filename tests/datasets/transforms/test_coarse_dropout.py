from __future__ import annotations

import numpy as np
import pytest

from distilpose.datasets.transforms import CoarseDropout
from distilpose.errors import DistilPoseError

HEIGHT, WIDTH = 256, 192


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


def white() -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def holes(count: int, **options: object) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width of what is black, which must be a whole rectangle."""
    transform, found = CoarseDropout(**options), []
    for _ in range(count):
        black = (transform(dict(img=white()))['img'] == 0).all(axis=-1)
        rows, columns = black.any(axis=1).nonzero()[0], black.any(axis=0).nonzero()[0]
        if len(rows):
            assert black[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].all() and len(rows) == np.ptp(rows) + 1
            found.append((rows[0], columns[0], len(rows), len(columns)))
    return found


def test_one_hole_of_the_published_size_anywhere() -> None:
    top, left, height, width = np.array(holes(600)).T
    assert len(top) == 600
    for start, extent, full in ((top, height, HEIGHT), (left, width, WIDTH)):
        assert int(0.2 * full) <= extent.min() < 0.21 * full and 0.39 * full < extent.max() <= 0.4 * full
        assert extent.mean() == pytest.approx(0.3 * full, rel=0.03)  # uniform
        assert start.min() < 3 and (start + extent).max() > full - 3  # up to the borders
    assert abs(np.corrcoef(height, width)[0, 1]) < 0.15  # drawn apart


def test_probability() -> None:
    assert len(holes(600, prob=0.5)) == pytest.approx(300, abs=40) and not holes(50, prob=0.0)


def test_the_given_picture_and_all_else_stay_as_they_are() -> None:
    given = dict(img=white(), keypoints=np.ones((1, 5, 2)), keypoints_visible=np.ones((1, 5)))
    picture = given['img']
    results = CoarseDropout()(given)
    assert (picture == 255).all() and not (results['img'] == 255).all()
    assert results['keypoints_visible'].all()


def test_a_whole_picture_can_be_a_hole_and_nonsense_is_refused() -> None:
    assert not CoarseDropout(side=(1.0, 1.0))(dict(img=white()))['img'].any()
    with pytest.raises(DistilPoseError, match=r'side=\(0.4, 0.2\)'):
        CoarseDropout(side=(0.4, 0.2))


def test_holes_in_pixels_and_of_another_width() -> None:
    extents = np.array(holes(400, side=(10, 40), width=(5, 6), in_pixels=True))[:, 2:]
    assert extents.min(axis=0).tolist() == [10, 5] and extents.max(axis=0).tolist() == [40, 6]
    assert extents[:, 0].mean() == pytest.approx(25, abs=1.5)
    assert not CoarseDropout(side=(999, 999), in_pixels=True)(dict(img=white()))['img'].any()


def test_several_holes() -> None:
    transform = CoarseDropout(holes=(1, 8))
    counts = np.array([len(transform.draw(HEIGHT, WIDTH)) for _ in range(800)])
    assert [np.mean(counts == number) for number in range(1, 9)] == pytest.approx([1 / 8] * 8, abs=0.04)
    transform = CoarseDropout(side=(4, 4), in_pixels=True, holes=(8, 8))
    assert 4 * 16 <= (transform(dict(img=white()))['img'] == 0).all(axis=-1).sum() <= 8 * 16


@pytest.mark.parametrize('options, found', [
    (dict(side=(0.2, 0.4), in_pixels=True), r'side=\(0.2, 0.4\); expected .* whole number'),
    (dict(width=(0.5, 0.2)), r'width=\(0.5, 0.2\); expected .* share'),
    (dict(holes=(3, 2)), r'holes=\(3, 2\)'), (dict(holes=(0, 2)), r'holes=\(0, 2\)'),
])
def test_limits_that_are_not_in_order_are_refused(options: dict, found: str) -> None:
    with pytest.raises(DistilPoseError, match=found):
        CoarseDropout(**options)
