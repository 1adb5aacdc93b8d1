"""Trainings whose teacher has a crop of its own: the pipelines make it, whatever they are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from distilpose.config import read_config
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.engine import train
from distilpose.errors import DistilPoseError

from . import mixture, tiny
from .processes import run_in_two_processes
from .test_fast_data_runs import FAST, people  # noqa: F401 - a fixture
from .tiny import assert_close_losses, logged_losses

OWN = {'model.teacher.crop': 'own', 'model.teacher.padding': 1.0, 'log_processor.window_size': 1}
_SQUARE_TEACHER = """
_base_ = {student!r}
codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(8, 8), sigma=1)
model = dict(
    neck=None,
    head=dict(_delete_=True, type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=(8, ),
              deconv_kernel_sizes=(4, ), loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec))
"""


def run(config: Path, work_dir: Path, **more: Any) -> dict[int, float]:
    train(config, work_dir=work_dir, validate=False, options=OWN | {k.replace('__', '.'): v for k, v in more.items()})
    return logged_losses(work_dir)


def types_of(pipeline: list[dict]) -> list[str]:
    return [step['type'] for step in pipeline]


@pytest.fixture(scope='module')
def distillation(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_distillation(tmp_path_factory.mktemp('own'), tiny_data)[1]


def test_worker_processes_make_no_difference(distillation: Path, tmp_path: Path) -> None:
    alone = run(distillation, tmp_path / 'alone')
    assert_close_losses(run(distillation, tmp_path / 'workers', train_dataloader__num_workers=2), alone)
    student = run(distillation, tmp_path / 'student', model__teacher__crop='student')
    assert len(alone) == 6 and alone != student


def test_the_same_crop_as_the_students_gives_the_same_training(distillation: Path, tmp_path: Path) -> None:
    own = run(distillation, tmp_path / 'own', model__teacher__padding=1.25)
    student = run(distillation, tmp_path / 'student', model__teacher__crop='student')
    assert_close_losses(own, student, rel=1e-4)


def test_fast_data_make_the_same_crops(people: Path, tmp_path: Path) -> None:  # noqa: F811
    plain = tiny.write_distillation(tmp_path, people)[1]
    fast = tmp_path / 'fast.py'
    fast.write_text(f'_base_ = {str(plain)!r}\n{FAST.format(together=True)}train_dataloader.pop("sampler")\n')
    assert_close_losses(run(fast, tmp_path / 'fast', train_dataloader__num_workers=1), run(plain, tmp_path / 'plain'),
                        rel=1e-3)


def test_unlabelled_images_have_crops_too(tiny_data: Path, tmp_path: Path) -> None:
    assert len(run(mixture.write(tmp_path, tiny_data, workers=1), tmp_path / 'run')) > 3


def test_a_square_teacher_trains_by_default_and_its_cache_repeats(tiny_data: Path, tmp_path: Path) -> None:
    student, distillation = tiny.write_distillation(tmp_path, tiny_data)
    (tmp_path / 'teacher.py').write_text(_SQUARE_TEACHER.format(student=str(student)))
    options = dict(model__teacher__crop=None, default_hooks__teacher_cache__folder=str(tmp_path / 'cache'),
                   default_hooks__teacher_cache__variants=1, default_hooks__gradient_share=dict(
                       type='GradientShareHook', interval=2))
    first = run(distillation, tmp_path / 'first', **options)
    again = run(distillation, tmp_path / 'again', **options)
    assert first == again
    log = next((tmp_path / 'again').glob('*/*.log')).read_text()
    assert 'run on 0 of ' in log and 'since the proportions differ' in log
    written = Config.fromfile(tmp_path / 'again' / 'distillation.py')
    assert types_of(written.train_dataloader.dataset.pipeline)[-3:] == ['TeacherCrop', 'GenerateTarget',
                                                                        'PackTeacherCrop']
    with pytest.raises(DistilPoseError, match='made with a different training pipeline'):
        run(distillation, tmp_path / 'other', **options, model__teacher__padding=1.1)


def test_every_training_pipeline_gets_it_once(distillation: Path) -> None:
    cfg = read_config(distillation)
    pipeline = cfg.train_dataloader.dataset.pipeline
    inner = dict(cfg.train_dataloader.dataset, pipeline=[])
    cfg.train_dataloader.dataset = dict(type='CombinedDataset', datasets=[inner], pipeline=pipeline)
    cfg.custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=pipeline)]
    cfg.model.teacher.crop = 'own'
    val = cfg.val_dataloader.to_dict()
    for _ in range(2):
        add_teacher_crops(cfg)
        for steps in (cfg.train_dataloader.dataset.pipeline, cfg.custom_hooks[0].switch_pipeline):
            assert types_of(steps).count('TeacherCrop') == types_of(steps).count('PackTeacherCrop') == 1
    assert cfg.train_dataloader.dataset.datasets[0].pipeline == []
    assert cfg.val_dataloader.to_dict() == val


def test_several_teachers_have_their_crops_in_one_step(distillation: Path) -> None:
    cfg = read_config(distillation)
    teacher = cfg.model.pop('teacher')
    cfg.model.teachers = dict(body=dict(teacher, crop='own', padding=1.0), face=dict(teacher, crop='student'),
                              hands=dict(teacher, crop='own', padding=1.0), far=dict(teacher, crop='own', view='clean'))
    for _ in range(2):
        add_teacher_crops(cfg)
        crops = [step for step in cfg.train_dataloader.dataset.pipeline if step['type'] == 'TeacherCrop']
        assert len(crops) == 1 and list(crops[0]['teachers']) == ['body', 'hands', 'far']
        assert crops[0]['teachers']['hands'] == 'body' and crops[0]['teachers']['far']['view'] == 'clean'


def test_other_configs_stay_as_they_are(distillation: Path) -> None:
    cfg = read_config(distillation)
    before = cfg.to_dict()
    add_teacher_crops(cfg)
    assert cfg.to_dict() == before


def test_a_step_that_cannot_be_repeated_is_refused_before_the_run(distillation: Path, tmp_path: Path) -> None:
    cfg = read_config(distillation)
    cfg.train_dataloader.dataset.pipeline.insert(5, dict(type='RandomErasing'))
    with pytest.raises(DistilPoseError, match="RandomErasing behind the crop.*view='clean'"):
        train(cfg, work_dir=tmp_path / 'run', validate=False, options=OWN)
    assert not list((tmp_path / 'run').glob('*/*.log'))


def test_a_switch_of_pipelines_keeps_the_crop(distillation: Path, tmp_path: Path) -> None:
    cfg = read_config(distillation)
    cfg.custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1,
                             switch_pipeline=cfg.train_dataloader.dataset.pipeline)]
    train(cfg, work_dir=tmp_path / 'run', validate=False, options=OWN)
    assert len(logged_losses(tmp_path / 'run')) == 6 and torch.isfinite(
        torch.tensor(list(logged_losses(tmp_path / 'run').values()))).all()


def test_a_clean_view_has_a_crop_of_its_own(distillation: Path) -> None:
    cfg = read_config(distillation)
    cfg.model.teacher.view = 'clean'
    cfg.train_dataloader.dataset.pipeline.insert(5, dict(type='CoarseDropout'))
    add_teacher_crops(cfg)
    assert types_of(cfg.train_dataloader.dataset.pipeline)[-4:] == ['TeacherCrop', 'CoarseDropout', 'GenerateTarget',
                                                                    'PackTeacherCrop']


def test_the_students_own_loss_is_the_same_number(distillation: Path, tmp_path: Path) -> None:
    """In the first iteration, before the teacher changed a weight; with colour, blur and holes behind the crop."""
    cfg = read_config(distillation)
    recipe = dict(type='Albumentation', transforms=[dict(type='Blur', p=0.5), dict(type='CoarseDropout', p=1.0)])
    cfg.train_dataloader.dataset.pipeline[5:5] = [dict(type='PhotometricDistortion'), recipe]
    first = []
    for name, crop in (('own', 'own'), ('student', 'student')):
        train(cfg, work_dir=tmp_path / name, validate=False, options=dict(OWN, **{'model.teacher.crop': crop}))
        scalars = next((tmp_path / name).glob('*/vis_data/scalars.json')).read_text().splitlines()
        first.append(json.loads(scalars[0]))
    assert first[0]['loss_kpt'] == first[1]['loss_kpt']
    assert first[0]['loss_simulated_heatmap'] != first[1]['loss_simulated_heatmap']


_TWO_PROCESSES = """
import json, sys
from distilpose.engine import train

config, work_dir, options = sys.argv[1:]
train(config, work_dir=work_dir, validate=False, launcher='pytorch', options=json.loads(options))
"""


@pytest.mark.slow
def test_two_processes_train_with_it(distillation: Path, tmp_path: Path) -> None:
    chosen = json.dumps(OWN | {'train_dataloader.batch_size': 2})
    run_in_two_processes(_TWO_PROCESSES, tmp_path, distillation, tmp_path / 'two', chosen)
    losses = logged_losses(tmp_path / 'two')
    assert len(losses) == 6 and all(math.isfinite(loss) for loss in losses.values())
