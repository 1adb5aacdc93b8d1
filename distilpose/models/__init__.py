"""Backbones, heads and losses that mmpose lacks: DistilPose, TokenPose, SimDR, stacked hourglasses, ViT."""

from .backbones import HRNet3Stage, RawImage, StackedHourglass, StemNet, VisionTransformer
from .description import describe_network
from .heads import (
    DirectRegressionHead,
    DistilPoseHead,
    SimDRHead,
    TokenPoseHead,
    TokenPoseSimDRHead,
    UpsampleFreeSimDRHead,
)
from .losses import KLDiscretMeanLoss, NMTLoss, NMTNormLoss, ReferenceBatchKLDiscretLoss
from .outputs import read_labels, read_outputs

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'HRNet3Stage', 'KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss',
           'RawImage', 'ReferenceBatchKLDiscretLoss', 'SimDRHead', 'StackedHourglass', 'StemNet', 'TokenPoseHead',
           'TokenPoseSimDRHead', 'UpsampleFreeSimDRHead', 'VisionTransformer', 'describe_network', 'read_labels',
           'read_outputs']
