"""Functions that config files import to change data pipelines, defined in :mod:`distilpose.config.data`."""

from .config.data import replace_steps, with_augmentation, with_codec, with_fast_data

__all__ = ['replace_steps', 'with_augmentation', 'with_codec', 'with_fast_data']
