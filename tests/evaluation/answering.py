"""A pose estimator whose head answers the ground truth, so that nothing but the evaluation is tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, KEYPOINT_CODECS
from torch import Tensor

from distilpose.model_config import build_estimator
from tests.engine import tiny  # noqa: F401  (registers TinyBackbone)


def evaluate_ground_truth(config: Config, *, head: str, shift: float = 0.0, **options: Any) -> dict[str, float]:
    """The config's evaluator over its validation data, answered with the truth moved right by pixels of the input.

    Args:
        config: of a data set.
        head: ``regression`` answers coordinates, ``heatmap`` draws the config's heatmaps.
        shift: in pixels of the network's input.
        options: of the data set.
    """
    data = {**config.val_dataloader.dataset, **options}
    data['pipeline'][-1]['pack_transformed'] = True  # the joints in input pixels, too
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset, evaluator = DATASETS.build(data), Evaluator(config.val_evaluator)
        codec = KEYPOINT_CODECS.build(config.codec)
    evaluator.dataset_meta = dataset.metainfo
    model = _estimator(config.codec, head, dataset.metainfo['num_keypoints'])
    model.extract_feat = lambda inputs: inputs
    for start in range(0, len(dataset), 32):
        batch = pseudo_collate([dataset[index] for index in range(start, min(start + 32, len(dataset)))])
        joints = np.concatenate([sample.gt_instances.transformed_keypoints for sample in batch['data_samples']])
        joints = joints + [shift, 0]
        model.head.forward = lambda feats, joints=joints: _answer(joints, codec, head)
        with torch.no_grad():
            samples = model.predict(None, batch['data_samples'])
        evaluator.process(samples, batch)
    return evaluator.evaluate(len(dataset))


def _estimator(codec: dict, head: str, joints: int) -> Any:
    heads = dict(
        regression=dict(type='RegressionHead', in_channels=16, num_joints=joints,
                        decoder=dict(type='RegressionLabel', input_size=codec['input_size'])),
        heatmap=dict(type='HeatmapHead', in_channels=16, out_channels=joints, deconv_out_channels=None, decoder=codec))
    return build_estimator(dict(type='TopdownPoseEstimator', backbone=dict(type='TinyBackbone'), head=heads[head],
                                test_cfg={})).eval()


def _answer(joints: np.ndarray, codec: Any, head: str) -> Tensor:
    if head == 'regression':
        return torch.from_numpy(joints / codec.input_size)
    return torch.from_numpy(np.stack([codec.encode(person[None])['heatmaps'] for person in joints]))
