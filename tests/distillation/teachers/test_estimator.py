from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import CheckpointMismatch
from distilpose.config.models import build_estimator
from distilpose.distillation.heatmap_grid import COMMON_GRID, HeatmapGrid, move
from distilpose.distillation.teachers import FrozenTeacher, load_teacher
from distilpose.distillation.teachers.heatmaps import draw_simcc_heatmaps
from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings
from tests import rtmpose
from tests.devices import on_device
from tests.networks import INPUT_SIZE, TEACHER, batch, changed, teacher


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    torch.save(dict(state_dict=build_estimator(TEACHER).state_dict()), tmp_path / 'teacher.pth')
    return tmp_path / 'teacher.pth'


@on_device
def test_answers_like_its_model_without_gradients() -> None:
    frozen, (images, _) = teacher(), batch()
    outputs = frozen.outputs(images.requires_grad_())
    expected = frozen.model.head(frozen.model.extract_feat(images)).heatmaps[-1]
    torch.testing.assert_close(outputs.heatmaps[-1], expected)
    assert not outputs.heatmaps[-1].requires_grad and outputs.features is not None


@on_device
def test_outputs_can_be_the_target_of_a_loss() -> None:
    frozen, (images, _) = teacher(), batch()
    student = torch.zeros(4, 17, 16, 12, requires_grad=True)
    torch.nn.functional.mse_loss(student, frozen.outputs(images).heatmaps[-1]).backward()
    assert student.grad.abs().sum() > 0


@on_device
def test_is_frozen_and_in_eval_mode() -> None:
    frozen = teacher()
    assert not frozen.model.training and not any(p.requires_grad for p in frozen.model.parameters())
    before = frozen.digest()
    frozen.outputs(batch()[0])
    assert frozen.digest() == before == frozen.loaded_digest


@on_device
def test_digest_sees_a_single_changed_bit() -> None:
    frozen = teacher()
    with torch.no_grad():
        next(frozen.model.parameters()).view(-1)[0] += 1e-7
    assert frozen.digest() != frozen.loaded_digest


@on_device
def test_ignores_the_autocast_of_the_student_and_has_its_own() -> None:
    frozen, (images, _) = teacher(), batch()
    plain = frozen.outputs(images)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(frozen.outputs(images).visual_tokens, plain.visual_tokens)
    half = FrozenTeacher(frozen.model, dtype='bfloat16').outputs(images).visual_tokens
    assert half.dtype == torch.float32 and not torch.equal(half, plain.visual_tokens)
    assert (half - plain.visual_tokens).abs().max() < 0.1 * plain.visual_tokens.abs().max()


@pytest.mark.parametrize('ahead', ['backbone', 'head'])
def test_follows_as_a_whole_where_a_part_went_ahead(ahead: str) -> None:
    """As a backbone does that it shares with the student; `meta` stands for any device but the CPU."""
    frozen = teacher()
    getattr(frozen.model, ahead).to('meta')
    frozen._follow(torch.device('meta'))
    assert all(parameter.is_meta for parameter in frozen.model.parameters())


@pytest.mark.parametrize('processes', [1, 2])
def test_in_train_mode_sync_bn_becomes_bn_in_several_processes_on_the_cpu(
        processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('distilpose.distillation.teachers.estimator.get_world_size', lambda: processes)
    config = rtmpose.network()
    config['backbone']['norm_cfg'] = dict(type='SyncBN')
    frozen, plain = teacher(config, mode='train'), teacher(rtmpose.network(), mode='train')
    plain.model.load_state_dict(frozen.model.state_dict())
    images, _ = rtmpose.batch()
    frozen.outputs(images)
    assert has_sync_bn(frozen), 'in evaluation mode it is left as it is'
    for one in (frozen, plain):
        one.train(True)
    torch.testing.assert_close(frozen.outputs(images).simcc, plain.outputs(images).simcc)
    assert has_sync_bn(frozen) == (processes == 1)
    assert frozen.digest() == frozen.loaded_digest
    assert not any(weight.requires_grad for weight in frozen.model.parameters())


def has_sync_bn(frozen: FrozenTeacher) -> bool:
    return any(isinstance(module, torch.nn.SyncBatchNorm) for module in frozen.model.modules())


@on_device
def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="'int8'"):
        teacher(dtype='int8')


