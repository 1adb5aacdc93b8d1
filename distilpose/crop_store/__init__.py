"""Crop store: the pixels that a training's augmentation can reach, decoded once and read from disk afterwards."""

from .plan import CropPlan
from .reach import Reach
from .store import CropStore, FindStoredCrop, StoredCrop

__all__ = ['CropPlan', 'CropStore', 'FindStoredCrop', 'Reach', 'StoredCrop']
