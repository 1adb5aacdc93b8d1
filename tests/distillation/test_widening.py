"""Widened heatmaps: gaussians of the sigma in the student's cells, at their places and with their heights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from distilpose.distillation.heatmap_grid import COMMON_GRID, COMMON_GRIDS, HeatmapGrid, HeatmapGrids, move
from distilpose.distillation.own_crop import OwnCrop, TeacherCrops
from distilpose.distillation.widening import HeatmapWidening, blurred, peaks_of
from distilpose.structures import NetworkInput, PoseOutputs
from tests.devices import on_device

GRIDS = [COMMON_GRID, HeatmapGrid('centers'), HeatmapGrid('udp', (256, 192))]
LARGE, SMALL = (64, 48), (24, 18)
UDP_STUDENT = HeatmapGrid('udp', (96, 72))
PADDED = torch.tensor([[[0.8, 0.1], [0.8, 0.1]]]).expand(6, -1, -1)
"""Of crops with padding 1.0 for the teacher and 1.25 for the student."""


def points(lowest: float = 0.15) -> tuple[Tensor, Tensor]:
    """(6, 5, 2) fractions and (6, 5) heights."""
    made = torch.Generator().manual_seed(0)
    return (torch.rand(6, 5, 2, generator=made) * (1 - 2 * lowest) + lowest,
            torch.rand(6, 5, generator=made) * 0.8 + 0.2)


def gaussians(places: Tensor, heights: Tensor, *, size: tuple[int, int], sigma: float,
              grid: HeatmapGrid = COMMON_GRID) -> Tensor:
    """(B, K, H, W) of fractions (B, K, 2)."""
    along_x, along_y = (torch.exp(-0.5 * ((torch.arange(count) - places[..., axis, None] * far - grid.start)
                                          / sigma) ** 2)
                        for axis, (count, far) in enumerate(zip(size, grid.reach(size), strict=True)))
    return heights[..., None, None] * along_y[..., None] * along_x[..., None, :]


def widening(sigma: float = 1.5, own: float = 1.4, *, teacher: HeatmapGrid = COMMON_GRID,
             student: HeatmapGrid = COMMON_GRID) -> HeatmapWidening:
    return HeatmapWidening(sigma, own, SMALL, HeatmapGrids(student, teacher, student))


def own_crop(grids: HeatmapGrids = COMMON_GRIDS, *, view: str = 'same') -> OwnCrop:
    return OwnCrop(NetworkInput(size=(256, 192)), student=(96, 72), grids=grids, view=view,
                   student_outputs=PoseOutputs(heatmaps=(torch.zeros(1, 5, SMALL[1], SMALL[0]),)))


def crops(maps: Tensor) -> TeacherCrops:
    """Of maps (B, 2, 2): scale and shift along x and y."""
    linear = torch.diag_embed(maps[..., 0])
    return TeacherCrops(torch.zeros(0), torch.cat([linear, maps[..., 1:]], dim=-1))


def assert_equal_to(found: Tensor, expected: Tensor, heights: Tensor, *, tolerance: float = 1e-3) -> None:
    """Differences relative to the heights of the maps."""
    assert ((found - expected).abs().amax((-2, -1)) / heights).max() < tolerance


@pytest.mark.parametrize('student', [COMMON_GRID, UDP_STUDENT])
@pytest.mark.parametrize('teacher', GRIDS, ids=lambda grid: grid.kind)
def test_a_narrow_gaussian_becomes_that_of_the_students_target(teacher: HeatmapGrid, student: HeatmapGrid) -> None:
    at, heights = points()
    narrow = gaussians(at, heights, size=LARGE, sigma=1.4, grid=teacher)
    found = widening(teacher=teacher, student=student).on_student(PoseOutputs(heatmaps=(narrow,))).heatmaps
    expected = gaussians(at, heights, size=SMALL, sigma=1.5, grid=student)
    assert_equal_to(found[-1], expected, heights)
    without = (move(narrow, COMMON_GRID, size=SMALL).amax((-2, -1)) / heights)
    assert without.min() < 0.65 and without.max() > 0.85  # by the place within a cell


@pytest.mark.parametrize('student', [COMMON_GRID, UDP_STUDENT])
@pytest.mark.parametrize('teacher', GRIDS, ids=lambda grid: grid.kind)
def test_so_it_does_in_a_crop_of_its_own(teacher: HeatmapGrid, student: HeatmapGrid) -> None:
    """Whose cells are of another size in the student's crop, of each sample, and which ends inside of it."""
    at, heights = points(0.1)
    maps = PADDED * torch.linspace(0.7, 1.1, 6)[:, None, None]
    narrow = gaussians(at, heights, size=LARGE, sigma=1.4, grid=teacher)
    crop = own_crop(HeatmapGrids(student, teacher, teacher))
    found = widening(teacher=teacher, student=student).to_student(PoseOutputs(heatmaps=(narrow,)), crop, crops(maps))
    expected = gaussians(at * maps[:, None, :, 0] + maps[:, None, :, 1], heights, size=SMALL, sigma=1.5, grid=student)
    assert_equal_to(found.heatmaps[-1], expected, heights, tolerance=5e-3)
    assert found.mask.all()


