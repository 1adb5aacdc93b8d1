"""The networks that mmpose lacks."""

from .backbones import HRNet3Stage, StemNet
from .heads import DistilPoseHead, TokenPoseHead
from .outputs import read_outputs

__all__ = ['DistilPoseHead', 'HRNet3Stage', 'StemNet', 'TokenPoseHead', 'read_outputs']
