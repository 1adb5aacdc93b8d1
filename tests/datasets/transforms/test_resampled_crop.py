"""Resampled crops against what a distillation gives its teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import TopdownAffine

from distilpose.datasets.transforms import ResampledCrop
from distilpose.distillation.image_adapter import resample


@pytest.mark.parametrize('size', [(96, 128), (36, 48), (48, 64), (31, 17)])
def test_it_is_the_crop_that_a_distillation_gives_its_teacher(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    person = dict(img=image, bbox_center=np.array([[40, 30]], np.float32), bbox_scale=np.array([[50, 50]], np.float32))
    student = TopdownAffine(input_size=(48, 64)).transform(dict(person))
    found = ResampledCrop(dict(type='TopdownAffine', input_size=(48, 64)), size=size).transform(dict(person))
    expected = resample(torch.from_numpy(student['img']).permute(2, 0, 1)[None].float(), size)[0].permute(1, 2, 0)
    np.testing.assert_allclose(found['img'], expected, atol=2e-3)  # of 255; grid_sample rounds places to float32
    assert found['input_size'] == size and found['img'].dtype == np.float32
    np.testing.assert_array_equal(found['input_scale'], student['input_scale'])
