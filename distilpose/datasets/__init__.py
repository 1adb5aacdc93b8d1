"""Data sets, transforms, sampler and collate function that mmpose lacks."""

from .collate import compact_collate
from .grouped_by_image import PeopleOfImageSampler
from .light_annotations import QuickCocoDataset
from .mpii import ZeroBasedMpiiDataset
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
