from __future__ import annotations

import pytest
import torch
from torch import Tensor

from distilpose.distillation.terms import SimulatedHeatmapTerm, draw_simulated_heatmaps, simulated_heatmap_loss
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device
from tests.distillation.labels import labels

SIZE = (12, 16)


def case(batch: int = 3, *, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, 5, 2)
    return dict(coords=torch.rand(shape, generator=generator, dtype=dtype),
                sigmas=torch.rand(shape, generator=generator, dtype=dtype) * 2 + 0.5,
                heatmaps=torch.rand(batch, 5, SIZE[1], SIZE[0], generator=generator, dtype=dtype),
                weights=(torch.rand(batch, 5, generator=generator) > 0.4).to(dtype))


def drawn_loss(coords: Tensor, sigmas: Tensor, heatmaps: Tensor, *, weights: Tensor) -> Tensor:
    difference = (draw_simulated_heatmaps(coords, sigmas, size=SIZE) - heatmaps) * weights[..., None, None]
    return difference.square().mean()


@on_device
def test_equals_the_loss_on_the_drawn_map() -> None:
    given = case()
    torch.testing.assert_close(simulated_heatmap_loss(**given), drawn_loss(**given))


@on_device
def test_gradients_equal_those_through_the_drawn_map() -> None:
    given = case()
    inputs = [given['coords'].requires_grad_(), given['sigmas'].requires_grad_()]
    closed = torch.autograd.grad(simulated_heatmap_loss(**given), inputs)
    drawn = torch.autograd.grad(drawn_loss(**given), inputs)
    torch.testing.assert_close(closed, drawn)


@on_device
def test_gradcheck() -> None:
    given = case(batch=2)
    coords, sigmas = given.pop('coords').requires_grad_(), given.pop('sigmas').requires_grad_()
    assert torch.autograd.gradcheck(lambda c, s: simulated_heatmap_loss(c, s, **given), (coords, sigmas))


@on_device
def test_float32_is_exact_enough() -> None:
    single = {name: value.float() for name, value in case().items()}
    assert simulated_heatmap_loss(**single).item() == pytest.approx(simulated_heatmap_loss(**case()).item(), rel=1e-5)


@on_device
def test_zero_when_the_teacher_shows_the_same_gaussian() -> None:
    given = case()
    given['heatmaps'] = draw_simulated_heatmaps(given['coords'], given['sigmas'], size=SIZE)
    assert simulated_heatmap_loss(**given).abs() < 1e-14


@on_device
def test_unlabelled_joints_count_only_in_the_official_masking() -> None:
    given = case()
    given['weights'][0] = 0
    other = dict(given, heatmaps=given['heatmaps'].clone())
    other['heatmaps'][0] += 1
    assert simulated_heatmap_loss(**given) == simulated_heatmap_loss(**other)
    assert simulated_heatmap_loss(**given, masking='official') < simulated_heatmap_loss(**other, masking='official')


@on_device
def test_official_masking_is_the_published_broadcast() -> None:
    given = case()
    difference = (draw_simulated_heatmaps(given['coords'], given['sigmas'], size=SIZE) - given['heatmaps']).flatten(2)
    weight = given['weights'][:, :, None, None]  # (N, K, 1, 1) against (N, HW): (N, N, HW)
    broadcast = torch.stack([(difference[:, k] * weight[:, k]).square().mean() for k in range(5)]).mean()
    torch.testing.assert_close(simulated_heatmap_loss(**given, masking='official'), broadcast)


@on_device
def test_maskings_agree_when_everything_is_labelled() -> None:
    given = case()
    given['weights'].fill_(1)
    torch.testing.assert_close(simulated_heatmap_loss(**given), simulated_heatmap_loss(**given, masking='official'))


@on_device
def test_drawn_map_has_its_peak_of_one_at_the_joint() -> None:
    heatmap = draw_simulated_heatmaps(torch.tensor([[[5 / 12, 9 / 16]]]), torch.tensor([[[1.0, 2.0]]]), size=SIZE)[0, 0]
    assert heatmap.max() == heatmap[9, 5] == 1
    torch.testing.assert_close(heatmap[9, 6], torch.tensor(0.5).neg().exp())
    torch.testing.assert_close(heatmap[10, 5], torch.tensor(0.125).neg().exp())


@on_device
def test_cost_is_linear_in_the_batch() -> None:
    """No tensor in the graph grows faster than the batch: the number of saved elements is proportional to it."""
    def saved_elements(size: int) -> int:
        total = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor
        given = case(batch=size)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            simulated_heatmap_loss(given.pop('coords').requires_grad_(), given.pop('sigmas').requires_grad_(), **given)
        return total
    assert saved_elements(32) < 4.1 * saved_elements(8)


@on_device
def test_fixed_sigma_equals_predicted_sigma_of_that_value() -> None:
    given = case()
    weights = given['weights']
    teacher = PoseOutputs(heatmaps=(given['heatmaps'],))
    fixed = SimulatedHeatmapTerm(sigma=1.5)(PoseOutputs(coords=given['coords']), teacher, labels(weights))
    same = PoseOutputs(coords=given['coords'], sigmas=torch.full_like(given['coords'], 1.5))
    torch.testing.assert_close(fixed, SimulatedHeatmapTerm()(same, teacher, labels(weights)))
    assert SimulatedHeatmapTerm(sigma=1.5).student_fields == ('coords',)


@on_device
def test_learned_sigmas_start_at_two_and_find_the_teachers() -> None:
    coords = torch.full((2, 3, 2), 0.5)
    heatmaps = draw_simulated_heatmaps(coords, torch.tensor([1.0, 1.5, 3.0]).view(1, 3, 1).expand(2, 3, 2),
                                       size=(24, 32))
    student, teacher = PoseOutputs(coords=coords), PoseOutputs(heatmaps=(heatmaps,))
    term = SimulatedHeatmapTerm(sigma='learned')
    term.prepare(student, teacher)
    torch.testing.assert_close(term.log_sigmas.exp(), torch.full((3, 1), 2.0))
    optimizer = torch.optim.Adam(term.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        term(student, teacher, labels(torch.ones(2, 3))).backward()
        optimizer.step()
    torch.testing.assert_close(term.log_sigmas.exp(), torch.tensor([[1.0], [1.5], [3.0]]), rtol=0.02, atol=0)


@pytest.mark.parametrize('wrong', [dict(masking='none'), dict(sigma=0), dict(sigma='guessed')])
def test_wrong_options_are_refused(wrong: dict) -> None:
    with pytest.raises(DistilPoseError, match=next(iter(wrong))):
        SimulatedHeatmapTerm(**wrong)


@on_device
def test_sigmas_are_in_pixels_of_the_map_they_are_compared_with() -> None:
    """On a map of twice the pixels the same loss has sigmas twice as large: the unit changes, nothing is scaled."""
    places = torch.tensor([[[0.3, 0.4], [0.52, 0.61]]])
    sizes = [(48, 64), (96, 128)]
    losses = []
    for size in sizes:
        pixels = size[0] / 48
        maps = draw_simulated_heatmaps(places + 0.03, torch.full_like(places, 2.0 * pixels), size=size)
        student = PoseOutputs(coords=places, sigmas=torch.full_like(places, 2.5 * pixels))
        losses.append(SimulatedHeatmapTerm()(student, PoseOutputs(heatmaps=(maps,)), labels(torch.ones(1, 2))))
    torch.testing.assert_close(*losses, rtol=1e-3, atol=0)
