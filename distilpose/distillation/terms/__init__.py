from .base import DistillationTerm
from .score import ScoreTerm, score_loss
from .simulated_heatmap import SimulatedHeatmapTerm, draw_simulated_heatmaps, simulated_heatmap_loss
from .token import TokenTerm

__all__ = ['DistillationTerm', 'ScoreTerm', 'SimulatedHeatmapTerm', 'TokenTerm', 'draw_simulated_heatmaps',
           'score_loss', 'simulated_heatmap_loss']
