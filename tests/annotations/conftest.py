"""A tiny annotation file in COCO format, which tests change in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distilpose.annotations import Expected

NAMES = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear')
PEOPLE = 10


@pytest.fixture
def content() -> dict[str, Any]:
    """Ten people on five images of 200 x 100 pixels, with 5 keypoints."""
    rng = np.random.default_rng(0)
    people = []
    for number in range(1, PEOPLE + 1):
        x, y = 100 + 2 * number, 40 + number
        triples = np.stack([rng.integers(x, x + 30, 5), rng.integers(y, y + 40, 5), rng.integers(1, 3, 5)], axis=1)
        people.append(dict(id=number, image_id=1 + number % 5, category_id=1, iscrowd=0, area=640.0,
                           bbox=[x, y, 30, 40], num_keypoints=5, keypoints=triples.ravel().tolist()))
    images = [dict(id=number, file_name=f'{number}.jpg', width=200, height=100) for number in range(1, 6)]
    return dict(images=images, annotations=people, categories=[dict(id=1, name='person', keypoints=list(NAMES))])


@pytest.fixture
def of_dataset() -> Expected:
    return Expected(fields=(('keypoints', NAMES), ), image_keys=('id', 'file_name'), folder='/data/images',
                    roots=('/data', '/data/images'))


@pytest.fixture
def of_evaluator() -> Expected:
    return Expected(fields=(('keypoints', NAMES), ), needs_categories=True, reads_area=True,
                    person_keys=('id', 'image_id', 'category_id', 'bbox'))
