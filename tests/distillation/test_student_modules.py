"""Shared modules (DWPose's second stage: the teacher's backbone, a head of its own), losses of a prediction at hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmpose.models.heads import HeatmapHead, RegressionHead
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.distillation.student_modules import replayed
from distilpose.engine.weight_averaging import ExactExpMomentumEMA
from distilpose.errors import DistilPoseError
from tests import rtmpose
from tests.networks import NUM_KEYPOINTS, batch, teacher


def state_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def are_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def train_steps(model: nn.Module, steps: int = 3, *, after: Callable[[], None] = lambda: None) -> None:
    """With weight decay, which must not reach what is frozen."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        model.parse_losses(model(*rtmpose.batch(seed=step), mode='loss'))[0].backward()
        optimizer.step()
        after()


def test_only_the_head_learns_and_only_from_the_term() -> None:
    model = rtmpose.stage_2()
    backbone, head = state_of(model.backbone), state_of(model.head)
    assert model(*rtmpose.batch(), mode='loss').keys() == {'loss_logit'}
    train_steps(model)
    assert are_equal(state_of(model.backbone), backbone)
    assert all(not torch.equal(value, head[name]) for name, value in model.head.state_dict().items())
    assert all(weight.grad is not None for weight in model.head.parameters())
    assert model.teacher.digest() == model.teacher.loaded_digest


def test_the_loss_falls() -> None:
    model = rtmpose.stage_2().train()
    images, samples = rtmpose.batch()
    first = model(images, samples, mode='loss')['loss_logit'].item()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(30):
        optimizer.zero_grad()
        loss = model(images, samples, mode='loss')['loss_logit']
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.7 * first


def test_there_is_one_backbone_and_it_runs_once_without_a_graph() -> None:
    model, maps = rtmpose.stage_2().train(), []
    assert model.backbone is model.student.backbone is model.teacher.model.backbone
    model.backbone.register_forward_hook(lambda module, inputs, outputs: maps.append(outputs[-1]))
    model(*rtmpose.batch(), mode='loss')
    assert len(maps) == 1 and not maps[0].requires_grad


def test_the_backbone_is_the_teachers_and_the_head_starts_afresh() -> None:
    whole = teacher(rtmpose.network())
    model = rtmpose.stage_2()
    assert are_equal(state_of(model.backbone), state_of(whole.model.backbone))
    linear = model.head.cls_x.weight
    assert linear.std().item() == pytest.approx(0.01, rel=0.1)  # as RTMPose initialises a head
    assert not torch.equal(linear, whole.model.head.cls_x.weight)


def test_the_head_can_start_from_the_teachers() -> None:
    model = rtmpose.stage_2(init_from_teacher=('head',))
    assert are_equal(state_of(model.head), state_of(model.teacher.model.head))
    assert model(*rtmpose.batch(), mode='loss')['loss_logit'].item() == pytest.approx(0, abs=1e-5)


def test_the_checkpoint_is_a_plain_models() -> None:
    model = rtmpose.stage_2()
    train_steps(model)
    plain = build_estimator(rtmpose.network())
    plain.load_state_dict(model.state_dict(), strict=True)
    images, _ = rtmpose.batch()
    for one, other in zip(plain.eval()(images, None), model.eval()(images), strict=True):
        assert torch.equal(one, other)


def test_both_heads_are_given_what_a_teacher_of_its_own_would_give() -> None:
    shared, apart = rtmpose.stage_2(), rtmpose.distiller(
        taught_by=0.125, terms=dict(logit=dict(rtmpose.LOGIT)), task_weight=0.0, init_from_teacher=('backbone',))
    apart.head.load_state_dict(shared.head.state_dict())
    apart.teacher.model.head.load_state_dict(shared.teacher.model.head.state_dict())
    losses = [model.eval()(*rtmpose.batch(), mode='loss')['loss_logit'] for model in (shared, apart)]
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize('kind', [ExponentialMovingAverage, ExactExpMomentumEMA])
def test_averaging_leaves_the_backbone_alone(kind: type) -> None:
    model = rtmpose.stage_2()
    averaged = kind(model, momentum=0.3, update_buffers=True)
    train_steps(model, 4, after=lambda: averaged.update_parameters(model))
    assert averaged.module.backbone is not model.backbone and averaged.module.student.head is averaged.module.head
    assert are_equal(state_of(averaged.module.backbone), state_of(model.backbone))
    assert not torch.equal(averaged.module.head.cls_x.weight, model.head.cls_x.weight)


def test_only_in_train_mode_do_running_statistics_move() -> None:
    for mode in ('eval', 'train'):
        model = rtmpose.stage_2(mode=mode)
        before = state_of(model.backbone)
        train_steps(model, 2)
        moved = {name.rpartition('.')[2] for name, value in model.backbone.state_dict().items()
                 if not torch.equal(value, before[name])}
        assert moved == ({'running_mean', 'running_var', 'num_batches_tracked'} if mode == 'train' else set())
        assert model.teacher.digest() == model.teacher.loaded_digest  # which is of the weights in train mode
        after = state_of(model.backbone)
        model.eval()(*rtmpose.batch(), mode='tensor')
        assert are_equal(state_of(model.backbone), after)


def test_a_teacher_of_its_own_in_train_mode() -> None:
    for mode, is_training in (('eval', False), ('train', True)):
        model = rtmpose.stage_1(mode=mode).train()
        assert model.teacher.model.training is is_training and not model.eval().teacher.model.training
        before = model.teacher.model.state_dict()['backbone.stem.0.bn.running_mean'].clone()
        model.train()(*rtmpose.batch(), mode='loss')
        after = model.teacher.model.state_dict()['backbone.stem.0.bn.running_mean']
        assert torch.equal(before, after) is not is_training
    with pytest.raises(DistilPoseError, match="teacher mode 'published'"):
        rtmpose.stage_1(mode='published')


