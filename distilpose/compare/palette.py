"""Colours of models and losses on the page: classes of its style sheet, and the rules beyond those of every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .history import Series, gradient_shares, losses

_MAIN = ('teacher', 'baseline', 'distilled')
_HUES = 6  # distinguishable with a colour vision deficiency
STYLE = """
:root { --hue-0: #7a5bd0; --hue-1: #d1495b; --hue-2: #2f7fd6; --hue-3: #c2529b; --hue-4: #7f9a1f; --hue-5: #8c564b; }
@media (prefers-color-scheme: dark) {
  :root { --hue-0: #a58bf0; --hue-1: #f07f8e; --hue-2: #6aaef2; --hue-3: #e88cc6; --hue-4: #bcd05a; --hue-5: #c49a8f; }
}
.hue-0 { --own: var(--hue-0); } .hue-1 { --own: var(--hue-1); } .hue-2 { --own: var(--hue-2); }
.hue-3 { --own: var(--hue-3); } .hue-4 { --own: var(--hue-4); } .hue-5 { --own: var(--hue-5); }
path.area { fill: var(--own); stroke: var(--card); stroke-width: 1.2; opacity: .88; }
td small { display: block; font-size: 12px; color: var(--quiet); font-weight: 400; }
svg.interval { width: 190px; margin: 6px 0 0 auto; }
.interval circle { fill: var(--own); } .interval .range { stroke: var(--own); stroke-width: 5; opacity: .45; }
.interval .end { stroke: var(--quiet); stroke-width: 1.5; } .interval .tick { font-size: 17px; font-weight: 400; }
.gaps td, .gaps tbody th { vertical-align: top; }
svg.dots { min-width: 640px; } .dots circle { fill: var(--own); stroke: var(--card); stroke-width: 1.5; }
.dots .span { stroke: var(--rule); stroke-width: 4; }
details { margin-top: 18px; } summary { cursor: pointer; color: var(--quiet); }
"""


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
