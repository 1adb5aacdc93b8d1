from __future__ import annotations

import copy

import torch
from torch import nn

from distilpose.config.models import build_estimator
from tests.devices import on_device
from tests.networks import INPUT_SIZE, STUDENT, batch


def student(**head) -> nn.Module:
    torch.manual_seed(0)
    config = copy.deepcopy(STUDENT)
    config['neck'] = dict(type='GlobalAveragePooling')
    config['head'] = dict(type='DirectRegressionHead', in_channels=8, num_keypoints=17,
                          decoder=dict(type='RegressionLabel', input_size=INPUT_SIZE), **head)
    return build_estimator(config)


@on_device
def test_outputs() -> None:
    model = student()
    outputs = model.head(model.extract_feat(batch()[0]))
    assert outputs.coords.shape == outputs.sigmas.shape == (4, 17, 2) and outputs.scores.shape == (4, 17, 1)
    assert outputs.keypoint_tokens is None and outputs.error_scales is None


@on_device
def test_without_scores_and_sigmas_it_is_a_sigmoid_of_mmposes_regression_head() -> None:
    model = student(with_scores=False, with_sigmas=False)
    config = copy.deepcopy(STUDENT)
    config['neck'] = dict(type='GlobalAveragePooling')
    config['head'] = dict(type='RegressionHead', in_channels=8, num_joints=17)
    theirs = build_estimator(config).head
    theirs.fc.load_state_dict(model.head.readout.state_dict())
    features = model.extract_feat(batch()[0])
    torch.testing.assert_close(model.head(features).coords, theirs(features).sigmoid())


@on_device
def test_predicts_its_scores() -> None:
    model, (images, samples) = student().eval(), batch()
    with torch.no_grad():
        expected = model.head(model.extract_feat(images)).scores[..., 0].cpu().numpy()
        predicted = model(images, samples, mode='predict')
    assert (abs(predicted[1].pred_instances.keypoint_scores[0] - expected[1]) < 1e-6).all()


@on_device
def test_learns_by_residual_log_likelihood() -> None:
    model, (images, samples) = student(loss=dict(type='RLELoss', use_target_weight=True)), batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = model(images, samples, mode='loss')['loss_kpt']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1
    assert model.head(model.extract_feat(images)).error_scales.shape == (4, 17, 2)


@on_device
def test_residual_log_likelihood_is_taken_in_float32() -> None:
    model, (images, samples) = student(loss=dict(type='RLELoss', use_target_weight=True)), batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model(images, samples, mode='loss')['loss_kpt']
    assert loss.dtype == torch.float32 and torch.isfinite(loss)
