"""The student as its own teacher (SDPose): losses and gradients of the published formula, and what is refused."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distilpose.config import build_estimator
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import SelfDistillationTeacher
from distilpose.errors import DistilPoseError
from tests.networks import ENCODER, HEATMAP_SIZE, INPUT_SIZE, STUDENT, TEACHER, batch, changed

TERMS = dict(visual_tokens=dict(type='TokenTerm', tokens='visual', weight=0.25),
             keypoint_tokens=dict(type='TokenTerm', tokens='keypoint', weight=0.5))
HEATMAPS = dict(heatmaps=dict(type='HeatmapTerm'))


def sdpose(student: dict = TEACHER, *, terms: dict | None = None, options: dict | None = None,
           **teacher: Any) -> PoseDistiller:
    """A student with a token encoder that teaches itself, with weights that are large enough to say something."""
    torch.manual_seed(0)
    model = PoseDistiller(copy.deepcopy(student), dict(type='SelfDistillationTeacher', **teacher),
                          terms=TERMS if terms is None else terms, **(options or {}))
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return model


def written_out(model: PoseDistiller, images: Tensor, samples: list, *, cycles: int,
                detach: bool = False) -> dict[str, Tensor]:
    """Equations 1 to 3 with the weights of the terms, from one feature map."""
    encoder, width = model.head.encoder, HEATMAP_SIZE[0]
    tokens = [encoder(model.student.extract_feat(images)[-1])]
    for _ in range(cycles - 1):
        tokens.append(encoder.next_cycle(*tokens[-1]))
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])[..., None, None]
    maps = [model.head.readout(keypoint).unflatten(-1, (-1, width)) for keypoint, _ in tokens]
    losses = {f'loss_kpt{f"_cycle{number}" if number > 1 else ""}': ((each - targets).square() * weights).mean()
              for number, each in enumerate(maps, 1)}
    for index, (name, weight) in enumerate(dict(keypoint_tokens=0.5, visual_tokens=0.25).items()):
        losses[f'loss_{name}'] = weight * sum(
            (before[index] - (after[index].detach() if detach else after[index])).square().mean()
            for before, after in pairwise(tokens))
    return losses


def gradients(model: PoseDistiller, loss: Tensor) -> list[Tensor | None]:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return list(torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True))


@pytest.mark.parametrize('detach', [False, True])
@pytest.mark.parametrize('cycles', [2, 3])
def test_losses_and_gradients_of_the_published_formula(cycles: int, detach: bool) -> None:
    model, (images, samples) = sdpose(cycles=cycles, detach=detach).eval(), batch()
    found = model(images, samples, mode='loss')
    expected = written_out(model, images, samples, cycles=cycles, detach=detach)
    assert {name for name in found if 'loss' in name} == set(expected)
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss)
        for one, other in zip(gradients(model, found[name]), gradients(model, loss), strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_the_backbone_runs_once_and_the_layers_once_a_cycle() -> None:
    model, seen = sdpose(cycles=3), []
    model.backbone.register_forward_hook(lambda *_: seen.append('backbone'))
    model.head.encoder.layers[0].register_forward_hook(lambda *_: seen.append('layer'))
    model.train()(*batch(), mode='loss')
    assert seen == ['backbone', 'layer', 'layer', 'layer']
    del seen[:]
    model.eval()(*batch(), mode='predict')
    assert seen == ['backbone', 'layer']


def test_weights_and_predictions_are_the_plain_students() -> None:
    model, plain, (images, samples) = sdpose(cycles=2).eval(), build_estimator(copy.deepcopy(TEACHER)).eval(), batch()
    plain.load_state_dict(model.state_dict(), strict=True)
    found, expected = (each(images, copy.deepcopy(samples), mode='predict') for each in (model, plain))
    assert all((one.pred_instances.keypoints == other.pred_instances.keypoints).all()
               for one, other in zip(found, expected, strict=True))


def test_the_task_loss_of_further_cycles_has_a_weight() -> None:
    whole, half = (sdpose(cycles=2, **options).eval()(*batch(), mode='loss') for options in ({}, dict(task_weight=0.5)))
    torch.testing.assert_close(half['loss_kpt_cycle2'], whole['loss_kpt_cycle2'] / 2)
    torch.testing.assert_close(half['loss_kpt'], whole['loss_kpt'])
    assert half['acc_pose_cycle2'] == whole['acc_pose_cycle2']


def test_without_a_task_loss_no_cycle_has_one() -> None:
    losses = sdpose(cycles=2, options=dict(task_weight=0)).eval()(*batch(), mode='loss')
    assert set(losses) == {'loss_visual_tokens', 'loss_keypoint_tokens'}


@pytest.mark.parametrize('terms', [{}, {name: dict(term, weight=0) for name, term in TERMS.items()}])
def test_without_terms_the_cycles_still_learn_the_task(terms: dict) -> None:
    losses = sdpose(cycles=2, terms=terms).eval()(*batch(), mode='loss')
    assert {'loss_kpt', 'loss_kpt_cycle2'} <= set(losses) and all(losses[f'loss_{name}'] == 0 for name in terms)


@pytest.mark.parametrize('codec', ['MSRAHeatmap', 'UDPHeatmap'])
def test_heatmaps_of_the_next_cycle(codec: str) -> None:
    """Student and teacher are on the same grid, whichever it is."""
    decoder = dict(type=codec, input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=1)
    model, (images, samples) = sdpose(changed(TEACHER, decoder=decoder), terms=HEATMAPS).eval(), batch()
    first = model.head(model.student.extract_feat(images))
    second = model.head.next_cycle(first)
    weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in samples])[..., None, None]
    expected = ((first.heatmaps[-1] - second.heatmaps[-1]) * weights).square().mean()
    torch.testing.assert_close(model(images, samples, mode='loss')['loss_heatmaps'], expected / 2)


def test_a_student_that_regresses_with_rle() -> None:
    student = changed(STUDENT, with_scores=False, with_sigmas=False, loss=dict(type='RLELoss', use_target_weight=True))
    model = sdpose(student, cycles=2).train()
    losses = model(*batch(), mode='loss')
    assert {'loss_kpt', 'loss_kpt_cycle2', *(f'loss_{name}' for name in TERMS)} == {
        name for name in losses if 'loss' in name}
    model.parse_losses(losses)[0].backward()
    assert all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


def test_its_outputs_are_those_of_the_last_cycle_in_eval_mode() -> None:
    model, (images, _) = sdpose(cycles=3).train(), batch()
    before = copy.deepcopy(model.state_dict())
    found = model.teacher.outputs(images)
    after = model.state_dict()
    assert model.student.training and all(torch.equal(after[name], value) for name, value in before.items())
    model.eval()
    outputs = model.head(model.student.extract_feat(images))
    for _ in range(2):
        outputs = model.head.next_cycle(outputs)
    assert torch.equal(found.heatmaps[-1], outputs.heatmaps[-1]) and not found.heatmaps[-1].requires_grad


@pytest.mark.parametrize('task_weight', [0.0, 1.0])
def test_frozen_modules_stay_in_eval_mode(task_weight: float) -> None:
    model = sdpose(options=dict(freeze=('backbone',), task_weight=task_weight))
    assert model.training and not model.backbone.training
    model.run_teacher(batch()[0])
    assert model.training and not model.backbone.training and model.head.training


def test_a_copy_of_the_distiller_runs_its_own_layers() -> None:
    """As ``GradientShareHook`` and averaged weights have one."""
    model = sdpose(cycles=2).train()
    twin = copy.deepcopy(model)
    twin.parse_losses(twin(*batch(), mode='loss'))[0].backward()
    assert all(weight.grad is not None for weight in twin.parameters() if weight.requires_grad)
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize('options, sentence', [
    (dict(cycles=1), 'cycles is 1; expected a whole number of 2 or more'),
    (dict(cycles=2.0), 'cycles is 2.0; expected a whole number'),
    (dict(detach='no'), "detach is 'no'; expected True or False"),
    (dict(task_weight=float('nan')), 'task_weight'),
    (dict(task_weight=-1.0), 'task_weight is -1.0; expected a number of at least 0'),
    (dict(crop='own'), "model.teacher.crop is 'own', and the teacher is the student itself"),
    (dict(keypoints='auto'), "model.teacher.keypoints is 'auto', and the teacher is the student itself"),
    (dict(momentum=0.9), 'momentum'),
])
def test_other_options_are_refused(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        sdpose(**options)


def test_other_students_are_refused() -> None:
    heatmap = dict(changed(TEACHER), head=dict(type='HeatmapHead', in_channels=8, out_channels=17,
                                               deconv_out_channels=None, decoder=TEACHER['head']['decoder']))
    with pytest.raises(DistilPoseError, match='runs the token encoder of .* again, and HeatmapHead has none'):
        sdpose(heatmap)
    with pytest.raises(DistilPoseError, match='a chain of transformers has no next cycle'):
        sdpose(changed(TEACHER, encoder=dict(ENCODER, transformers=2, depth=1)))
    with pytest.raises(DistilPoseError, match='model.init_from_teacher takes weights from the teacher'):
        sdpose(options=dict(init_from_teacher=('backbone', )))


@pytest.mark.parametrize('options, sentence', [
    ({}, "term 'maps' needs features of the teacher"),
    (dict(student_layer='backbone.layer1', teacher_layer='backbone.layer1'), 'SelfDistillationTeacher shows no layers'),
])
def test_terms_on_maps_that_are_the_same_in_every_cycle_are_refused(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        sdpose(terms=dict(maps=dict(type='FeatureTerm', **options)))


def test_it_is_no_teacher_on_its_own() -> None:
    with pytest.raises(DistilPoseError, match='the student that a PoseDistiller trains, and this one has no'):
        SelfDistillationTeacher().outputs(batch()[0])
    assert sdpose(cycles=3, detach=True).teacher.describe() == 'the student itself, 3 cycles, without their gradients'
