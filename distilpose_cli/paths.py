"""Files that arguments name: refused before ``distilpose`` is imported if they do not exist."""

from __future__ import annotations

import difflib
from pathlib import Path

from .command import WrongInput

_WEIGHTS = ('.pth', '.pt', '.ckpt', '.safetensors', '.onnx', '.pkl')
_PREFIX, _MMPOSE = 'distilpose::', 'mmpose::'
_INSTALLED = Path(__file__).resolve().parent.parent / 'distilpose' / '.mim'

IS_INSTALLED = (_INSTALLED / 'configs').is_dir()
PROJECT_ROOT = _INSTALLED if IS_INSTALLED else _INSTALLED.parent.parent
"""Both those of :mod:`distilpose.host.config_paths`."""


def working_root() -> Path:
    """The project's root in a checkout, the current directory for an installed package."""
    return Path.cwd() if IS_INSTALLED else PROJECT_ROOT


def require_config(name: str) -> None:
    """Refuses a config that :func:`distilpose.config.read_config` does not find, with the same sentence.

    Configs of mmpose pass, whether they exist or not, and so do folders, which may be of Hugging Face.

    Raises:
        WrongInput: suggests configs of a similar name, or names where it looked.
    """
    if name.startswith(_MMPOSE):
        return
    if Path(name).suffix.lower() in _WEIGHTS:
        raise WrongInput(f'{name} is a file of weights, and a config was expected, which ends with .py; the config '
                         'comes first, then its weights')
    if name.startswith(_PREFIX):
        roots, path = [PROJECT_ROOT / 'configs'], name.removeprefix(_PREFIX)
        looked = f' (looked in {roots[0]})'
    else:
        roots, path = list(dict.fromkeys([Path.cwd(), working_root(), PROJECT_ROOT])), name
        looked = (f' (looked from {" and from ".join(map(str, roots))}); name it absolutely, from there, or as '
                  f'{_PREFIX}... or {_MMPOSE}...')
    if not any((root / Path(path).expanduser()).exists() for root in roots):
        raise WrongInput(f'no config {name}{_suggestion(name) or looked}')


def _suggestion(name: str) -> str:
    """Configs with a similar name, as the end of a sentence; empty without any."""
    configs, start = PROJECT_ROOT / 'configs', _PREFIX if name.startswith(_PREFIX) else 'configs/'
    sought = name.removeprefix(start)
    known = {file.stem.lower(): start + file.relative_to(configs).as_posix() for file in sorted(configs.rglob('*.py'))
             if '_base_' in sought or '_base_' not in file.parts}
    close = difflib.get_close_matches(Path(sought).stem.lower(), known, n=3)
    return '; did you mean ' + ' or '.join(known[stem] for stem in close) + '?' if close else ''


def require_data_root(name: str | None) -> None:
    """Refuses a folder of data that does not exist.

    Raises:
        WrongInput: with the place where it was looked for.
    """
    if name is not None and not Path(name).expanduser().is_dir():
        raise WrongInput(f'--data-root {name} is no folder (looked from {Path.cwd()}); name the folder of the data')


def require_checkpoint(name: str) -> None:
    """Refuses a checkpoint that does not exist.

    Raises:
        WrongInput: with the place where it was looked for.
    """
    file = Path(name).expanduser()
    if not file.exists():
        raise WrongInput(f'The checkpoint {file} does not exist (looked from {Path.cwd()}).')
