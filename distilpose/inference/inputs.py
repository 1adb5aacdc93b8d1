"""Images to predict: files, folders and globs, with a name for the results of each."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from distilpose.datasets.unlabelled_files import SUFFIXES, list_images
from distilpose.errors import DistilPoseError

_WILDCARDS = '*?['


@dataclass(frozen=True)
class InputImage:
    """An image file.

    Attributes:
        path: of the file.
        name: of it in the results: from the folder that was named, else the file's own.
        output: without a suffix, and no other image's; files that are written for the image are called so.
    """

    path: Path
    name: str
    output: PurePosixPath


def find_images(inputs: Iterable[str | Path]) -> list[InputImage]:
    """Finds the images that files, folders (with all folders in them) and globs name, each once, in their order.

    Raises:
        DistilPoseError: a word names no image.
    """
    found: dict[Path, InputImage] = {}
    outputs: set[PurePosixPath] = set()
    for path, name in (pair for word in inputs for pair in _expand(word)):
        key = path.absolute()
        if key not in found:
            found[key] = InputImage(path, name, _unique(PurePosixPath(name).with_suffix(''), outputs))
    return list(found.values())


def _expand(word: str | Path) -> Iterator[tuple[Path, str]]:
    """Paths and names of what a word names."""
    path = Path(word).expanduser()
    if path.is_dir():
        try:
            names = list_images(path, path)[1]
        except DistilPoseError as error:
            raise DistilPoseError(f'the folder {path} has no images: no file in it ends with {", ".join(SUFFIXES)}'
                                  ) from error
        yield from ((path / name, name) for name in names)
    elif path.exists():
        yield path, path.name
    else:
        matches = sorted(glob.glob(str(path), recursive=True)) if set(_WILDCARDS) & set(str(word)) else []
        files = [Path(match) for match in matches if match.lower().endswith(SUFFIXES) and Path(match).is_file()]
        if not files:
            raise DistilPoseError(f'there are no images {word} (looked from {Path.cwd()}); name files, folders, or '
                                  "globs such as 'folder/*.jpg'")
        yield from ((file, file.name) for file in files)


def _unique(output: PurePosixPath, taken: set[PurePosixPath]) -> PurePosixPath:
    unique, number = output, 2
    while unique in taken:
        unique, number = output.with_name(f'{output.name}_{number}'), number + 1
    taken.add(unique)
    return unique
