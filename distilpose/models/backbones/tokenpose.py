"""Backbones of TokenPose and DistilPose: HRNet without stage 4, the convolutional stem, the raw image."""

from __future__ import annotations

from typing import Any

from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.models.backbones.hrnet import HRNet
from mmpose.models.backbones.resnet import Bottleneck, ResLayer
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class HRNet3Stage(HRNet):
    """mmpose's HRNet cut after stage 3, whose last module fuses into the stride-4 branch only.

    Images (B, 3, H, W) become one map (B, width, H/4, W/4). Keys equal HRNet's, so the first three stages
    of an HRNet checkpoint fit.

    Args:
        extra: HRNet's ``extra`` with ``stage1`` to ``stage3``; a ``stage4`` in it is ignored.
        **kwargs: as :class:`mmpose.models.backbones.hrnet.HRNet`.
    """

    def __init__(self, extra: dict, **kwargs: Any) -> None:
        stage3 = extra['stage3']
        # mmpose insists on a stage 4: with no modules and one branch it hands that branch through.
        identity = dict(num_modules=0, num_branches=1, block=stage3['block'], num_blocks=(),
                        num_channels=stage3['num_channels'][:1])
        super().__init__(extra={**extra, 'stage4': identity}, **kwargs)
        # mmpose fuses every branch in a stage that is not its last, so the real last stage is made anew.
        self.stage3, _ = self._make_stage(stage3, list(stage3['num_channels']), multiscale_output=False)


@MODELS.register_module()
class StemNet(BaseBackbone):
    """Two strided 3x3 convolutions and one residual stage, overall stride 4.

    The published networks use ``stem_channels=64, out_channels=256, num_blocks=4``; it is the part that
    HRNet calls stem and ``layer1``, and its state-dict keys are the same.
    """

    def __init__(self, *, stem_channels: int = 64, out_channels: int = 256, num_blocks: int = 4,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg or [
            dict(type='Normal', std=0.001, layer=['Conv2d']),
            dict(type='Constant', val=1, layer=['BatchNorm2d']),
        ])
        self.conv1 = nn.Conv2d(3, stem_channels, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.conv2 = nn.Conv2d(stem_channels, stem_channels, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem_channels)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = ResLayer(Bottleneck, num_blocks, stem_channels, out_channels)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Images (B, 3, H, W) to one map (B, out_channels, H/4, W/4)."""
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.relu(self.bn2(self.conv2(x)))
        return (self.layer1(x),)


@MODELS.register_module()
class RawImage(BaseBackbone):
    """Identity: images (B, 3, H, W) are the only feature map."""

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Images (B, 3, H, W) to one map, the same."""
        return (images,)
