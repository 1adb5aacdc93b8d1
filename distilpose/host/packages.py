"""Installed packages: those that the host stack needs, and their versions for mmengine."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import warnings
from typing import Any, NoReturn

from .patching import replace_everywhere

_INSTALL = 'run ./tools/setup_env.sh'
_REQUIRED = {
    'torch': 'pip install torch',
    'mmengine': 'pip install --no-deps mmengine==0.10.7',
    'mmcv': 'pip install --no-deps mmcv-lite==2.2.0',
    'mmpose': 'pip install --no-deps mmpose==1.3.2',
    'torchvision': 'pip install --no-deps torchvision',
    'cv2': 'pip install opencv-python-headless==4.14.0.94',
    'pycocotools': 'pip install pycocotools',
    'six': 'pip install six',
    'scipy': 'pip install scipy',
    'munkres': 'pip install munkres',
    'json_tricks': 'pip install json-tricks',
    'packaging': 'pip install packaging',
}


def require_packages() -> None:
    """Raises one sentence that names the missing package of the stack and how to install it."""
    missing = [name for name in _REQUIRED if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        commands = '; '.join(_REQUIRED[name] for name in missing)
        raise ImportError(
            f'distilpose needs {", ".join(missing)}, which this Python ({sys.executable}) does not have: '
            f'{_INSTALL} for a complete environment, or here: {commands}',
            name=missing[0],
        )


def ask_importlib_for_packages() -> bool:
    """Lets mmengine look packages up without the deprecated ``pkg_resources``.

    ``pkg_resources`` warns at every import since setuptools 67 and is gone since 82.
    """
    if not _is_setuptools_at_least(67) and importlib.util.find_spec('pkg_resources') is not None:
        return False
    from mmengine.utils import package_utils

    importlib.import_module('mmengine.hub')  # has one of the two by name
    for function in (_is_installed, _get_installed_path):
        original = getattr(package_utils, function.__name__[1:])
        replace_everywhere(original, functools.wraps(original)(function), 'mmengine')
    return True


def _is_setuptools_at_least(major: int) -> bool:
    try:
        return int(importlib.metadata.version('setuptools').split('.')[0]) >= major
    except importlib.metadata.PackageNotFoundError:
        return True


def _is_installed(package: str) -> bool:
    """Whether a requirement such as ``mmengine>=0.10`` is installed, or an importable module has this name."""
    if _distribution(package) is not None:
        return True
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def _get_installed_path(package: str) -> str:
    """The folder of a package, named by its distribution or its module.

    Where mmengine's path does not exist (an editable installation, a module that is one file), it is the folder from
    which Python imports the module.
    """
    distribution = _distribution(package)
    if distribution is None:
        spec = importlib.util.find_spec(package)
        if spec is None:
            _raise_not_found(package)
        if spec.origin is None:
            raise RuntimeError(f'{package} is a namespace package, which is invalid for `get_install_path`')
        return os.path.dirname(spec.origin)
    folder = os.path.realpath(str(distribution.locate_file('')))
    path = os.path.join(folder, package)
    if os.path.exists(path):
        return path
    declared = distribution.read_text('top_level.txt')
    if declared is None:
        raise ValueError(f'can not infer the module name of {package}')
    name = declared.split('\n')[0]
    path = os.path.join(folder, name)
    spec = None if os.path.exists(path) else importlib.util.find_spec(name)
    return os.path.dirname(spec.origin) if spec is not None and spec.origin is not None else path


def _distribution(package: str) -> importlib.metadata.Distribution | None:
    """The installed distribution that satisfies a requirement, None where no version of it is installed.

    Raises:
        InvalidRequirement: The name is no requirement.
        VersionConflict: Another version is installed (``PackageNotFoundError`` without ``pkg_resources``).
    """
    from packaging.requirements import Requirement

    requirement = Requirement(package)
    try:
        distribution = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if not requirement.specifier.contains(distribution.version, prereleases=True):
        _raise_not_found(package)
    return distribution


def _raise_not_found(package: str) -> NoReturn:
    """Raises what ``pkg_resources`` raises, for callers that catch its types, and importlib's error without it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            pkg_resources: Any = importlib.import_module('pkg_resources')
    except ImportError:
        raise importlib.metadata.PackageNotFoundError(package) from None
    pkg_resources.get_distribution(package)
    raise pkg_resources.DistributionNotFound(pkg_resources.Requirement.parse(package), None)
