from .published_augmentation import RandomBBoxCenterShift, RandomScaleRotation

__all__ = ['RandomBBoxCenterShift', 'RandomScaleRotation']
