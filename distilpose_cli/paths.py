"""Files that arguments name: refused before ``distilpose`` is imported if they do not exist."""

from __future__ import annotations

import difflib
from pathlib import Path

from .command import WrongInput

_PREFIX = 'distilpose::'
_ROOT = Path(__file__).resolve().parent.parent
# As distilpose.host.config_paths says, which cannot be imported without the whole package.
_INSTALLED = _ROOT / 'distilpose' / '.mim'
PROJECT_ROOT = _INSTALLED if _INSTALLED.is_dir() else _ROOT


def is_checkout() -> bool:
    """Whether this is the project's folder, and not an installed package."""
    return (PROJECT_ROOT / 'setup.py').is_file()


def require_config(name: str) -> None:
    """Refuses the name of a config that is neither below the current directory nor the project's.

    :func:`distilpose.config.read_config` finds what passes here, and reads it.

    Raises:
        WrongInput: names similar ones.
    """
    path = Path(name).expanduser()
    if name.startswith(_PREFIX):
        is_there = (PROJECT_ROOT / 'configs' / name.removeprefix(_PREFIX)).is_file()
    else:
        is_there = name.startswith('mmpose::') or path.is_file() or (PROJECT_ROOT / path).is_file()
    if not is_there:
        raise WrongInput(f'no config {name}{_suggestion(name)}')


def _suggestion(name: str) -> str:
    """Configs with a similar name, or where it was looked for."""
    folder = PROJECT_ROOT / 'configs'
    start = _PREFIX if name.startswith(_PREFIX) else 'configs/'
    sought = name.removeprefix(start)
    known = {file.stem.lower(): start + file.relative_to(folder).as_posix() for file in sorted(folder.rglob('*.py'))
             if '_base_' in sought or '_base_' not in file.parts}
    close = difflib.get_close_matches(Path(sought).stem.lower(), known, n=3)
    if close:
        return '; did you mean ' + ' or '.join(known[stem] for stem in close) + '?'
    if start == _PREFIX:
        return f' (looked in {folder})'
    looked = ' and from '.join(dict.fromkeys(map(str, (Path.cwd(), PROJECT_ROOT))))
    return f' (looked from {looked}); name it absolutely, from there, or as {_PREFIX}... or mmpose::...'


def require_checkpoint(name: str) -> None:
    """Refuses a checkpoint that does not exist.

    Raises:
        WrongInput: says where it was looked for.
    """
    file = Path(name).expanduser()
    if not file.exists():
        raise WrongInput(f'The checkpoint {file} does not exist (looked from {Path.cwd()}).')
