"""Functions that config files import to change data pipelines, defined in :mod:`distilpose.config.data`."""

from .config.data import change_step, replace_steps, with_augmentation, with_codec, with_fast_data

__all__ = ['change_step', 'replace_steps', 'with_augmentation', 'with_codec', 'with_fast_data']
