"""Person keys: the box of a sample."""

from __future__ import annotations

import pytest

from distilpose.datasets.person_keys import box_of
from distilpose.errors import DistilPoseError


def test_a_sample_without_a_box_is_named() -> None:
    with pytest.raises(DistilPoseError, match=r'the sample of a/b\.jpg has no box of a person'):
        box_of(dict(img_path='a/b.jpg'))
