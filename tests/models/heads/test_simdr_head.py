from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import PoseDataSample
from torch import nn

from distilpose.config.models import build_estimator
from distilpose.errors import DistilPoseError
from distilpose.models.losses import NMTLoss
from tests.devices import on_device
from tests.networks import ENCODER, STUDENT

SIZE, KEYPOINTS = (48, 64), 3
LABEL = dict(type='SimDRLabel', input_size=SIZE, simdr_split_ratio=3)
GAUSSIAN = dict(type='SimDRGaussianLabel', input_size=SIZE, simdr_split_ratio=1.5, sigma=4)
HEADS: dict[str, dict[str, Any]] = dict(
    plain=dict(type='SimDRHead'),
    deconvolutions=dict(type='SimDRHead', feature_stride=8, deconv_out_channels=(8,)),
    upsample_free=dict(type='UpsampleFreeSimDRHead', feature_stride=4, channels_per_joint=5),
    tokens=dict(type='TokenPoseSimDRHead', encoder=ENCODER))


def make(kind: str, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    head = dict(HEADS[kind], in_channels=8, num_keypoints=KEYPOINTS, **{'decoder': LABEL, **options})
    return build_estimator(dict(STUDENT, head=head)).head


def features(kind: str, size: int = 2) -> tuple[torch.Tensor, ...]:
    stride = 8 if kind == 'deconvolutions' else 4
    return (torch.randn(size, 8, SIZE[1] // stride, SIZE[0] // stride, generator=torch.Generator().manual_seed(1)),)


def samples(codec: dict, size: int = 2) -> list[PoseDataSample]:
    joints = np.random.RandomState(0).uniform(0, 40, size=(size, 1, KEYPOINTS, 2))
    made = []
    for keypoints in joints:
        encoded = KEYPOINT_CODECS.build(codec).encode(keypoints)
        labels = InstanceData(**{name: torch.as_tensor(value) for name, value in encoded.items()})
        meta = dict(flip_indices=[0, 2, 1], input_size=SIZE)
        made.append(PoseDataSample(metainfo=meta, gt_instance_labels=labels))
    return made


@on_device
@pytest.mark.parametrize('kind', HEADS)
def test_logits_of_every_axis(kind: str) -> None:
    simcc = make(kind)(features(kind)).simcc
    assert [tuple(part.shape) for part in simcc] == [(2, KEYPOINTS, 144), (2, KEYPOINTS, 192)]


@on_device
@pytest.mark.parametrize('kind', HEADS)
def test_the_loss_of_one_sample_is_the_loss_modules(kind: str) -> None:
    head, labelled = make(kind), samples(LABEL, 1)
    labels = labelled[0].gt_instance_labels
    expected = NMTLoss()(head(features(kind, 1)).simcc, (labels.keypoint_x_labels, labels.keypoint_y_labels),
                         labels.keypoint_weights)
    loss = head.loss(features(kind, 1), labelled)['loss_kpt']
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(parameter.grad is not None for parameter in head.parameters() if parameter.requires_grad)


@on_device
def test_gaussian_targets_and_fractional_bins() -> None:
    head = make('plain', decoder=GAUSSIAN, loss=dict(type='KLDiscretMeanLoss'))
    losses = head.loss(features('plain'), samples(GAUSSIAN))
    assert losses['loss_kpt'] > 0 and 0 <= losses['acc_pose'] <= 1
    assert head(features('plain')).simcc[1].shape[-1] == 96


@on_device
@pytest.mark.parametrize('codec', [LABEL, GAUSSIAN], ids=['classes', 'gaussians'])
def test_accuracy_is_one_for_the_target_itself(codec: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = 'NMTLoss' if codec is LABEL else 'KLDiscretMeanLoss'
    head, labelled = make('plain', decoder=codec, loss=dict(type=loss)), samples(codec)
    labels = [torch.cat([getattr(s.gt_instance_labels, f'keypoint_{axis}_labels') for s in labelled]) for axis in 'xy']
    if codec is LABEL:
        labels = [nn.functional.one_hot(label, bins).float() * 9
                  for label, bins in zip(labels, head.decoder.bins, strict=True)]
    shown = head(features('plain'))._replace(simcc=tuple(labels))
    monkeypatch.setattr(head, 'forward', lambda feats: shown)
    assert head.loss(features('plain'), labelled)['acc_pose'] == 1


@on_device
def test_channels_of_a_joint_lie_side_by_side() -> None:
    """Only the joint whose own channels change sees a difference."""
    head = make('upsample_free')
    before = head(features('upsample_free')).simcc[0]
    with torch.no_grad():
        head.final_layer.bias[5:10] += 1
    after = head(features('upsample_free')).simcc[0]
    changed = (before - after).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [False, True, False]


@pytest.mark.parametrize('kind', HEADS)
def test_prediction_reads_the_highest_bins(kind: str) -> None:
    head = make(kind).eval()
    with torch.no_grad():
        along_x, along_y = head(features(kind)).simcc
        found = head.predict(features(kind), samples(LABEL))
    keypoints = np.concatenate([instance.keypoints for instance in found])
    np.testing.assert_allclose(keypoints[..., 0], along_x.argmax(-1) / 3, rtol=1e-6)
    scores = np.concatenate([instance.keypoint_scores for instance in found])
    expected = torch.maximum(along_x.softmax(-1).amax(-1), along_y.softmax(-1).amax(-1))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@on_device
def test_flip_test_of_the_same_features_finds_the_mirrors_shift() -> None:
    """With an exact shift, a joint in the middle stays where it is; one bin is a third of a pixel too little."""
    head = make('plain').eval()
    middle = (SIZE[0] - 1) / 2
    logits = -0.1 * (torch.arange(144) - middle * 3) ** 2
    with torch.no_grad():
        head.mlp_head_x.weight.zero_()
        head.mlp_head_x.bias.copy_(logits)
        exact, one_bin = (head.predict([features('plain')] * 2, samples(LABEL), dict(flip_test=True, shift=shift,
                                                                                     average='logits'))
                          for shift in ('exact', 'one_bin'))
    assert np.abs(exact[0].keypoints[..., 0] - middle).max() <= 1 / 6 + 1e-4
    assert np.abs(one_bin[0].keypoints[..., 0] - exact[0].keypoints[..., 0]).max() <= 1 / 3 + 1e-4
    with pytest.raises(DistilPoseError, match="shift='half'"):
        head.predict([features('plain')] * 2, samples(LABEL), dict(flip_test=True, shift='half'))


@on_device
@pytest.mark.parametrize('kind', ['plain', 'deconvolutions', 'upsample_free'])
def test_linear_layers_start_as_torch_has_them_and_convolutions_small(kind: str) -> None:
    head = make(kind)
    head.init_weights()
    limit = head.mlp_head_x.in_features ** -0.5
    assert head.mlp_head_x.weight.abs().max() <= limit and head.mlp_head_x.weight.std() > 0.5 * limit
    final = (head.deconv_head or head).final_layer
    assert final.weight.std().item() == pytest.approx(0.001, rel=0.5)
