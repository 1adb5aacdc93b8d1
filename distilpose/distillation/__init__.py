"""Knowledge distillation for pose estimators: one distiller, small loss terms; a distillation method is a config."""

from .distiller import PoseDistiller
from .teachers import FrozenTeacher, Teacher
from .terms import (
    CoordinateTerm,
    DistillationTerm,
    FeaturePair,
    FeatureTerm,
    HeatmapMarginalTerm,
    ScoreTerm,
    SimCCTerm,
    SimulatedHeatmapTerm,
    TokenTerm,
)

__all__ = ['CoordinateTerm', 'DistillationTerm', 'FeaturePair', 'FeatureTerm', 'FrozenTeacher', 'HeatmapMarginalTerm',
           'PoseDistiller', 'ScoreTerm', 'SimCCTerm', 'SimulatedHeatmapTerm', 'Teacher', 'TokenTerm']
