"""Shared by the tests of export."""

from tests.engine.conftest import unformatted_configs

__all__ = ['unformatted_configs']
