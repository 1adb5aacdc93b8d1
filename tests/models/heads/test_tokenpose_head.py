from __future__ import annotations

import numpy as np
import torch

from distilpose.config.models import build_estimator
from distilpose.distillation.terms import draw_simulated_heatmaps
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.networks import ENCODER, HEATMAP_SIZE, TEACHER, batch, changed


@on_device
def test_outputs_and_readout_layers() -> None:
    head = build_estimator(changed(TEACHER)).head
    outputs = head((torch.randn(2, 8, 16, 12),))
    assert outputs.heatmaps[-1].shape == (2, 17, 16, 12) and outputs.coords is None
    assert [tuple(layer.weight.shape) for layer in head.readout] == [(16,), (8, 16), (8,), (192, 8)]


@on_device
def test_a_single_linear_layer_on_request() -> None:
    head = build_estimator(changed(TEACHER, hidden_dim=None)).head
    assert [tuple(layer.weight.shape) for layer in head.readout] == [(16,), (192, 16)]


@on_device
def test_heatmaps_are_row_major() -> None:
    head = build_estimator(changed(TEACHER)).head
    with torch.no_grad():
        head.readout[-1].weight.zero_()
        head.readout[-1].bias.copy_(torch.arange(192.0))
    assert head((torch.randn(1, 8, 16, 12),)).heatmaps[-1][0, 0, 1, 0] == HEATMAP_SIZE[0]


@on_device
def test_loss_is_the_masked_mean_squared_error() -> None:
    head, (_, samples) = build_estimator(changed(TEACHER)).head, batch()
    features = (torch.randn(4, 8, 16, 12),)
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])[..., None, None]
    expected = ((head(features).heatmaps[-1] - targets).square() * weights).mean()
    torch.testing.assert_close(head.loss(features, samples)['loss_kpt'], expected)


def perfect(head: torch.nn.Module, coords: torch.Tensor, indices: list[int]) -> None:
    """Makes the head answer with gaussians at the joints, and mirrored ones for the feature map -1."""
    maps = draw_simulated_heatmaps(coords, torch.full_like(coords, 1.0), size=HEATMAP_SIZE)
    head.forward = lambda feats: PoseOutputs(heatmaps=(maps if feats == 'plain' else maps.flip(-1)[:, indices],))


def test_decoding_finds_the_joints_with_and_without_flip() -> None:
    head, (_, samples) = build_estimator(changed(TEACHER)).head, batch(1)
    columns_rows = torch.stack((torch.arange(17) % 8 + 2, torch.arange(17) % 12 + 2), dim=-1)
    perfect(head, columns_rows[None] / torch.tensor(HEATMAP_SIZE), samples[0].metainfo['flip_indices'])
    plain = head.predict('plain', samples)[0]
    flipped = head.predict(['plain', 'mirror'], samples, test_cfg=dict(flip_test=True))[0]
    np.testing.assert_allclose(plain.keypoints[0], columns_rows * 4, atol=0.01)
    np.testing.assert_allclose(flipped.keypoints, plain.keypoints)


@on_device
def test_accuracy_of_a_perfect_and_of_a_blank_network() -> None:
    head, (_, samples) = build_estimator(changed(TEACHER)).head, batch()
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    head.forward = lambda feats: PoseOutputs(heatmaps=(targets,))
    assert head.loss(None, samples)['acc_pose'] == 1
    head.forward = lambda feats: PoseOutputs(heatmaps=(targets.flip(-1).flip(-2),))
    assert head.loss(None, samples)['acc_pose'] < 0.1


@on_device
def test_heatmaps_are_returned_on_request() -> None:
    model, (images, samples) = build_estimator(changed(TEACHER)).eval(), batch()
    model.test_cfg = dict(output_heatmaps=True)
    predictions = model(images, samples, mode='predict')
    assert predictions[0].pred_fields.heatmaps.shape == (17, 16, 12)


@on_device
def test_a_next_cycle_is_that_of_a_head_with_several() -> None:
    once, twice = (build_estimator(changed(TEACHER, encoder=dict(ENCODER, cycles=cycles))).head for cycles in (1, 2))
    twice.load_state_dict(once.state_dict())
    features = (torch.randn(2, 8, 16, 12),)
    found, expected = once.next_cycle(once(features)), twice(features)
    assert found.produced() == expected.produced()
    for name in ('keypoint_tokens', 'visual_tokens'):
        assert torch.equal(getattr(found, name), getattr(expected, name))
    assert torch.equal(found.heatmaps[-1], expected.heatmaps[-1])
