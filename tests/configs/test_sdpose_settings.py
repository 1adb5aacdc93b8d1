"""Settings of SDPose's configs equal those of its published files."""

from __future__ import annotations

import pytest

from distilpose.config import load_config

SDPOSE = 'configs/body/2d_kpt_sview_rgb_img/sdpose'
FILES = [  # config, layers, cycles, (width, height) of a patch, images a GPU
    ('coco/sdpose_t_coco_256x192', 6, 3, (3, 4), 64),
    ('coco/sdpose_s_v1_stemnet_coco_256x192', 12, 2, (3, 4), 64),
    ('coco/sdpose_s_v2_stemnet_coco_256x192', 12, 2, (2, 2), 24),
    ('coco/sdpose_b_hr32_coco_256x192', 12, 2, (3, 4), 32),
    ('crowdpose/sdpose_s_v1_stemnet_crowdpose_256x192', 12, 2, (3, 4), 64),
    ('crowdpose/sdpose_s_v2_stemnet_crowdpose_256x192', 12, 2, (2, 2), 24),
]
COCO = [name for name, *_ in FILES if name.startswith('coco/')]


@pytest.mark.parametrize(('name', 'depth', 'cycles', 'patch', 'batch'), FILES, ids=[name for name, *_ in FILES])
def test_network_and_terms(name: str, depth: int, cycles: int, patch: tuple[int, int], batch: int) -> None:
    config = load_config(f'{SDPOSE}/{name}.py')
    student = config.model.student
    encoder = student.head.encoder
    assert (encoder.depth, tuple(encoder.patch_size), encoder.dim, encoder.num_heads, encoder.mlp_ratio) == (
        depth, patch, 192, 8, 3)
    assert encoder.get('attention_scale', 'head') == 'head' and encoder.get('cycles', 1) == 1
    assert dict(config.model.teacher) == dict(type='SelfDistillationTeacher', cycles=cycles)
    assert {term.tokens: term.weight for term in config.model.terms.values()} == dict(visual=5e-6, keypoint=5e-6)
    assert student.head.loss.to_dict() == dict(type='KeypointMSELoss', use_target_weight=True)
    assert student.test_cfg.to_dict() == dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True)
    assert student.head.decoder == config.codec and config.codec.to_dict() == dict(
        type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True, blur_kernel_size=11)
    assert config.train_dataloader.batch_size == batch and config.auto_scale_lr.base_batch_size == 8 * batch


@pytest.mark.parametrize('name', COCO)
def test_schedule_and_augmentation(name: str) -> None:
    config = load_config(f'{SDPOSE}/{name}.py')
    assert config.train_cfg.max_epochs == 300 and config.optim_wrapper.optimizer.to_dict() == dict(type='Adam', lr=1e-3)
    warmup, steps = config.param_scheduler
    assert (warmup.start_factor, warmup.end, list(steps.milestones), steps.gamma) == (0.001, 500, [200, 260], 0.1)
    found = {step.type: step for step in config.train_pipeline}
    scaling, shift, half = (found[kind] for kind in ('RandomScaleRotation', 'RandomBBoxCenterShift', 'RandomHalfBody'))
    assert (scaling.scale_factor, scaling.rotation_factor) == (0.35, 45)
    assert (shift.prob, shift.factor) == (0.3, 0.16 * 1.25)  # of the padded box there
    assert (half.prob, half.min_total_keypoints) == (0.3, 9)  # more than 8


def test_the_first_stage_of_b_is_half_as_wide_as_that_of_hrnet_w32() -> None:
    extra = load_config(f'{SDPOSE}/coco/sdpose_b_hr32_coco_256x192.py').model.student.backbone.extra
    assert [tuple(extra[f'stage{number}'].num_channels) for number in (1, 2, 3)] == [(32,), (32, 64), (32, 64, 128)]
