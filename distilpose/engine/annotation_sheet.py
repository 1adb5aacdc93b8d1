"""A contact sheet of a few annotations that a check found unusual: image, box, keypoints and ids."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distilpose.report.sheets import Drawn, annotation_panel, box_of, keypoints_of, write_sheet

from ..image_files import read_image

MOST, COLUMNS, CELL = 24, 4, (360, 270)
"""Annotations of a sheet, of a row, and width and height of a picture in pixels."""
_LINE, _LINES = 44, 3  # letters, and lines that say what it is


@dataclass(frozen=True)
class Case:
    """Something to draw."""

    said: str
    """A few words: the kind of a warning, or what is wrong."""
    image_id: Any
    entries: Sequence[Mapping[str, Any]]
    """Annotations on that image; none draws the image alone."""
    is_error: bool = False


def draw_cases(file: Path, cases: Sequence[Case], *, images: Mapping[Any, Mapping[str, Any]], folder: Path | None,
               names: Sequence[str] = (), links: Sequence[tuple[int, int]] = ()) -> Path | None:
    """Writes a PNG file of some annotations; those of a kind one after the other.

    Args:
        file: of the picture.
        cases: what to draw; the first :data:`MOST`.
        images: id -> entry of an image with ``file_name``, and perhaps ``width`` and ``height``.
        folder: that the names start from; ``None`` draws boxes and keypoints without the image.
        names: of the keypoints.
        links: pairs of keypoints.

    Returns:
        The file; ``None`` where there is nothing to draw.
    """
    panels = [_panel(case, images.get(case.image_id) if _is_key(case.image_id) else None, folder, names, links)
              for case in cases[:MOST]]
    if not panels:
        return None
    write_sheet(file, panels, columns=COLUMNS)
    return file


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, float, str))


def _panel(case: Case, image: Mapping[str, Any] | None, folder: Path | None, names: Sequence[str],
           links: Sequence[tuple[int, int]]) -> np.ndarray:
    drawn = [Drawn(f'id {entry["id"]}' if 'id' in entry else 'box', box_of(entry), keypoints_of(entry))
             for entry in case.entries]
    name = image.get('file_name') if image is not None else None
    pixels = read_image(folder / name) if folder is not None and isinstance(name, str) else None
    sides = [image.get(side) if image is not None else None for side in ('width', 'height')]
    size = (float(sides[0]), float(sides[1])) if all(isinstance(side, (int, float)) for side in sides) else None
    who = f'annotation {case.entries[0].get("id", "?")}, ' if case.entries else ''
    said = textwrap.wrap(('error: ' if case.is_error else '') + case.said, _LINE, max_lines=_LINES, placeholder=' ...')
    caption = [*said, *[''] * (_LINES - len(said)), f'{who}image {case.image_id}', str(name or 'no image')]
    return annotation_panel(pixels, drawn, caption=caption, cell=CELL, names=names, links=links,
                            size=size or _extent(drawn))


def _extent(drawn: Sequence[Drawn]) -> tuple[float, float] | None:
    """The size of an image that is not known, by what is on it."""
    ends = [(one.box[0] + one.box[2], one.box[1] + one.box[3]) for one in drawn if one.box is not None]
    return (max(end[0] for end in ends), max(end[1] for end in ends)) if ends else None
