from .direct_regression_head import DirectRegressionHead
from .distilpose_head import DistilPoseHead
from .simdr_head import SimDRHead, UpsampleFreeSimDRHead
from .tokenpose_head import TokenPoseHead
from .tokenpose_simdr_head import TokenPoseSimDRHead

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'SimDRHead', 'TokenPoseHead', 'TokenPoseSimDRHead',
           'UpsampleFreeSimDRHead']
