"""A joint has its place in the crop on the heatmaps of every codec."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, describe_codec, grid_of, move
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.distillation.teachers.heatmaps import to_common_grid
from distilpose.structures import PoseOutputs

SIZE = dict(input_size=(192, 256), heatmap_size=(48, 64))
LARGE = dict(input_size=(288, 384), heatmap_size=(72, 96))
JOINTS = np.array([[[10.0, 20.0], [100.5, 77.25], [150.0, 31.0], [188.0, 251.0]]])
"""In pixels of a crop of 192x256."""
BETWEEN_CELLS = 0.08
"""Linear interpolation takes at most 1 / 32 along either axis off a gaussian of sigma 2; UDP's sigma is 1.6 % wider."""
UDP_CODECS = ('UDPHeatmap', 'TokenPoseHeatmap')


def codec(type: str, **sizes: Any) -> Any:
    return KEYPOINT_CODECS.build(dict(dict(SIZE, sigma=2), **sizes, type=type))


def drawn(encoder: Any, joints: np.ndarray = JOINTS) -> Tensor:
    """(1, K, H, W)."""
    return torch.as_tensor(encoder.encode(joints)['heatmaps'])[None]


def msra(**sizes: Any) -> Any:
    return codec('MSRAHeatmap', unbiased=True, **sizes)


def largest_difference(found: Tensor, target: Tensor) -> float:
    """Where neither is cut off; mmpose draws three sigmas. Cells on the border may be beyond those of the other."""
    found, target = found[..., 1:-1, 1:-1], target[..., 1:-1, 1:-1]
    inside = (found > 0.02) & (target > 0.02)
    assert inside.flatten(2).any(-1).all()
    return float((found - target).abs()[inside].max())


UDP, LARGE_UDP, CENTRES = HeatmapGrid('udp', (192, 256)), HeatmapGrid('udp', (288, 384)), HeatmapGrid('centers')


@pytest.mark.parametrize('own', [(48, 64), (72, 96)])
@pytest.mark.parametrize(('source', 'target'), [
    (COMMON_GRID, UDP), (UDP, COMMON_GRID), (UDP, UDP), (LARGE_UDP, UDP), (CENTRES, UDP), (CENTRES, COMMON_GRID)])
def test_every_cell_gets_what_the_maps_have_at_its_place(source: HeatmapGrid, target: HeatmapGrid,
                                                         own: tuple[int, int]) -> None:
    """Maps that are the fraction itself, which linear interpolation reproduces, but for what is beyond their cells."""
    size = (48, 64)
    columns, rows = ((torch.arange(count) - source.start) / far
                     for count, far in zip(own, source.reach(own), strict=True))
    maps = torch.stack([columns.expand(own[1], -1), rows[:, None].expand(-1, own[0])])[None]
    moved = move(maps, source, target, size=size)
    for axis, place in enumerate((columns, rows)):
        far = target.reach(size)[axis]
        expected = (torch.arange(size[axis]) / far).clamp(place[0], place[-1])
        found = moved[0, 0, 5] if axis == 0 else moved[0, 1, :, 5]
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize('kind', UDP_CODECS)
def test_a_target_of_msra_becomes_that_of_udp_and_back(kind: str) -> None:
    student = codec(kind)
    udp, common = drawn(student), drawn(msra())
    assert largest_difference(common, udp) > 0.2  # what would be wrong without the move
    assert largest_difference(move(common, COMMON_GRID, grid_of(student)), udp) < BETWEEN_CELLS
    assert largest_difference(move(udp, grid_of(student)), common) < BETWEEN_CELLS
    assert torch.equal(move(udp, grid_of(student)), to_common_grid(udp, student))
    found = coordinates_of(PoseOutputs(heatmaps=(move(common, COMMON_GRID, UDP),)), grid=UDP)
    cells = (found - torch.as_tensor(JOINTS) / torch.tensor([192, 256])) * torch.tensor([48, 64])
    assert cells[:, :3].abs().max() < 0.03  # the last joint is on the border


