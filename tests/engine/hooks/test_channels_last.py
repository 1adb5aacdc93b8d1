"""``ChannelsLastHook``: another layout, the same training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import Runner
from torch import nn

from distilpose.engine import train
from distilpose.engine.hooks.channels_last import use_channels_last
from tests.networks import distiller, teacher

from .. import tiny


def _layouts(*models: nn.Module) -> set[bool]:
    """Whether the kernels that are larger than a point are channel-last."""
    weights = [weight for model in models for weight in model.parameters()]
    return {weight.is_contiguous(memory_format=torch.channels_last) for weight in weights
            if weight.dim() == 4 and weight.shape[-1] > 1 and weight.shape[1] > 1}


def test_student_and_teacher_change_their_layout_and_no_value() -> None:
    model = distiller(teacher=teacher(fused=False))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert _layouts(model, model.teacher.model) == {False}
    use_channels_last(model)
    assert _layouts(model, model.teacher.model) == {True}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_copy_that_answers_for_a_teacher_is_laid_out_anyway() -> None:
    """Without oneDNN's operators, whose weights have a layout of the processor."""
    with torch.backends.mkldnn.flags(enabled=False):
        model = distiller()
        copied = model.teacher.copy.current()
    assert _layouts(copied) == {True}
    use_channels_last(model)
    assert model.teacher.copy.current() is copied


def test_a_teacher_that_is_no_torch_network_is_left_alone() -> None:
    model = distiller()
    model.teacher = SimpleNamespace()
    use_channels_last(model)
    assert _layouts(model) == {True}


def test_the_training_is_the_same(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    losses = []
    for hooks in ([], [dict(type='ChannelsLastHook')]):
        work_dir = tmp_path / str(len(hooks))
        runner = train(config, work_dir=work_dir, validate=False, options=dict(custom_hooks=hooks))
        losses.append(torch.tensor(list(tiny.logged_losses(work_dir).values())))
        assert _layouts(runner.model) == {bool(hooks)}
    torch.testing.assert_close(*losses, rtol=1e-3, atol=0)


def test_weights_are_channels_last_when_they_are_wrapped_and_drawn_as_without(tmp_path: Path, tiny_data: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory format of weights decides about the buckets of ``DistributedDataParallel``."""
    formats, drawn = [], []
    wrap, draw = Runner.wrap_model, Runner._init_model_weights

    def wrapping(self: Runner, config: dict | None, model: nn.Module) -> nn.Module:
        formats.append(_layouts(model))
        return wrap(self, config, model)

    def drawing(self: Runner) -> None:
        draw(self)
        drawn.append({name: value.clone() for name, value in self.model.state_dict().items()})

    monkeypatch.setattr(Runner, 'wrap_model', wrapping)
    monkeypatch.setattr(Runner, '_init_model_weights', drawing)
    config = tiny.write_config(tmp_path / 'config.py', tiny_data, epochs=1)
    for hooks in ([], [dict(type='mmpose.ChannelsLastHook')]):
        runner = train(config, work_dir=tmp_path / str(len(hooks)), validate=False, options=dict(custom_hooks=hooks))
        assert _layouts(runner.model) == {bool(hooks)}
    assert formats == [{False}, {True}]
    assert all(torch.equal(value, drawn[1][name]) for name, value in drawn[0].items())
