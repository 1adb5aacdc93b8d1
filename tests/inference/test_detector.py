"""Person detection by an ONNX file: letterbox, both kinds of outputs, pixels of both networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.inference.detector import OnnxDetector
from tests.onnx_files import export

SIZE = 64, 64
IMAGE = np.full((32, 16, 3), 200, np.uint8)  # twice as large in the network, on the left half


class Shows(nn.Module):
    """Constant outputs; the first score is that of the mean over the left half of the input, in hundreds."""

    def __init__(self, *outputs: Tensor) -> None:
        super().__init__()
        self.known = outputs

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        level = images[:, :, :, :32].mean() / 100
        first = torch.cat([self.known[0][:, :1, :4], level.reshape(1, 1, 1)], dim=2)
        if self.known[0].shape[2] > 5:
            return (self.known[0] + 0 * level, )
        return torch.cat([first, self.known[0][:, 1:]], dim=1), *(value + 0 * level.long() for value in self.known[1:])


def suppressed(folder: Path, name: str = 'yolox.onnx') -> Path:
    """People of the scores by level, 0.9 and 0.1, and something else."""
    boxes = torch.tensor([[[0, 4, 20, 44, 0], [-6, 0, 16, 90, 0.9], [2, 2, 8, 8, 0.1], [2, 2, 8, 8, 0.9]]]).float()
    return export(Shows(boxes, torch.tensor([[0, 0, 0, 3]])), folder / name, outputs=['dets', 'labels'], size=SIZE,
                  batch=1)


def test_boxes_after_suppression(tmp_path: Path) -> None:
    found = OnnxDetector(suppressed(tmp_path))(IMAGE)
    np.testing.assert_allclose(found, [[0, 2, 10, 22, 2], [0, 0, 8, 32, 0.9]], atol=1e-5)
    assert len(OnnxDetector(suppressed(tmp_path), threshold=0.95)(IMAGE)) == 1
    assert OnnxDetector(suppressed(tmp_path), threshold=3)(IMAGE).shape == (0, 5)


def test_pixels_are_those_of_the_kind(tmp_path: Path) -> None:
    expected = (200 - np.array([103.53, 116.28, 123.675])) / [57.375, 57.12, 58.395]
    for file, kind in ((suppressed(tmp_path, 'rtmdet_m.onnx'), None), (suppressed(tmp_path, 'end2end.onnx'), 'rtmdet')):
        found = OnnxDetector(file, kind=kind, threshold=0.001)(IMAGE)
        assert found[found[:, 3] == 22][0, 4] == pytest.approx(expected.mean() / 100, abs=1e-5)
    with pytest.raises(DistilPoseError, match=r'end2end.onnx has no sign of whether .* --detector-kind'):
        OnnxDetector(suppressed(tmp_path, 'end2end.onnx'))


def test_a_device_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match=r"the device 'gpu' cannot be used here; expected 'cpu'"):
        OnnxDetector(suppressed(tmp_path), device='gpu')


def test_raw_outputs_of_yolox(tmp_path: Path) -> None:
    """84 cells; a person in column 3, row 2 of stride 8, the same a little worse, and a chair."""
    rows = torch.zeros(1, 84, 7)
    rows[0, 2 * 8 + 3] = torch.tensor([0.5, 0.5, np.log(2), np.log(4), 0.9, 1.0, 0.0])
    rows[0, 2 * 8 + 4] = torch.tensor([-0.4, 0.5, np.log(2), np.log(4), 0.8, 1.0, 0.0])
    rows[0, 64 + 5] = torch.tensor([0, 0, 0, 0, 0.9, 0.4, 0.9])
    file = export(Shows(rows), tmp_path / 'net.onnx', outputs=['output'], size=SIZE, batch=1)
    np.testing.assert_allclose(OnnxDetector(file)(IMAGE), [[10, 2, 16, 18, 0.9]], atol=1e-4)
    # of 32 pixels in height: centre (28, 20), sides (16, 32), halved, and the image ends at 16
    assert len(OnnxDetector(file, overlap=0.95)(IMAGE)) == 2


def test_what_is_no_detector_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='does not exist'):
        OnnxDetector(tmp_path / 'absent.onnx')
    with pytest.raises(DistilPoseError, match="kind of the detector is 'detr'"):
        OnnxDetector(suppressed(tmp_path), kind='detr')
    (tmp_path / 'text.onnx').write_text('text')
    with pytest.raises(DistilPoseError, match=r'text\.onnx'):
        OnnxDetector(tmp_path / 'text.onnx')
    file = export(nn.Conv2d(3, 2, 1), tmp_path / 'maps.onnx', outputs=['maps'], size=SIZE, batch=1)
    with pytest.raises(DistilPoseError, match=r'maps \(1, 2, 64, 64\); expected boxes'):
        OnnxDetector(file)
