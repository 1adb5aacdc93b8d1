"""How the annotations of a batch are read."""

from __future__ import annotations

import torch

from distilpose.models.heads.common import keypoint_weights
from distilpose.structures import Labels


def read_labels(data_samples: list) -> Labels:
    """Reads the weights of the joints, and ``labelled`` of the samples' meta information (true where absent)."""
    weights = keypoint_weights(data_samples)
    labelled = torch.tensor([bool(sample.get('labelled', True)) for sample in data_samples])
    return Labels(weights, labelled.to(weights.device, non_blocking=weights.is_cuda))
