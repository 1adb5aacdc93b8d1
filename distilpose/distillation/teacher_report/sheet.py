"""Contact sheet of a teacher's predictions: validation people in the student's crop, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from distilpose.checkpoints.writing import replacing
from distilpose.report.pictures import side_of

from .metrics import correct
from .predictions import Predictions

HEIGHT, COLUMNS = 320, 6
_MARGIN, _CAPTION = 8, 26
_COLOURS = dict(left=(61, 138, 255), right=(255, 180, 47), middle=(80, 220, 120))  # blue, green, red
_LABEL, _WRONG, _PAPER, _INK = (255, 255, 255), (60, 60, 235), (238, 244, 247), (48, 36, 29)


def draw_sheet(file: Path, predictions: Predictions, *, metainfo: dict[str, Any]) -> None:
    """Writes a PNG of the people whose crops were kept.

    Labels are white rings. The teacher's joints are dots, filled orange on the person's left, blue on the right and
    green in the middle, with a line to the label, which is red where the joint is wrong by PCK@0.1. Joints without a
    label are smaller dots. Dots fade with the teacher's certainty.

    Args:
        file: of the picture.
        predictions: with crops.
        metainfo: of the data set: names and links of the keypoints.
    """
    right = correct(predictions, predictions.predicted)
    names = [metainfo['keypoint_id2name'][index] for index in range(right.shape[1])]
    panels = [_panel(place, predictions, right[place], names, metainfo.get('skeleton_links') or ())
              for place in range(len(predictions.crops))]
    width, height = (max(panel.shape[axis] for panel in panels) for axis in (1, 0))
    panels += [np.full((height, width, 3), _PAPER, np.uint8)] * (-len(panels) % COLUMNS if len(panels) > COLUMNS else 0)
    rows = [np.hstack([_framed(panel) for panel in panels[start:start + COLUMNS]])
            for start in range(0, len(panels), COLUMNS)]
    encoded = cv2.imencode('.png', np.vstack([_legend(rows[0].shape[1]), *rows]))[1]
    with replacing(file, suffix='.png') as part:
        Path(part).write_bytes(encoded.tobytes())


def _panel(place: int, predictions: Predictions, right: np.ndarray, names: Sequence[str],
           links: Sequence[tuple[int, int]]) -> np.ndarray:
    """One person's crop with both, and a line of text below."""
    crop = np.ascontiguousarray(predictions.crops[place])
    size = (round(HEIGHT * crop.shape[1] / crop.shape[0]), HEIGHT)
    image = cv2.resize(crop, size, interpolation=cv2.INTER_NEAREST if crop.shape[0] < HEIGHT / 2 else cv2.INTER_LINEAR)
    coords, truth = (np.clip(np.nan_to_num(values[place]), -1, 2) * size
                     for values in (predictions.coords, predictions.truth))
    labelled, mask, counted = (values[place] for values in
                               (predictions.people.labelled, predictions.mask, predictions.counted))
    for start, end in links:
        if mask[start] and mask[end]:
            _line(image, coords[start], coords[end], _COLOURS[_side(names[start], names[end])], 1)
    for joint in np.flatnonzero(counted):
        _line(image, truth[joint], coords[joint], _LABEL if right[joint] else _WRONG, 1 if right[joint] else 2)
    for joint in np.flatnonzero(labelled):
        cv2.circle(image, _pixel(truth[joint]), 5, _LABEL, 1, cv2.LINE_AA)
    shade = image.copy()
    for joint in np.flatnonzero(mask).tolist():
        cv2.circle(shade, _pixel(coords[joint]), 4 if labelled[joint] else 2, _COLOURS[side_of(names[joint])], -1,
                   cv2.LINE_AA)
        strength = float(np.clip(predictions.certainty[place, joint], 0.25, 1))
        image = cv2.addWeighted(shade, strength, image, 1 - strength, 0)
        shade = image.copy()
    caption = np.full((_CAPTION, size[0], 3), _PAPER, np.uint8)
    text = f'{int((right & counted).sum())} of {int(counted.sum())} right'
    cv2.putText(caption, text, (2, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.48, _INK, 1, cv2.LINE_AA)
    return np.vstack([image, caption])


def _framed(panel: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(panel, 0, 0, _MARGIN, _MARGIN, cv2.BORDER_CONSTANT, value=_PAPER)


def _legend(width: int) -> np.ndarray:
    strip = np.full((34, width, 3), _PAPER, np.uint8)
    place = _MARGIN + 6
    for text, colour in (('label', None), ("teacher, person's left", 'left'), ('right', 'right'), ('middle', 'middle'),
                         ('wrong', None)):
        if text == 'wrong':
            cv2.line(strip, (place - 6, 18), (place + 8, 18), _WRONG, 2, cv2.LINE_AA)
        else:
            cv2.circle(strip, (place, 18), 5, _INK if colour is None else _COLOURS[colour], 1 if colour is None else -1,
                       cv2.LINE_AA)
        cv2.putText(strip, text, (place + 14, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.48, _INK, 1, cv2.LINE_AA)
        place += 40 + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.48, 1)[0][0]
    return strip


def _side(one: str, other: str) -> str:
    sides = {side_of(one), side_of(other)}
    return sides.pop() if len(sides) == 1 else 'middle'


def _line(image: np.ndarray, start: np.ndarray, end: np.ndarray, colour: tuple[int, ...], thickness: int) -> None:
    cv2.line(image, _pixel(start), _pixel(end), colour, thickness, cv2.LINE_AA)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
