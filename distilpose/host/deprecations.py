"""Deprecated names of torch that mmpose and mmengine call, with a FutureWarning in every run."""

from __future__ import annotations

import warnings
from typing import Any


def call_autocast_by_its_new_name() -> bool:
    """Lets two layers of CSPNeXt and mmengine's AmpOptimWrapper call ``torch.amp`` instead of ``torch.cuda.amp``."""
    import torch
    from mmengine.optim.optimizer import amp_optimizer_wrapper
    from mmpose.models.backbones.csp_darknet import SPPBottleneck
    from mmpose.models.utils.csp_layer import ChannelAttention

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.amp.autocast(enabled=False)
    if not caught:
        return False
    ChannelAttention.forward = _attend
    SPPBottleneck.forward = _pool
    if amp_optimizer_wrapper.GradScaler is torch.cuda.amp.GradScaler:
        amp_optimizer_wrapper.GradScaler = torch.amp.GradScaler
    return True


def _attend(self: Any, x: Any) -> Any:
    """Weights of channels (B, C, H, W), as mmpose's ``ChannelAttention.forward``."""
    import torch

    with torch.autocast('cuda', enabled=False):
        out = self.global_avgpool(x)
    return x * self.act(self.fc(out))


def _pool(self: Any, x: Any) -> Any:
    """Poolings of several sizes side by side, as mmpose's ``SPPBottleneck.forward``."""
    import torch

    x = self.conv1(x)
    with torch.autocast('cuda', enabled=False):
        x = torch.cat([x, *(pooling(x) for pooling in self.poolings)], dim=1)
    return self.conv2(x)
