"""Files that arguments name: refused before ``distilpose`` is imported if they do not exist."""

from __future__ import annotations

import difflib
from pathlib import Path

from .command import WrongInput

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_IN_PACKAGES = ('mmpose::', 'distilpose::')


def is_checkout() -> bool:
    """Whether this is the project's folder, and not an installed package."""
    return (PROJECT_ROOT / 'setup.py').is_file()


def require_config(name: str) -> None:
    """Refuses the path of a config that is neither below the current directory nor below the project.

    :func:`distilpose.config.reading.read_config` finds what passes here, and reads it.

    Raises:
        WrongInput: names similar ones.
    """
    path = Path(name).expanduser()
    if name.startswith(_IN_PACKAGES) or path.is_file() or (PROJECT_ROOT / path).is_file():
        return
    raise WrongInput(f'no config {name}{_suggestion(name)}')


def _suggestion(name: str) -> str:
    """Configs with a similar name."""
    known = {file.stem: file for file in sorted((PROJECT_ROOT / 'configs').rglob('*.py')) if '_base_' not in file.parts}
    by_lower = {stem.lower(): file for stem, file in known.items()}
    close = difflib.get_close_matches(Path(name).stem.lower(), by_lower, n=3)
    if not close:
        return f' (looked from {Path.cwd()} and from {PROJECT_ROOT})'
    return '; did you mean ' + ' or '.join(str(by_lower[stem].relative_to(PROJECT_ROOT)) for stem in close) + '?'


def require_checkpoint(name: str) -> None:
    """Refuses a checkpoint that does not exist.

    Raises:
        WrongInput: says where it was looked for.
    """
    file = Path(name).expanduser()
    if not file.exists():
        raise WrongInput(f'The checkpoint {file} does not exist (looked from {Path.cwd()}).')
