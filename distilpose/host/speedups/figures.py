"""Figures of a visualizer, made when something is drawn on them: matplotlib is imported then, and not in a training."""

from __future__ import annotations

import functools
import threading
from typing import Any

from mmengine.visualization import Visualizer

at_once = Visualizer._initialize_fig
"""mmengine's own, which makes a figure for every visualizer, those of OpenCV too."""
_DEFAULT = dict(frameon=False)
_LOCK = threading.Lock()


class _NotMade:
    """A figure, its canvas, its axes and its resolution before they are made."""

    def get_dpi(self) -> _NotMade:
        return self

    def __reduce__(self) -> str:  # copies of a visualizer have the same one
        return '_NOT_MADE'


_NOT_MADE = _NotMade()


class OfFigure:
    """An attribute of a visualizer that belongs to its figure, which is made when one of them is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, visualizer: Visualizer | None, owner: type) -> Any:
        if visualizer is None:
            return self
        fields = vars(visualizer)
        if self._name not in fields:
            raise AttributeError(f'{type(visualizer).__name__!r} object has no attribute {self._name!r}')
        if fields[self._name] is _NOT_MADE and 'dpi' in fields:
            with _LOCK:
                if fields[self._name] is _NOT_MADE:
                    canvas, figure, axes = at_once(visualizer, visualizer.fig_save_cfg)
                    fields.update(fig_save_canvas=canvas, fig_save=figure, ax_save=axes, dpi=figure.get_dpi())
        return fields[self._name]

    def __set__(self, visualizer: Visualizer, value: Any) -> None:
        vars(visualizer)[self._name] = value


@functools.wraps(at_once)
def _initialize_fig(self: Visualizer, fig_cfg: Any) -> tuple:
    """mmengine's ``Visualizer._initialize_fig``; a new visualizer with the default figure makes it later."""
    if fig_cfg == _DEFAULT and 'dpi' not in vars(self):
        return _NOT_MADE, _NOT_MADE, _NOT_MADE
    return at_once(self, fig_cfg)


def install() -> None:
    """Replaces mmengine's function and attributes."""
    for name in ('fig_save_canvas', 'fig_save', 'ax_save', 'dpi'):
        setattr(Visualizer, name, OfFigure(name))
    Visualizer._initialize_fig = _initialize_fig
