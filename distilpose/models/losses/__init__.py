"""The losses of coordinate classifiers: those of SimDR, and RTMPose's at any batch size."""

from .simcc import (
    KLDiscretMeanLoss,
    NMTLoss,
    NMTNormLoss,
    ReferenceBatchKLDiscretLoss,
    divergence_from_gaussians,
    divergence_from_smoothed_classes,
)

__all__ = ['KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss', 'ReferenceBatchKLDiscretLoss',
           'divergence_from_gaussians', 'divergence_from_smoothed_classes']
