"""Comparisons of samples that two implementations make: the same values but for the last digits."""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_same_pixels(found: Any, expected: Any) -> None:
    """Grey levels that are equal, but for coordinates which OpenCV rounds, to 1/32 pixel, the other way.

    An image of noise differs by at most 8 levels then along each axis, and in few places: other matrices and images of
    other sizes may take other instructions.
    """
    found, expected = (np.asarray(image, np.int64) for image in (found, expected))
    assert found.shape == expected.shape
    difference = np.abs(found - expected)
    assert difference.max() <= 16 and (difference > 0).mean() < 0.02


def assert_same_values(found: Any, expected: Any, name: str) -> None:
    """Numbers with a fraction to 1e-6 of their size, anything else exactly."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, name
    if expected.dtype.kind == 'f':
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-4, err_msg=name)
    else:
        np.testing.assert_array_equal(found, expected, name)
