"""Data sets and transforms that mmpose lacks."""

from .hand_over import compact_collate
from .mpii import ZeroBasedMpiiDataset
from .people_of_image import PeopleOfImageSampler
from .quick_coco import QuickCocoDataset
from .transforms import (
    DecodingTopdownAffine,
    KeepUndistorted,
    LoadEncodedImage,
    LoadImageOnce,
    PackMixedPoseInputs,
    PackTeacherCrop,
    PackTrainingInputs,
    RandomBBoxCenterShift,
    RandomScaleRotation,
    TeacherCrop,
    TeacherView,
    WeighByCertainty,
)
from .ubody import UBodyDataset
from .unlabelled import UnlabelledImages

__all__ = [
    'DecodingTopdownAffine', 'KeepUndistorted', 'LoadEncodedImage', 'LoadImageOnce', 'PackMixedPoseInputs',
    'PackTeacherCrop', 'PackTrainingInputs', 'PeopleOfImageSampler', 'QuickCocoDataset', 'RandomBBoxCenterShift',
    'RandomScaleRotation', 'TeacherCrop', 'TeacherView', 'UBodyDataset', 'UnlabelledImages', 'WeighByCertainty',
    'ZeroBasedMpiiDataset', 'compact_collate',
]