@pytest.mark.parametrize('teacher', GRIDS, ids=lambda grid: grid.kind)
def test_so_it_does_in_a_rotated_crop(teacher: HeatmapGrid) -> None:
    """Of an unaugmented view, whose map to the student's crop turns by other angles and flips."""
    at, heights = points(0.1)
    angles, scales = torch.linspace(-0.7, 0.7, 6), torch.linspace(0.6, 0.9, 6)[:, None, None]
    turned = torch.stack([torch.stack([angles.cos(), -angles.sin()], -1),
                          torch.stack([angles.sin(), angles.cos()], -1)], -2)
    turned[3:, 0] *= -1
    linear = turned * scales * torch.tensor([[1.0, 3 / 4], [4 / 3, 1.0]])  # between fractions of sides of 4 to 3
    shift = 0.5 - linear.sum(-1) / 2
    narrow = gaussians(at, heights, size=LARGE, sigma=1.4, grid=teacher)
    crop = own_crop(HeatmapGrids(COMMON_GRID, teacher, teacher), view='unaugmented')
    maps = torch.cat([linear, shift[..., None]], dim=-1)
    found = widening(teacher=teacher).to_student(PoseOutputs(heatmaps=(narrow,)), crop,
                                                 TeacherCrops(torch.zeros(0), maps))
    places = (linear[:, None] @ at[..., None]).squeeze(-1) + shift[:, None]
    expected = gaussians(places, heights, size=SMALL, sigma=1.5)
    assert_equal_to(found.heatmaps[-1], expected, heights, tolerance=0.04)  # resampled once more
    is_inside = ((places > 0) & (places < 1)).all(-1)
    assert found.mask.bool()[is_inside].all() and is_inside.float().mean() > 0.5
    both = widening(teacher=teacher).to_student(PoseOutputs(heatmaps=(narrow,), coords=at), crop,
                                                TeacherCrops(torch.zeros(0), maps))
    torch.testing.assert_close(both.coords, places)
    assert torch.equal(both.heatmaps[-1], found.heatmaps[-1])


def test_a_joint_beyond_the_students_crop_leaves_only_its_tail() -> None:
    at, heights = torch.tensor([[[0.5, 0.9]]]), torch.ones(1, 1)
    maps = torch.tensor([[[1.3, -0.13], [1.3, -0.13]]])  # 1.04 of the student's height
    narrow = gaussians(at, heights, size=LARGE, sigma=1.4)
    found = widening().to_student(PoseOutputs(heatmaps=(narrow,)), own_crop(), crops(maps))
    expected = gaussians(at * maps[..., 0] + maps[..., 1], heights, size=SMALL, sigma=1.5)
    assert_equal_to(found.heatmaps[-1], expected, heights, tolerance=5e-3)
    assert expected.max() < 0.7 and found.mask.sum() == 0


def test_two_peaks_stay_two_of_their_heights() -> None:
    first, second = (gaussians(torch.tensor([[at]]), torch.tensor([[height]]), size=LARGE, sigma=1.4)
                     for at, height in (((0.21, 0.33), 0.9), ((0.72, 0.61), 0.4)))
    found = widening().on_student(PoseOutputs(heatmaps=(first + second,))).heatmaps[-1]
    expected = sum(gaussians(torch.tensor([[at]]), torch.tensor([[height]]), size=SMALL, sigma=1.5)
                   for at, height in (((0.21, 0.33), 0.9), ((0.72, 0.61), 0.4)))
    assert_equal_to(found, expected, torch.ones(1, 1))


def test_an_uncertain_blob_becomes_no_higher() -> None:
    """Its height is kept whatever its shape: a sum of mass would make it certain."""
    at, heights = points()
    blob = gaussians(at, heights * 0.3, size=LARGE, sigma=4.0)
    found = widening().on_student(PoseOutputs(heatmaps=(blob,))).heatmaps[-1]
    torch.testing.assert_close(peaks_of(found).height, heights * 0.3, rtol=0.02, atol=0)


