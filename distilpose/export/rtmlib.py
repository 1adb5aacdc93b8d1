"""Networks for rtmlib, which takes outputs by position and has conventions of its own.

rtmlib (https://github.com/Tau-J/rtmlib) cuts crops with padding 1.25 and without UDP, never turns BGR into RGB and
subtracts one mean of its own. Its class ``RTMPose``, which runs what is exported here, reads SimCC with two bins a
pixel. Coordinates are drawn so. Heatmaps too, as decoded by their codec: its class ``ViTPose`` would decode them with
another blur, which moves joints by more than the quarter of a pixel that bins cost.

Crops of UDP or of a smaller padding are resampled in the graph from a larger one, whose size is ``model_input_size``:
with the padding alone pixels of one are pixels of the other, and of UDP a crop of four times the side is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distilpose.distillation.image_adapter import adapter_between
from distilpose.distillation.teachers.onnx import OnnxDescription, OnnxInput, OnnxOutputs
from distilpose.errors import DistilPoseError
from distilpose.models.heads.simcc import SimCCHeadMixin
from distilpose.structures import NetworkInput, PoseOutputs

from .decoding import decode
from .network import AXIS_NAMES, ExportedNetwork

MEAN, STD, PADDING = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 1.25
"""Those that its classes have by default, in the order of blue, green, red."""
_BINS_PER_PIXEL, _SIGMA, _LOWEST = 2, 6.0, 1e-4
_OVERSAMPLING = 4
"""Times that rtmlib's crop has the sides of the network's, where pixels lie elsewhere."""
_FINEST = 1000


class RtmlibNetwork(nn.Module):
    """A network that takes rtmlib's images and gives what its class ``RTMPose`` reads.

    Args:
        network: the network.
        images: what it takes, its size included.

    Attributes:
        crop_size: (width, height) that rtmlib shall cut. Another one of these proportions runs, too, where it is not
            that of the network.

    Raises:
        DistilPoseError: it was trained with more padding of boxes than rtmlib has.
    """

    def __init__(self, network: ExportedNetwork, images: NetworkInput) -> None:
        super().__init__()
        if images.padding is not None and images.padding > PADDING:
            raise DistilPoseError(f'the network was trained on boxes with padding {images.padding:g}, and rtmlib cuts '
                                  f'them with {PADDING:g}, which shows less; train it with '
                                  f'GetBBoxCenterScale(padding={PADDING:g}), or export it without --for rtmlib')
        assert images.size is not None
        self.network, self.size, self.udp = network, images.size, images.udp
        self.share = (images.padding or PADDING) / PADDING
        self.resamples = self.udp or self.share != 1
        self.crop_size = _crop_size(images.size, self.share, udp=self.udp) if self.resamples else images.size
        self.adapter = adapter_between(NetworkInput(images.size, MEAN, STD), images)

    def prepare(self, images: Tensor) -> Tensor:
        """rtmlib's images (B, 3, H', W') as the estimator takes them, (B, 3, H, W)."""
        images = self.adapter(images)
        if not self.resamples:
            return images
        axes = [self._places(side) * (2 * pixels / (pixels - 1)) - 1
                for side, pixels in zip(self.size, (images.shape[-1], images.shape[-2]), strict=True)]
        grid = torch.stack(torch.meshgrid(*axes, indexing='xy'), dim=-1)
        return F.grid_sample(images, grid.expand(images.shape[0], -1, -1, -1), padding_mode='border',
                             align_corners=True)

    def _places(self, side: int) -> Tensor:
        """Where pixels of the network's crop lie in rtmlib's, as fractions of it."""
        last = side - 1 if self.udp else side  # UDP's last pixel is on the edge of the box, rtmlib's a pixel before it
        return 0.5 + (torch.arange(side, dtype=torch.float64) / last - 0.5).float() * self.share

    def locate(self, fractions: np.ndarray) -> np.ndarray:
        """Places (..., 2) in rtmlib's crop as places in the estimator's, as fractions of both."""
        return 0.5 + (fractions - 0.5) / self.share

    def predict(self, images: Tensor) -> PoseOutputs:
        """What the network shows of rtmlib's images (B, 3, H', W')."""
        return self.network.predict(self.prepare(images))

    def show(self, outputs: PoseOutputs, images: Tensor) -> tuple[Tensor, ...]:
        """SimCC rows (B, K, 2 W') and (B, K, 2 H'), computed from the network's outputs for images (B, 3, H', W')."""
        head = self.network.model.head
        if outputs.simcc is not None and not self.resamples:
            axes = outputs.simcc
            if isinstance(head, SimCCHeadMixin):
                axes = axes[0].softmax(-1), axes[1].softmax(-1)
            return tuple(_with_bins(rows, side * _BINS_PER_PIXEL) for rows, side in zip(axes, self.size, strict=True))
        coords, scores = decode(outputs, head=head)
        sides = (images.shape[-1], images.shape[-2]) if self.resamples else self.size
        coords = 0.5 + (coords - 0.5) * self.share if self.resamples else coords
        return tuple(_draw(coords[..., axis:axis + 1], scores, side * _BINS_PER_PIXEL)
                     for axis, side in enumerate(sides))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, H', W') to SimCC rows (B, K, 2 W') and (B, K, 2 H')."""
        return self.show(self.predict(images), images)


def _crop_size(size: tuple[int, int], share: float, *, udp: bool) -> tuple[int, int]:
    """(width, height) of rtmlib's crop: the smallest whose pixels are also those of the network's, or a large one.

    Args:
        size: of the network's crop.
        share: that it is of rtmlib's.
        udp: whether the network's is one of UDP, whose pixels lie elsewhere in any case.
    """
    unit, exact = math.gcd(*size), Fraction(share).limit_denominator(_FINEST)
    for times in range(1, _OVERSAMPLING + 1):
        count = unit * times / exact
        sides = [side // unit * count for side in size]
        offsets = [(found - times * side) / 2 for found, side in zip(sides, size, strict=True)]
        if not udp and all(offset.denominator == 1 for offset in offsets):
            break
    count = Fraction(round(count))
    return int(size[0] // unit * count), int(size[1] // unit * count)


def describe(size: tuple[int, int], keypoint_names: Sequence[str] | None) -> OnnxDescription:
    """The description of an exported file that takes crops of (width, height)."""
    inputs = OnnxInput(size, MEAN, STD, 'bgr', PADDING, False, 'nchw')
    codec = dict(type='SimCCLabel', input_size=size, simcc_split_ratio=float(_BINS_PER_PIXEL))
    return OnnxDescription(inputs, OnnxOutputs('simcc', AXIS_NAMES, values='logits', beta=1.0),
                           None if keypoint_names is None else tuple(keypoint_names), decoder=codec)


def _with_bins(rows: Tensor, count: int) -> Tensor:
    """Rows (B, K, n) at ``count`` bins; bin ``i`` of n stands for the fraction ``i / n``.

    More bins are linearly between theirs. Of fewer bins each has the highest of those that are nearest to it, so that
    the peak stays where it is.
    """
    own = rows.shape[-1]
    if own == count:
        return rows
    bins, places = torch.arange(count, dtype=torch.float32), torch.arange(own, dtype=torch.float32)
    if own < count:
        weights = 1 - (places.unsqueeze(-1) - (bins * own / count).clamp(max=own - 1)).abs()
        return rows @ weights.clamp(min=0)
    nearest = (places * count / own).round().clamp(max=count - 1)
    members = [(nearest == one).nonzero().flatten().tolist() for one in range(count)]
    most = max(map(len, members))
    table = torch.tensor([(one + one[-1:] * most)[:most] for one in members])
    return rows[..., table].amax(-1)


def _draw(coordinates: Tensor, scores: Tensor, count: int) -> Tensor:
    """Gaussians (B, K, count) around coordinates (B, K, 1), as high as scores (B, K, 1).

    rtmlib has no place for a joint whose score is not above 0.
    """
    bins = torch.arange(count, dtype=torch.float32)  # as many as the images have pixels, in the graph too
    return scores.clamp(min=_LOWEST) * torch.exp(-0.5 * ((bins - coordinates * count) / _SIGMA) ** 2)
