"""The host stack (mmpose, mmengine, mmcv, torchvision, torch): what is repaired and what is made faster in it."""

from .repairs import apply

__all__ = ['apply']
