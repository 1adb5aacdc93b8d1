"""Colours of models and losses on the page, as classes of its style sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .history import Series, gradient_shares, losses

_MAIN = ('teacher', 'baseline', 'distilled')
_HUES = 6


def of_model(role: str, summary: Mapping[str, Any]) -> str:
    """The classes of a model, which no other has: the three main ones have colours, others take the hues in turn."""
    others = [name for name in summary['models'] if name not in _MAIN]
    return role if role in _MAIN else f'hue-{others.index(role) % _HUES} variant-{others.index(role)}'


def of_losses(histories: Mapping[str, Mapping[str, Series]]) -> dict[str, str]:
    """Loss -> its colour, the same in all charts: what the student alone has is in that student's colour."""
    names = dict.fromkeys(name for history in histories.values() for name in (*losses(history),
                                                                              *gradient_shares(history)))
    alone = [name for name in names if name in losses(histories.get('baseline', {}))]
    terms = [name for name in names if name not in alone]
    return dict.fromkeys(alone, 'baseline') | {name: f'hue-{(index + 1) % _HUES}' for index, name in enumerate(terms)}
