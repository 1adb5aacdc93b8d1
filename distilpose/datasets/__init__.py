"""Data sets and transforms that mmpose lacks."""

from .mpii import ZeroBasedMpiiDataset
from .transforms import RandomBBoxCenterShift, RandomScaleRotation

__all__ = ['RandomBBoxCenterShift', 'RandomScaleRotation', 'ZeroBasedMpiiDataset']
