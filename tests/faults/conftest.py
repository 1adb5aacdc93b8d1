"""Fixtures of the tests of faults."""

from tests.engine.conftest import make_config, tiny_data

__all__ = ['make_config', 'tiny_data']
