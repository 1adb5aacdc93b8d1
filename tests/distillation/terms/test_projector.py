from __future__ import annotations

import pytest
import torch
from torch import nn

from distilpose.distillation.terms.projector import have_one_shape, make_projector, to_one_size
from tests.devices import in_dtype, on_device


@on_device
@pytest.mark.parametrize(('shape', 'other', 'kind'), [
    ((2, 4, 5, 3), (2, 9, 7, 7), nn.Conv2d), ((2, 6, 4), (2, 6, 9), nn.Linear), ((2, 4), (2, 9), nn.Linear),
    ((2, 4, 5, 3), (2, 4, 1, 1), nn.Identity), ((2, 6, 4), (2, 3, 4), nn.Identity)])
def test_a_projector_maps_channels_of_maps_tokens_and_vectors(shape: tuple, other: tuple, kind: type) -> None:
    projector = make_projector(torch.zeros(shape), torch.zeros(other))
    assert type(projector) is kind
    axis = 1 if len(shape) == 4 else -1
    expected = list(shape)
    expected[axis] = other[axis]
    assert list(projector(torch.zeros(shape)).shape) == expected


@in_dtype
@pytest.mark.parametrize(('larger', 'smaller'), [((8, 6), (4, 3)), ((8, 6), (5, 4)), ((8, 6), (1, 1))])
def test_the_larger_map_is_averaged_whichever_it_is(larger: tuple, smaller: tuple) -> None:
    maps, other = torch.randn(2, 3, *larger), torch.randn(2, 5, *smaller)
    expected = nn.functional.adaptive_avg_pool2d(maps, smaller)
    found, same = to_one_size(maps, other)
    torch.testing.assert_close(found, expected)
    assert same is other
    same, found = to_one_size(other, maps)
    torch.testing.assert_close(found, expected)
    assert same is other


@in_dtype
def test_averages_keep_the_mean_and_constants_in_both_ways() -> None:
    maps = torch.randn(2, 3, 8, 6)
    torch.testing.assert_close(to_one_size(maps, maps[..., :4, :3])[0].mean((2, 3)), maps.mean((2, 3)))
    for resize in ('larger', 'student'):
        constant = to_one_size(torch.full((1, 2, 5, 4), 3.0), torch.zeros(1, 2, 8, 6), resize=resize)[0]
        torch.testing.assert_close(constant, torch.full_like(constant, 3))


@in_dtype
def test_the_students_map_can_be_interpolated_to_the_teachers_size() -> None:
    maps, teacher = torch.randn(2, 3, 4, 3), torch.randn(2, 5, 8, 6)
    found, same = to_one_size(maps, teacher, resize='student')
    assert same is teacher and found.shape == (2, 3, 8, 6)
    assert to_one_size(teacher, maps, resize='student')[0].shape == (2, 5, 4, 3)


def test_gradients_of_both_ways() -> None:
    small, large = (torch.randn(1, 2, *size, dtype=torch.float64, requires_grad=True) for size in ((3, 2), (6, 4)))
    for student, teacher in ((small, large), (large, small)):
        for resize in ('larger', 'student'):
            assert torch.autograd.gradcheck(
                lambda maps, resize=resize, teacher=teacher: to_one_size(maps, teacher.detach(), resize=resize)[0],
                student)


@pytest.mark.parametrize(('one', 'other', 'expected'), [
    ((8, 6), (8, 6), True), ((64, 48), (8, 6), True), ((8, 6), (3, 2), True), ((8, 6), (2, 2), True),
    ((8, 6), (3, 3), False), ((8, 6), (1, 1), True), ((8, 6), (7, 7), False), ((8, 6), (6, 8), False),
    ((16, 12), (7, 7), False), ((8, 6), (8, 7), False), ((8, 6), (12, 12), False)])
def test_sizes_of_one_shape_differ_by_rounding_only(one: tuple, other: tuple, expected: bool) -> None:
    assert have_one_shape(one, other) is have_one_shape(other, one) is expected
