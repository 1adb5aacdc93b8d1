"""Weights that are not finite are found and named; files of them are refused, masks are not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from distilpose.checkpoints import BadCheckpoint, all_finite, not_finite, read_weights, require_finite

NONE = [math.nan, math.inf, -math.inf]


def spoiled(value: float, dtype: torch.dtype = torch.float32) -> Tensor:
    weights = torch.ones(3, 4, dtype=dtype)
    weights[1, 2] = value
    return weights


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize('value', NONE)
def test_they_are_found(value: float, dtype: torch.dtype, device: torch.device) -> None:
    state = dict(good=torch.ones(2), bad=spoiled(value, dtype).to(device), count=torch.tensor(3), empty=torch.ones(0))
    assert not_finite(state) == ['bad'] and not all_finite(state.values())
    state.pop('bad')
    assert not_finite(state) == [] and all_finite(state.values()) and all_finite([])


@pytest.mark.parametrize('values', [torch.full((9, ), 3e38), torch.full((9, ), 1e300, dtype=torch.float64),
                                    torch.full((9, ), 6e4, dtype=torch.float16)])
def test_large_numbers_are_finite_although_their_sum_is_not(values: Tensor) -> None:
    assert all_finite([values]) and not_finite(dict(large=values)) == []


def test_masks_are_constants() -> None:
    mask = torch.full((3, 3), -math.inf).triu(1)
    require_finite(dict(mask=mask, weight=torch.ones(2)), source='a file')
    assert not_finite(dict(one=mask + 1, two=-mask, three=torch.full((2, ), -math.inf))) == ['one', 'two', 'three']


def test_a_file_is_refused_with_its_first_weights(tmp_path: Path) -> None:
    state = {f'layer{index}.weight': spoiled(math.nan) for index in range(5)} | {'head.bias': torch.ones(2)}
    torch.save(dict(state_dict=state), tmp_path / 'nan.pth')
    found = (r'nan\.pth holds weights that are no numbers: 5 of 6 are not finite: layer0\.weight \(1 of 12 values\), '
             r'layer1\.weight \(1 of 12 values\), layer2\.weight \(1 of 12 values\), \.\.\.\. The training')
    with pytest.raises(BadCheckpoint, match=found) as error:
        read_weights(tmp_path / 'nan.pth')
    assert error.value.exit_code == 2
