"""HRNet without its fourth stage, the backbone of DistilPose-L and TokenPose-L."""

from __future__ import annotations

from typing import Any

from mmpose.models.backbones.hrnet import HRNet
from mmpose.registry import MODELS


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