def test_centres_of_cells_become_udp() -> None:
    """A teacher whose cell i of n stands for (i + 0.5) / n."""
    centres = drawn(msra(), JOINTS - 2)  # half a cell of four pixels
    student = codec('UDPHeatmap')
    assert largest_difference(move(centres, HeatmapGrid('centers'), grid_of(student)),
                              drawn(student)) < BETWEEN_CELLS


@pytest.mark.parametrize('kind', ['MSRAHeatmap', 'UDPHeatmap'])
def test_the_map_of_a_larger_crop_comes_to_a_smaller_ones_in_one_step(kind: str) -> None:
    teacher = codec('UDPHeatmap', **LARGE, sigma=3) if kind == 'UDPHeatmap' else msra(**LARGE, sigma=3)
    student = codec('UDPHeatmap')
    moved = move(drawn(teacher, JOINTS * 1.5), grid_of(teacher), grid_of(student), size=(48, 64))
    assert largest_difference(moved, drawn(student)) < BETWEEN_CELLS


@pytest.mark.parametrize('grid', [COMMON_GRID, HeatmapGrid('centers'), HeatmapGrid('udp', (192, 256))])
def test_maps_of_the_same_grid_and_size_are_returned_as_they_are(grid: HeatmapGrid) -> None:
    maps = torch.rand(1, 2, 64, 48)
    assert move(maps, grid, grid) is maps and move(maps, grid, grid, size=(48, 64)) is maps


@pytest.mark.parametrize('kind', UDP_CODECS)
def test_the_last_cell_of_udp_is_the_last_pixel(kind: str) -> None:
    grid = grid_of(codec(kind))
    assert [47 / reach for reach in grid.reach((48, 64))][0] == pytest.approx(191 / 192)
    assert [63 / reach for reach in grid.reach((48, 64))][1] == pytest.approx(255 / 256)
    for reach, scale, side in zip(grid.reach((48, 64)), codec(kind).scale_factor, (192, 256), strict=True):
        assert reach == pytest.approx(side / scale, rel=1e-6)


@pytest.mark.parametrize('use_udp', [False, True])
def test_a_place_of_the_image_is_the_same_on_both_grids_whatever_the_crop(use_udp: bool) -> None:
    """UDP's crops are a pixel smaller, and what is at a pixel of one is there for both codecs."""
    points = np.array([[[312.5, 240.0], [400.0, 371.25], [260.0, 100.0]]], dtype=np.float32)
    crop = TopdownAffine(input_size=(192, 256), use_udp=use_udp)
    results = crop.transform(dict(img=np.zeros((480, 640, 3), np.uint8), keypoints=points,
                                  bbox_center=np.array([[330.0, 235.0]]), bbox_scale=np.array([[240.0, 320.0]])))
    joints, student = results['transformed_keypoints'], codec('UDPHeatmap')
    moved = move(drawn(msra(), joints), COMMON_GRID, grid_of(student))
    assert largest_difference(moved, drawn(student, joints)) < BETWEEN_CELLS


def test_grids_of_codecs() -> None:
    udp = HeatmapGrid('udp', (192, 256))
    assert grid_of(None) == grid_of(codec('MSRAHeatmap')) == grid_of(msra()) == COMMON_GRID
    assert grid_of(codec('UnrefinedHeatmap')) == COMMON_GRID
    assert grid_of(codec('UDPHeatmap')) == grid_of(codec('TokenPoseHeatmap')) == udp
    combined = codec('UDPHeatmap', heatmap_type='combined')
    assert grid_of(combined) is None and describe_codec(combined) == 'UDPHeatmap (combined)'
    megvii = KEYPOINT_CODECS.build(dict(SIZE, type='MegviiHeatmap', kernel_size=11))
    assert grid_of(megvii) is None and describe_codec(megvii) == 'MegviiHeatmap'
