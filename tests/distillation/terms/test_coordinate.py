from __future__ import annotations

from typing import Any

import pytest
import torch
from mmpose.models.losses import RLELoss
from torch import Tensor

from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.distillation.terms import CoordinateTerm, coordinate_distance, draw_simulated_heatmaps, oks_distance
from distilpose.distillation.terms.coordinate_reader import expected_coordinates
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels
from tests.networks import STUDENT, batch, changed, distiller, teacher

OKS = dict(loss='oks', sigmas=[0.05, 0.1, 0.02], crop_size=(192, 256))
LOSSES: list[dict[str, Any]] = [dict(loss='l1'), dict(loss='smooth_l1'), OKS, dict(loss='rle')]


def outputs(*, seed: int = 0) -> PoseOutputs:
    generator = torch.Generator().manual_seed(seed)
    return PoseOutputs(coords=torch.rand(2, 3, 2, generator=generator),
                       error_scales=torch.randn(2, 3, 2, generator=generator))


@on_device
def test_l1_and_smooth_l1_written_out() -> None:
    student, target, weights = outputs().coords, outputs(seed=1).coords, torch.tensor([[1.0, 0.0, 0.5]] * 2)
    error = (student - target).abs()
    expected = (error * weights[..., None]).sum() / error.numel()
    torch.testing.assert_close(coordinate_distance(student, target, weights=weights), expected)
    huber = torch.where(error < 0.2, error ** 2 / 0.4, error - 0.1)
    torch.testing.assert_close(coordinate_distance(student, target, weights=weights, loss='smooth_l1', transition=0.2),
                               (huber * weights[..., None]).sum() / error.numel())


def test_oks_is_the_logarithm_of_the_similarity_near_and_linear_far_away() -> None:
    """With the area that mmpose takes of a box of 1/1.25 of the crop, in pixels as in COCO."""
    sigmas, size = torch.tensor([0.05, 0.1]), torch.tensor([192.0, 256.0])
    target = torch.tensor([[[0.5, 0.5], [0.4, 0.6]]])
    near = target + torch.tensor([[[0.01, 0.02], [0.03, -0.02]]])
    area = 0.53 * (size / 1.25).prod()
    squared = ((near - target) * size).square().sum(-1)
    oks = torch.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    found = oks_distance(near, target, weights=torch.ones(1, 2), sigmas=sigmas, proportions=0.75)
    torch.testing.assert_close(found, -oks.log().mean())
    far = (target + 0.3).requires_grad_()
    oks_distance(far, target, weights=torch.ones(1, 2), sigmas=sigmas, proportions=0.75).backward()
    norms = far.grad.norm(dim=-1)[0]
    assert norms[0] == pytest.approx(2 * norms[1].item(), rel=1e-4)  # half the sigma counts twice


@on_device
def test_rle_is_mmposes_with_the_teachers_coordinates() -> None:
    torch.manual_seed(0)
    term = CoordinateTerm(loss='rle')
    weights = torch.tensor([[1.0, 0.0, 1.0]] * 2)
    expected = term.residual(outputs().coords, outputs().error_scales, outputs(seed=1).coords, weights[..., None])
    assert isinstance(term.residual, RLELoss) and list(term.parameters())
    torch.testing.assert_close(term(outputs(), outputs(seed=1), labels(weights)), expected)


@on_device
@pytest.mark.parametrize('options', LOSSES, ids=lambda options: options['loss'])
def test_joints_without_weight_or_partner_do_not_count(options: dict) -> None:
    torch.manual_seed(0)
    term = CoordinateTerm(**options)
    weights, mask = torch.tensor([[1.0, 0.0, 1.0]] * 2), torch.tensor([[1.0, 1.0, 0.0]] * 2)
    student = outputs()
    student.coords.requires_grad_()
    term(student, outputs(seed=1), labels(weights)._replace(mask=mask)).backward()
    assert student.coords.grad.abs().sum((0, 2)).nonzero().flatten().tolist() == [0]


@on_device
@pytest.mark.parametrize('options', LOSSES[:3], ids=lambda options: options['loss'])
def test_zero_where_they_agree(options: dict) -> None:
    assert CoordinateTerm(**options)(outputs(), outputs(), labels(torch.ones(2, 3))) == 0


def gaussians(places: Tensor, count: int, axis: int, sigma: float) -> Tensor:
    return torch.exp(-0.5 * ((torch.arange(count) / count - places[..., axis:axis + 1]) / sigma) ** 2)


@on_device
def test_coordinates_of_heatmaps_are_read_on_their_grids() -> None:
    """The student's by UDP, the teacher's on the common grid, of the same joints."""
    places = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(3)) * 0.5 + 0.25
    grid, sigmas = HeatmapGrid('udp', (192, 256)), torch.full_like(places, 2.0)
    on_udp = places * torch.tensor(grid.reach((48, 64))) / torch.tensor([48.0, 64.0])
    student, teacher = (PoseOutputs(heatmaps=(draw_simulated_heatmaps(where, sigmas, size=(48, 64)),))
                        for where in (on_udp, places))
    found = expected_coordinates(student, 'heatmaps', beta=25, grid=grid)
    torch.testing.assert_close(found, places, atol=2e-3, rtol=0)
    torch.testing.assert_close(coordinates_of(student, grid=grid), places, atol=1e-4, rtol=0)
    term = CoordinateTerm(student='heatmaps')
    off = term(student, teacher, labels(torch.ones(2, 3)))
    term.student_grid = grid
    right = term(student, teacher, labels(torch.ones(2, 3)))
    term.student_grid, term.teacher_grid = COMMON_GRID, grid
    exchanged = term(teacher, student, labels(torch.ones(2, 3)))
    assert right < 1e-3 and exchanged < 1e-3 and off > 5 * right


