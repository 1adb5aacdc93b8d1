"""A whole-body student of two ONNX files, a body expert and an expert of face and hands, which are exported here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distilpose.distillation.supervision import COMBINED
from distilpose.engine import evaluate, train
from distilpose.engine.unwrapped_model import unwrapped_model
from distilpose.export.onnx import export
from distilpose.synthetic import make_dataset

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

CONFIGS = Path('configs/wholebody_2d_keypoint')
STUDENT = CONFIGS / 'experts/synthetic/rtmpose-xxs_from_body-feet_face-hands_synthetic-128x96.py'
EXPERTS = dict(body=('body-feet', range(23)), face_hands=('face-hands', range(23, 133)))
ALONE = {f'{loader}_dataloader.{key}': value for loader in ('train', 'val', 'test')
         for key, value in (('num_workers', 0), ('persistent_workers', False))}
QUICK = {**ALONE, 'train_dataloader.batch_size': 4, 'custom_hooks': None, 'default_hooks.logger.interval': 1,
         'default_hooks.teacher_report.enabled': False, 'param_scheduler': None}


def losses(work_dir: Path, name: str = 'loss') -> list[float]:
    lines = [json.loads(line) for file in sorted(work_dir.glob('*/vis_data/scalars.json'))
             for line in file.read_text().splitlines()]
    return [line[name] for line in lines if name in line]


@pytest.fixture(scope='module')
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp('experts') / 'people', images=24, seed=0, size=192, val_fraction=0.5)


@pytest.fixture(scope='module')
def files(people: Path) -> dict[str, Path]:
    """The exported experts, trained for a few iterations."""
    exported = {}
    for name, (part, _) in EXPERTS.items():
        config, work_dir = CONFIGS / f'rtmpose/synthetic/rtmpose-xs_{part}_synthetic-128x96.py', people.parent / name
        train(config, work_dir=work_dir, data_root=people, seed=0, validate=False,
              options={**QUICK, 'train_cfg.max_epochs': 2})
        exported[name] = people.parent / f'{name}.onnx'
        export(config, work_dir / 'epoch_2.pth', exported[name], dynamic_batch=True, data_root=people)
    return exported


def distil(files: dict[str, Path], people: Path, work_dir: Path, *, epochs: int, resume: bool = False) -> Any:
    named = {f'model.teachers.{name}.file': str(file) for name, file in files.items()}
    return train(STUDENT, work_dir=work_dir, data_root=people, seed=0, validate=False, resume=resume,
                 options={**QUICK, **named, 'model.terms.simcc.weight': 1.0, 'train_cfg.max_epochs': epochs})


@pytest.mark.slow
def test_a_student_learns_from_two_files_resumes_and_is_tested(files: dict[str, Path], people: Path,
                                                              tmp_path: Path) -> None:
    distil(files, people, tmp_path / 'whole', epochs=6)
    found = losses(tmp_path / 'whole', 'loss_simcc')
    assert np.isfinite(found).all() and np.isfinite(losses(tmp_path / 'whole')).all()
    assert np.mean(found[-4:]) < 0.9 * np.mean(found[:4])
    distil(files, people, tmp_path / 'parts', epochs=4)
    distil(files, people, tmp_path / 'parts', epochs=6, resume=True)
    whole, parts = (torch.load(tmp_path / name / 'epoch_6.pth', weights_only=False)['state_dict']
                    for name in ('whole', 'parts'))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    figures = evaluate(STUDENT, tmp_path / 'whole/epoch_6.pth', work_dir=tmp_path / 'test', data_root=people,
                       options={key: value for key, value in ALONE.items() if key.startswith('test')})
    assert 0 <= figures['coco-wholebody/AP'] <= 1


@pytest.mark.slow
def test_every_keypoint_has_the_right_expert(files: dict[str, Path], people: Path, tmp_path: Path) -> None:
    """The combined outputs of a keypoint are those of its expert, and no keypoint is without one."""
    model = unwrapped_model(distil(files, people, tmp_path, epochs=1))
    outputs = model.run_teachers(torch.randn(2, 3, 128, 96))
    combined = outputs[COMBINED]
    assert combined.mask is None or (combined.mask == 1).all()
    for name, (_, joints) in EXPERTS.items():
        own = outputs[name]
        assert own.mask.sum(1).tolist() == [len(joints)] * 2 and (own.mask[:, list(joints)] == 1).all()
        for axis in (0, 1):  # logits are given up to a constant
            scaled = (model.combination.simcc_beta * one.simcc[axis][:, list(joints)] for one in (own, combined))
            torch.testing.assert_close(*(logits.log_softmax(-1) for logits in scaled), atol=1e-4, rtol=1e-4)
