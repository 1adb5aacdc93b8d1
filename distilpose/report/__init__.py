"""Building blocks of pages and logs: charts, pictures, tables, metrics as text, HTML files of one piece."""

from .areas import Layer, draw_areas
from .curves import Curve, draw_curves
from .dots import draw_dots, draw_interval
from .metrics import gap_closed
from .page import limb_key, whole_page
from .pictures import HeatmapPair, PersonPanel, heatmap_rows, person_grid
from .table import Table

__all__ = ['Curve', 'HeatmapPair', 'Layer', 'PersonPanel', 'Table', 'draw_areas', 'draw_curves', 'draw_dots',
           'draw_interval', 'gap_closed', 'heatmap_rows', 'limb_key', 'person_grid', 'whole_page']
