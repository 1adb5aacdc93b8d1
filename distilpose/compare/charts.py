"""Charts of the page: keypoints, losses, shares of the gradient, validation metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from distilpose.report import Curve, Layer, draw_areas, draw_curves, draw_dots

from .history import Series, gradient_shares, losses
from .palette import of_losses, of_model

Histories = Mapping[str, Mapping[str, Series]]
"""Role -> scalar -> values."""


class Card(NamedTuple):
    """A chart with its title."""

    title: str
    chart: Markup


def titles_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """Role -> name of the model."""
    return {role: model['title'] for role, model in summary['models'].items()}


def keypoint_dots(summary: Mapping[str, Any]) -> Markup:
    """AP of every keypoint, one dot a model."""
    titles = {of_model(role, summary): title for role, title in titles_of(summary).items()}
    rows = {_words(joint): {of_model(role, summary): values[joint]['ap']
                            for role, values in summary['keypoints'].items()}
            for joint in next(iter(summary['keypoints'].values()))}
    return Markup(draw_dots(rows, titles=titles, label='average precision of every keypoint'))


def loss_cards(summary: Mapping[str, Any], histories: Histories) -> list[Card]:
    """Losses that models have in common in one chart, those of the teacher and all others model by model."""
    titles, colours = titles_of(summary), of_losses(histories)
    found = {role: losses(history) for role, history in histories.items()}
    students = [role for role in titles if role != 'teacher']
    counts = {name: sum(name in found[role] for role in students) for role in students for name in found[role]}
    common = [name for name, count in counts.items() if count > 1]
    cards = [Card(f'Students: loss {_words(name)}' if 'teacher' in titles else f'Loss {_words(name)}', _curves(
        [_curve(of_model(role, summary), titles[role], found[role][name]) for role in students if name in found[role]],
        label=f'loss {_words(name)}')) for name in common]
    if 'teacher' in titles:
        cards.append(Card('Teacher', _curves([_curve('teacher', f'loss {_words(name)}', series)
                                              for name, series in found['teacher'].items()], label='loss')))
    for role in students:
        further = [_curve(colours[name], _words(name), series)
                   for name, series in found[role].items() if name not in common]
        if further:
            title = f'{titles[role]}: further losses' if common else titles[role]
            cards.append(Card(title, _curves(further, label=f'losses of {titles[role]}')))
    return cards


def gradient_cards(summary: Mapping[str, Any], histories: Histories) -> list[Card]:
    """Shares of the losses in the gradient of every student where they were logged."""
    colours = of_losses(histories)
    return [Card(title, _areas(shares, colours=colours, label=f'share of every loss in the gradient of {title}'))
            for role, title in titles_of(summary).items() if (shares := gradient_shares(histories[role]))]


def metric_cards(summary: Mapping[str, Any], metrics: Histories) -> list[Card]:
    """Validation metrics over epochs, one chart a metric."""
    names = dict.fromkeys(name for found in metrics.values() for name in found)
    return [Card(name, _curves([_curve(of_model(role, summary), title, metrics[role][name])
                                for role, title in titles_of(summary).items() if name in metrics[role]],
                               label=name, steps='epoch', is_linear=True)) for name in names]


def _areas(shares: Mapping[str, Series], *, colours: Mapping[str, str], label: str) -> Markup:
    steps = sorted(set.intersection(*(set(series.steps.tolist()) for series in shares.values())))
    layers = [Layer(colours[name], _words(name), series.values[np.isin(series.steps, steps)].tolist())
              for name, series in shares.items()]
    return Markup(draw_areas(layers, steps=steps, label=label))


def _curves(curves: list[Curve], **options: Any) -> Markup:
    return Markup(draw_curves(curves, **options))


def _curve(role: str, label: str, series: Series) -> Curve:
    return Curve(role, label, series.at_every_iteration().tolist())


def _words(name: str) -> str:
    return name.replace('_', ' ')
