"""Transforms that mmpose lacks: augmentation, lazy decoding, the crop of the teacher, packing."""

from .coarse_dropout import CoarseDropout
from .formatting import PackMixedPoseInputs, PackTrainingInputs
from .image_cache import LoadImageOnce
from .lazy_decoding import DecodingTopdownAffine, LoadEncodedImage
from .published_augmentation import RandomBBoxCenterShift, RandomScaleRotation
from .random_blur import RandomBlur
from .resampled_crop import ResampledCrop
from .teacher_crop import KeepBox, KeepUndistorted, PackTeacherCrop, TeacherCrop, TeacherView
from .weigh_by_certainty import WeighByCertainty

__all__ = ['CoarseDropout', 'DecodingTopdownAffine', 'KeepBox', 'KeepUndistorted', 'LoadEncodedImage', 'LoadImageOnce',
           'PackMixedPoseInputs', 'PackTeacherCrop', 'PackTrainingInputs', 'RandomBBoxCenterShift', 'RandomBlur',
           'RandomScaleRotation', 'ResampledCrop', 'TeacherCrop', 'TeacherView', 'WeighByCertainty']
