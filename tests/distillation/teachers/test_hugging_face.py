"""A Hugging Face folder as the teacher: parity with transformers, distillation, damaged folders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.distillation import FrozenTeacher
from distilpose.distillation.teachers import build_teacher
from distilpose.distillation.teachers.resolving import resolve_teacher
from distilpose.errors import DistilPoseError
from tests import networks, vitpose
from tests.engine import tiny


def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('simple', [True, False])
@pytest.mark.parametrize('experts', [1, 2])
def test_predicts_what_its_weights_do(simple: bool, experts: int, tmp_path: Path) -> None:
    expected = vitpose.write_folder(tmp_path, simple=simple, experts=experts)
    teacher = build_teacher(dict(config=str(tmp_path)))
    with torch.no_grad():
        found, wanted = (model(images(), None, mode='tensor') for model in (teacher.model, expected))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_describes_its_input_and_keypoints(tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path)
    teacher = build_teacher(dict(config=str(tmp_path)))
    assert isinstance(teacher, FrozenTeacher) and teacher.describe().startswith('VisionTransformer, HeatmapHead, ')
    found = teacher.input
    assert (found.size, found.rgb, found.padding, found.udp) == ((48, 64), True, 1.25, True)
    assert found.mean == pytest.approx((123.675, 116.28, 103.53))
    assert found.std == pytest.approx((58.395, 57.12, 57.375))
    assert teacher.keypoint_names[:3] == ('nose', 'left_eye', 'right_eye') and teacher.heatmap_size == (12, 16)


def test_teaches_a_student(tmp_path: Path) -> None:
    """The published recipe's terms that read heatmaps; with options of any other teacher."""
    vitpose.write_folder(tmp_path)
    teacher = dict(config=str(tmp_path), dtype='bfloat16')
    model = networks.distiller(teacher=teacher, terms=dict(heatmap=dict(type='SimulatedHeatmapTerm')))
    losses = model.loss(*networks.batch())
    losses['loss_heatmap'].backward()
    assert losses['loss_heatmap'] > 0
    assert sum(float(value.grad.abs().sum()) for value in model.parameters() if value.grad is not None) > 0
    assert not any('backbone.layers' in name for name in model.state_dict())


def test_another_checkpoint_may_stand_beside_it(tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path)
    tuned = vitpose.build(seed=3).state_dict()
    torch.save(dict(state_dict=tuned), tmp_path / 'tuned.pth')
    teacher = build_teacher(dict(config=str(tmp_path), checkpoint=str(tmp_path / 'tuned.pth')))
    assert all(torch.equal(value, tuned[name]) for name, value in teacher.model.state_dict().items())


@pytest.mark.parametrize('damage, sentence', [
    (lambda folder: (folder / 'model.safetensors').unlink(), 'has no weights; expected model.safetensors'),
    (lambda folder: (folder / 'model.safetensors').write_bytes((folder / 'model.safetensors').read_bytes()[:-9]),
     r'model\.safetensors .* cannot be read.*Download or copy it again'),
    (lambda folder: vitpose.write_config(folder, backbone=dict(hidden_size=32)), 'have another shape'),
    (lambda folder: vitpose.write_config(folder, use_simple_decoder=False), 'names are missing'),
    (lambda folder: (folder / 'config.json').write_text('{'), 'cannot be read as JSON'),
    (lambda folder: (folder / 'config.json').unlink(), 'is a folder without config.json'),
    (lambda folder: (folder / 'preprocessor_config.json').write_text('{"image_mean": [1]}'),
     r'^\S+preprocessor_config\.json has image_mean=\[1\]; expected three numbers$'),
    (lambda folder: (folder / 'preprocessor_config.json').write_text('{"size": 5}'),
     r'^\S+preprocessor_config\.json has size=5; expected a JSON object'),
])
def test_a_damaged_folder_is_a_sentence(damage: Any, sentence: str, tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path)
    damage(tmp_path)
    with pytest.raises(DistilPoseError, match=sentence):
        build_teacher(dict(config=str(tmp_path)))


def test_pickles_beside_the_weights_are_not_read(tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path)
    (tmp_path / 'pytorch_model.bin').write_bytes(b'\x80\x04cos\nsystem\n')
    (tmp_path / 'modeling.py').write_text('raise SystemExit("was run")')
    config = json.loads((tmp_path / 'config.json').read_text())
    (tmp_path / 'config.json').write_text(json.dumps(dict(config, auto_map=dict(AutoModel='modeling.Network'))))
    assert build_teacher(dict(config=str(tmp_path)))


@pytest.mark.parametrize('simple', [True, False])
@pytest.mark.parametrize('experts', [1, 3])
def test_equals_transformers(simple: bool, experts: int, tmp_path: Path) -> None:
    """Random weights, as the package itself writes them; the first expert is its ``dataset_index=0``."""
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        image_size=(64, 48), hidden_size=32, num_hidden_layers=3, num_attention_heads=4, mlp_ratio=2,
        num_experts=experts, part_features=8, out_indices=[3])
    config = transformers.VitPoseConfig(backbone_config=backbone, use_simple_decoder=simple,
                                        id2label=dict(enumerate(vitpose.LABELS)))
    theirs = transformers.VitPoseForPoseEstimation(config).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    for name, value in theirs.named_buffers():
        if name.endswith('running_var'):
            value.uniform_(0.5, 2)
    theirs.save_pretrained(tmp_path)
    teacher = build_teacher(dict(config=str(tmp_path)))
    with torch.no_grad():
        expected = theirs(images(), dataset_index=torch.zeros(2, dtype=torch.long)).heatmaps
        found = teacher.model(images(), None, mode='tensor')
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_teaches_by_one_command(tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path / 'vitpose')
    student = tiny.write_config(tmp_path / 'student.py', tiny.write_data(tmp_path / 'data'))
    result = subprocess.run(
        [sys.executable, 'tools/train.py', str(student), '--teacher', str(tmp_path / 'vitpose'), '--work-dir',
         str(tmp_path / 'run')], cwd=tiny.PROJECT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    assert f'frozen, {tmp_path / "vitpose"}.' in result.stdout
    losses = tiny.logged_losses(tmp_path / 'run')
    assert len(losses) == 6 and all(value == value for value in losses.values())


def test_what_a_command_line_names_of_a_folder(tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path)
    assert resolve_teacher(tmp_path).spec == dict(config=str(tmp_path))
    for file in ('config.json', 'model.safetensors'):
        with pytest.raises(DistilPoseError, match=rf'is a file in a folder of Hugging Face; .*--teacher {tmp_path}$'):
            resolve_teacher(tmp_path / file)
    (tmp_path / 'model.safetensors').unlink()
    with pytest.raises(DistilPoseError, match='has no weights; expected model.safetensors'):
        resolve_teacher(tmp_path)
