from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from distilpose.distillation.terms.relational import angle_loss, distance_loss
from tests.devices import on_device


def points(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def turned(coords: Tensor, angle: float = 0.7) -> Tensor:
    """Turned by an angle, scaled and moved."""
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return 3 * coords @ turn + torch.tensor([0.2, -5.0])


def direct(student: Tensor, teacher: Tensor) -> tuple[float, float]:
    """Both losses of one group, by their equations, in loops."""
    def distances(x: Tensor) -> list[list[float]]:
        found = [[float((a - b).norm()) for b in x] for a in x]
        mean = sum(map(sum, found)) / (len(x) * (len(x) - 1))
        return [[value / mean for value in row] for row in found]

    def cosine(x: Tensor, i: int, j: int, k: int) -> float:
        a, b = x[i] - x[j], x[k] - x[j]
        return float(a @ b / (a.norm() * b.norm())) if j not in (i, k) else 0.0

    def huber(a: float, b: float) -> float:
        return 0.5 * (a - b) ** 2 if abs(a - b) <= 1 else abs(a - b) - 0.5

    count, one, other = len(student), distances(student), distances(teacher)
    every = range(count)
    return (sum(huber(one[i][j], other[i][j]) for i in every for j in every) / count ** 2,
            sum(huber(cosine(student, i, j, k), cosine(teacher, i, j, k))
                for i in every for j in every for k in every) / count ** 3)


@on_device
def test_equations_written_out() -> None:
    student, teacher = points(1, 5, 3), points(1, 5, 2, seed=1)
    expected = direct(student[0], teacher[0])
    assert distance_loss(student, teacher).item() == pytest.approx(expected[0], rel=1e-4)
    assert angle_loss(student, teacher).item() == pytest.approx(expected[1], rel=1e-4)


@on_device
def test_a_right_angle() -> None:
    """Three points: the angle at the first is 90 degrees for one network and 60 for the other."""
    right = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    even = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.5, 0.75 ** 0.5]]])
    mean = (2 + 2 ** 0.5) / 3
    assert distance_loss(right, even).item() == pytest.approx(
        (4 * 0.5 * (1 / mean - 1) ** 2 + 2 * 0.5 * (2 ** 0.5 / mean - 1) ** 2) / 9, rel=1e-4)
    assert angle_loss(right, even).item() == pytest.approx(
        2 * (0.5 * 0.5 ** 2 + 2 * 0.5 * (0.5 ** 0.5 - 0.5) ** 2) / 27, rel=1e-4)


@on_device
@pytest.mark.parametrize('loss', [distance_loss, angle_loss])
def test_identity_invariances_and_a_single_point(loss) -> None:
    coords = points(2, 6, 2)
    assert loss(coords, coords).item() == 0
    assert loss(turned(coords), coords).item() < 1e-9
    assert loss(coords * torch.tensor([1.0, -1.0]), coords).item() < 1e-9
    stretched = coords * torch.tensor([1.0, 3.0])
    assert loss(stretched, coords).item() > 1e-3
    single = points(2, 1, 4).requires_grad_()
    alone = loss(single, points(2, 1, 3))
    alone.backward()
    assert alone.item() == 0 and not single.grad.any()


@on_device
@pytest.mark.parametrize('loss', [distance_loss, angle_loss])
@pytest.mark.parametrize('place', ['student', 'teacher', 'all'])
def test_points_that_coincide_have_finite_gradients(loss, place: str) -> None:
    student, teacher = points(1, 4, 2), points(1, 4, 2, seed=1)
    if place == 'all':
        student = torch.zeros(1, 4, 2)
    else:
        (student if place == 'student' else teacher)[0, 1] = (student if place == 'student' else teacher)[0, 0]
    student.requires_grad_()
    loss(student, teacher).backward()
    assert torch.isfinite(student.grad).all() and student.grad.abs().max() < 1e3


@on_device
@pytest.mark.parametrize('loss', [distance_loss, angle_loss])
def test_points_of_weight_zero_take_no_part(loss) -> None:
    student, teacher, weights = points(2, 5, 2), points(2, 5, 2, seed=1), torch.ones(2, 5)
    weights[:, 4] = 0
    moved = student.clone()
    moved[:, 4] = 40.0
    moved.requires_grad_()
    found = loss(moved, teacher, weights=weights)
    found.backward()
    assert not moved.grad[:, 4].any() and moved.grad[:, :4].any()
    power = 2 if loss is distance_loss else 3
    torch.testing.assert_close(found, loss(student[:, :4], teacher[:, :4]) * (4 / 5) ** power)
    torch.testing.assert_close(loss(student, teacher, weights=torch.full((2, 5), 0.5)),
                               loss(student, teacher) * 0.5 ** power)
    assert loss(student, teacher, weights=torch.zeros(2, 5)).item() == 0


@pytest.mark.parametrize('loss', [distance_loss, angle_loss])
def test_gradients(loss) -> None:
    student, teacher, weights = points(2, 4, 3).double().requires_grad_(), points(2, 4, 2).double(), points(2, 4)
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher, weights=weights.double()), student)


@on_device
def test_is_the_published_code_for_embeddings() -> None:
    """The matrices of the published implementation, without its tolerances."""
    student, teacher = points(6, 8), points(6, 5, seed=1)

    def angles(x: Tensor) -> Tensor:
        units = F.normalize(x[None] - x[:, None], dim=2)
        return units @ units.mT

    torch.testing.assert_close(angle_loss(student[None], teacher[None]),
                               F.smooth_l1_loss(angles(student), angles(teacher)))
