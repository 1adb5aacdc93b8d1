"""Comparison of models that are trained alike: with a teacher, its student and that student alone, or any others."""

from .main import compare, compare_runs
from .plans import Request

__all__ = ['Request', 'compare', 'compare_runs']
