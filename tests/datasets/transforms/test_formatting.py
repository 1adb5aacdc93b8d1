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
