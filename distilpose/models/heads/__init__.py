from .direct_regression_head import DirectRegressionHead
from .distilpose_head import DistilPoseHead
from .tokenpose_head import TokenPoseHead

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'TokenPoseHead']
