"""Paths of configs, data and checkpoints, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

from distilpose.errors import DistilPoseError
from distilpose.host.config_paths import CONFIGS, IS_INSTALLED, PREFIX, PROJECT_ROOT, resolve, suggest

from .hugging_face import is_hugging_face

__all__ = ['CONFIGS', 'IS_INSTALLED', 'PREFIX', 'PROJECT_ROOT', 'checkpoint_source', 'find_config', 'project_path',
           'without_package_folder', 'working_root']

_MMPOSE = 'mmpose::'
_FORMS = f'absolutely, from there, or as {PREFIX}... or {_MMPOSE}...'


def working_root() -> Path:
    """What relative paths of data and checkpoints start from.

    Returns:
        The project's root in a checkout, from wherever a command runs; the current directory for an installed package.
    """
    return Path.cwd() if IS_INSTALLED else PROJECT_ROOT


def project_path(path: str | Path) -> Path:
    """An absolute path as it is, a relative one below :func:`working_root`."""
    return working_root() / Path(path).expanduser()


def checkpoint_source(source: str | Path) -> str | Path:
    """An address as it is, a path as :func:`project_path` finds it."""
    return source if '://' in str(source) else project_path(source)


def find_config(path: str | Path, *, from_here: bool = False) -> str:
    """The absolute path of a config, or of a folder of Hugging Face.

    Args:
        path: absolute, ``distilpose::...``, or relative to :func:`working_root` or to :data:`PROJECT_ROOT`.
            ``mmpose::...`` is returned as it is.
        from_here: look in the current directory first.

    Raises:
        DistilPoseError: there is no such file; suggests configs of a similar name, or lists where it looked.
    """
    name = str(path)
    if name.startswith(_MMPOSE):
        return name
    if name.startswith(PREFIX):
        return str(resolve(name))
    roots = list(dict.fromkeys([Path.cwd()] * from_here + [working_root(), PROJECT_ROOT]))
    for root in roots:
        file = root / Path(path).expanduser()
        if file.is_file() or is_hugging_face(file):
            return str(file.absolute())
    if any((root / Path(path).expanduser()).is_dir() for root in roots):
        raise DistilPoseError(f'{path} is a folder without config.json, so none of Hugging Face; name a config in it, '
                              'or a folder with config.json and model.safetensors')
    looked = ' and from '.join(map(str, roots))
    raise DistilPoseError(f'no config {path}{suggest(name) or f" (looked from {looked}); name it {_FORMS}"}')


def without_package_folder(text: str) -> str:
    """Moves a path below the installed package's project folder to :func:`working_root`; leaves any other string.

    Configs find ``data/``, ``work_dirs/`` and ``teacher_chkpts/`` beside the folder ``configs/`` that they are in. In
    an installed package that is no place for data.
    """
    if text.startswith(f'{PROJECT_ROOT}/') and not text.startswith(f'{CONFIGS}/'):
        return f'{working_root()}{text[len(str(PROJECT_ROOT)):]}'
    return text
