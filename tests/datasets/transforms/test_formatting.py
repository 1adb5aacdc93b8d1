"""What is packed for training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.datasets.transforms.test_lazy_decoding import compose


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_training_inputs_are_mmposes_without_the_raw_annotation(dtype: type) -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(dtype)
    results = dict(img=image, id=3, raw_ann_info=dict(segmentation=[[1, 2]]), keypoints=np.ones((1, 2, 2)),
                   keypoint_labels=np.ones((1, 2, 2), np.float32), labelled=False)
    ours, theirs = (compose([dict(type=kind)])(dict(results)) for kind in ('PackTrainingInputs', 'PackMixedPoseInputs'))
    assert torch.equal(ours['inputs'], theirs['inputs']) and ours['inputs'].is_contiguous()
    assert torch.equal(ours['data_samples'].gt_instance_labels.keypoint_labels, torch.ones(1, 2, 2))
    assert theirs['data_samples'].metainfo == {**ours['data_samples'].metainfo, 'raw_ann_info': results['raw_ann_info']}
    assert ours['data_samples'].labelled is False


def test_maps_are_packed_as_mmpose_packs_them() -> None:
    image = np.zeros((7, 5, 3), np.uint8)
    heatmaps = np.random.default_rng(0).random((2, 4, 3), dtype=np.float32)
    for value in (heatmaps, [heatmaps, heatmaps[:, :2]]):  # of one size, of several
        results = dict(img=image, keypoints=np.ones((1, 2, 2)), heatmaps=value)
        ours, theirs = (compose([dict(type=kind)])(dict(results))['data_samples'].gt_fields
                        for kind in ('PackTrainingInputs', 'PackMixedPoseInputs'))
        assert type(ours) is type(theirs) and ours.keys() == theirs.keys() == ['heatmaps']
        for one, other in zip(ours.heatmaps, theirs.heatmaps, strict=True):
            assert torch.equal(torch.as_tensor(one), torch.as_tensor(other))
