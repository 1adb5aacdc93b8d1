"""``ChannelsLastHook``: another layout, the same training."""

from __future__ import annotations

from pathlib import Path

import torch

from distilpose.distillation import PoseDistiller
from distilpose.engine import train
from distilpose.engine.hooks.channels_last import use_channels_last
from tests.networks import distiller

from .. import tiny


def _layouts(model: PoseDistiller) -> set[bool]:
    """Whether the kernels of student and teacher that are larger than a point are channel-last."""
    weights = [*model.parameters(), *model.teacher.model.parameters()]
    return {weight.is_contiguous(memory_format=torch.channels_last) for weight in weights
            if weight.dim() == 4 and weight.shape[-1] > 1 and weight.shape[1] > 1}


def test_student_and_teacher_change_their_layout_and_no_value() -> None:
    model = distiller()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert _layouts(model) == {False}
    use_channels_last(model)
    assert _layouts(model) == {True}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_training_is_the_same(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    losses = []
    for hooks in ([], [dict(type='ChannelsLastHook')]):
        work_dir = tmp_path / str(len(hooks))
        runner = train(config, work_dir=work_dir, validate=False, options=dict(custom_hooks=hooks))
        losses.append(torch.tensor(list(tiny.logged_losses(work_dir).values())))
        assert _layouts(runner.model) == {bool(hooks)}
    torch.testing.assert_close(*losses, rtol=1e-3, atol=0)
