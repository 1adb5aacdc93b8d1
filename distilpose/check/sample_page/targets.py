"""Pictures of a sample: the crop with its keypoints, each kind of target, and what the teacher predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np

from distilpose.distillation.teachers.keypoint_names import side_of
from distilpose.report.pictures import SIDES, blend_heatmap, data_uri, skeleton_svg
from distilpose.structures import ONLY_TEACHER

NAMED = 30
"""Most keypoints whose names are written beside them."""
_TARGETS = ('heatmaps', 'keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights')
_LEAST = 0.01  # of the highest value of a curve, below which it is not drawn


@dataclass(frozen=True)
class Keypoints:
    """Names, sides and links of K keypoints."""

    names: Sequence[str]
    links: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, metainfo: Mapping[str, Any]) -> Keypoints:
        """Those of a data set."""
        names = metainfo['keypoint_id2name']
        return cls([str(names[index]) for index in range(len(names))],
                   [(int(start), int(end)) for start, end in metainfo.get('skeleton_links') or ()])

    @property
    def sided(self) -> list[str]:
        """Names that begin with their side, however that is written."""
        return [f'{side_of(name) or "middle"}_{name}' for name in self.names]


@dataclass(frozen=True)
class Quality:
    """How the page's pictures are packed."""

    side: int = 384
    """Longest side of a crop, in pixels; larger ones are reduced."""
    jpeg: int = 82


class Crop:
    """An image that several figures share: it is in the page once.

    Args:
        name: of its own in the page.
        image: (H, W, 3) BGR.
        quality: of the JPEG file.
    """

    def __init__(self, name: str, image: np.ndarray, quality: Quality) -> None:
        self.name, self.quality = name, quality
        self.height, self.width = image.shape[:2]
        self.small = _reduced(image, quality.side)

    def define(self) -> str:
        """The image, for the first figure."""
        uri = data_uri(self.small, quality=self.quality.jpeg)
        return f'<image id="{self.name}" width="{self.width}" height="{self.height}" href="{uri}"/>'

    def use(self, *, css: str = 'dim') -> str:
        """The image again."""
        return f'<use class="{css}" href="#{self.name}"/>'

    def figure(self, content: str, title: str, *, notes: Sequence[str] = (), beyond: tuple[float, float] = (0, 0),
               css: str = '', badge: str = '') -> str:
        """A figure in pixels of the crop.

        Args:
            content: SVG.
            title: of it.
            notes: further lines of the caption.
            beyond: pixels at the right and at the bottom beyond the crop.
            css: class names.
            badge: a highlighted word before them.
        """
        width, height = self.width + beyond[0], self.height + beyond[1]
        text = ''.join(f'<small>{note}</small>' for note in notes)
        text = f'<b class="badge flip">{escape(badge)}</b>{text}' if badge else text
        return (f'<figure class="sample {css}"><svg viewBox="0 0 {width:g} {height:g}" role="img" '
                f'aria-label="{escape(title)}">{content}</svg>'
                f'<figcaption><span>{escape(title)}</span>{text}</figcaption></figure>')

    @property
    def thickness(self) -> float:
        """Of a line."""
        return self.width / 72


