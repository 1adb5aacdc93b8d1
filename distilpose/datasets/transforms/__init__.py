from .coarse_dropout import CoarseDropout
from .formatting import PackMixedPoseInputs, PackTrainingInputs
from .late_decoding import DecodingTopdownAffine, LoadEncodedImage
from .load_image_once import LoadImageOnce
from .published_augmentation import RandomBBoxCenterShift, RandomScaleRotation
from .random_blur import RandomBlur

__all__ = ['CoarseDropout', 'DecodingTopdownAffine', 'LoadEncodedImage', 'LoadImageOnce', 'PackMixedPoseInputs',
           'PackTrainingInputs', 'RandomBBoxCenterShift', 'RandomBlur', 'RandomScaleRotation']
