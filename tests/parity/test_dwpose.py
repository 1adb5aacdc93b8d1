"""DWPose: the published losses, and whole training steps of mmpose's own distiller."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmpose.models.distillers import DWPoseDistiller
from mmpose.models.heads import RTMCCHead
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from distilpose.config.models import build_estimator
from distilpose.distillation import FrozenTeacher, PoseDistiller
from tests import rtmpose
from tests.devices import on_device

EPOCHS = 270
Given = dict[str, Tensor]


@pytest.fixture
def epoch() -> Iterator[Any]:
    """Says at which of 270 epochs the training is."""
    hub = MessageHub.get_current_instance()
    before = {name: hub.runtime_info.get(name) for name in ('epoch', 'max_epochs')}

    def set_epoch(number: int) -> None:
        hub.update_info('epoch', number)
        hub.update_info('max_epochs', EPOCHS)
    yield set_epoch
    for name, value in before.items():
        hub.runtime_info.pop(name, None)
        if value is not None:
            hub.update_info(name, value)


@pytest.fixture(scope='module')
def published(shared: Path) -> tuple[Given, dict[str, float]]:
    """Inputs and gradients, and the values of the losses."""
    with np.load(shared / 'parity' / 'dwpose_losses.npz') as file:
        entries = dict(file)
    values = json.loads(str(entries.pop('values')))
    return {name: torch.as_tensor(value) for name, value in entries.items()}, values


@MODELS.register_module(force=True)
class GivenMaps(nn.Module):
    """A backbone that always gives the same maps."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = nn.Parameter(maps.clone())

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.maps[:len(images)], )


@MODELS.register_module(force=True)
class GivenLogits(RTMCCHead):
    """A head of RTMPose that always gives the same logits, with its loss."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        BaseHead.__init__(self)
        self.x, self.y = nn.Parameter(x.clone()), nn.Parameter(y.clone())
        self.simcc_split_ratio, self.decoder = 2.0, None
        self.loss_module = KLDiscretLoss(use_target_weight=True, beta=10., label_softmax=True)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        count = len(features[-1])
        return self.x[:count], self.y[:count]


def estimator(maps: Tensor, x: Tensor, y: Tensor) -> dict:
    return dict(type='TopdownPoseEstimator', backbone=dict(type='GivenMaps', maps=maps),
                head=dict(type='GivenLogits', x=x, y=y), data_preprocessor=dict(type='PoseDataPreprocessor'))


def samples(given: Given) -> list[PoseDataSample]:
    return [PoseDataSample(gt_instance_labels=InstanceData(
        keypoint_x_labels=x[None], keypoint_y_labels=y[None], keypoint_weights=weights[None]))
        for x, y, weights in zip(given['gt_x'], given['gt_y'], given['weight'], strict=True)]


def distiller(given: Given, **options: Any) -> PoseDistiller:
    student = estimator(given['fea_s'], given['ls_x'], given['ls_y'])
    teacher = build_estimator(estimator(given['fea_t'], given['lt_x'], given['lt_y']))
    teacher.head.decoder = SIZE
    return PoseDistiller(student, FrozenTeacher(teacher), **options)


class SIZE:  # noqa: N801  (all that a pair is asked for)
    input_size = (192, 256)


def losses_of(model: PoseDistiller, given: Given) -> dict[str, Tensor]:
    losses = model.loss(torch.zeros(3, 3, 256, 192), samples(given))
    return {name: value for name, value in losses.items() if 'loss' in name}


@on_device
def test_stage_1_at_four_epochs(published: tuple[Given, dict[str, float]], epoch: Any) -> None:
    given, values = published
    model = distiller(given, terms=copy.deepcopy(rtmpose.STAGE_1))
    projector = model.distillation['feature'].projector
    projector.load_state_dict(dict(weight=given['align_w'], bias=given['align_b']))
    for number in (0, 1, 135, 269):
        epoch(number)
        losses, decay = losses_of(model, given), 1 - number / EPOCHS
        assert losses['loss_kpt'].item() == pytest.approx(values['kpt'], rel=1e-5)
        assert losses['loss_feature'].item() == pytest.approx(decay * values['fea.align'], rel=1e-5)
        assert losses['loss_logit'].item() == pytest.approx(decay * values['logit.w0.1'], rel=1e-5)
        assert sum(losses.values()).item() == pytest.approx(values[f'stage1.total.epoch{number}'], rel=1e-5)


@on_device
def test_gradients_of_every_loss(published: tuple[Given, dict[str, float]], epoch: Any) -> None:
    given, values = published
    epoch(0)
    model = distiller(given, terms=copy.deepcopy(rtmpose.STAGE_1))
    projector = model.distillation['feature'].projector
    projector.load_state_dict(dict(weight=given['align_w'], bias=given['align_b']))
    losses = losses_of(model, given)
    losses['loss_feature'].backward()
    for found, name in ((model.backbone.maps, 'student'), (projector.weight, 'align_weight'),
                        (projector.bias, 'align_bias')):
        torch.testing.assert_close(found.grad, given[f'fea.align.grad_{name}'], rtol=1e-4, atol=1e-8)
    for loss, entry in (('loss_logit', 'logit.w0.1'), ('loss_kpt', 'kpt')):
        model.head.zero_grad()
        losses[loss].backward(retain_graph=True)
        for axis in 'xy':
            norm = getattr(model.head, axis).grad.norm().item()
            assert norm == pytest.approx(values[f'{entry}.grad_{axis}.l2'], rel=1e-4)


@on_device
def test_equal_channels_need_no_projector(published: tuple[Given, dict[str, float]], epoch: Any) -> None:
    given, values = published
    epoch(0)
    model = distiller(dict(given, fea_s=given['fea_same']), terms=copy.deepcopy(rtmpose.STAGE_1))
    assert not list(model.distillation.parameters())
    loss = losses_of(model, given)['loss_feature']
    loss.backward()
    assert loss.item() == pytest.approx(values['fea.same'], rel=1e-5)
    assert model.backbone.maps.grad.norm().item() == pytest.approx(values['fea.same.grad_student.l2'], rel=1e-4)


@on_device
def test_stage_2_and_joints_that_nobody_labelled(published: tuple[Given, dict[str, float]]) -> None:
    given, values = published
    model = distiller(dict(given, weight=torch.zeros_like(given['weight'])), task_weight=0.0,
                      terms=dict(logit=dict(rtmpose.LOGIT)))
    losses = losses_of(model, given)
    assert losses.keys() == {'loss_logit'}
    assert losses['loss_logit'].item() == pytest.approx(values['stage2.total'], rel=1e-5)


# mmpose carries the authors' distiller, which can be asked directly.

METHODS = dict(
    fea=dict(type='FeaLoss', name='loss_fea', use_this=True, student_channels=128, teacher_channels=192,
             alpha_fea=0.00007),
    logit=dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1))


def mmposes(folder: Path, model: PoseDistiller, *, methods: list[dict], two_dis: bool) -> DWPoseDistiller:
    """mmpose's distiller with the weights of ours."""
    widths = dict(student=0.125, teacher=0.125 if two_dis else 0.1875)
    for name, widen in widths.items():
        (folder / f'{name}.py').write_text(f'model = {rtmpose.network(widen=widen)!r}')
    with DefaultScope.overwrite_default_scope('mmpose'):
        theirs = DWPoseDistiller(
            teacher_cfg=str(folder / 'teacher.py'), student_cfg=str(folder / 'student.py'), two_dis=two_dis,
            distill_cfg=Config(dict(x=[dict(methods=methods)])).x,
            data_preprocessor=ConfigDict(type='PoseDataPreprocessor'))
    student = {name: value for name, value in model.state_dict().items() if not name.startswith('distillation.')}
    theirs.student.load_state_dict(student)
    theirs.teacher.load_state_dict(model.teacher.model.state_dict())
    if not two_dis:
        theirs.distill_losses['loss_fea'].align.load_state_dict(
            model.distillation['feature'].projector.state_dict())
    return theirs.train()


