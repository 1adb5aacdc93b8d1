"""Running a model once so that it can be watched, and leaving it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class ForwardPass(nn.Module):
    """One forward pass of a pose estimator for images (B, 3, H, W), without decoding and without flip test.

    mmpose calls ``head.forward`` past all hooks; here the head is called as a module, so that it can be watched too.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator

    def forward(self, images: Tensor) -> Any:
        """Images (B, 3, H, W) to whatever the head predicts."""
        estimator: Any = self.estimator
        return estimator.head(estimator.extract_feat(images))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module trains or evaluates as before."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in was_training.items():
            module.training = training
