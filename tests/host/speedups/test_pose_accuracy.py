"""Accuracy on the device against mmpose's in numpy; tensors of the CPU stand in for those of an accelerator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmpose.evaluation import functional
from torch import Tensor

from distilpose.host.speedups import pose_accuracy
from distilpose.host.speedups.pose_accuracy import OnDevice, to_numpy
from tests.devices import on_device
from tests.fake_device import fake_device, record

SHAPE = (6, 5)


def both(name: str, tensors: dict[str, Any], **options: Any) -> tuple[float, float]:
    """The averages of this module and of mmpose."""
    kept = {key: tuple(map(OnDevice, value)) if isinstance(value, tuple) else OnDevice(value)
            for key, value in tensors.items()}
    arrays = {key: tuple(one.numpy() for one in value) if isinstance(value, tuple) else value.numpy()
              for key, value in tensors.items()}
    found = getattr(pose_accuracy, name)(**kept, **options)
    accuracies, average, count = getattr(functional, name)(**arrays, **options)
    assert isinstance(found[1], Tensor)
    assert int(found[2]) == count and np.allclose(found[0], accuracies, rtol=0, atol=1e-15)
    return float(found[1]), float(average)


@pytest.mark.parametrize('share', [0.0, 0.6, 1.0])
def test_heatmaps(share: float) -> None:
    maps = torch.randn(*SHAPE, 16, 12)
    target = torch.where(torch.rand(*SHAPE, 1, 1) < 0.5, maps, torch.randn(*SHAPE, 16, 12))
    target[0, 0], maps[1, 1], maps[2, 2, 3, 3] = 0.0, -1.0, torch.nan
    found, expected = both('pose_pck_accuracy', dict(output=maps, target=target, mask=torch.rand(SHAPE) < share))
    assert found == pytest.approx(expected, abs=1e-15) and (0 < found < 1) == (share > 0)


@pytest.mark.parametrize('ratio', [1.0, 2.0, 3.0])
def test_simcc(ratio: float) -> None:
    pred, noise = ((torch.randn(*SHAPE, 24), torch.randn(*SHAPE, 32)) for _ in range(2))
    is_equal = torch.rand(*SHAPE, 1) < 0.5
    target = torch.where(is_equal, pred[0], noise[0]), torch.where(is_equal, pred[1], noise[1])
    tensors = dict(output=pred, target=target, mask=torch.rand(SHAPE) < 0.7)
    found, expected = both('simcc_pck_accuracy', tensors, simcc_split_ratio=ratio)
    assert found == pytest.approx(expected, abs=1e-15) and 0 < found < 1


def test_coordinates() -> None:
    pred = torch.rand(*SHAPE, 2)
    gt = pred + torch.rand(*SHAPE, 2) * 0.08
    found, expected = both('keypoint_pck_accuracy', dict(pred=pred, gt=gt, mask=torch.rand(SHAPE) < 0.7), thr=0.05,
                           norm_factor=np.ones((len(pred), 2), dtype=np.float32))
    assert found == pytest.approx(expected, abs=1e-15) and 0 < found < 1


def test_factors_of_samples_take_the_way_of_mmpose() -> None:
    pred, mask = torch.rand(*SHAPE, 2), torch.ones(SHAPE, dtype=torch.bool)
    factors = np.ones((len(pred), 2))
    factors[0] = 0
    found = pose_accuracy.keypoint_pck_accuracy(OnDevice(pred), OnDevice(pred), OnDevice(mask), 0.1, factors.copy())
    expected = functional.keypoint_pck_accuracy(pred.numpy(), pred.numpy(), mask.numpy(), 0.1, factors.copy())
    assert isinstance(found[1], float) and found[1] == expected[1]


def test_what_else_reads_them_gets_arrays() -> None:
    tensor = torch.arange(6.0).view(2, 3)
    kept = OnDevice(tensor)
    assert [row.tolist() for row in kept] == tensor.tolist() and kept[1].shape == (3,) and kept.shape == (2, 3)
    assert isinstance(to_numpy(tensor), np.ndarray) and isinstance(to_numpy((tensor, tensor))[0], np.ndarray)


@on_device
def test_nothing_waits() -> None:
    from mmpose.models.heads.heatmap_heads import heatmap_head as heads

    with fake_device() as device, record() as found:
        maps, weights = torch.rand(*SHAPE, 16, 12, device=device), torch.ones(SHAPE, device=device)
        _, average, _ = heads.pose_pck_accuracy(heads.to_numpy(maps), heads.to_numpy(maps),
                                                heads.to_numpy(weights) > 0)
        assert torch.tensor(average, device=device).device == device
    assert found.waits == []
