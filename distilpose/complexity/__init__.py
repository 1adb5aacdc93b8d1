"""Complexity of models: parameters, MACs (multiply-adds), FLOPs, and the published figures."""

from .counting import ForwardPass, ParameterCount, count_macs, count_macs_by_module, count_parameters
from .measure import Complexity, measure
from .published import STYLES, PublishedStyle, count_published

__all__ = [
    'STYLES', 'Complexity', 'ForwardPass', 'ParameterCount', 'PublishedStyle', 'count_macs', 'count_macs_by_module',
    'count_parameters', 'count_published', 'measure',
]
