from __future__ import annotations

import numpy as np
import pytest

from distilpose.datasets.transforms import RandomBlur
from distilpose.errors import DistilPoseError


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize('kind, statistic', [('mean', np.mean), ('median', np.median)])
@pytest.mark.parametrize('size', [3, 5, 7])
def test_every_value_is_that_of_its_square(kind: str, statistic, size: int) -> None:
    image = noise()
    found = RandomBlur(kind, prob=1.0, sizes=(size,))(dict(img=image))['img']
    for row, column in ((10, 10), (20, 17), (36, 26)):
        square = image[row - size // 2:row + size // 2 + 1, column - size // 2:column + size // 2 + 1]
        assert found[row, column] == pytest.approx(statistic(square, axis=(0, 1)), abs=0.5001)
    assert (image == noise()).all() and found.dtype == np.uint8


def test_one_in_ten_of_all_sizes() -> None:
    transform = RandomBlur('mean')
    drawn = [transform.draw() for _ in range(6000)]
    blurred = [size for size in drawn if size is not None]
    assert len(blurred) / len(drawn) == pytest.approx(0.1, abs=0.012)
    assert [blurred.count(size) / len(blurred) for size in (3, 5, 7)] == pytest.approx([1 / 3] * 3, abs=0.06)


def test_nonsense_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="kind='gauss'; expected one of mean, median"):
        RandomBlur('gauss')
    with pytest.raises(DistilPoseError, match='odd numbers of pixels'):
        RandomBlur('median', sizes=(3, 4))
