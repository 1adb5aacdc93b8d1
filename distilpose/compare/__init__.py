"""Models that are trained alike and compared: with a teacher, its student and that student alone, or any others."""

from .main import compare
from .models import ModelsRequest, compare_models
from .plans import Request

__all__ = ['ModelsRequest', 'Request', 'compare', 'compare_models']