def keypoints_svg(points: np.ndarray, visible: np.ndarray, weights: np.ndarray | None, keypoints: Keypoints, *,
                  thickness: float, with_names: bool = True) -> str:
    """Skeleton, marks of hidden keypoints and of those that are not learnt, and names.

    Args:
        points: (K, 2) pixels.
        visible: (K,) 0, 1 or 2.
        weights: (K,) in the loss; ``None`` where there are no targets.
        keypoints: their names and links.
        thickness: of a line.
        with_names: whether names are written; they are in tooltips anyway.
    """
    points = np.clip(np.nan_to_num(points, nan=-1e4), -1e4, 1e4)
    labelled = visible > 0
    learnt = labelled if weights is None else labelled & (weights > 0)
    parts = [skeleton_svg(points, labelled=learnt, links=keypoints.links, names=keypoints.sided, thickness=thickness),
             skeleton_svg(points, labelled=labelled & ~learnt, links=(), names=keypoints.sided, thickness=thickness,
                          css='unlearnt')]
    states = ('', 'hidden, ', '')
    for index in np.flatnonzero(labelled).tolist():
        x, y = points[index]
        title = f'{escape(keypoints.names[index])}: {states[visible[index]]}' + (
            'labelled' if weights is None else f'weight {weights[index]:g}')
        if visible[index] == 1:
            parts.append(f'<circle class="hidden" cx="{x:.1f}" cy="{y:.1f}" r="{0.45 * thickness:.1f}"/>')
        parts.append(f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="{2 * thickness:.1f}"><title>{title}</title>'
                     '</circle>')
        if with_names and len(labelled) <= NAMED:
            parts.append(f'<text class="{side_of(keypoints.names[index]) or "middle"}" x="{x + 1.4 * thickness:.1f}" '
                         f'y="{y:.1f}" font-size="{3.2 * thickness:.1f}">{_short(keypoints.names[index])}</text>')
    return ''.join(parts)


def target_figures(crop: Crop, targets: Mapping[str, Any], keypoints: Keypoints, *, split_ratio: float) -> list[str]:
    """A figure for every kind of target in a pipeline's results.

    Args:
        crop: of the sample.
        targets: the results.
        keypoints: their names.
        split_ratio: SimDR's bins of a pixel.
    """
    figures = []
    maps = targets.get('heatmaps')
    if maps is not None:
        levels = maps if isinstance(maps, (list, tuple)) else [maps]
        for level in levels:
            level = np.asarray(level)
            title = f'heatmaps {level.shape[-1]}×{level.shape[-2]}'
            figures.append(heatmap_figure(crop, level, title, count=len(keypoints.names)))
    if 'keypoint_x_labels' in targets and 'keypoint_y_labels' in targets:
        weights = np.asarray(targets.get('keypoint_weights', np.ones((1, len(keypoints.names))))).reshape(-1) > 0
        figures.append(_bins_figure(crop, np.asarray(targets['keypoint_x_labels'])[0],
                                    np.asarray(targets['keypoint_y_labels'])[0], keypoints, weights,
                                    split_ratio=split_ratio))
    labels = targets.get('keypoint_labels')
    if labels is not None and np.asarray(labels).shape[-1] == 2:
        weights = np.asarray(targets.get('keypoint_weights', np.ones((1, len(keypoints.names))))).reshape(-1) > 0
        places = np.asarray(labels, dtype=float).reshape(-1, 2) * (crop.width, crop.height)
        figures.append(crop.figure(crop.use() + _crosses(places, weights, keypoints, crop.thickness),
                                   'coordinates to regress'))
    return figures


def other_targets(targets: Mapping[str, Any], named: Sequence[str]) -> list[str]:
    """Names and shapes of targets that have no picture."""
    return [f'{name} {"×".join(map(str, np.shape(targets[name])))}' for name in named
            if name in targets and name not in _TARGETS]


def heatmap_figure(crop: Crop, maps: np.ndarray, title: str, *, count: int, over: str = '',
                   notes: Sequence[str] = ()) -> str:
    """The highest value of all keypoints' heatmaps (K, H, W) over the crop, and SVG above it."""
    maps = maps[::3] if len(maps) == 3 * count else maps  # UDP's combined target: a map and two offsets for each
    top = np.nan_to_num(maps.astype(np.float32)).max(0)
    uri = data_uri(blend_heatmap(crop.small, top / max(float(top.max()), 1e-6)), quality=crop.quality.jpeg)
    image = f'<image width="{crop.width}" height="{crop.height}" href="{uri}"/>'
    captions = [*notes, f'highest value {float(top.max()):.3g}']
    return crop.figure(image + over, title, notes=captions)


