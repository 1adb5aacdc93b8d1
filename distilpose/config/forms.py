"""Forms of a config: which entries that the Runner reads are dictionaries, lists or ``None``."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError, as_option

_DICTIONARY, _OPTIONAL, _LIST, _EITHER = 'a dictionary', 'a dictionary or None', 'a list of dictionaries', (
    'a dictionary, a list of them, or None')
_FORMS = {
    'model': _DICTIONARY,
    **dict.fromkeys(('model.backbone', 'model.head', 'model.data_preprocessor'), _OPTIONAL),
    '*_dataloader': _OPTIONAL,
    '*_dataloader.dataset': _DICTIONARY,
    '*_dataloader.sampler': _DICTIONARY,
    '*_dataloader.collate_fn': _OPTIONAL,
    '**dataset.pipeline': _LIST,
    '**dataset.datasets': _LIST,
    **dict.fromkeys(('train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'default_hooks.*', 'auto_scale_lr'),
                    _OPTIONAL),
    **dict.fromkeys(('env_cfg', 'env_cfg.mp_cfg', 'env_cfg.dist_cfg', 'randomness', 'log_processor', 'visualizer',
                     'optim_wrapper.optimizer'), _DICTIONARY),
    **dict.fromkeys(('optim_wrapper', 'optim_wrapper.clip_grad', 'optim_wrapper.paramwise_cfg', 'model.**test_cfg'),
                    _OPTIONAL),
    **dict.fromkeys(('param_scheduler', '*_evaluator', 'custom_hooks'), _EITHER),
}
"""Entry -> its form, ``*`` for any name and ``**`` for any path; objects that a program puts there are of any form."""


def check_forms(cfg: Config) -> None:
    """Looks whether the entries that the Runner reads are dictionaries, lists or ``None`` where they have to be.

    Raises:
        DistilPoseError: names the entry, what was found and what is expected.
    """
    _check_form('', cfg._cfg_dict)


def _check_form(path: str, node: Mapping[str, Any]) -> None:
    for key, value in node.items():
        entry = f'{path}.{key}' if path else str(key)
        form = _form_of(entry)
        if form is not None and not _has_form(value, form):
            raise unexpected(entry, value, form)
        if isinstance(value, Mapping):
            _check_form(entry, value)
        for index, part in enumerate(value if isinstance(value, (list, tuple)) else ()):
            if form is not None and isinstance(part, (str, int, float, bool, type(None))):
                raise unexpected(f'{entry}[{index}]', part, _DICTIONARY)
            if isinstance(part, Mapping):
                _check_form(f'{entry}[{index}]', part)


def _has_form(value: Any, form: str) -> bool:
    if value is None:
        return 'None' in form
    if isinstance(value, (str, int, float, bool)):
        return False
    if isinstance(value, (list, tuple)):
        return 'list' in form
    return not (isinstance(value, Mapping) and form == _LIST)


def _form_of(entry: str) -> str | None:
    found = _pattern().fullmatch(entry)
    return None if found is None or found.lastindex is None else [*_FORMS.values()][found.lastindex - 1]


@functools.cache
def _pattern() -> re.Pattern[str]:
    """One group for each entry of :data:`_FORMS`."""
    return re.compile('|'.join(f'({re.escape(entry)})' for entry in _FORMS).replace(r'\*\*', '.*').replace(
        r'\*', '[^.]*'))


def unexpected(entry: str, value: Any, expected: str) -> DistilPoseError:
    """An error for a value of another form, type or range.

    Args:
        entry: the place in the config, with dots and brackets.
        value: what it is.
        expected: what it can be, in words.
    """
    return DistilPoseError(f'{entry} is {value!r:.80}; expected {expected}. Change it in the config, or with '
                           f'--cfg-options {as_option(entry)}=...')
