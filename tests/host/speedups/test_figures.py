"""Figures of a visualizer are made when something is drawn on them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from mmengine.visualization import Visualizer

from distilpose.host.speedups import figures


def visualizer(**options: Any) -> Visualizer:
    return Visualizer(vis_backends=[], **options)


def test_no_figure_is_made_before_it_is_read() -> None:
    made = visualizer()
    assert isinstance(vars(made)['fig_save'], figures._NotMade) and isinstance(vars(made)['dpi'], figures._NotMade)
    assert made.fig_save.canvas is made.fig_save_canvas and made.ax_save.figure is made.fig_save
    assert made.dpi == made.fig_save.get_dpi()


def test_copies_make_figures_too() -> None:
    made = visualizer()
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.dpi == other.fig_save.get_dpi() and other.fig_save is not made.fig_save


def test_it_draws_as_mmengine_does(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)

    def drawn() -> np.ndarray:
        made = visualizer(image=image)
        made.draw_circles(np.array([[10.0, 8.0]]), np.array([3.0]))
        return made.get_image()

    later = drawn()
    monkeypatch.setattr(Visualizer, '_initialize_fig', figures.at_once)
    assert np.array_equal(later, drawn())


def test_options_of_a_figure_are_read_at_once() -> None:
    made = visualizer(fig_save_cfg=dict(frameon=False, dpi=50))
    assert vars(made)['fig_save'] is made.fig_save and made.dpi == 50
    with pytest.raises(AttributeError, match='no_such_option'):
        visualizer(fig_save_cfg=dict(no_such_option=1))


def test_attributes_are_missing_as_others_are() -> None:
    with pytest.raises(AttributeError, match="'Visualizer' object has no attribute 'dpi'"):
        object.__new__(Visualizer).dpi
