"""The networks that mmpose lacks."""

from distilpose.host.speedups.head_decoding import decode_batches_at_once
from distilpose.host.speedups.sample_transfer import move_samples_together
from distilpose.host.speedups.tta import choose_flip_test_by_device

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

choose_flip_test_by_device()
decode_batches_at_once()
move_samples_together()

__all__ = ['DirectRegressionHead', 'DistilPoseHead', 'HRNet3Stage', 'KLDiscretMeanLoss', 'NMTLoss', 'NMTNormLoss',
           'RawImage', 'ReferenceBatchKLDiscretLoss', 'SimDRHead', 'StackedHourglass', 'StemNet', 'TokenPoseHead',
           'TokenPoseSimDRHead', 'UpsampleFreeSimDRHead', 'read_outputs']
