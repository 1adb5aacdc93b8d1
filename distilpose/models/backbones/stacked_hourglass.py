"""Stacked hourglass network with pre-activation blocks and intermediate heatmaps, as FPD publishes it."""

from __future__ import annotations

from typing import Any

from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.errors import DistilPoseError

_STEM_STRIDE, _DEPTH = 4, 4


class PreActivatedBottleneck(nn.Module):
    """A bottleneck that normalises before it convolves, of half its output's width inside.

    The shortcut is the raw input, or a 1x1 convolution of it without normalisation where the widths differ.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = out_channels // 2
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if in_channels != out_channels:
            self.downsample.append(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        inside = self.conv1(self.relu(self.bn1(x)))
        inside = self.conv2(self.relu(self.bn2(inside)))
        inside = self.conv3(self.relu(self.bn3(inside)))
        return inside + self.downsample(x)


def _bottlenecks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(PreActivatedBottleneck(channels, channels) for _ in range(count)))


class Hourglass(nn.Module):
    """Down by max pooling and up by repetition, of one width throughout, with a branch beside every level.

    ``hg[level]`` holds the branch, the way down, the way up, and on the lowest level, 0, what lies between these two.
    """

    def __init__(self, channels: int, *, num_blocks: int, depth: int) -> None:
        super().__init__()
        self.hg = nn.ModuleList(nn.ModuleList(_bottlenecks(channels, num_blocks) for _ in range(3 if level else 4))
                                for level in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape; the sides are multiples of ``2 ** depth``."""
        levels: list[Any] = list(self.hg)
        branches: list[Tensor] = []
        for branch, way_down, *_ in reversed(levels):
            branches.append(branch(x))
            x = way_down(F.max_pool2d(x, 2))
        x = levels[0][3](x)
        for level in levels:
            x = branches.pop() + F.interpolate(level[2](x), scale_factor=2, mode='nearest')
        return x


@MODELS.register_module()
class StackedHourglass(BaseBackbone):
    """Hourglasses in a row, each of which predicts heatmaps and passes them to the next with its features.

    The network of Newell et al. (ECCV 2016) as FPD (Zhang et al., CVPR 2019) publishes it; mmpose's ``HourglassNet``
    is another one. It predicts the heatmaps itself, so its head is a ``CPMHead`` without layers (``final_layer=None,
    deconv_out_channels=None``). State-dict keys are those of the published checkpoints, weights start as torch's
    layers do.

    Args:
        num_keypoints: K, the channels of the heatmaps.
        num_stacks: S, 8 of FPD's teacher and 4 of its student.
        channels: the width, 256 and 128.
        num_blocks: bottlenecks of every branch of an hourglass, and behind it.
        init_cfg: as of any module of mmengine.

    Raises:
        DistilPoseError: for no stacks, or a width that is not a multiple of 4.
    """

    def __init__(self, *, num_keypoints: int, num_stacks: int = 8, channels: int = 256, num_blocks: int = 1,
                 init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_stacks < 1 or channels < 4 or channels % 4:
            raise DistilPoseError(f'StackedHourglass got num_stacks={num_stacks} and channels={channels}; it needs at '
                                  'least one stack, and a width that is a multiple of 4')
        self.conv1 = nn.Conv2d(3, channels // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(PreActivatedBottleneck(channels // 4, channels // 2))
        self.layer2 = nn.Sequential(PreActivatedBottleneck(channels // 2, channels))
        self.layer3 = nn.Sequential(PreActivatedBottleneck(channels, channels))
        self.hg = nn.ModuleList(Hourglass(channels, num_blocks=num_blocks, depth=_DEPTH) for _ in range(num_stacks))
        self.res = nn.ModuleList(_bottlenecks(channels, num_blocks) for _ in range(num_stacks))
        self.fc = nn.ModuleList(_linear(channels) for _ in range(num_stacks))
        self.score = nn.ModuleList(nn.Conv2d(channels, num_keypoints, 1) for _ in range(num_stacks))
        self.fc_ = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(num_stacks - 1))
        self.score_ = nn.ModuleList(nn.Conv2d(num_keypoints, channels, 1) for _ in range(num_stacks - 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, H, W) to the heatmaps of every stack, each (B, K, H/4, W/4).

        Raises:
            DistilPoseError: when H or W is not a multiple of 64.
        """
        _check_size(images)
        x = self.relu(self.bn1(self.conv1(images)))
        x = F.max_pool2d(self.layer1(x), 2)
        x = self.layer3(self.layer2(x))
        heatmaps: list[Tensor] = []
        for stack, hourglass in enumerate(self.hg):
            features = self.fc[stack](self.res[stack](hourglass(x)))
            heatmaps.append(self.score[stack](features))
            if stack < len(self.fc_):
                x = x + self.fc_[stack](features) + self.score_[stack](heatmaps[-1])
        return tuple(heatmaps)


def _linear(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _check_size(images: Tensor) -> None:
    height, width = images.shape[-2:]
    multiple = _STEM_STRIDE * 2 ** _DEPTH
    if height % multiple or width % multiple:
        raise DistilPoseError(f'StackedHourglass got images of {width}x{height} (width x height); both sides must '
                              f'be multiples of {multiple}; change the input_size of the codec and of the crops')
