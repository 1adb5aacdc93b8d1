"""Pictures for the page: crops and heatmaps as data URIs, skeletons as vectors above them."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

SIDES = ('left', 'right', 'middle')


@dataclass(frozen=True)
class PersonPanel:
    """One person with several skeletons, all in pixels of the crop.

    Attributes:
        image: (H, W, 3) BGR crop.
        labelled: (K,) which joints are annotated; only those are drawn.
        truth: (K, 2).
        predictions: role -> (K, 2).
        oks: role -> similarity to the truth.
    """

    image: np.ndarray
    labelled: np.ndarray
    truth: np.ndarray
    predictions: Mapping[str, np.ndarray]
    oks: Mapping[str, float]


@dataclass(frozen=True)
class HeatmapPair:
    """The teacher's heatmap and the student's simulated one over the same crop, each (H, W) in about [0, 1]."""

    image: np.ndarray
    joint: str
    teacher: np.ndarray
    student: np.ndarray


def data_uri(image: np.ndarray, *, quality: int = 85) -> str:
    """A BGR image as a ``data:`` URI (JPEG)."""
    encoded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode('ascii')


def blend_heatmap(image: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Lays a heatmap over a darkened crop; values are clipped to [0, 1] and what is not finite counts as 0."""
    height, width = image.shape[:2]
    level = np.clip(np.nan_to_num(heatmap.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0), 0, 1)
    # Pixel i of a heatmap is the place i * stride of the input, so corners coincide and not centres.
    enlarge = np.diag([width / level.shape[1], height / level.shape[0], 1.0])[:2]
    level = np.clip(cv2.warpAffine(level, enlarge, (width, height), flags=cv2.INTER_CUBIC,
                                   borderMode=cv2.BORDER_REPLICATE), 0, 1)
    colours = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32)
    opacity = np.sqrt(level)[..., None]
    return np.clip(0.55 * grey * (1 - opacity) + colours * opacity, 0, 255).astype(np.uint8)


def side_of(name: str) -> str:
    """``'left'``, ``'right'`` or ``'middle'``, by the keypoint's name."""
    return next((side for side in SIDES[:2] if name.startswith(side)), 'middle')


def skeleton_svg(points: np.ndarray, *, labelled: np.ndarray, links: Sequence[tuple[int, int]],
                 names: Sequence[str], thickness: float, css: str = '') -> str:
    """Lines and dots of one skeleton; left, right and middle have classes of their own.

    Args:
        points: (K, 2) in pixels.
        labelled: (K,) joints to draw; a joint that is not finite is not drawn either.
        links: pairs of joints.
        names: of the K joints.
        thickness: of a line, in pixels.
        css: further class names of the group.
    """
    usable = np.asarray(labelled, dtype=bool) & np.isfinite(points).all(axis=1)
    parts = [f'<g class="skeleton {escape(css)}" stroke-width="{thickness:.1f}">']
    for start, end in links:
        if usable[start] and usable[end]:
            sides = {side_of(names[start]), side_of(names[end])}
            side = sides.pop() if len(sides) == 1 else 'middle'
            (x1, y1), (x2, y2) = points[start], points[end]
            parts.append(f'<line class="{side}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    for index in np.flatnonzero(usable).tolist():
        x, y = points[index]
        parts.append(f'<circle class="{side_of(names[index])}" cx="{x:.1f}" cy="{y:.1f}" r="{0.9 * thickness:.1f}"/>')
    return ''.join([*parts, '</g>'])


def person_grid(panels: Sequence[PersonPanel], *, links: Sequence[tuple[int, int]], names: Sequence[str],
                titles: Mapping[str, str]) -> str:
    """One block a person: the truth, then every role's prediction with the truth faintly below it.

    Args:
        panels: the people.
        links: pairs of joints.
        names: of the joints.
        titles: role -> caption, in the order of the pictures.
    """
    return ''.join(_person(index, panel, links, names, titles) for index, panel in enumerate(panels))


def _person(index: int, panel: PersonPanel, links: Sequence[tuple[int, int]], names: Sequence[str],
            titles: Mapping[str, str]) -> str:
    height, width = panel.image.shape[:2]
    thickness = height / 80
    draw = dict(labelled=panel.labelled, links=links, names=names, thickness=thickness)
    source = f'<image id="person-{index}" width="{width}" height="{height}" href="{data_uri(panel.image)}"/>'
    cells = [_cell(source, skeleton_svg(panel.truth, **draw), (width, height), 'truth', 'ground truth', '')]
    for role, title in titles.items():
        drawing = (f'<use href="#person-{index}"/>', skeleton_svg(panel.truth, css='faint', **draw)
                   + skeleton_svg(panel.predictions[role], **draw))
        oks = panel.oks.get(role, math.nan)
        cells.append(_cell(*drawing, (width, height), role, title, f'{oks:.2f}' if math.isfinite(oks) else '–'))
    return f'<div class="person">{"".join(cells)}</div>'


def _cell(image: str, drawing: str, size: tuple[int, int], role: str, title: str, oks: str) -> str:
    value = f'<b title="OKS">{oks}</b>' if oks else ''
    return (f'<figure class="{escape(role)}"><svg viewBox="0 0 {size[0]} {size[1]}" role="img" '
            f'aria-label="{escape(title)}">{image}{drawing}</svg>'
            f'<figcaption><span>{escape(title)}</span>{value}</figcaption></figure>')


def heatmap_rows(pairs: Sequence[HeatmapPair]) -> str:
    """Pairs of blended heatmaps with their captions."""
    blocks = []
    for pair in pairs:
        pictures = ''.join(
            f'<figure class="{role}"><img alt="{title} {escape(pair.joint)}" '
            f'src="{data_uri(blend_heatmap(pair.image, heatmap))}">'
            f'<figcaption><span>{title}</span></figcaption></figure>'
            for role, title, heatmap in (('teacher', 'teacher draws', pair.teacher),
                                         ('distilled', 'student means', pair.student)))
        blocks.append(f'<div class="pair"><h3>{escape(pair.joint)}</h3><div>{pictures}</div></div>')
    return ''.join(blocks)
