"""Distillation terms: losses between outputs of student and teacher."""

from .attention import AttentionTerm
from .base import DistillationTerm
from .bones import BoneVectorTerm
from .coordinate import CoordinateTerm, coordinate_distance, oks_distance
from .correlation import DistributionRelationTerm, PearsonTerm
from .divergence import MapDivergenceTerm
from .feature import FeatureTerm, feature_loss
from .feature_pair import FeaturePair
from .heatmap import HeatmapTerm, heatmap_loss
from .heatmap_marginal import HeatmapMarginalTerm, heatmap_marginals
from .logits import DecoupledTerm, StandardisedLogitTerm
from .relation_terms import JointRelationTerm, SampleRelationTerm
from .score import ScoreTerm, score_loss
from .simcc import SimCCTerm
from .simulated_heatmap import SimulatedHeatmapTerm, draw_simulated_heatmaps, simulated_heatmap_loss
from .token import TokenTerm

__all__ = ['AttentionTerm', 'BoneVectorTerm', 'CoordinateTerm', 'DecoupledTerm', 'DistillationTerm',
           'DistributionRelationTerm', 'FeaturePair', 'FeatureTerm', 'HeatmapMarginalTerm', 'HeatmapTerm',
           'JointRelationTerm', 'MapDivergenceTerm', 'PearsonTerm', 'SampleRelationTerm', 'ScoreTerm', 'SimCCTerm',
           'SimulatedHeatmapTerm', 'StandardisedLogitTerm', 'TokenTerm', 'coordinate_distance',
           'draw_simulated_heatmaps', 'feature_loss', 'heatmap_loss', 'heatmap_marginals', 'oks_distance', 'score_loss',
           'simulated_heatmap_loss']