def test_building_a_teacher_in_train_mode_does_not_move_it() -> None:
    assert are_equal(state_of(rtmpose.stage_1(mode='train').teacher.model), state_of(rtmpose.stage_1().teacher.model))


def test_another_backbone_cannot_be_shared() -> None:
    options = dict(terms=dict(logit=dict(rtmpose.LOGIT)), share_backbone=True)
    with pytest.raises(DistilPoseError, match='same backbone and neck.*another shape'):
        rtmpose.distiller(widen=0.125, taught_by=0.1875, **options)
    other = rtmpose.network()
    other['backbone']['act_cfg'] = dict(type='ReLU')  # weights of the same names and shapes
    with pytest.raises(DistilPoseError, match='their feature maps differ'):
        PoseDistiller(rtmpose.network(), teacher(other), **options)
    other = rtmpose.network()
    other['data_preprocessor']['std'] = [1.0, 1.0, 1.0]
    with pytest.raises(DistilPoseError, match='same images'):
        PoseDistiller(rtmpose.network(), teacher(other), **options)


def test_a_checkpoint_of_the_student_contradicts_a_shared_backbone() -> None:
    with pytest.raises(DistilPoseError, match=r'model\.student\.checkpoint \(x\.pth\) would replace it'):
        PoseDistiller(dict(rtmpose.network(), checkpoint='x.pth'), teacher(rtmpose.network()), terms={},
                      share_backbone=True)


def test_a_copy_for_measuring_shares_the_teacher_only() -> None:
    model = rtmpose.stage_2()
    twin = copy.deepcopy(model)
    assert twin.teacher is model.teacher and twin.student.backbone is twin.backbone is not model.backbone
    losses = [one.eval()(*rtmpose.batch(), mode='loss')['loss_logit'] for one in (model, twin)]
    assert torch.equal(*losses)


def test_the_projector_learns_and_is_not_the_students() -> None:
    model = rtmpose.stage_1()
    assert set(model.state_dict()) - set(build_estimator(rtmpose.network()).state_dict()) == {
        'distillation.feature.projector.weight', 'distillation.feature.projector.bias'}
    before = state_of(model.distillation)
    train_steps(model)
    after = state_of(model.distillation)
    assert all(not torch.equal(value, before[name]) for name, value in after.items())


def test_a_projector_does_not_change_how_the_student_starts() -> None:
    torch.manual_seed(1)
    plain = build_estimator(rtmpose.network())
    plain.init_weights()
    model = rtmpose.stage_1(seed=1)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in plain.state_dict().items())


class Counting(nn.Linear):
    """A head that calls ``forward`` in both ways, and counts how often it computed and lost."""

    computed, lost = 0, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.computed += 1
        return super().forward(x)

    def loss(self, features: Any) -> torch.Tensor:
        self.lost += 1
        return self.forward(features) + self(features)


def test_the_loss_is_that_of_the_prediction_and_the_head_is_not_touched() -> None:
    head, prediction = Counting(2, 2), torch.ones(1)
    assert replayed(head, prediction).loss(None) == 2 and head.computed == 0
    assert head.lost == 1  # what the loss itself sets is set on the head
    assert head.loss(torch.zeros(1, 2)).shape == (1, 2) and head.computed == 2


def test_a_forward_of_the_heads_own_stays() -> None:
    head = Counting(2, 2)
    own = head.forward = lambda x: 'compiled'  # as torch.compile would have left it
    assert replayed(head, torch.ones(1)).loss(None) == 2 and head.forward is own


@pytest.mark.parametrize('head_class, options', [
    (RegressionHead, dict(in_channels=8, num_joints=NUM_KEYPOINTS,
                          loss=dict(type='SmoothL1Loss', use_target_weight=True))),
    (HeatmapHead, dict(in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                       loss=dict(type='KeypointMSELoss', use_target_weight=True))),
])
def test_an_unmodified_mmpose_head_loses_the_same(head_class: type, options: dict) -> None:
    head = head_class(**options)
    features = (torch.randn(4, 8, *((1, 1) if head_class is RegressionHead else (16, 12))),)
    _, samples = batch()
    prediction = head(features)
    losses = replayed(head, prediction).loss((None,), samples)
    expected = head.loss(features, samples)
    assert losses['loss_kpt'] == expected['loss_kpt'] and losses['acc_pose'] == expected['acc_pose']
    found, own = (torch.autograd.grad(loss['loss_kpt'], list(head.parameters())) for loss in (losses, expected))
    for gradient, other in zip(found, own, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(gradient, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


def test_threads_lose_with_one_head() -> None:
    """Each the loss of its own prediction."""
    head = HeatmapHead(in_channels=8, out_channels=NUM_KEYPOINTS, deconv_out_channels=None,
                       loss=dict(type='KeypointMSELoss', use_target_weight=True))
    _, samples = batch()
    predictions = [torch.full((4, NUM_KEYPOINTS, 16, 12), float(number)) for number in range(5)]
    expected = [float(replayed(head, prediction).loss((None,), samples)['loss_kpt']) for prediction in predictions]
    assert len(set(expected)) == 5

    def call(number: int) -> bool:
        return float(replayed(head, predictions[number % 5]).loss((None,), samples)['loss_kpt']) == expected[number % 5]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))
