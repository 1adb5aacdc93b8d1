"""Networks for rtmlib, which takes outputs by position and has conventions of its own.

rtmlib (https://github.com/Tau-J/rtmlib) cuts crops with padding 1.25 and without UDP, never turns BGR into RGB and
subtracts one mean of its own. Its class ``RTMPose``, which runs what is exported here, reads SimCC with two bins a
pixel. Coordinates are drawn so. Heatmaps too, as decoded by their codec: its class ``ViTPose`` would decode them with
another blur, which moves joints by more than the quarter of a pixel that bins cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from distilpose.distillation.image_adapter import adapter_between, resample
from distilpose.distillation.teachers.onnx import OnnxDescription, OnnxInput, OnnxOutputs
from distilpose.errors import DistilPoseError
from distilpose.models.heads.axis_classifier import AxisClassifier
from distilpose.structures import NetworkInput

from .decoding import decode
from .network import AXIS_NAMES, ExportedNetwork

MEAN, STD, PADDING = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 1.25
"""Those that its classes have by default, in the order of blue, green, red."""
_BINS_PER_PIXEL, _SIGMA, _LOWEST = 2, 6.0, 1e-4


class RtmlibNetwork(nn.Module):
    """A network that takes rtmlib's images and gives what its class ``RTMPose`` reads.

    Args:
        network: the network.
        images: what it takes, its size included.

    Raises:
        DistilPoseError: it was trained with another padding of boxes.
    """

    def __init__(self, network: ExportedNetwork, images: NetworkInput) -> None:
        super().__init__()
        if images.padding not in (None, PADDING):
            raise DistilPoseError(f'the network was trained on boxes with padding {images.padding:g}, and rtmlib cuts '
                                  f'them with {PADDING:g}; train it with GetBBoxCenterScale(padding={PADDING:g}), or '
                                  'export it without --for rtmlib')
        assert images.size is not None
        self.network, self.size, self.udp = network, images.size, images.udp
        self.adapter = adapter_between(NetworkInput(images.size, MEAN, STD), images)

    def prepare(self, images: Tensor) -> Tensor:
        """rtmlib's images (B, 3, H, W) as the estimator takes them."""
        images = self.adapter(images)
        if self.udp:  # rtmlib's last pixel is a pixel before the edge of the box
            width, height = self.size
            images = resample(images, self.size, reach=(width * width / (width - 1), height * height / (height - 1)))
        return images

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, H, W) to SimCC rows (B, K, 2 W) and (B, K, 2 H)."""
        outputs, head = self.network.predict(self.prepare(images)), self.network.model.head
        bins = [side * _BINS_PER_PIXEL for side in self.size]
        if outputs.simcc is not None:
            axes = outputs.simcc
            if isinstance(head, AxisClassifier):
                axes = axes[0].softmax(-1), axes[1].softmax(-1)
            return tuple(_with_bins(rows, count) for rows, count in zip(axes, bins, strict=True))
        coords, scores = decode(outputs, head=head)
        return tuple(_draw(coords[..., axis:axis + 1], scores, count) for axis, count in enumerate(bins))


def describe(images: NetworkInput, keypoint_names: Sequence[str] | None) -> OnnxDescription:
    """The description of an exported file."""
    assert images.size is not None
    told = OnnxInput(images.size, MEAN, STD, 'bgr', PADDING, False, 'nchw')
    codec = dict(type='SimCCLabel', input_size=images.size, simcc_split_ratio=float(_BINS_PER_PIXEL))
    return OnnxDescription(told, OnnxOutputs('simcc', AXIS_NAMES, values='logits', beta=1.0),
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
    bins = torch.arange(count, dtype=torch.float32)
    return scores.clamp(min=_LOWEST) * torch.exp(-0.5 * ((bins - coordinates * count) / _SIGMA) ** 2)