def teacher_figures(crop: Crop, predicted: Mapping[str, np.ndarray], keypoints: Keypoints, *,
                    terms: Mapping[str, Sequence[str]]) -> list[str]:
    """What the teacher predicts for a person, on the student's crop.

    Args:
        crop: of the student.
        predicted: ``coords`` (K, 2) as fractions, ``certainty`` (K,), ``mask`` (K,), and where it has them ``heatmaps``
            (K, H, W), ``simcc_x`` (K, Wx) and ``simcc_y`` (K, Wy) probabilities.
        keypoints: of the student.
        terms: field of the teacher -> names of the terms that read it.
    """
    points, is_known = predicted['coords'] * (crop.width, crop.height), predicted['mask'] > 0
    sure = is_known & (predicted['certainty'] >= 0.2)
    over = ''.join(skeleton_svg(points, labelled=which, links=links, names=keypoints.sided, thickness=crop.thickness,
                                css=css)
                   for which, links, css in ((is_known & ~sure, (), 'unsure'), (sure, keypoints.links, '')))
    captions = [f'certainty {float(predicted["certainty"][is_known].mean()):.2f} on average'] if is_known.any() else []
    figures = []
    if 'heatmaps' in predicted:
        read = ', '.join(map(escape, terms.get('heatmaps', ())))
        notes = [*captions, f'target of {read}'] if read else captions
        figures.append(heatmap_figure(crop, predicted['heatmaps'], 'teacher', count=len(is_known), over=over,
                                      notes=notes))
    elif 'simcc_x' in predicted:
        curves, beyond = _curves(crop, predicted['simcc_x'], predicted['simcc_y'], keypoints, is_known)
        figures.append(crop.figure(crop.use() + over + curves, 'teacher', notes=captions, beyond=beyond))
    else:
        figures.append(crop.figure(crop.use() + over, 'teacher', notes=captions))
    return figures


def own_crop_figure(name: str, image: np.ndarray, place: np.ndarray, crop: Crop, points: np.ndarray | None,
                    visible: np.ndarray, keypoints: Keypoints, *, teachers: Sequence[str] = (ONLY_TEACHER,)) -> str:
    """A teacher's own crop with the keypoints brought to it, and the outline of the student's crop.

    Args:
        name: of its own in the page.
        image: (H, W, 3) BGR.
        place: (2, 3) affine from the teacher's fractions to the student's.
        crop: of the student.
        points: (K, 2) in pixels of the student's crop.
        visible: (K,) 0, 1 or 2.
        keypoints: their names and links.
        teachers: names of those whose crop it is.
    """
    own = Crop(name, image, crop.quality)
    sizes, own_sizes = np.array([crop.width, crop.height]), np.array([own.width, own.height])
    back, shift = np.linalg.inv(place[:, :2]), place[:, 2]
    corners = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - shift) @ back.T * own_sizes
    outline = f'<polygon class="outline" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>'
    drawn = '' if points is None else keypoints_svg(
        (points / sizes - shift) @ back.T * own_sizes, visible, None, keypoints, thickness=own.thickness,
        with_names=False)
    owner = "teacher's own crop" if tuple(teachers) == (ONLY_TEACHER,) else f'own crop of {", ".join(teachers)}'
    return own.figure(own.define() + outline + drawn, f'{owner} {own.width}×{own.height}',
                      notes=["dashed: the student's crop" if (np.ptp(corners, axis=0) < own_sizes).any() else
                             "the student's crop is larger"])


