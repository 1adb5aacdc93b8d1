"""Contact sheets: pictures with captions in rows, and people of an annotation file drawn as it describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from distilpose.checkpoints.writing import replacing

from .pictures import side_of

COLOURS = dict(left=(61, 138, 255), right=(255, 180, 47), middle=(80, 220, 120))
"""BGR of keypoints and limbs by side."""
PAPER, INK, WRONG, LABEL = (238, 244, 247), (48, 36, 29), (60, 60, 235), (255, 255, 255)
MARGIN = 8
_FONT, _SIZE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.45, 19
_LARGEST = 1e6
_AROUND = 0.08
"""Paper around an image, in its sides."""


def write_sheet(file: Path, panels: Sequence[np.ndarray], *, columns: int,
                header: Sequence[np.ndarray] = ()) -> None:
    """Writes pictures of one height in rows, each centred in its cell, as a PNG file.

    Args:
        file: to write.
        panels: (H, W, 3) BGR.
        columns: of a row, at most.
        header: strips above, of any width.
    """
    width, height = (max(panel.shape[axis] for panel in panels) for axis in (1, 0))
    cells = [_padded(panel, width, height) for panel in panels]
    cells += [np.full((height, width + 2 * MARGIN, 3), PAPER, np.uint8)] * (
        -len(cells) % columns if len(cells) > columns else 0)
    rows = [np.hstack(cells[start:start + columns]) for start in range(0, len(cells), columns)]
    whole = max(part.shape[1] for part in (*header, *rows))
    encoded = cv2.imencode('.png', np.vstack([_padded(part, whole, part.shape[0], margin=0, is_left=True)
                                              for part in (*header, *rows)]))[1]
    with replacing(file, suffix='.png') as part_file:
        Path(part_file).write_bytes(encoded.tobytes())


def _padded(panel: np.ndarray, width: int, height: int, *, margin: int = MARGIN, is_left: bool = False) -> np.ndarray:
    left = 0 if is_left else (width - panel.shape[1]) // 2
    return cv2.copyMakeBorder(panel, 0, height - panel.shape[0], margin + left, margin + width - panel.shape[1] - left,
                              cv2.BORDER_CONSTANT, value=PAPER)


@dataclass(frozen=True)
class Drawn:
    """An annotation as a sheet shows it."""

    title: str
    """``annotation 7``."""
    box: Sequence[float] | None = None
    """x, y, width, height in pixels of the image; ``None`` where there is none."""
    keypoints: np.ndarray | None = None
    """(K, 3) x, y, visibility; what is not finite is not drawn."""


def annotation_panel(image: np.ndarray | None, drawn: Sequence[Drawn], *, caption: Sequence[str],
                     cell: tuple[int, int], names: Sequence[str] = (), links: Sequence[tuple[int, int]] = (),
                     size: tuple[float, float] | None = None) -> np.ndarray:
    """An image with boxes, keypoints and ids as they are annotated, and lines of text below.

    What lies outside of the image is drawn on the paper around it.

    Args:
        image: (H, W, 3) BGR; ``None`` for one that cannot be read, which is drawn as an empty frame.
        drawn: the annotations.
        caption: lines, cut at the width.
        cell: width and height of the picture in pixels, into which the image is scaled.
        names: of the keypoints, for the colours of sides.
        links: pairs of keypoints.
        size: width and height of the image where it cannot be read.
    """
    width, tall = (image.shape[1], image.shape[0]) if image is not None else (
        size if size is not None and min(size) > 0 and max(size) < _LARGEST else (320, 240))
    scale = min(cell[0] / width, cell[1] / tall) / (1 + 2 * _AROUND)
    inner = (max(round(width * scale), 1), max(round(tall * scale), 1))
    canvas = np.full((cell[1], cell[0], 3), PAPER, np.uint8)
    left, top = ((cell[axis] - inner[axis]) // 2 for axis in (0, 1))
    if image is not None:
        canvas[top:top + inner[1], left:left + inner[0]] = cv2.resize(
            image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    cv2.rectangle(canvas, (left, top), (left + inner[0], top + inner[1]), INK, 1)
    if image is None:
        cv2.line(canvas, (left, top), (left + inner[0], top + inner[1]), INK, 1, cv2.LINE_AA)
    for one in drawn:
        _draw(canvas, one, scale, np.array([left, top]), names, links)
    return np.vstack([canvas, *_lines(caption, canvas.shape[1])])


def _draw(canvas: np.ndarray, one: Drawn, scale: float, corner: np.ndarray, names: Sequence[str],
          links: Sequence[tuple[int, int]]) -> None:
    def place(x: float, y: float) -> tuple[int, int]:
        return (int(np.clip(x * scale + corner[0], -9999, 9999)), int(np.clip(y * scale + corner[1], -9999, 9999)))

    points = one.keypoints if one.keypoints is not None else np.zeros((0, 3))
    is_drawn = np.isfinite(points).all(axis=1) & (points[:, 2] > 0)
    sides = [side_of(str(names[index]).lower()) if index < len(names) else 'middle' for index in range(len(points))]
    for first, second in links:
        if max(first, second) < len(points) and is_drawn[first] and is_drawn[second]:
            side = sides[first] if sides[first] == sides[second] else 'middle'
            cv2.line(canvas, place(*points[first, :2]), place(*points[second, :2]), COLOURS[side], 1, cv2.LINE_AA)
    for index in np.flatnonzero(is_drawn).tolist():
        cv2.circle(canvas, place(*points[index, :2]), 3, COLOURS[sides[index]], -1, cv2.LINE_AA)
        cv2.circle(canvas, place(*points[index, :2]), 3, INK, 1, cv2.LINE_AA)
    if one.box is not None:
        x, y, width, height = one.box
        start, end = place(x, y), place(x + width, y + height)
        cv2.rectangle(canvas, start, end, WRONG, 2)
        if width <= 0 or height <= 0:
            cv2.drawMarker(canvas, start, WRONG, cv2.MARKER_TILTED_CROSS, 16, 2, cv2.LINE_AA)
        most = canvas.shape[1] - 60, canvas.shape[0] - 4
        corner_of_text = (int(np.clip(start[0] + 2, 0, most[0])), int(np.clip(start[1] - 4, 12, most[1])))
        cv2.putText(canvas, one.title, corner_of_text, _FONT, _SIZE, INK, 3, cv2.LINE_AA)
        cv2.putText(canvas, one.title, corner_of_text, _FONT, _SIZE, LABEL, 1, cv2.LINE_AA)


def _lines(texts: Sequence[str], width: int) -> Iterator[np.ndarray]:
    for text in texts:
        strip = np.full((_LINE, width, 3), PAPER, np.uint8)
        plain = text.encode('ascii', 'replace').decode()
        while plain and cv2.getTextSize(plain, _FONT, _SIZE, 1)[0][0] > width - 4:
            plain = plain[:-4] + '...' if len(plain) > 6 else ''
        cv2.putText(strip, plain, (2, 14), _FONT, _SIZE, INK, 1, cv2.LINE_AA)
        yield strip


def box_of(entry: Mapping[str, Any]) -> list[float] | None:
    """x, y, width, height of an annotation, ``None`` where they are no finite numbers."""
    return _numbers(entry.get('bbox'), 4)


def keypoints_of(entry: Mapping[str, Any]) -> np.ndarray | None:
    """(K, 3) keypoints of an annotation, NaN for values that are no numbers; ``None`` without any."""
    values = entry.get('keypoints')
    if not isinstance(values, list) or len(values) < 3:
        return None
    numbers = [float(value) if isinstance(value, (int, float)) and abs(value) < _LARGEST else float('nan')
               for value in values[:len(values) // 3 * 3]]
    return np.array(numbers).reshape(-1, 3)


def _numbers(values: Any, count: int) -> list[float] | None:
    if not isinstance(values, list) or len(values) < count:
        return None
    found = [float(value) for value in values[:count] if isinstance(value, (int, float)) and abs(value) < _LARGEST]
    return found if len(found) == count else None
