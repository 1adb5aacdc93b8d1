"""Description of the environment at the head of a log, without importing torchvision and setuptools for it."""

from __future__ import annotations

import functools
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mmengine.utils.dl_utils import collect_env as importing

from ..lazy_imports import LazyObject, lazy_modules


@functools.wraps(importing)
def collect_env() -> Any:
    """mmengine's ``collect_env``; the version of torchvision is that of the installed package."""
    objects: dict[str, dict[str, Any]] = {'distutils': dict(errors=LazyObject('distutils', 'errors'))}
    with suppress(PackageNotFoundError):
        objects['torchvision'] = dict(__version__=version('torchvision'))
    with lazy_modules(objects):
        return importing()
