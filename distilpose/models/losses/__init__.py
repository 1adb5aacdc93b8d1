"""The losses of coordinate classifiers, as SimDR publishes them."""

from .simdr import (
    KLDiscretMeanLoss,
    NMTLoss,
    NMTNormLoss,
    divergence_from_gaussians,
    divergence_from_smoothed_classes,
)

__all__ = ['KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss', 'divergence_from_gaussians',
           'divergence_from_smoothed_classes']
