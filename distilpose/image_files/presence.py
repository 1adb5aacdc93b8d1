"""Missing image files: which of many do not exist, and where files of these names are."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

_FEW = 8
_MOST_FOLDERS, _SECONDS = 200, 0.5


def missing_files(folder: str, names: Sequence[str]) -> list[int]:
    """Places of the names that are no files below a folder; a folder with many of them is listed once.

    Args:
        folder: where the names begin, ``''`` for the current directory.
        names: with ``/`` between folders.
    """
    by_folder: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        by_folder.setdefault(name.rpartition('/')[0], []).append(place)
    missing: list[int] = []
    for below, places in by_folder.items():
        here = os.path.join(folder, f'{below}/') if below or names[places[0]][:1] == '/' else folder
        present = _files_in(here or '.') if len(places) > _FEW else set()
        missing += [place for place in places if names[place].rpartition('/')[2] not in present
                    and not os.path.isfile(os.path.join(folder, names[place]))]
    return sorted(missing)


def _files_in(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def find_similar(folder: str, name: str, *, root: str | None = None) -> str | None:
    """Where a file may be that is not found, as a sentence; ``None`` if there is nothing alike.

    Looks for the name in other letters or with another suffix in its folder, and for the same name in the folders
    around.

    Args:
        folder: where the name begins.
        name: of the file that is missing.
        root: of the data set; by default the folder above.
    """
    path = Path(folder, name)
    files = sorted(_files_in(str(path.parent)))
    for is_alike in (lambda other: other.lower() == path.name.lower(),
                     lambda other: Path(other).stem.lower() == path.stem.lower()):
        found = next((other for other in files if is_alike(other)), None)
        if found is not None:
            return f'Did you mean {found}, which is in that folder?'
    elsewhere = _find(Path(root) if root else Path(folder).parent, {name, path.name})
    return None if elsewhere is None else f'Such a file is {elsewhere}.'


def describe_folder(path: str) -> str:
    """What is in the folder of a file that is not found, as a sentence."""
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        return f'There is no folder {folder}.'
    files = sorted(_files_in(folder))
    return f'That folder has {len(files)} other files{f", such as {files[0]}" if files else ""}.'


def _find(root: Path, names: set[str]) -> Path | None:
    """The first file of one of the names in a folder and those below it, for as long as that takes little time."""
    end, folders = time.perf_counter() + _SECONDS, [root]
    for here in folders:
        for name in sorted(names, key=len, reverse=True):
            if os.path.isfile(here / name):
                return here / name
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if time.perf_counter() > end or len(folders) > _MOST_FOLDERS:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(here / entry.name)
        except OSError:
            continue
    return None