def steps(model: nn.Module, epoch: Any) -> list[float]:
    """Three steps at three epochs; the sums of the losses. Adam would make large steps of rounding errors."""
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    totals = []
    for number in (0, 100, 200):
        epoch(number)
        images, labelled = rtmpose.batch(seed=number)
        total = sum(value for name, value in model(images, labelled, mode='loss').items() if 'loss' in name)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        totals.append(total.item())
    return totals


def test_three_steps_of_stage_1_equal_mmposes(tmp_path: Path, epoch: Any) -> None:
    model = rtmpose.stage_1(mode='train').train()
    theirs = mmposes(tmp_path, model, methods=[METHODS['fea'], METHODS['logit']], two_dis=False)
    assert steps(model, epoch) == pytest.approx(steps(theirs, epoch), rel=1e-5)
    expected = theirs.student.state_dict()
    for name, value in model.student.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    assert_same_teacher(model, theirs)


def test_three_steps_of_stage_2_equal_mmposes(tmp_path: Path, epoch: Any) -> None:
    model = rtmpose.stage_2(mode='train').train()
    theirs = mmposes(tmp_path, model, methods=[dict(METHODS['logit'], weight=1)], two_dis=True)
    before = copy.deepcopy(model.head.state_dict())
    assert steps(model, epoch) == pytest.approx(steps(theirs, epoch), rel=1e-5)
    expected = theirs.student.head.state_dict()
    for name, value in model.head.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, before[name])
    assert_same_teacher(model, theirs)


def test_the_default_teacher_is_not_the_published_one(tmp_path: Path, epoch: Any) -> None:
    """It answers in eval mode, as a trained network is meant to."""
    model = rtmpose.stage_2().train()
    theirs = mmposes(tmp_path, model, methods=[dict(METHODS['logit'], weight=1)], two_dis=True)
    assert all(abs(one / other - 1) > 0.01 for one, other in zip(steps(model, epoch), steps(theirs, epoch),
                                                                 strict=True))


def assert_same_teacher(model: PoseDistiller, theirs: DWPoseDistiller) -> None:
    """Running statistics included, which the published train mode moves."""
    expected = theirs.teacher.state_dict()
    for name, value in model.teacher.model.state_dict().items():
        torch.testing.assert_close(value, expected[name])
