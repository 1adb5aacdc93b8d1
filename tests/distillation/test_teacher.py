from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import CheckpointMismatch
from distilpose.distillation.teacher import FrozenTeacher, load_teacher
from distilpose.errors import DistilPoseError
from distilpose.model_config import build_estimator
from tests.networks import TEACHER, batch, changed, teacher


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    torch.save(dict(state_dict=build_estimator(TEACHER).state_dict()), tmp_path / 'teacher.pth')
    return tmp_path / 'teacher.pth'


def test_answers_like_its_model_without_gradients() -> None:
    frozen, (images, _) = teacher(), batch()
    outputs = frozen.outputs(images.requires_grad_())
    expected = frozen.model.head(frozen.model.extract_feat(images)).heatmaps[-1]
    torch.testing.assert_close(outputs.heatmaps[-1], expected)
    assert not outputs.heatmaps[-1].requires_grad and outputs.features is not None


def test_outputs_can_be_the_target_of_a_loss() -> None:
    frozen, (images, _) = teacher(), batch()
    student = torch.zeros(4, 17, 16, 12, requires_grad=True)
    torch.nn.functional.mse_loss(student, frozen.outputs(images).heatmaps[-1]).backward()
    assert student.grad.abs().sum() > 0


def test_is_frozen_and_in_eval_mode() -> None:
    frozen = teacher()
    assert not frozen.model.training and not any(p.requires_grad for p in frozen.model.parameters())
    before = frozen.digest()
    frozen.outputs(batch()[0])
    assert frozen.digest() == before == frozen.loaded_digest


def test_digest_sees_a_single_changed_bit() -> None:
    frozen = teacher()
    with torch.no_grad():
        next(frozen.model.parameters()).view(-1)[0] += 1e-7
    assert frozen.digest() != frozen.loaded_digest


def test_ignores_the_autocast_of_the_student_and_has_its_own() -> None:
    frozen, (images, _) = teacher(), batch()
    plain = frozen.outputs(images)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(frozen.outputs(images).visual_tokens, plain.visual_tokens)
    half = FrozenTeacher(frozen.model, dtype='bfloat16').outputs(images).visual_tokens
    assert half.dtype == torch.float32 and not torch.equal(half, plain.visual_tokens)
    assert (half - plain.visual_tokens).abs().max() < 0.1 * plain.visual_tokens.abs().max()


def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="'int8'"):
        teacher(dtype='int8')


def test_a_copy_asks_the_same_teacher() -> None:
    frozen = teacher()
    assert copy.deepcopy([frozen])[0] is frozen


def test_loads_its_checkpoint(checkpoint: Path) -> None:
    frozen = load_teacher(TEACHER, checkpoint)
    stored = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(value, stored[name]) for name, value in frozen.model.state_dict().items())


def test_no_checkpoint_is_an_error() -> None:
    with pytest.raises(DistilPoseError, match='has no checkpoint; set model.teacher.checkpoint'):
        load_teacher(TEACHER, None)


def test_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises((FileNotFoundError, DistilPoseError), match='nowhere.pth'):
        load_teacher(TEACHER, tmp_path / 'nowhere.pth')


def test_partial_checkpoint_names_the_missing_keys(checkpoint: Path) -> None:
    stored = torch.load(checkpoint, weights_only=True)
    del stored['state_dict']['head.readout.1.weight']
    torch.save(stored, checkpoint)
    with pytest.raises(CheckpointMismatch, match=r'head\.readout\.1\.weight'):
        load_teacher(TEACHER, checkpoint)


def test_checkpoint_of_another_network_names_the_shapes(checkpoint: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r'head\.readout'):
        load_teacher(changed(TEACHER, hidden_dim=12), checkpoint)


def test_weights_only(tmp_path: Path) -> None:
    torch.save(dict(state_dict=build_estimator(TEACHER).state_dict(), hook=print), tmp_path / 'hostile.pth')
    with pytest.raises(ValueError, match='hostile.pth'):
        load_teacher(TEACHER, tmp_path / 'hostile.pth')
