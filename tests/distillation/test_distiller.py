from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import ExponentialMovingAverage
from torch import nn

from distilpose.checkpoints import CheckpointMismatch
from distilpose.config.models import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.errors import DistilPoseError
from tests import rtmpose
from tests.networks import ENCODER, STUDENT, TEACHER, TERMS, batch, distiller, teacher

LOSSES = {'loss_kpt', 'loss_visual_tokens', 'loss_keypoint_tokens', 'loss_simulated_heatmap', 'loss_score'}


def plain_student() -> nn.Module:
    return build_estimator(copy.deepcopy(STUDENT))


def train_steps(model: nn.Module, steps: int = 3, *, lr: float = 1e-2) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        total, _ = model.parse_losses(model(*batch(), mode='loss'))
        total.backward()
        optimizer.step()


def test_state_dict_is_the_plain_students() -> None:
    assert list(distiller().state_dict()) == list(plain_student().state_dict())


def test_the_student_starts_as_it_would_without_a_teacher(tmp_path: Path) -> None:
    """Else a comparison of the two at one seed would also compare two initialisations."""
    weights = tmp_path / 'teacher.pth'
    torch.save(teacher().model.state_dict(), weights)
    torch.manual_seed(3)
    plain = plain_student()
    plain.init_weights()
    torch.manual_seed(3)
    model = PoseDistiller(copy.deepcopy(STUDENT), dict(config=TEACHER, checkpoint=weights), terms=TERMS)
    model.init_weights()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name], rtol=0, atol=0)


def test_a_distilled_checkpoint_loads_strictly_and_predicts_the_same() -> None:
    model, plain = distiller(), plain_student()
    train_steps(model)
    plain.load_state_dict(model.state_dict(), strict=True)
    images, samples = batch()
    found = plain.eval()(images, copy.deepcopy(samples), mode='predict')
    expected = model.eval()(images, samples, mode='predict')
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.pred_instances.keypoints == theirs.pred_instances.keypoints).all()


def test_learned_sigmas_are_stored_apart_from_the_student(tmp_path: Path) -> None:
    terms = dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned'))
    model = distiller(terms=terms)
    train_steps(model, 2)
    extra = set(model.state_dict()) - set(plain_student().state_dict())
    assert extra == {'distillation.simulated_heatmap.log_sigmas'}
    assert (model.state_dict()[extra.pop()] != torch.tensor(2.0).log()).any()


def test_a_teacher_with_larger_crops_and_other_means() -> None:
    large = copy.deepcopy(TEACHER)
    large['data_preprocessor'].update(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0])
    large['head'].update(heatmap_size=(24, 32), encoder=dict(ENCODER, feature_size=(24, 32)), decoder=dict(
        type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1))
    terms = dict(TERMS, visual_tokens=None)
    model = distiller(teacher=teacher(large), terms=terms)
    losses = model(*batch(), mode='loss')
    assert losses['loss_simulated_heatmap'] > 0 and losses['loss_keypoint_tokens'] > 0


def test_loss_names_and_their_sum() -> None:
    losses = distiller()(*batch(), mode='loss')
    assert {name for name in losses if 'loss' in name} == LOSSES
    assert 0 <= losses['acc_pose'] <= 1


def test_gradients_reach_every_weight_of_the_student_and_none_of_the_teacher() -> None:
    model = distiller()
    model.parse_losses(model(*batch(), mode='loss'))[0].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert all(p.grad is None for p in model.teacher.model.parameters())


def test_the_head_runs_once_a_step() -> None:
    model, calls = distiller(), []
    model.head.encoder.register_forward_hook(lambda *_: calls.append(1))
    model(*batch(), mode='loss')
    assert len(calls) == 1


def test_the_teacher_is_bit_identical_after_training_in_train_mode() -> None:
    model = distiller()
    train_steps(model, 5)
    assert model.training and not model.teacher.model.training
    assert model.teacher.digest() == model.teacher.loaded_digest


def test_the_teacher_is_outside_of_the_module_tree() -> None:
    model = distiller()
    inside = {id(parameter) for parameter in model.parameters()}
    assert not inside & {id(parameter) for parameter in model.teacher.model.parameters()}
    assert not any(module is model.teacher.model for module in model.modules())


def test_no_terms_is_plain_training_bit_for_bit() -> None:
    model, plain = distiller(terms={}), plain_student()
    plain.load_state_dict(model.state_dict())
    train_steps(model)
    train_steps(plain)
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in model.state_dict().items())


def test_weight_zero_gives_the_gradients_of_plain_training() -> None:
    silent = {name: dict(term, weight=0.0) for name, term in TERMS.items()}
    model, plain = distiller(terms=silent), plain_student()
    plain.load_state_dict(model.state_dict())
    train_steps(model)
    train_steps(plain)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name])


