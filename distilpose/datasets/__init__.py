"""Data sets and transforms that mmpose lacks."""

from .hand_over import compact_collate
from .mpii import ZeroBasedMpiiDataset
from .people_of_image import PeopleOfImageSampler
from .quick_coco import QuickCocoDataset
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
    'PeopleOfImageSampler', 'QuickCocoDataset', 'RandomBBoxCenterShift', 'RandomScaleRotation', 'UBodyDataset',
    'UnlabelledImages', 'ZeroBasedMpiiDataset', 'compact_collate',
]