def _bins_figure(crop: Crop, along_x: np.ndarray, along_y: np.ndarray, keypoints: Keypoints,
                 weights: np.ndarray, *, split_ratio: float) -> str:
    """SimCC's two vectors of each keypoint; SimDR's classes as points on both axes."""
    if along_x.ndim == 2:
        curves, beyond = _curves(crop, along_x, along_y, keypoints, weights)
        return crop.figure(crop.use() + curves, f'SimCC {along_x.shape[-1]} + {along_y.shape[-1]} bins', beyond=beyond)
    margin = _margin(crop)
    sides = [side_of(name) or 'middle' for name in keypoints.names]
    marks = ''.join(f'<circle class="{sides[index]}" cx="{x:.1f}" cy="{y:.1f}" r="{0.9 * crop.thickness:.1f}"/>'
                    for index in np.flatnonzero(weights).tolist()
                    for x, y in ((along_x[index] / split_ratio, crop.height + margin / 2),
                                 (crop.width + margin / 2, along_y[index] / split_ratio)))
    return crop.figure(f'{crop.use()}<g class="skeleton">{marks}</g>', 'SimDR classes', beyond=(margin, margin))


def _curves(crop: Crop, along_x: np.ndarray, along_y: np.ndarray, keypoints: Keypoints,
            which: np.ndarray) -> tuple[str, tuple[float, float]]:
    """The highest curve of each side's keypoints below the crop and at its right, and how much room they take."""
    margin, sides = _margin(crop), np.array([side_of(name) or 'middle' for name in keypoints.names])
    parts = ['<g class="curves">']
    for values, axis in ((along_x, 0), (along_y, 1)):
        top = max(float(np.nan_to_num(values[which]).max()) if which.any() else 0.0, 1e-9)
        for side in SIDES:
            some = which & (sides == side)
            if some.any():
                parts.append(_curve(np.nan_to_num(values[some]).max(0) / top, crop, axis, margin, side))
    return ''.join([*parts, '</g>']), (margin, margin)


def _curve(values: np.ndarray, crop: Crop, axis: int, margin: float, side: str) -> str:
    """A filled curve along an axis; stretches of nothing are left out."""
    length = (crop.width, crop.height)[axis]
    base = (crop.height, crop.width)[axis] + margin
    places = np.arange(len(values)) * length / len(values)
    drawn = values >= _LEAST
    keep = np.flatnonzero(drawn | np.append(drawn[1:], False) | np.append(False, drawn[:-1]))
    along, up = places[keep], base - 0.95 * margin * values[keep]
    pairs = np.stack([along, up] if axis == 0 else [up, along], axis=1)
    start, end = ((0, base), (length, base)) if axis == 0 else ((base, 0), (base, length))
    text = ' '.join(f'{x:.1f},{y:.1f}' for x, y in [start, *pairs.tolist(), end])
    return f'<polyline class="{side}" points="{text}"/>'


def _crosses(places: np.ndarray, which: np.ndarray, keypoints: Keypoints, thickness: float) -> str:
    places = np.clip(np.nan_to_num(places, nan=-1e4), -1e4, 1e4)
    arm = 1.5 * thickness
    marks = [f'<path class="{side_of(name) or "middle"}" d="M{x - arm:.1f},{y - arm:.1f}l{2 * arm:.1f},{2 * arm:.1f}'
             f'm0,{-2 * arm:.1f}l{-2 * arm:.1f},{2 * arm:.1f}"><title>{escape(name)}</title></path>'
             for name, (x, y), is_drawn in zip(keypoints.names, places.tolist(), which, strict=False) if is_drawn]
    return f'<g class="crosses" stroke-width="{0.6 * thickness:.1f}">{"".join(marks)}</g>'


def _margin(crop: Crop) -> float:
    return 0.28 * min(crop.width, crop.height)


def _short(name: str) -> str:
    """Without its side, which is the colour."""
    names = [word for word in name.replace('_', ' ').split() if word.lower() not in ('left', 'right')]
    return escape(' '.join(names) or name)


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return np.ascontiguousarray(image)
    return cv2.resize(image, (max(round(width * factor), 1), max(round(height * factor), 1)),
                      interpolation=cv2.INTER_AREA)