def test_a_term_with_the_name_of_a_loss_of_the_student_is_refused() -> None:
    """One of both would be lost."""
    model = distiller(terms=dict(kpt=dict(type='CoordinateTerm')))
    with pytest.raises(DistilPoseError, match="the term 'kpt' would be logged as loss_kpt, which is a loss of the"):
        model(*batch(), mode='loss')


def at(iteration: int, *, of: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the message hub report this point of a training."""
    info = MessageHub.get_current_instance().runtime_info
    monkeypatch.setitem(info, 'iter', iteration)
    monkeypatch.setitem(info, 'max_iters', of)


def without_teacher(model: PoseDistiller, monkeypatch: pytest.MonkeyPatch) -> PoseDistiller:
    """Makes every forward pass of the teacher fail."""
    def fail(*_: object) -> None:
        raise AssertionError('the teacher ran')

    for name in ('outputs', 'outputs_from'):
        monkeypatch.setattr(model.teacher, name, fail)
    return model


@pytest.mark.parametrize('terms', [
    {}, dict.fromkeys(TERMS), {name: dict(term, weight=0.0) for name, term in TERMS.items()},
    {name: dict(term, schedule='warmup') for name, term in TERMS.items()},
], ids=['none', 'dropped', 'weight', 'schedule'])
@pytest.mark.parametrize('is_cached', [False, True])
def test_the_teacher_does_not_run_where_no_term_needs_it(terms: dict, is_cached: bool,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    at(0, of=100, monkeypatch=monkeypatch)
    model = without_teacher(distiller(terms=terms), monkeypatch)
    if is_cached:
        model.teacher_cache = SimpleNamespace(outputs=model.teacher.outputs)
    losses = model(*batch(), mode='loss')
    silent = {f'loss_{name}' for name, term in terms.items() if term}
    assert {name for name in losses if 'loss' in name} == {'loss_kpt', *silent}
    assert all(losses[name] == 0 for name in silent)


def test_a_shared_backbone_runs_no_teachers_head_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    model = rtmpose.distiller(taught_by=0.125, terms=dict(logit=dict(rtmpose.LOGIT, weight=0.0)), share_backbone=True)
    losses = without_teacher(model, monkeypatch)(*rtmpose.batch(), mode='loss')
    assert losses['loss_logit'] == 0 and losses['loss_kpt'] > 0


def test_the_teacher_runs_where_one_term_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = {name: dict(term, weight=0.0) for name, term in TERMS.items()} | dict(score=TERMS['score'])
    found, expected = distiller(terms=terms)(*batch(), mode='loss'), distiller()(*batch(), mode='loss')
    torch.testing.assert_close(found['loss_score'], expected['loss_score'])
    assert list(found) == list(expected)
    with pytest.raises(AssertionError, match='the teacher ran'):
        without_teacher(distiller(terms=terms), monkeypatch)(*batch(), mode='loss')


def test_a_terms_own_parameters_get_gradients_of_zero_where_its_weight_is_zero() -> None:
    """Not none, which several processes and weight decay tell from zero."""
    term = dict(type='SimulatedHeatmapTerm', sigma='learned', weight=0.0)
    model = distiller(terms=dict(TERMS, simulated_heatmap=term))
    model.parse_losses(model(*batch(), mode='loss'))[0].backward()
    gradient = model.distillation.simulated_heatmap.log_sigmas.grad
    assert gradient is not None and not gradient.any()


def test_a_student_that_only_terms_train_gets_gradients_of_zero_where_they_are_zero() -> None:
    terms = {name: dict(term, weight=0.0) for name, term in TERMS.items()}
    model = distiller(terms=terms, task_weight=0.0)
    model.parse_losses(model(*batch(), mode='loss'))[0].backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_a_term_can_be_dropped_with_none() -> None:
    losses = distiller(terms=dict(TERMS, score=None))(*batch(), mode='loss')
    assert {name for name in losses if 'loss' in name} == LOSSES - {'loss_score'}


def test_task_weight_scales_only_the_task_and_zero_skips_it() -> None:
    plain, halved, none = (distiller(task_weight=weight)(*batch(), mode='loss') for weight in (1.0, 0.5, 0.0))
    torch.testing.assert_close(halved['loss_kpt'], plain['loss_kpt'] / 2)
    torch.testing.assert_close(halved['loss_score'], plain['loss_score'])
    assert halved['acc_pose'] == plain['acc_pose'] and 'loss_kpt' not in none and 'loss_score' in none


def test_term_weight_and_schedule_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = dict(visual_tokens=dict(type='TokenTerm', tokens='visual', weight=2.0, schedule='linear_decay'))
    images, samples = batch()
    values = []
    for iteration in (0, 75, 125):
        at(iteration, of=100, monkeypatch=monkeypatch)
        values.append(distiller(terms=terms)(images, samples, mode='loss')['loss_visual_tokens'])
    torch.testing.assert_close(values[1], values[0] / 4)
    assert values[2] == 0.0, 'no weight beyond the end of the schedule'


def test_terms_are_computed_in_float32_under_autocast() -> None:
    model = distiller()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model(*batch(), mode='loss')
    exact = model(*batch(), mode='loss')
    assert all(losses[name].dtype == torch.float32 for name in LOSSES)
    assert all(losses[name].item() == pytest.approx(exact[name].item(), rel=0.1) for name in LOSSES)


def test_ema_and_deepcopy_keep_student_and_children_together() -> None:
    model = distiller()
    averaged = ExponentialMovingAverage(model, momentum=0.5)
    copied = averaged.module
    assert copied.student.head is copied.head and copied.head is not model.head
    assert copied.teacher is model.teacher
    averaged.update_parameters(model)  # the first call copies
    before = model.head.readout[1].weight.detach().clone()
    train_steps(model)
    averaged.update_parameters(model)
    torch.testing.assert_close(copied.student.head.readout[1].weight, (before + model.head.readout[1].weight) / 2)
    assert {name.removeprefix('module.') for name in averaged.state_dict()} - {'steps'} == set(model.state_dict())


def test_prediction_does_not_ask_the_teacher() -> None:
    model = distiller().eval()
    model.teacher = None
    assert model(*batch(), mode='predict')[0].pred_instances.keypoints.shape == (1, 17, 2)
    assert model(batch()[0]).coords.shape == (4, 17, 2)


def test_train_and_eval_reach_the_student() -> None:
    model = distiller()
    for mode in (False, True):
        assert model.train(mode).student.training is model.head.training is mode


def test_student_starts_from_the_teachers_backbone() -> None:
    model = distiller(init_from_teacher=('backbone',))
    wanted = model.teacher.model.backbone.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in model.backbone.state_dict().items())
    fresh = distiller()
    assert not torch.equal(fresh.backbone.conv1.weight, model.backbone.conv1.weight)


def test_student_starts_from_its_own_checkpoint(tmp_path: Path) -> None:
    trained = distiller(seed=9)
    torch.save(dict(state_dict=trained.state_dict()), tmp_path / 'student.pth')
    (tmp_path / 'student.py').write_text(f'model = {STUDENT!r}')
    source = dict(config=str(tmp_path / 'student.py'), checkpoint=str(tmp_path / 'student.pth'))
    model = PoseDistiller(source, teacher(), terms=TERMS)
    model.init_weights()
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_checkpoint_of_another_student_is_refused(tmp_path: Path) -> None:
    torch.save(dict(state_dict=dict(distiller().state_dict(), extra=torch.ones(1))), tmp_path / 'student.pth')
    model = PoseDistiller(dict(STUDENT, checkpoint=str(tmp_path / 'student.pth')), teacher(), terms=TERMS)
    with pytest.raises(CheckpointMismatch, match='extra'):
        model.init_weights()


def test_a_student_with_weights_of_its_own_is_refused() -> None:
    from mmpose.models import TopdownPoseEstimator
    from mmpose.registry import MODELS

    @MODELS.register_module(force=True)
    class Peculiar(TopdownPoseEstimator):
        def __init__(self, **kwargs) -> None:
            super().__init__(**kwargs)
            self.gain = nn.Parameter(torch.ones(1))

    with pytest.raises(DistilPoseError, match='gain'):
        distiller(dict(STUDENT, type='Peculiar'))


def test_images_without_annotations_are_supervised_by_every_term_and_have_no_task_loss() -> None:
    model = distiller()
    images, samples = batch()
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights.zero_()
    without = model(images, samples, mode='loss')
    for sample in samples:
        sample.set_metainfo(dict(labelled=False))
    supervised = model(images, samples, mode='loss')
    assert without['loss_kpt'] == supervised['loss_kpt'] == 0
    for name in ('loss_simulated_heatmap', 'loss_score'):
        assert without[name] == 0 and supervised[name] > 0


def test_a_compiled_student_has_the_same_losses_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that only traces, so that no compiler is needed; losses and gradients to rounding."""
    traced, modes = torch._dynamo.optimize('eager', nopython=True), []
    monkeypatch.setattr(torch, 'compile', lambda function, mode: modes.append(mode) or traced(function))
    plain = distiller()
    model = distiller(compile_student='reduce-overhead')
    model.load_state_dict(plain.state_dict())
    (images, samples), found = batch(), {}
    for name, one in dict(plain=plain, compiled=model).items():
        torch.manual_seed(0)
        one.train()
        loss = one.parse_losses(one(images, copy.deepcopy(samples), mode='loss'))[0]
        loss.backward()
        found[name] = [loss.detach(), *(p.grad for p in one.parameters() if p.requires_grad)]
    assert modes == ['reduce-overhead'] and len(found['plain']) > 10
    torch.testing.assert_close(found['compiled'], found['plain'], rtol=1e-4, atol=1e-6)


def test_an_unknown_mode_of_the_student_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="model.compile_student is 'fast'; expected None or one of default"):
        distiller(compile_student='fast')
