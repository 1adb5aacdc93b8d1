from .coarse_dropout import CoarseDropout
from .formatting import PackMixedPoseInputs
from .published_augmentation import RandomBBoxCenterShift, RandomScaleRotation
from .random_blur import RandomBlur

__all__ = ['CoarseDropout', 'PackMixedPoseInputs', 'RandomBBoxCenterShift', 'RandomBlur', 'RandomScaleRotation']
