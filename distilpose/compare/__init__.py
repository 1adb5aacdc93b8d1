"""Comparison of models that are trained alike: with a teacher, its student and that student alone, or any others."""

from distilpose.renamed import forward_names

from .main import compare, compare_runs
from .plans import Request

__all__ = ['Request', 'compare', 'compare_runs']

__getattr__ = forward_names(__name__, {
    'ModelsRequest': 'distilpose.compare.plans.Request', 'compare_models': 'distilpose.compare.main.compare'})
