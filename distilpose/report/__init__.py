"""What a finished comparison looks like: a table, charts, pictures and one self-contained page."""

from .curves import Curve, draw_curves
from .figures import ModelFigures, gap_closed
from .page import Report, render_page, write_page
from .pictures import HeatmapPair, PersonPanel
from .table import figures_table

__all__ = ['Curve', 'HeatmapPair', 'ModelFigures', 'PersonPanel', 'Report', 'draw_curves', 'figures_table',
           'gap_closed', 'render_page', 'write_page']
