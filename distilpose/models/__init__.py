"""The networks that mmpose lacks."""

from .backbones import HRNet3Stage, RawImage, StackedHourglass, StemNet
from .heads import (
    DirectRegressionHead,
    DistilPoseHead,
    SimDRHead,
    TokenPoseHead,
    TokenPoseSimDRHead,
    UpsampleFreeSimDRHead,
)
from .losses import KLDiscretMeanLoss, NMTLoss, NMTNormLoss, ReferenceBatchKLDiscretLoss
from .outputs import read_outputs

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'HRNet3Stage', 'KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss',
           'RawImage', 'ReferenceBatchKLDiscretLoss', 'SimDRHead', 'StackedHourglass', 'StemNet', 'TokenPoseHead',
           'TokenPoseSimDRHead', 'UpsampleFreeSimDRHead', 'read_outputs']
