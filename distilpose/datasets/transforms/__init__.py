from .formatting import PackMixedPoseInputs
from .published_augmentation import RandomBBoxCenterShift, RandomScaleRotation

__all__ = ['PackMixedPoseInputs', 'RandomBBoxCenterShift', 'RandomScaleRotation']
