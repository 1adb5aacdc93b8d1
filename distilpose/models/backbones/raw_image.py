"""No backbone: the image itself, for TokenPose-T."""

from __future__ import annotations

from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class RawImage(BaseBackbone):
    """Hands images (B, 3, H, W) through as the only feature map."""

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Images (B, 3, H, W) to one map, the same."""
        return (images,)
