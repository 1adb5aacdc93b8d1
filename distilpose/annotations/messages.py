"""Sentences about a file: errors that name entry, found, expected and remedy, and warnings with a count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError, as_option

from .findings import MOST_EXAMPLES, Finding, agree


class File:
    """A file, and how it is named in messages.

    Args:
        path: the file.
        named_by: the place in the config that names it; ``''`` where there is no config.
    """

    def __init__(self, path: str | Path, named_by: str) -> None:
        self.path, self.named_by = Path(path), named_by

    def error(self, where: str, found: str, expected: str) -> DistilPoseError:
        """``<where> <file> <found>; expected <expected>: <remedy>``."""
        if not self.named_by:
            return DistilPoseError(f'{where} {self.path} {found}; expected {expected}: correct the file')
        return DistilPoseError(f'{where} {self.path} (named by {self.named_by}) {found}; expected {expected}: correct '
                               f'the file, or name another one with --cfg-options {as_option(self.named_by)}=FILE')


def more(count: int) -> str:
    """What follows the first of several: ``''``, or ``' (and 3 more)'``."""
    return f' (and {count - 1:,} more)' if count > 1 else ''


def finding(kind: str, sentence: str, *, places: np.ndarray, image_ids: Sequence[Any] | np.ndarray,
            annotation_ids: Sequence[Any] | np.ndarray | None = None) -> Finding:
    """A warning about entries of a file.

    Args:
        kind: a short name of the kind.
        sentence: with ``{count}`` and ``{first}`` in it, and forms for one and for several such as ``{has|have}``.
        places: of the entries concerned, at least one.
        image_ids: of all entries.
        annotation_ids: of all entries; without, the entries are images.
    """
    images = tuple(_plain(image_ids[place]) for place in places[:MOST_EXAMPLES])
    entries = () if annotation_ids is None else tuple(_plain(annotation_ids[place]) for place in places[:MOST_EXAMPLES])
    first = f'image {images[0]}' if annotation_ids is None else f'annotation {entries[0]} of image {images[0]}'
    text = agree(sentence, len(places)).replace('{count}', f'{len(places):,}').replace('{first}', first)
    return Finding(kind, text, len(places), tuple(dict.fromkeys(images)), entries)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
