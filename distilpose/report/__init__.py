"""What a finished comparison looks like: a table, charts, pictures and one self-contained page."""

from .areas import Layer, draw_areas
from .curves import Curve, draw_curves
from .dots import draw_dots
from .figures import ModelFigures, gap_closed
from .intervals import draw_interval
from .page import Report, limb_key, render_page, whole_page, write_page
from .pictures import HeatmapPair, PersonPanel, person_grid
from .table import figures_table

__all__ = ['Curve', 'HeatmapPair', 'Layer', 'ModelFigures', 'PersonPanel', 'Report', 'draw_areas', 'draw_curves',
           'draw_dots', 'draw_interval', 'figures_table', 'gap_closed', 'limb_key', 'person_grid', 'render_page',
           'whole_page', 'write_page']
