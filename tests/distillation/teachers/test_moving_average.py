from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from distilpose.checkpoints import CheckpointMismatch
from distilpose.config.models import build_estimator
from distilpose.distillation.teachers import MovingAverageTeacher, build_teacher
from distilpose.distillation.teachers.moving_average import momentum_at
from distilpose.errors import DistilPoseError
from tests.networks import STUDENT, batch


@pytest.fixture
def hub() -> Iterator[MessageHub]:
    """The message hub of a training of 100 iterations, at its beginning."""
    hub = MessageHub.get_current_instance()
    before = {name: hub.runtime_info.pop(name, None) for name in ('iter', 'max_iters')}
    hub.runtime_info.update(iter=0, max_iters=100)
    yield hub
    for name, value in before.items():
        hub.runtime_info.pop(name)
        if value is not None:
            hub.runtime_info[name] = value


def student(device: Any = 'cpu') -> Any:
    torch.manual_seed(0)
    return build_estimator(STUDENT).to(device)


def attached(network: Any, **options: Any) -> MovingAverageTeacher:
    teacher = MovingAverageTeacher(**options)
    teacher.attach(network)
    teacher.begin()
    return teacher


def change(network: Any, seed: int) -> None:
    """Other weights and running statistics, as a step makes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape, generator=generator).to(tensor))
            else:
                tensor.add_(1)


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def test_momentum_rises_as_in_tensorflow_and_as_in_mean_teacher() -> None:
    for updates_before in range(20):
        found = momentum_at(updates_before + 1, momentum=0.6, warmup=9)
        assert found == pytest.approx(min(0.6, (1 + updates_before) / (10 + updates_before)))
        assert momentum_at(updates_before + 1, momentum=0.6, warmup=1) == pytest.approx(
            min(0.6, 1 - 1 / (updates_before + 2)))
        assert momentum_at(updates_before + 1, momentum=0.6, warmup=0) == 0.6


def test_average_of_each_update(hub: MessageHub, device: torch.device) -> None:
    network = student(device)
    teacher = attached(network, momentum=0.8, warmup=2)
    expected = tensors(network)
    for update, momentum in enumerate((1 / 3, 1 / 2, 3 / 5, 2 / 3, 5 / 7, 3 / 4, 7 / 9, 0.8, 0.8), start=1):
        change(network, update)
        teacher.update()
        assert teacher.updates == update
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                expected[name] = momentum * expected[name] + (1 - momentum) * value
                torch.testing.assert_close(teacher.network.model.state_dict()[name], expected[name])


def test_without_a_momentum_it_is_the_student(hub: MessageHub, device: torch.device) -> None:
    network = student(device)
    teacher = attached(network, momentum=0)
    change(network, 1)
    teacher.update()
    network.eval()
    images = batch()[0].to(device)
    found = teacher.outputs(images)
    torch.testing.assert_close(found.coords, network.head(network.extract_feat(images)).coords)
    assert not found.coords.requires_grad


def test_weights_that_do_not_change_stay_to_the_bit(hub: MessageHub, device: torch.device) -> None:
    network = student(device)
    teacher = attached(network, momentum=0.9)
    before = tensors(network.backbone)
    for update in range(30):
        change(network.head, update)
        teacher.update()
    assert all(torch.equal(value, before[name]) for name, value in teacher.network.model.backbone.state_dict().items())


@pytest.mark.parametrize('buffers', ['average', 'copy'])
def test_running_statistics_are_averaged_or_copied_and_counts_are_copied(hub: MessageHub, buffers: str) -> None:
    network = student()
    teacher = attached(network, momentum=0.5, warmup=0, buffers=buffers)
    before = {name: value.clone() for name, value in network.named_buffers()}
    change(network, 1)
    teacher.update()
    for name, average in teacher.network.model.named_buffers():
        value = network.get_buffer(name)
        is_averaged = buffers == 'average' and value.is_floating_point()
        torch.testing.assert_close(average, (before[name] + value) / 2 if is_averaged else value)


@pytest.mark.parametrize('start', [0.3, 30])
def test_copies_until_it_starts(hub: MessageHub, start: float) -> None:
    network = student()
    teacher = attached(network, start=start)
    for iteration in (0, 29):
        hub.update_info('iter', iteration)
        change(network, iteration)
        teacher.update()
        assert teacher.factor() == 0 and teacher.updates == 0
        assert all(map(torch.equal, teacher.network.model.parameters(), network.parameters()))
    hub.update_info('iter', 30)
    change(network, 30)
    teacher.update()
    assert teacher.factor() == 1 and teacher.updates == 1
    assert not any(map(torch.equal, teacher.network.model.parameters(), network.parameters()))


def test_once_started_it_goes_on_in_a_longer_training(hub: MessageHub) -> None:
    hub.update_info('iter', 30)
    network = student()
    teacher = attached(network, start=0.3)
    for seed in range(2):
        change(network, seed)
        teacher.update()
    hub.update_info('max_iters', 1000)
    assert teacher.factor() == 1
    change(network, 2)
    teacher.update()
    assert teacher.updates == 3
    assert not any(map(torch.equal, teacher.network.model.parameters(), network.parameters()))


def test_begins_with_the_memory_format_of_the_student(hub: MessageHub) -> None:
    network = student()
    teacher = MovingAverageTeacher()
    teacher.attach(network)
    network.to(memory_format=torch.channels_last)
    change(network, 1)
    teacher.begin()
    for average, value in zip(teacher.network.model.parameters(), network.parameters(), strict=True):
        assert torch.equal(average, value) and average.stride() == value.stride() and not average.requires_grad


def test_follows_the_student_to_its_device(hub: MessageHub, device: torch.device) -> None:
    network = student()
    teacher = MovingAverageTeacher()
    teacher.attach(network)
    network.to(device)
    teacher.begin()
    change(network, 1)
    teacher.update()
    tensors_of = [*teacher.network.model.parameters(), *teacher.network.model.buffers()]
    assert {tensor.device.type for tensor in tensors_of} == {device.type}
    assert all(value.device.type == 'cpu' for value in teacher.state_dict()['state_dict'].values())


def test_continues_to_the_bit_from_its_state(hub: MessageHub) -> None:
    network = student()
    teacher = attached(network, momentum=0.7)
    for seed in range(3):
        change(network, seed)
        teacher.update()
    other = attached(network, momentum=0.7)
    other.load_state_dict(copy.deepcopy(teacher.state_dict()), source='a file')
    change(network, 3)
    for one in (teacher, other):
        one.update()
    assert other.digest() == teacher.digest() and other.updates == teacher.updates == 4


def test_state_of_another_network_is_refused(hub: MessageHub) -> None:
    teacher = attached(student())
    state = teacher.state_dict()
    state['state_dict'].popitem()
    with pytest.raises(CheckpointMismatch, match='a file does not fit'):
        teacher.load_state_dict(state, source='a file')


def test_input_is_the_students_and_a_copy_is_shared() -> None:
    network = student()
    teacher = attached(network)
    assert teacher.input.size == (48, 64) and teacher.name == 'DistilPoseHead'
    assert copy.deepcopy(teacher) is teacher
    assert 'momentum 0.999' in teacher.describe() and 'from' not in teacher.describe()
    assert 'from 0.25 of the training on' in MovingAverageTeacher(start=0.25).describe()
    assert 'from iteration 40 on' in MovingAverageTeacher(start=40).describe()


def test_without_a_student_it_does_not_predict() -> None:
    with pytest.raises(DistilPoseError, match='average of the student'):
        build_teacher(dict(type='MovingAverageTeacher')).outputs(torch.zeros(1, 3, 64, 48))


@pytest.mark.parametrize(('options', 'message'), [
    (dict(momentum=1.0), 'momentum is 1.0; expected a number of at least 0 and below 1'),
    (dict(momentum=float('nan')), 'momentum is nan; expected a finite number'),
    (dict(warmup=-1), 'warmup is -1; expected 0'),
    (dict(start=1.0), 'start is 1.0; expected a fraction'),
    (dict(start=-5), 'start is -5; expected a fraction'),
    (dict(start=True), 'start is True; expected a finite number'),
    (dict(buffers='drop'), "buffers is 'drop'; expected one of average, copy"),
    (dict(decay=0.9), "has a key 'decay'"),
])
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DistilPoseError, match=message):
        build_teacher(dict(type='MovingAverageTeacher', **options))
