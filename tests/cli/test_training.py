"""Choices of ``train`` and ``test`` that the parser knows without the package."""

from __future__ import annotations

from distilpose.models import quick
from distilpose_cli.training import COMPILE_MODES, DTYPES


def test_choices_are_those_of_the_package() -> None:
    assert quick.COMPILE_MODES == COMPILE_MODES
    assert ('float32', *quick.DTYPES) == DTYPES