def test_empty_maps_stay_empty() -> None:
    maps = torch.stack([torch.zeros(2, 48, 64), -torch.rand(2, 48, 64)])
    found = widening().on_student(PoseOutputs(heatmaps=(maps,))).heatmaps[-1]
    assert found[0].eq(0).all() and found[1].isfinite().all() and found[1].le(0).all()


@pytest.mark.parametrize('sigma, own', [(1.0, 4.0), (1.5, 5.5)])
def test_gaussians_that_are_wide_enough_are_only_resampled(sigma: float, own: float) -> None:
    maps = gaussians(*points(), size=LARGE, sigma=own)
    found = widening(sigma, own).on_student(PoseOutputs(heatmaps=(maps,))).heatmaps[-1]
    assert torch.equal(found, move(maps, COMMON_GRID, COMMON_GRID, size=SMALL))
    crop, outputs = own_crop(), PoseOutputs(heatmaps=(maps,))
    assert torch.equal(widening(sigma, own).to_student(outputs, crop, crops(PADDED)).heatmaps[-1],
                       crop.to_student(outputs, crops(PADDED)).heatmaps[-1])


@pytest.mark.parametrize('view, tolerance', [('same', 1e-5), ('unaugmented', 0.04)])  # the cells are the batch's
def test_a_sample_does_not_depend_on_its_batch(view: str, tolerance: float) -> None:
    """Those of the scale 1.3 are wide enough, and only resampled, also beside others that are not."""
    scales = torch.tensor([0.7, 1.3, 1.0, 1.3, 0.7, 1.0])[:, None, None]
    maps, crop, wider = PADDED * scales, own_crop(view=view), widening(1.0, 2.6)
    narrow = gaussians(*points(), size=LARGE, sigma=2.6)
    together = wider.to_student(PoseOutputs(heatmaps=(narrow,)), crop, crops(maps))
    for index in range(6):
        at = slice(index, index + 1)
        outputs, alone_crop = PoseOutputs(heatmaps=(narrow[at],)), crops(maps[at])
        alone = wider.to_student(outputs, crop, alone_crop)
        torch.testing.assert_close(together.heatmaps[-1][at], alone.heatmaps[-1], atol=tolerance, rtol=0)
        assert torch.equal(together.mask[at], alone.mask)
        plain = crop.to_student(outputs, alone_crop).heatmaps[-1]
        assert torch.equal(together.heatmaps[-1][at], plain) == (scales[index] == 1.3).item()


def test_without_widening_heatmaps_keep_their_size() -> None:
    maps = gaussians(*points(), size=LARGE, sigma=1.4)
    assert widening().on_student(PoseOutputs(heatmaps=(maps,)), widened=False).heatmaps[-1] is maps


def test_an_unknown_sigma_counts_as_0() -> None:
    at, heights = points()
    found = widening(own=0.0).on_student(PoseOutputs(heatmaps=(gaussians(at, heights, size=LARGE, sigma=1.4),)))
    wider = (1.5 ** 2 + (1.4 * SMALL[0] / LARGE[0]) ** 2) ** 0.5
    assert_equal_to(found.heatmaps[-1], gaussians(at, heights, size=SMALL, sigma=wider), heights)


@pytest.mark.parametrize('sigma', [0.8, 1.4, 3.0])
def test_peaks_between_cells(sigma: float) -> None:
    at, heights = points()
    found = peaks_of(gaussians(at, heights, size=LARGE, sigma=sigma))
    for one, expected in zip(found, (heights, at[..., 0] * LARGE[0], at[..., 1] * LARGE[1]), strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-3, atol=1e-3)


@on_device
def test_one_sample_in_autocast_as_many_without() -> None:
    maps = gaussians(*points(), size=LARGE, sigma=1.4)
    with torch.autocast(maps.device.type, dtype=torch.bfloat16):
        found = widening().on_student(PoseOutputs(heatmaps=(maps,))).heatmaps[-1]
    places = [(torch.arange(count) * far / count)[None].expand(6, -1) for count, far in zip(SMALL, LARGE, strict=True)]
    std = ((1.5 * LARGE[0] / SMALL[0]) ** 2 - 1.4 ** 2) ** 0.5
    torch.testing.assert_close(found, blurred(maps, places, [torch.full((6,), std)] * 2), rtol=1e-4, atol=1e-5)
