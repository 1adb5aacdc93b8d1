"""The networks that mmpose lacks."""

from .backbones import HRNet3Stage, StemNet
from .heads import DirectRegressionHead, DistilPoseHead, TokenPoseHead
from .losses import KLDiscretMeanLoss, NMTLoss, NMTNormLoss
from .outputs import read_outputs

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'HRNet3Stage', 'KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss',
           'StemNet', 'TokenPoseHead', 'read_outputs']
