"""The settings of FPD's configs, from the publication's own files and scripts."""

from __future__ import annotations

import pytest

from distilpose.config import load_config

ROOT = 'configs/body/2d_kpt_sview_rgb_img/fpd'
HOURGLASS, HRNET, SHORT = (140, [90, 120], 2.5e-4), (210, [170, 200], 1e-3), (20, [5, 10, 15], 1e-5)
ROWS = [  # (config, (epochs, drops, rate), images a GPU, (scaling, rotation), half bodies)
    ('mpii/hourglass_8x256_mpii_256x256', HOURGLASS, 4, (0.25, 30), False),
    ('mpii/hourglass_4x128_mpii_256x256', HOURGLASS, 4, (0.25, 30), False),
    ('mpii/fpd_hourglass_8x256_to_4x128_mpii_256x256', HOURGLASS, 4, (0.25, 30), False),
    ('mpii/fpd_hourglass_8x256_to_4x128_scratch_mpii_256x256', HOURGLASS, 4, (0.25, 30), False),
    ('mpii/hrnet_w48_mpii_256x256', HRNET, 32, (0.25, 30), False),
    ('mpii/hrnet_w32_mpii_256x256', HRNET, 32, (0.25, 30), False),
    ('mpii/fpd_hrnet_w48_to_w32_mpii_256x256', SHORT, 16, (0.25, 30), False),
    ('coco/hrnet_w48_coco_256x192', HRNET, 32, (0.35, 45), True),
    ('coco/hrnet_w32_coco_256x192', HRNET, 32, (0.35, 45), True),
    ('coco/fpd_hrnet_w48_to_w32_coco_256x192', HRNET, 24, (0.35, 45), True),
]
PAIRS = [row[0] for row in ROWS if '/fpd_' in row[0]]


@pytest.mark.parametrize(('name', 'schedule', 'batch', 'drawn', 'half_bodies'), ROWS, ids=[row[0] for row in ROWS])
def test_schedule_batch_and_augmentation(name: str, schedule: tuple, batch: int, drawn: tuple,
                                         half_bodies: bool) -> None:
    config = load_config(f'{ROOT}/{name}.py')
    epochs, milestones, rate = schedule
    steps, = config.param_scheduler
    assert config.train_cfg.max_epochs == steps.end == epochs and config.train_cfg.val_interval == 1
    assert list(steps.milestones) == milestones and steps.gamma == 0.1
    assert config.optim_wrapper == dict(optimizer=dict(type='Adam', lr=rate))
    assert config.train_dataloader.batch_size == batch
    pipeline = {step.type: step for step in config.train_dataloader.dataset.pipeline}
    assert (pipeline['RandomScaleRotation'].scale_factor, pipeline['RandomScaleRotation'].rotation_factor) == drawn
    assert ('RandomHalfBody' in pipeline) == half_bodies and 'RandomBBoxCenterShift' not in pipeline
    assert config.codec.type == 'MSRAHeatmap' and config.codec.sigma == 2


@pytest.mark.parametrize('name', PAIRS)
def test_alpha_is_a_half_and_the_student_starts_from_its_plain_training(name: str) -> None:
    model = load_config(f'{ROOT}/{name}.py').model
    assert model.task_weight == 0.5
    assert dict(model.terms.heatmaps) == dict(type='HeatmapTerm', labelled_weight=0.5, unlabelled_weight=1.0)
    assert (model.student.checkpoint is None) == ('scratch' in name)
    student, teacher = (load_config(source.config) for source in (model.student, model.teacher))
    assert student.model.head.loss == dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)
    assert teacher.codec == student.codec == load_config(f'{ROOT}/{name}.py').codec


def test_colours() -> None:
    """Hourglasses see BGR, HRNets RGB."""
    for name, is_rgb in (('mpii/hourglass_4x128_mpii_256x256', False), ('mpii/hrnet_w48_mpii_256x256', True)):
        preprocessor = load_config(f'{ROOT}/{name}.py').model.data_preprocessor
        assert preprocessor.bgr_to_rgb == is_rgb and preprocessor.mean == [123.675, 116.28, 103.53]
