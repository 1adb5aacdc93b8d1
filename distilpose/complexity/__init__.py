"""What a model costs: parameters, multiply-adds, and the figures that publications print for them."""

from .exact import count_macs, count_macs_by_module
from .forward_pass import ForwardPass
from .measure import Complexity, measure
from .parameters import ParameterCount, count_parameters
from .published import PublishedStyle, count_published
from .styles import STYLES

__all__ = [
    'STYLES', 'Complexity', 'ForwardPass', 'ParameterCount', 'PublishedStyle', 'count_macs', 'count_macs_by_module',
    'count_parameters', 'count_published', 'measure',
]
