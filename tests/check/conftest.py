"""Fixtures of the tiny configs, which the tests of running configs share."""

from tests.engine.conftest import make_config, tiny_data, unformatted_configs

__all__ = ['make_config', 'tiny_data', 'unformatted_configs']
