"""Pose estimators whose heads answer the ground truth, so that nothing but the evaluation is tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmpose.models.heads import HeatmapHead
from mmpose.registry import DATASETS, KEYPOINT_CODECS
from torch import Tensor
from torch.nn.functional import one_hot

from distilpose.config.models import build_estimator
from distilpose.structures import PoseOutputs
from tests.engine import tiny  # noqa: F401  (registers TinyBackbone)

Samples = list[Any]


def evaluate_ground_truth(config: Config, *, head: str, shift: float = 0.0, **options: Any) -> dict[str, float]:
    """The config's evaluator over its validation data, answered with the truth moved right by pixels of the input.

    Args:
        config: of a data set.
        head: ``regression`` answers coordinates, ``heatmap`` draws the config's heatmaps.
        shift: in pixels of the network's input.
        options: of the data set.
    """
    codec = KEYPOINT_CODECS.build(config.codec)

    def predict(samples: Samples) -> Samples:
        joints = _joints(samples) + [shift, 0]
        model = _estimator(config.codec, head, joints.shape[1])
        model.extract_feat = lambda inputs: inputs
        model.head.forward = lambda feats: _answer(joints, codec, head)
        return model.predict(torch.empty(len(samples), 0), samples)

    return _evaluate(config, predict, options)


def evaluate_faultless_network(config: Config, **options: Any) -> dict[str, float]:
    """The same through the config's own head, decoder and flip test, for a network whose loss is the smallest there is.

    It answers the target of the image, and for the mirror image the target of the mirrored joints.

    Args:
        config: of a leaf.
        options: of the data set.
    """
    model = build_estimator(dict(config.model, backbone=dict(type='TinyBackbone'))).eval()
    width = config.codec.input_size[0]
    model.extract_feat = lambda inputs: inputs

    def predict(samples: Samples) -> Samples:
        joints, visible = _joints(samples), _visible(samples)
        order = samples[0].metainfo['flip_indices']
        mirrored = np.stack([width - 1 - joints[:, order, 0], joints[:, order, 1]], axis=-1)
        answers = [_faultless(model.head, joints, visible), _faultless(model.head, mirrored, visible[:, order])]
        model.head.forward = lambda feats: answers[int(feats[0])]
        return model.predict(torch.tensor([0, 1]), samples)  # two pixels, by which an image and its mirror image differ

    return _evaluate(config, predict, options)


def _evaluate(config: Config, predict: Callable[[Samples], Samples], options: dict[str, Any]) -> dict[str, float]:
    data = {**config.val_dataloader.dataset, **options}
    data['pipeline'][-1]['pack_transformed'] = True  # the joints in input pixels, too
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset, evaluator = DATASETS.build(data), Evaluator(config.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for start in range(0, len(dataset), 32):
        batch = pseudo_collate([dataset[index] for index in range(start, min(start + 32, len(dataset)))])
        with torch.no_grad():
            samples = predict(batch['data_samples'])
        evaluator.process(samples, batch)
    return evaluator.evaluate(len(dataset))


def _joints(samples: Samples) -> np.ndarray:
    """(B, K, 2) in input pixels."""
    return np.concatenate([sample.gt_instances.transformed_keypoints for sample in samples])


def _visible(samples: Samples) -> np.ndarray:
    """(B, K)."""
    return np.concatenate([sample.gt_instances.keypoints_visible for sample in samples])


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


def _faultless(head: Any, joints: np.ndarray, visible: np.ndarray) -> Any:
    """What the head shows when its task loss is the smallest for joints (B, K, 2)."""
    codec = head.decoder
    if 'keypoint_x_labels' in codec.label_mapping_table:
        targets = codec.encode(joints, visible)
        return PoseOutputs(simcc=tuple(
            _logits(torch.from_numpy(targets[f'keypoint_{axis}_labels']), bins, head.loss_module)
            for axis, bins in zip('xy', codec.bins, strict=True)))
    maps = torch.from_numpy(np.stack([codec.encode(person[None], seen[None])['heatmaps']
                                      for person, seen in zip(joints, visible, strict=True)]))
    return maps if type(head) is HeatmapHead else PoseOutputs(heatmaps=(maps, ))


def _logits(target: Tensor, bins: int, loss: Any) -> Tensor:
    """Logarithms of the distribution that the loss asks for; of its classes, when they are given, smoothed."""
    if target.is_floating_point():
        return (target + 1e-12).log()
    classes = one_hot(target, bins)
    return (classes * (1 - loss.smoothing) + (1 - classes) * loss.smoothing / (bins - 1)).log()