@on_device
@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
def test_the_quick_copy_answers_as_the_network_and_leaves_it_alone(dtype: str | None) -> None:
    fused = teacher(dtype=dtype)
    slow, (images, _) = FrozenTeacher(fused.model, dtype=dtype, fused=False), batch()
    for name, found in fused.outputs(images)._asdict().items():
        expected = getattr(slow.outputs(images), name)
        for one, other in zip(found or (), expected or (), strict=True) if isinstance(found, tuple) else []:
            torch.testing.assert_close(one, other, rtol=0, atol=(1e-5 if dtype is None else 0.1) * other.std().item())
    assert fused.copy is not None and slow.copy is None
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in fused.model.modules())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fused.copy.current().modules())
    assert fused.digest() == fused.loaded_digest


@on_device
@pytest.mark.parametrize('change', ['loaded', 'statistics', 'another module', 'none'])
def test_the_quick_copy_is_of_the_weights_as_they_are(change: str) -> None:
    frozen, other, (images, _) = teacher(), teacher(seed=3), batch()
    before, first = frozen.outputs(images).visual_tokens, frozen.copy.current()
    if change == 'loaded':
        frozen.model.load_state_dict(other.model.state_dict())
    elif change == 'statistics':
        frozen.model.backbone.bn1.running_mean.fill_(0.5)
    elif change == 'another module':
        frozen.model.backbone = other.model.backbone
    after = frozen.outputs(images).visual_tokens
    assert torch.equal(before, after) == (change == 'none') == (frozen.copy.current() is first)
    torch.testing.assert_close(after, FrozenTeacher(frozen.model, fused=False).outputs(images).visual_tokens)


@on_device
def test_whoever_has_the_features_needs_no_quick_copy() -> None:
    frozen, (images, _) = teacher(), batch()
    expected = frozen.outputs(images)
    torch.testing.assert_close(frozen.outputs_from(frozen.model.extract_feat(images)).visual_tokens,
                               expected.visual_tokens)
    assert frozen.copy._made is None


@on_device
def test_heatmaps_stay_on_their_own_grid_on_request() -> None:
    codec = dict(type='UDPHeatmap', input_size=INPUT_SIZE, heatmap_size=(12, 16), sigma=1)
    frozen, (images, _) = teacher(changed(TEACHER, decoder=codec), fused=False), batch()
    with torch.no_grad():
        features = frozen.model.extract_feat(images)
        drawn = frozen.model.head(features).heatmaps[-1]
    assert frozen.heatmap_grid == HeatmapGrid('udp', INPUT_SIZE)
    assert torch.equal(frozen.outputs(images, own_grid=True).heatmaps[-1], drawn)
    assert torch.equal(frozen.outputs_from(features, own_grid=True).heatmaps[-1], drawn)
    assert torch.equal(frozen.outputs(images).heatmaps[-1], move(drawn, frozen.heatmap_grid))
    assert teacher().heatmap_grid == COMMON_GRID


def test_a_classifier_draws_on_the_grid_of_udp_on_request() -> None:
    frozen, images = teacher(rtmpose.network(), heatmaps=dict(size=(16, 24), sigma=2)), rtmpose.batch()[0]
    assert frozen.heatmap_grid == HeatmapGrid('udp', frozen.input.size)
    drawn, common = frozen.outputs(images, own_grid=True), frozen.outputs(images)
    expected = draw_simcc_heatmaps(common.simcc, size=(16, 24), sigma=2, beta=frozen.simcc_beta,
                                   grid=frozen.heatmap_grid)
    torch.testing.assert_close(drawn.heatmaps[-1], expected)
    assert not torch.equal(drawn.heatmaps[-1], common.heatmaps[-1])


