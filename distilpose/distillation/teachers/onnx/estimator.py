"""An ONNX file as an mmpose top-down estimator: it predicts with a codec of mmpose's, flip test included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mmpose.codecs import MSRAHeatmap, RegressionLabel, SimCCLabel, UDPHeatmap
from mmpose.models import TopdownPoseEstimator
from mmpose.models.heads import HeatmapHead, SimCCHead
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor

from distilpose.codecs import SimDRGaussianLabel, SimDRLabel
from distilpose.config.walk import type_name
from distilpose.errors import DistilPoseError
from distilpose.models.heads.coordinate_head import CoordinateHead
from distilpose.models.heads.simcc import SimCCHeadMixin
from distilpose.structures import PoseOutputs

from ..keypoint_map import KeypointMap
from .outputs import OutputReading
from .teacher import OnnxTeacher

_SIMDR_CODECS = (SimDRLabel.__name__, SimDRGaussianLabel.__name__)
_SIGMA = 2
"""Of the codecs, in cells; they only draw targets with it."""
_SAME_RATIO = 1e-2


@MODELS.register_module()
class OnnxEstimator(TopdownPoseEstimator):
    """Predicts with an ONNX file. It has no weights and cannot be trained.

    Heatmaps are decoded by ``MSRAHeatmap`` on the common grid, those of the grid ``'udp'`` by ``UDPHeatmap`` on their
    own; SimCC by ``SimCCLabel``; coordinates by ``RegressionLabel``. A file that this project exported names its codec,
    and is decoded as the network that it was.

    Args:
        file: as all but the last two of :class:`~distilpose.distillation.teachers.onnx.OnnxTeacher`.
        preset: of it.
        keypoints: of it.
        input: of it.
        outputs: of it.
        threads: of it.
        test_cfg: mmpose's; ``shift_heatmap`` is that of the grid unless it is given.
        metainfo: mmpose's.

    Raises:
        DistilPoseError: as :class:`~distilpose.distillation.teachers.onnx.OnnxTeacher`.
    """

    def __init__(self, file: str | Path, *, preset: str | None = None, keypoints: str | Sequence[str] | None = None,
                 input: Mapping[str, Any] | None = None, outputs: Mapping[str, Any] | None = None,
                 threads: int | None = None, test_cfg: Mapping[str, Any] | None = None,
                 metainfo: dict | None = None) -> None:
        network = open_file(file, preset=preset, keypoints=keypoints, input=input, outputs=outputs, threads=threads)
        images, reading = network.input, network.reading
        shift = dict(shift_heatmap=reading.grid != 'udp') if reading.kind == 'heatmaps' else {}
        super().__init__(
            backbone=dict(type='RawImage'), head=dict(type=_head_of(network), network=network),
            test_cfg={**shift, **(test_cfg or {})}, metainfo=metainfo,
            data_preprocessor=dict(type='PoseDataPreprocessor', mean=list(images.mean or ()),
                                   std=list(images.std or ()), bgr_to_rgb=images.rgb))
        self.network = network

    def map_keypoints(self, keypoint_map: KeypointMap) -> None:
        """Predicts the keypoints of another definition; those that the file does not predict get the score 0."""
        self.head.keypoint_map = keypoint_map

    def describe(self) -> str:
        """As :meth:`~distilpose.distillation.teachers.onnx.OnnxTeacher.describe`."""
        return self.network.describe()

    def details(self) -> tuple[str, ...]:
        """What was read from the file and declared by the config, for the log."""
        return self.network.details()

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """Refused.

        Raises:
            DistilPoseError: always.
        """
        raise DistilPoseError(f'{self.network.name} is an ONNX file, which cannot be trained; take it as the teacher '
                              'of a PoseDistiller (model.teacher)')


def open_file(file: str | Path, *, outputs: Mapping[str, Any] | None = None, **options: Any) -> OnnxTeacher:
    """The network of an :class:`OnnxEstimator`; predictions do not depend on the beta that a teacher needs."""
    return OnnxTeacher(file, outputs={'beta': 1.0, **(outputs or {})}, entry='model', **options)


class _Outputs:
    """Base of all heads of a file: its outputs, optionally for other keypoints."""

    network: OnnxTeacher
    keypoint_map: KeypointMap | None

    def _open(self, network: OnnxTeacher, reading: OutputReading | None = None) -> None:
        BaseHead.__init__(self)
        network.reading = reading or network.reading
        self.network, self.keypoint_map = network, None

    def _codec(self, default: Any) -> Any:
        """The codec that the file names, or this one."""
        named = self.network.description.decoder
        return default() if named is None else KEYPOINT_CODECS.build(dict(named))

    def _outputs(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        outputs = self.network.outputs(feats[-1])
        return outputs if self.keypoint_map is None else self.keypoint_map(outputs)


class _HeatmapOutputs(_Outputs, HeatmapHead):
    """The heatmaps of a file, as mmpose's head has them."""

    def __init__(self, network: OnnxTeacher) -> None:
        reading, is_udp = network.reading, network.reading.grid == 'udp'
        self._open(network, replace(reading, grid='i/n') if is_udp else None)  # its codec decodes its own grid
        kind = UDPHeatmap if is_udp else MSRAHeatmap
        self.decoder = self._codec(partial(kind, input_size=reading.size, heatmap_size=reading.cells, sigma=_SIGMA))

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Images (B, 3, H, W) to heatmaps (B, K, H', W')."""
        heatmaps = self._outputs(feats).heatmaps
        assert heatmaps is not None
        return heatmaps[-1]


class _SimCCOutputs(_Outputs, SimCCHead):
    """The SimCC rows of a file, as mmpose's head has them; of probabilities the rows themselves."""

    def __init__(self, network: OnnxTeacher) -> None:
        self._open(network, replace(network.reading, values='logits'))  # the score is the height of a peak
        self.decoder = self._codec(lambda: SimCCLabel(input_size=network.reading.size,
                                                      simcc_split_ratio=_split_ratio(network)))

    def forward(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) to rows (B, K, Wx) and (B, K, Wy)."""
        rows = self._outputs(feats).simcc
        assert rows is not None
        return rows


class _SimDROutputs(_Outputs, SimCCHeadMixin, BaseHead):
    """The logits of a file that is one of SimDR's networks."""

    def __init__(self, network: OnnxTeacher) -> None:
        self._open(network)
        self.decoder = self._codec(None)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Images (B, 3, H, W) to logits (B, K, Wx) and (B, K, Wy)."""
        return self._outputs(feats)


class _CoordinateOutputs(_Outputs, CoordinateHead):
    """The coordinates of a file, and its scores."""

    def __init__(self, network: OnnxTeacher) -> None:
        self._open(network)
        self.decoder = RegressionLabel(input_size=network.reading.size)

    def forward(self, feats: tuple[Tensor, ...]) -> PoseOutputs:
        """Images (B, 3, H, W) to coordinates (B, K, 2) and perhaps scores (B, K, 1)."""
        return self._outputs(feats)


_HEADS: dict[str, type] = dict(heatmaps=_HeatmapOutputs, simcc=_SimCCOutputs, coordinates=_CoordinateOutputs)


def _head_of(network: OnnxTeacher) -> type:
    named = network.description.decoder or {}
    return _SimDROutputs if type_name(named.get('type')) in _SIMDR_CODECS else _HEADS[network.reading.kind]


def _split_ratio(network: OnnxTeacher) -> float:
    reading: OutputReading = network.reading
    assert reading.cells is not None
    along_x, along_y = (bins / side for bins, side in zip(reading.cells, reading.size, strict=True))
    if abs(along_x - along_y) > _SAME_RATIO * along_x:
        raise DistilPoseError(f'{network.name} has {reading.cells[0]} bins for {reading.size[0]} pixels along x and '
                              f'{reading.cells[1]} for {reading.size[1]} along y; SimCCLabel decodes one ratio only')
    return along_x
