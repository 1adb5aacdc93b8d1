"""Heads: coordinate regression (DistilPose), SimDR and SimCC, TokenPose heatmaps."""

from .direct_regression_head import DirectRegressionHead
from .distilpose_head import DistilPoseHead
from .simdr_head import SimDRHead, TokenPoseSimDRHead, UpsampleFreeSimDRHead
from .tokenpose_head import TokenPoseHead

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'SimDRHead', 'TokenPoseHead', 'TokenPoseSimDRHead',
           'UpsampleFreeSimDRHead']
