"""Cost of ONNX files: every file is run in turn, and the median of its times is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints.integrity import sha256_of
from distilpose.compare.cost import write_costs
from distilpose.errors import DistilPoseError
from tests.onnx_files import Shows, export, write_heatmaps


class Repeated(torch.nn.Module):
    """A network with many layers."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 17, 3, padding=1),
                                          *(torch.nn.Conv2d(17, 17, 3, padding=1) for _ in range(times)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


def test_a_larger_network_costs_more(tmp_path: Path) -> None:
    files = [(f'of_{times}', export(Repeated(times), tmp_path / f'{times}.onnx', outputs=['maps']))
             for times in (1, 30)]
    found = write_costs(files, folder=tmp_path / 'results', runs=9)
    assert json.loads((tmp_path / 'results' / 'cost.json').read_text()) == found
    small, large = found['rows']
    assert 0 < 4 * small['milliseconds'] < large['milliseconds']
    assert [row['name'] for row in found['rows']] == ['of_1', 'of_30']
    assert large['parameters'] == 31 * 17 + 17 * 27 + 30 * 17 * 153 and large['file'] == '30.onnx'
    assert large['bytes'] == files[1][1].stat().st_size and large['sha256'] == sha256_of(files[1][1])
    assert found['runs'] == 9 and found['threads'] == 1 and found['onnxruntime']


@pytest.mark.parametrize('options', [dict(batch=4), dict(nhwc=True), dict(dtype=torch.uint8)])
def test_batches_layouts_and_pixels(options: dict, tmp_path: Path) -> None:
    file = write_heatmaps(tmp_path / 'net.onnx', **options)
    assert write_costs([('net', file)], folder=tmp_path, runs=2)['rows'][0]['milliseconds'] > 0


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of torch's exporter
def test_what_cannot_be_measured_is_named(tmp_path: Path) -> None:
    file = write_heatmaps(tmp_path / 'net.onnx')
    with pytest.raises(DistilPoseError, match="--cost 'a' names two files"):
        write_costs([('a', file), ('a', file)], folder=tmp_path)
    network, images = Shows(lambda maps: maps).eval(), torch.zeros(2, 3, 64, 48)
    torch.onnx.export(network, (images,), str(tmp_path / 'any.onnx'), input_names=['images'], output_names=['maps'],
                      dynamic_axes=dict(images={0: 'batch', 2: 'height', 3: 'width'}), dynamo=False)
    with pytest.raises(DistilPoseError, match=r'any\.onnx takes images of any size'):
        write_costs([('any', tmp_path / 'any.onnx')], folder=tmp_path)
    assert not (tmp_path / 'cost.json').exists()
