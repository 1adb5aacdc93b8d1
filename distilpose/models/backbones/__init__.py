"""Backbones: stacked hourglass, those of TokenPose and DistilPose, vision transformer (ViT)."""

from .stacked_hourglass import StackedHourglass
from .tokenpose import HRNet3Stage, RawImage, StemNet
from .vision_transformer import VisionTransformer

__all__ = ['HRNet3Stage', 'RawImage', 'StackedHourglass', 'StemNet', 'VisionTransformer']