def test_drawn_heatmaps_are_in_float32_whatever_the_student_trains_in() -> None:
    frozen = teacher(rtmpose.network(), heatmaps=dict(size=(16, 24), sigma=2))
    images = rtmpose.batch()[0]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        drawn = frozen.outputs(images).heatmaps[-1]
    assert torch.equal(drawn, frozen.outputs(images).heatmaps[-1])


@on_device
def test_compiled_it_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that only traces, so that no compiler is needed."""
    traced = torch._dynamo.optimize('eager')
    monkeypatch.setattr(torch, 'compile', lambda function, mode: traced(function))
    plain, (images, _) = teacher(), batch()
    compiled = FrozenTeacher(plain.model, compile='reduce-overhead')
    torch.testing.assert_close(compiled.outputs(images).heatmaps, plain.outputs(images).heatmaps)


@on_device
def test_unknown_compilation_is_refused() -> None:
    with pytest.raises(DistilPoseError, match="compile is 'fast'"):
        teacher(compile='fast')


@on_device
def test_a_copy_asks_the_same_teacher() -> None:
    frozen = teacher()
    assert copy.deepcopy([frozen])[0] is frozen


def test_loads_its_checkpoint(checkpoint: Path) -> None:
    frozen = load_teacher(TEACHER, checkpoint)
    stored = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(value, stored[name]) for name, value in frozen.model.state_dict().items())


def test_further_keys_change_the_model_of_its_config(checkpoint: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r'head\.readout'):
        load_teacher(TEACHER, checkpoint, head=dict(hidden_dim=12))
    wide = changed(TEACHER, hidden_dim=12)
    torch.save(build_estimator(wide).state_dict(), checkpoint)
    frozen = load_teacher(TEACHER, checkpoint, head=dict(hidden_dim=12), dtype='bfloat16')
    assert frozen.dtype is torch.bfloat16
    written_out = load_teacher(wide, checkpoint)
    assert frozen.model.head.readout[1].out_features == written_out.model.head.readout[1].out_features


@on_device
@pytest.mark.parametrize(('key', 'words'), [
    ('dtyp', "model.teacher has a key 'dtyp', .*did you mean 'dtype'"),
    ('hed', "no argument of TopdownPoseEstimator .*did you mean 'head'"),
    ('temperature', 'expected one of backbone, ')])
def test_an_unknown_key_is_refused_by_name(key: str, words: str, checkpoint: Path) -> None:
    with pytest.raises(DistilPoseError, match=words):
        load_teacher(TEACHER, checkpoint, **{key: dict(a=1)})


@on_device
def test_no_config_is_an_error(checkpoint: Path) -> None:
    with pytest.raises(DistilPoseError, match='set model.teacher.config'):
        load_teacher(checkpoint=checkpoint)


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


@on_device
def test_weights_only(tmp_path: Path) -> None:
    torch.save(dict(state_dict=build_estimator(TEACHER).state_dict(), hook=print), tmp_path / 'hostile.pth')
    with pytest.raises(ValueError, match='hostile.pth'):
        load_teacher(TEACHER, tmp_path / 'hostile.pth')


@on_device
def test_the_old_name_of_fused_still_works_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r'model\.teacher\.quick is now model\.teacher\.fused'):
        assert teacher(quick=False).copy is None


@on_device
@pytest.mark.parametrize(('fast', 'dtype'), [(True, torch.bfloat16), (False, None)])
def test_the_type_auto_is_read_from_the_processor(fast: bool, dtype: torch.dtype | None,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: fast)
    frozen = FrozenTeacher(teacher().model, dtype='auto')
    assert frozen.dtype == dtype
