"""Config files named ``distilpose::...``, resolved to absolute paths before mmengine reads them.

mmengine looks for ``_base_ = 'mmpose::...'`` in the ``.mim`` folder of an installed package, which a checkout does not
have, and marks what it finds with ``_scope_``, which names a registry that this package does not have. A base named
``distilpose::...`` is therefore read as the file that it names; every other name is left to mmengine.
"""

from __future__ import annotations

import difflib
import functools
from pathlib import Path

from ..errors import DistilPoseError

PREFIX = 'distilpose::'
_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / '.mim'  # where mmpose's wheel keeps its configs too; made when a wheel is built (setup.py)

IS_INSTALLED = (_INSTALLED / 'configs').is_dir()
PROJECT_ROOT = _INSTALLED if IS_INSTALLED else _PACKAGE.parent
CONFIGS = PROJECT_ROOT / 'configs'


def install() -> None:
    """Lets ``_base_`` of a config name this package's configs; a second call does nothing.

    mmengine offers no place for this: ``Config`` calls its static methods by its own name, past any subclass.
    """
    from mmengine.config import Config

    find_base = Config._get_cfg_path
    if hasattr(find_base, '__wrapped__'):
        return

    @functools.wraps(find_base)
    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(PREFIX):
            return str(resolve(cfg_path)), None
        file = find_in_mmpose(cfg_path)
        return find_base(cfg_path, filename) if file is None else (str(file), 'mmpose')

    Config._get_cfg_path = staticmethod(get_cfg_path)


def resolve(name: str) -> Path:
    """The file of ``distilpose::quickstart/baseline.py`` and the like.

    Raises:
        DistilPoseError: there is no such config; suggests similar ones.
    """
    file = CONFIGS / name.removeprefix(PREFIX)
    if not file.is_file():
        raise DistilPoseError(f'no config {name}{suggest(name) or f" (looked in {CONFIGS})"}')
    return file


def find_in_mmpose(name: str) -> Path | None:
    """The file of ``mmpose::body_2d_keypoint/....py`` in mmpose's package; ``None`` for a name without one."""
    import mmpose

    scope, _, path = name.partition('::')
    file = Path(mmpose.__file__).parent / '.mim' / 'configs' / path
    return file if scope == 'mmpose' and path.endswith('.py') and file.is_file() else None


def suggest(name: str) -> str:
    """Configs of this package whose name is similar, as the end of a sentence; empty without any."""
    start = PREFIX if name.startswith(PREFIX) else 'configs/'
    sought = name.removeprefix(start)
    known = {file.stem.lower(): start + file.relative_to(CONFIGS).as_posix() for file in sorted(CONFIGS.rglob('*.py'))
             if '_base_' in sought or '_base_' not in file.parts}
    close = difflib.get_close_matches(Path(sought).stem.lower(), known, n=3)
    return '; did you mean ' + ' or '.join(known[stem] for stem in close) + '?' if close else ''
