"""One distiller, small terms: a distillation method is a config."""

from .distiller import PoseDistiller
from .teacher import FrozenTeacher
from .terms import DistillationTerm, ScoreTerm, SimulatedHeatmapTerm, TokenTerm

__all__ = ['DistillationTerm', 'FrozenTeacher', 'PoseDistiller', 'ScoreTerm', 'SimulatedHeatmapTerm', 'TokenTerm']
