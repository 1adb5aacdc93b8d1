"""Data sets and transforms that mmpose lacks."""

from .mpii import ZeroBasedMpiiDataset
from .transforms import PackMixedPoseInputs, RandomBBoxCenterShift, RandomScaleRotation
from .ubody import UBodyDataset
from .unlabelled import UnlabelledImages

__all__ = ['PackMixedPoseInputs', 'RandomBBoxCenterShift', 'RandomScaleRotation', 'UBodyDataset', 'UnlabelledImages',
           'ZeroBasedMpiiDataset']
