"""docs/checks.md: every check is on the page, and every test that it names is there."""

from __future__ import annotations

import re

import pytest

from distilpose.config.checks import CHECKS
from distilpose_cli.tracebacks import SHOW
from tests.engine.tiny import PROJECT

PAGE = (PROJECT / 'docs' / 'checks.md').read_text()


@pytest.mark.parametrize('check', CHECKS, ids=lambda check: check.__name__)
def test_every_check_is_on_the_page(check: object) -> None:
    assert f'`{check.__name__}`' in PAGE  # type: ignore[attr-defined]


@pytest.mark.parametrize('page', ['checks.md', 'reliability.md'])
def test_the_tests_are_there(page: str) -> None:
    named = re.findall(r'`((?:[a-z_]+/)+(?:test_\w+\.py)?)`', (PROJECT / 'docs' / page).read_text())
    assert len(named) > 20
    assert [name for name in named if not (PROJECT / 'tests' / name).exists()] == []


def test_the_variable_is_on_the_page() -> None:
    assert SHOW in PAGE
