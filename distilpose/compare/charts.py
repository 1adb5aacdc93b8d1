"""The sections of the page that are drawn: keypoints, losses, gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from distilpose.report import Curve, Layer, draw_areas, draw_curves, draw_dots

from .colours import of_losses, of_model
from .history import Series, gradient_shares, losses
from .words import ABOUT_KEYPOINTS, percent


def titles_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """Role -> name of the model."""
    return {role: model['title'] for role, model in summary['models'].items()}


def keypoints(summary: Mapping[str, Any]) -> str:
    """The section on keypoints."""
    titles = {of_model(role, summary): title for role, title in titles_of(summary).items()}
    joints = next(iter(summary['keypoints'].values()))
    rows = {joint.replace('_', ' '): {of_model(role, summary): values[joint]['ap']
                                      for role, values in summary['keypoints'].items()} for joint in joints}
    return (f'<h2>Every keypoint</h2><p class="under">{escape(ABOUT_KEYPOINTS)}</p><div class="card">'
            f'{draw_dots(rows, titles=titles, label="average precision of every keypoint")}'
            f'{_keypoint_table(summary, list(joints))}</div>')


def _keypoint_table(summary: Mapping[str, Any], joints: Sequence[str]) -> str:
    """AP, OKS and PCK of every keypoint and model, folded."""
    head = ''.join(f'<th scope="col" colspan="3">{escape(title)}</th>' for title in titles_of(summary).values())
    below = ''.join(f'<th scope="col">{name}</th>' for name in ('AP', 'OKS', 'PCK')) * len(summary['models'])
    body = ''.join(
        f'<tr><th scope="row">{escape(joint.replace("_", " "))}</th>'
        + ''.join(f'<td>{percent(values[joint][name])}</td>' for values in summary['keypoints'].values()
                  for name in ('ap', 'oks', 'pck')) + '</tr>' for joint in joints)
    return ('<details><summary>Figures: AP, the mean similarity (OKS) of this keypoint alone, PCK@0.1</summary>'
            f'<div class="scroll"><table><thead><tr><th></th>{head}</tr><tr><th></th>{below}</tr></thead>'
            f'<tbody>{body}</tbody></table></div></details>')


def learning(summary: Mapping[str, Any], histories: Mapping[str, Mapping[str, Series]]) -> str:
    """The section on losses, of the first seed."""
    students = [role for role in summary['models'] if role != 'teacher']
    found = {role: losses(history) for role, history in histories.items()}
    common = [name for name in found['baseline'] if any(name in found[role] for role in students[1:])]
    titles, colours = titles_of(summary), of_losses(histories)
    cards = [_card(f'Students: loss {_words(name)}', draw_curves(
        [_curve(of_model(role, summary), titles[role], found[role][name]) for role in students
         if name in found[role]], label=f'loss {_words(name)} of the students')) for name in common]
    cards.append(_card('Teacher', draw_curves(
        [_curve('teacher', f'loss {_words(name)}', series) for name, series in found['teacher'].items()],
        label='loss of the teacher')))
    cards += [_card(f'{titles[role]}: further losses', draw_curves(
        [_curve(colours[name], _words(name), series) for name, series in found[role].items() if name not in common],
        label=f'further loss of {titles[role]}')) for role in students[1:]]
    return (f'<h2>Learning</h2><p class="under">Losses of seed {summary["seeds"][0]} as logged, with their weights. '
            'Students are compared by the loss that they have in common; further losses are what they learn from the '
            f'teacher.</p><div class="two">{"".join(cards)}</div>')


def gradients(summary: Mapping[str, Any], histories: Mapping[str, Mapping[str, Series]]) -> str:
    """The section on gradients, of the first seed; empty where none was measured."""
    colours = of_losses(histories)
    cards = [_card(title, _areas(gradient_shares(histories[role]), colours=colours,
                                 label=f'share of every loss in the gradient of {title}'))
             for role, title in titles_of(summary).items() if gradient_shares(histories[role])]
    if not cards:
        return ''
    return ('<h2>Who pulls</h2><p class="under">How the gradient of the student is made up: the norm of each '
            "loss's own gradient over all weights of the student, divided by the sum of those norms.</p>"
            f'<div class="two">{"".join(cards)}</div>')


def _areas(shares: Mapping[str, Series], *, colours: Mapping[str, str], label: str) -> str:
    steps = sorted(set.intersection(*(set(series.steps.tolist()) for series in shares.values())))
    layers = [Layer(colours[name], _words(name), series.values[np.isin(series.steps, steps)].tolist())
              for name, series in shares.items()]
    return draw_areas(layers, steps=steps, label=label)


def _words(name: str) -> str:
    return name.replace('_', ' ')


def _card(title: str, content: str) -> str:
    return f'<div class="card"><h3>{escape(title)}</h3>{content}</div>'


def _curve(role: str, label: str, series: Series) -> Curve:
    return Curve(role, label, series.at_every_iteration().tolist())
