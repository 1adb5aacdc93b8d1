"""Recording: outputs of modules for the length of a pass, in this thread only."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from distilpose.models.recording import Tap, add_taps, copy_recorded, record, recorded_pass, recording, remove_taps
from tests.devices import on_device


class Network(nn.Module):
    """A backbone, whose ReLU overwrites its input, and a head."""

    with_neck = False

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 4))
        self.head = nn.Linear(4, 2)

    def extract_feat(self, images: Tensor) -> Tensor:
        return self.backbone(images)


@on_device
def test_modules_are_recorded_within_and_not_outside() -> None:
    network, images = Network(), torch.randn(5, 3)
    add_taps(network, ['backbone.0', 'backbone'])
    with recording(['backbone.0', 'backbone', 'head']) as found:
        features, prediction = recorded_pass(network, images)
    recorded_pass(network, images)
    assert {name: len(outputs) for name, outputs in found.outputs.items()} == {
        'backbone.0': 1, 'backbone': 1, 'head': 1}
    assert found.outputs['backbone'][0] is features and found.outputs['head'][0] is prediction
    assert found.outputs['backbone.0'][0].grad_fn is not None


@on_device
def test_what_is_overwritten_is_copied_before() -> None:
    network, images = Network(), torch.randn(5, 3)
    add_taps(network, ['backbone.0'])
    expected = network.backbone[0](images)
    with recording(['backbone.0'], ['backbone.0']) as copied:
        recorded_pass(network, images)
    with recording(['backbone.0']) as found:
        recorded_pass(network, images)
    assert torch.equal(copied.outputs['backbone.0'][0], expected)
    assert torch.equal(found.outputs['backbone.0'][0], expected.relu())


def test_the_inner_of_two_recordings_is_the_one() -> None:
    with recording(['x']) as outer:
        record('x', 1)
        with recording(['x', 'y']) as inner:
            record('x', 2)
            record('y', 3)
        record('y', 4)
        record('x', 5)
    assert outer.outputs == {'x': (1, 5)} and inner.outputs == {'x': (2,), 'y': (3,)}


def test_an_error_ends_the_recording() -> None:
    try:
        with recording(['x']) as found:
            raise KeyError
    except KeyError:
        record('x', 1)
    assert found.outputs == {}


@on_device
def test_recorded_outputs_can_be_copied_before_their_memory_is_used_again() -> None:
    value = torch.zeros(2)
    with recording(['x']) as found:
        record('x', (value, 3))
        copy_recorded()
    value += 1
    assert found.outputs['x'][0][0].tolist() == [0, 0] and found.outputs['x'][0][1] == 3
    copy_recorded()


def test_taps_are_registered_once_live_in_copies_and_can_be_removed() -> None:
    network = Network()
    for _ in range(2):
        add_taps(network, ['backbone.0'])
    for one in (network, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        hooks = one.backbone[0]._forward_hooks.values()
        assert [hook.name for hook in hooks if isinstance(hook, Tap)] == ['backbone.0']
    twin = copy.deepcopy(network)
    remove_taps(twin)
    assert not twin.backbone[0]._forward_hooks and network.backbone[0]._forward_hooks


def test_an_own_way_to_feature_maps_is_kept() -> None:
    network: Any = SimpleNamespace(extract_feat=lambda images: images + 1, head=lambda maps: 2 * maps)
    assert recorded_pass(network, torch.ones(1)) == (2, 4)


def test_a_compiled_pass_is_one_graph_and_records_each_time() -> None:
    """With a backend that only traces, so that no compiler is needed."""
    network = Network()
    add_taps(network, ['backbone.0', 'backbone'])
    compiled = torch._dynamo.optimize('eager', nopython=True)(recorded_pass)
    for _ in range(2):
        images = torch.randn(5, 3)
        with recording(['backbone.0', 'backbone'], ['backbone.0']) as found:
            compiled(network, images)
        with recording(['backbone.0', 'backbone'], ['backbone.0']) as expected:
            recorded_pass(network, images)
        torch.testing.assert_close(found.outputs, expected.outputs)
    assert compiled(network, images) is not None and len(found.outputs['backbone.0']) == 1
