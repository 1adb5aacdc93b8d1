"""Data sets and transforms that mmpose lacks."""

from .mpii import ZeroBasedMpiiDataset
from .transforms import (
    DecodingTopdownAffine,
    LoadEncodedImage,
    LoadImageOnce,
    PackMixedPoseInputs,
    PackTrainingInputs,
    RandomBBoxCenterShift,
    RandomScaleRotation,
)
from .ubody import UBodyDataset
from .unlabelled import UnlabelledImages

__all__ = [
    'DecodingTopdownAffine', 'LoadEncodedImage', 'LoadImageOnce', 'PackMixedPoseInputs', 'PackTrainingInputs',
    'RandomBBoxCenterShift', 'RandomScaleRotation', 'UBodyDataset', 'UnlabelledImages', 'ZeroBasedMpiiDataset',
]
