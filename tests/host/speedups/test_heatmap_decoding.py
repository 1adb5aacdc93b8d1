"""Joints of batches of heatmaps against mmpose's functions, which go from sample to sample and joint to joint."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from mmpose.codecs.utils import get_heatmap_maximum, refine_keypoints, refine_keypoints_dark, refine_keypoints_dark_udp
from mmpose.codecs.utils.post_processing import gaussian_blur
from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.host.speedups import heatmap_decoding
from distilpose.host.speedups.heatmap_decoding import Joints, dark, dark_udp, highest_cells, quarter_offset
from tests.devices import on_device

JOINTS, HEIGHT, WIDTH, KERNEL = 7, 20, 15, 5
WAYS: dict[str, tuple[Callable[[Tensor], Joints], Callable[..., np.ndarray]]] = {
    'highest': (highest_cells, lambda keypoints, maps: keypoints),
    'quarter': (quarter_offset, refine_keypoints),
    'dark': (partial(dark, blur_kernel_size=KERNEL), partial(refine_keypoints_dark, blur_kernel_size=KERNEL)),
    'udp': (partial(dark_udp, blur_kernel_size=KERNEL), partial(refine_keypoints_dark_udp, blur_kernel_size=KERNEL)),
}


def gaussians(batch: int, *, seed: int = 0) -> np.ndarray:
    """Gaussians in the map and on all of its borders, with a little noise that is below 0 as well."""
    random = np.random.RandomState(seed)
    x, y = (random.uniform(-1, size, (batch, JOINTS, 1, 1)) for size in (WIDTH, HEIGHT))
    distance = (np.arange(WIDTH) - x) ** 2 + (np.arange(HEIGHT)[:, None] - y) ** 2
    return (np.exp(-distance / 8) + 1e-3 * random.randn(*distance.shape)).astype(np.float32)


def noise(batch: int) -> np.ndarray:
    return np.random.RandomState(1).randn(batch, JOINTS, HEIGHT, WIDTH).astype(np.float32)


def plateaus(batch: int) -> np.ndarray:
    """Several highest cells, and neighbours that are equal."""
    return np.clip(np.round(gaussians(batch, seed=2) * 4) / 4, 0.25, 0.75)


def single_cells(batch: int) -> np.ndarray:
    """Every place is highest once in some map, in turn."""
    maps = np.zeros((batch * JOINTS, HEIGHT * WIDTH), dtype=np.float32)
    places = np.random.RandomState(3).permutation(HEIGHT * WIDTH)[:len(maps)]
    places[:4] = 0, WIDTH - 1, HEIGHT * WIDTH - WIDTH, HEIGHT * WIDTH - 1
    maps[np.arange(len(maps)), places] = 1
    return maps.reshape(batch, JOINTS, HEIGHT, WIDTH)


def without_peaks(batch: int) -> np.ndarray:
    """Maps of zeros, of numbers below 0 and of hardly anything; those before numbers below 0 end in high cells."""
    maps = gaussians(batch, seed=4)
    maps[:, 1] = 0
    maps[:, (0, 3)] = -0.5 - maps[:, (0, 3)] ** 2
    maps[:, (2, 6), -1] += 0.3
    maps[:, 4], maps[:, 5] = maps[:, 4] * 5e-4, maps[:, 5] * 1e-12
    return maps


def high_peaks(batch: int) -> np.ndarray:
    return 60 * gaussians(batch, seed=5)


MAPS = [gaussians, noise, plateaus, single_cells, without_peaks, high_peaks]


def one_by_one(refine: Callable[..., np.ndarray], maps: np.ndarray) -> Joints:
    joints, scores = [], []
    for sample in maps.copy():
        keypoints, values = get_heatmap_maximum(sample)
        joints.append(refine(keypoints[None], sample)[0])
        scores.append(values)
    return np.stack(joints), np.stack(scores)


def mmposes_blur(maps: Tensor, size: int, *, padding: int = 0) -> Tensor:
    blurred = np.stack([gaussian_blur(sample, size) for sample in maps.numpy().copy()])
    sides = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return torch.from_numpy(np.pad(blurred, sides, mode='edge'))


@pytest.mark.filterwarnings('ignore:invalid value encountered')  # mmpose divides zero by zero in an empty map
@pytest.mark.parametrize('batch', [1, 5])
@pytest.mark.parametrize('make', MAPS)
@pytest.mark.parametrize('way', WAYS)
def test_joints_are_mmposes(way: str, make: Callable[[int], np.ndarray], batch: int,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    """From the same blurred maps, of which the next test is, since steps in noise can be of any length."""
    monkeypatch.setattr(heatmap_decoding, '_blurred', mmposes_blur)
    find, refine = WAYS[way]
    maps = make(batch)
    (joints, scores), (expected, expected_scores) = find(torch.from_numpy(maps)), one_by_one(refine, maps)
    np.testing.assert_array_equal(scores, expected_scores)
    assert joints.dtype == expected.dtype == np.float32
    if way in ('highest', 'quarter'):
        np.testing.assert_array_equal(joints, expected)
    else:
        np.testing.assert_allclose(joints, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('way', ['dark', 'udp'])
def test_joints_with_the_blur(way: str) -> None:
    find, refine = WAYS[way]
    maps = gaussians(20)
    expected, _ = one_by_one(refine, maps)
    highest, _ = one_by_one(WAYS['highest'][1], maps)
    assert (np.abs(expected - highest) > 0.2).any(axis=-1).mean() > 0.2
    np.testing.assert_allclose(find(torch.from_numpy(maps))[0], expected, atol=2e-5)


@pytest.mark.filterwarnings('ignore:invalid value encountered')
@pytest.mark.parametrize('size', [3, 5, 7, 9, 11, 17, 31])
@pytest.mark.parametrize('make', MAPS)
def test_the_blur_is_opencvs(make: Callable[[int], np.ndarray], size: int) -> None:
    maps = torch.from_numpy(make(2))
    for padding in (0, 1):
        expected = mmposes_blur(maps, size, padding=padding)
        largest = float(expected.nan_to_num().abs().max())
        torch.testing.assert_close(heatmap_decoding._blurred(maps, size, padding=padding), expected, rtol=1e-6,
                                   atol=1e-6 * largest, equal_nan=True)


def test_joints_do_not_depend_on_the_batch() -> None:
    maps = torch.from_numpy(gaussians(5))
    for find, _ in WAYS.values():
        together = find(maps)[0]
        alone = np.concatenate([find(maps[i:i + 1])[0] for i in range(5)])
        np.testing.assert_allclose(together, alone, atol=2e-5)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_shorter_types_and_autocast_are_decoded_in_float32(dtype: torch.dtype) -> None:
    maps = torch.from_numpy(gaussians(2)).to(dtype).requires_grad_()
    for find, _ in WAYS.values():
        expected, expected_scores = find(maps.detach().float())
        with torch.autocast('cpu', dtype=torch.bfloat16):
            joints, scores = find(maps)
        np.testing.assert_array_equal(joints, expected)
        np.testing.assert_array_equal(scores, expected_scores)
        assert scores.dtype == np.float32


def test_maps_stay_as_they_are() -> None:
    maps = torch.from_numpy(gaussians(2))
    before = maps.clone()
    for find, _ in WAYS.values():
        find(maps)
        assert torch.equal(maps, before)


def test_places_in_other_memory_layouts() -> None:
    maps = torch.from_numpy(gaussians(3))
    for find, _ in WAYS.values():
        np.testing.assert_allclose(find(maps.contiguous(memory_format=torch.channels_last))[0], find(maps)[0],
                                   atol=2e-5)


@on_device
def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='blur_kernel_size=4; a kernel has a middle'):
        dark(torch.rand(1, 2, 8, 6), blur_kernel_size=4)
