"""Data sets and transforms that mmpose lacks."""

from .transforms import RandomBBoxCenterShift, RandomScaleRotation

__all__ = ['RandomBBoxCenterShift', 'RandomScaleRotation']