@on_device
@pytest.mark.parametrize('student', ['simcc', 'heatmaps'])
def test_distributions_and_heatmaps_learn_from_coordinates(student: str) -> None:
    target = PoseOutputs(coords=torch.tensor([[[0.3, 0.6]]]))
    value = (torch.zeros(1, 1, 48), torch.zeros(1, 1, 64)) if student == 'simcc' else (torch.zeros(1, 1, 32, 24),)
    parameters = [tensor.requires_grad_() for tensor in value]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    term = CoordinateTerm(student=student)
    for _ in range(150):
        loss = term(PoseOutputs(**{student: tuple(parameters)}), target, labels(torch.ones(1, 1)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02


@on_device
def test_a_teacher_of_heatmaps_or_distributions_gives_its_peaks() -> None:
    places = torch.tensor([[[0.25, 0.5], [0.75, 0.25]]])
    maps = draw_simulated_heatmaps(places, torch.full_like(places, 2.0), size=(48, 64))
    maps[:, 1] = 0  # no peak: the joint has no place
    student = PoseOutputs(coords=places + 0.1)
    found = CoordinateTerm(teacher='heatmaps')(student, PoseOutputs(heatmaps=(maps,)), labels(torch.ones(1, 2)))
    assert found.item() == pytest.approx(0.05, abs=1e-4)
    torch.testing.assert_close(CoordinateTerm()(student, PoseOutputs(heatmaps=(maps,)), labels(torch.ones(1, 2))),
                               found)
    simcc = tuple(gaussians(places, count, axis, 0.03) for axis, count in enumerate((96, 128)))
    found = CoordinateTerm(teacher='simcc')(student, PoseOutputs(simcc=simcc), labels(torch.ones(1, 2)))
    assert found.item() == pytest.approx(0.1, abs=1e-4)


@pytest.mark.parametrize('options, sentence', [
    (dict(loss='l2'), "loss='l2'; expected one of"),
    (dict(student='scores'), "student='scores'; expected one of"),
    (dict(loss='rle', student='simcc'), "loss='rle' and student='simcc'; residual log-likelihood needs a student that"),
    (dict(loss='oks'), "loss='oks' needs the sigmas of the student's keypoints and the"),
    (dict(loss='oks', sigmas='coco'), 'got sigmas=coco and crop_size=None'),
    (dict(loss='oks', sigmas='lsp', crop_size=(1, 1)), "'lsp', which has no sigmas; write them as a list"),
    (dict(loss='oks', sigmas=[0.1, 0], crop_size=(1, 1)), 'expected numbers above 0'),
    (dict(beta=0), 'CoordinateTerm got beta=0; expected a number above 0'),
    (dict(transition=0), 'CoordinateTerm got transition=0; expected a number above 0')])
def test_refusals(options: dict, sentence: str) -> None:
    with pytest.raises(DistilPoseError) as error:
        CoordinateTerm(**options)
    assert sentence in str(error.value), error.value


@on_device
def test_what_is_read_of_the_teacher_is_chosen_when_the_pair_is_made() -> None:
    term, maps = CoordinateTerm(), (torch.ones(1, 3, 4, 4),)
    assert 'predicts features, from which' in (term.mismatch(outputs(), PoseOutputs(features=maps)) or '')
    both = PoseOutputs(heatmaps=maps, simcc=(torch.ones(1, 3, 4),) * 2)
    assert term.mismatch(outputs(), both) is None
    term.prepare(outputs(), both)
    assert term.teacher_fields == ('simcc',)


@on_device
def test_sigmas_of_other_keypoints() -> None:
    term = CoordinateTerm(loss='oks', sigmas='mpii', crop_size=(192, 256))
    assert 'sigmas has 16 values, and the student 3 keypoints' in (term.mismatch(outputs(), outputs()) or '')
    assert CoordinateTerm(**OKS).mismatch(outputs(), outputs()) is None


def test_a_teacher_that_only_says_where() -> None:
    """Two regression networks of other keypoints; the flow of RLE learns with the student."""
    rle = changed(STUDENT, loss=dict(type='RLELoss', use_target_weight=True))
    terms = dict(coordinates=dict(type='CoordinateTerm', loss='rle'), near=dict(type='CoordinateTerm'))
    made = teacher(changed(STUDENT, num_keypoints=5, with_scores=False, with_sigmas=False))
    model = distiller(rle, teacher=dict(type=lambda: made, keypoints={0: 4, 11: (0, 1), 16: 2}), terms=terms)
    losses = model(*batch(), mode='loss')
    assert losses['loss_near'] > 0
    (losses['loss_coordinates'] + losses['loss_near']).backward()
    assert any(weight.grad.any() for name, weight in model.named_parameters() if 'distillation.coordinates' in name)
