"""A student alone, the same student with its teacher, the teacher, and variants: trained alike and compared."""

from .main import compare
from .plans import Request

__all__ = ['Request', 'compare']
