"""The settings of RTMPose's and DWPose's configs, from the publications' own."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from distilpose.config import build_estimator, load_config, read_model_source
from distilpose.models import ReferenceBatchKLDiscretLoss
from tests.configs.test_all_configs import LEAVES

ROOT = 'configs/wholebody_2d_keypoint'
UBODY, BODY = f'{ROOT}/dwpose/ubody', 'configs/body/2d_kpt_sview_rgb_img'
HEADLINE = 'rtmpose_x_dis_l_coco-ubody-384x288'
FIRST, SECOND = ([str(path) for path in LEAVES if f'/{stage}/' in str(path)] for stage in ('s1_dis', 's2_dis'))
PUBLISHED = [
    *(f's1_dis/{name}' for name in (
        'dwpose_l_dis_t_coco-ubody-256x192', 'dwpose_l_dis_s_coco-ubody-256x192', 'dwpose_l_dis_m_coco-ubody-256x192',
        'dwpose_x_dis_l_coco-ubody-256x192', 'dwpose_x_dis_l_coco-ubody-384x288', HEADLINE)),
    *(f's2_dis/{name}' for name in (
        'dwpose_t-tt_coco-ubody-256x192', 'dwpose_s-ss_coco-ubody-256x192', 'dwpose_m-mm_coco-ubody-256x192',
        'dwpose_l-ll_coco-ubody-256x192', 'dwpose_l-ll_coco-ubody-384x288'))]


def box_steps(config: Config) -> list[tuple]:
    """Scales and rotations of the training's augmentation, at first and for the last epochs."""
    pipelines = config.train_dataloader.dataset.pipeline, config.custom_hooks[-1].switch_pipeline
    steps = [next(step for step in pipeline if step.type == 'RandomBBoxTransform') for pipeline in pipelines]
    return [(step.scale_factor, step.rotate_factor) for step in steps]


def rate(config: Config) -> tuple[float, float, int, int]:
    """The learning rate, its last value, and the epochs between which it falls."""
    warmup, cosine = config.param_scheduler
    assert dict(warmup) == dict(type='LinearLR', begin=0, end=1000, start_factor=1e-5, by_epoch=False)
    assert cosine.type == 'CosineAnnealingLR' and cosine.T_max == cosine.end - cosine.begin
    return config.optim_wrapper.optimizer.lr, cosine.eta_min, cosine.begin, cosine.end


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_names_are_there(name: str) -> None:
    assert load_config(f'{UBODY}/{name}.py').model.type == 'PoseDistiller'


@pytest.mark.parametrize('path', FIRST)
def test_first_stage(path: str) -> None:
    config = load_config(path)
    epochs = 420 if 'body-256' in path and 'ubody' not in path else 270
    feature, logit = config.model.terms.feature, config.model.terms.logit
    assert dict(feature) == dict(type='FeatureTerm', weight=7e-5, schedule='linear_decay', by_epoch=True)
    assert dict(logit) == dict(type='SimCCTerm', beta=10.0, weight=0.1, schedule='linear_decay', by_epoch=True)
    assert 'task_weight' not in config.model and config.optim_wrapper.clip_grad.max_norm == 1.0
    assert config.train_cfg.max_epochs == epochs and rate(config) == (4e-3, 2e-4, epochs // 2, epochs)
    assert config.custom_hooks[-1].switch_epoch == epochs - 30


@pytest.mark.parametrize('path', SECOND)
def test_second_stage(path: str) -> None:
    config = load_config(path)
    assert config.model.student.config == config.model.teacher.config
    assert config.model.share_backbone and config.model.task_weight == 0.0
    assert dict(config.model.terms.logit) == dict(type='SimCCTerm', beta=10.0) and len(config.model.terms) == 1
    assert config.train_cfg.max_epochs == (80 if '/body/' in path else 60)
    assert config.optim_wrapper.clip_grad.max_norm == 1.0


def test_the_rate_of_the_second_stage_falls_after_its_end_as_published_or_within_it() -> None:
    published, corrected = (load_config(f'{UBODY}/s2_dis/dwpose_l-ll_{kind}coco-ubody-384x288.py')
                            for kind in ('', 'corrected_'))
    assert rate(published) == (4e-3, 2e-4, 135, 270) and published.custom_hooks[-1].switch_epoch == 240
    assert rate(corrected) == (4e-3, 2e-4, 30, 60) and corrected.custom_hooks[-1].switch_epoch == 53
    assert corrected.train_cfg.max_epochs == 60


@pytest.mark.parametrize(('name', 'batch', 'wide', 'clip'), [
    ('ubody/rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192', 64, False, None),
    ('ubody/rtmpose-x_8xb64-270e_coco-ubody-wholebody-256x192', 64, True, 35.0),
    ('ubody/rtmpose-l_8xb32-270e_coco-ubody-wholebody-384x288', 32, False, None),
    ('ubody/rtmpose-x_8xb32-270e_coco-ubody-wholebody-384x288', 32, True, 35.0),
    ('coco-wholebody/rtmpose-m_8xb64-270e_coco-wholebody-256x192', 64, False, None),
    ('coco-wholebody/rtmpose-x_8xb32-270e_coco-wholebody-384x288', 32, True, 35.0)])
def test_rtmpose(name: str, batch: int, wide: bool, clip: float | None) -> None:
    config = load_config(f'{ROOT}/rtmpose/{name}.py')
    assert config.train_dataloader.batch_size == batch and config.randomness.seed == 21
    assert dict(config.optim_wrapper.optimizer) == dict(type='AdamW', lr=4e-3, weight_decay=0.05)
    assert dict(config.optim_wrapper.paramwise_cfg) == dict(norm_decay_mult=0, bias_decay_mult=0,
                                                            bypass_duplicate=True)
    assert (config.optim_wrapper.get('clip_grad') or {}).get('max_norm') == clip
    assert box_steps(config) == ([((0.5, 1.5), 90)] * 2 if wide else [((0.6, 1.4), 80), ((0.75, 1.25), 60)])
    average, _ = config.custom_hooks
    assert dict(average) == dict(type='EMAHook', ema_type='ExactExpMomentumEMA', momentum=0.0002, update_buffers=True,
                                 priority=49)
    start, size = config.model.backbone.init_cfg, name.partition('rtmpose-')[2][0]
    assert start.prefix == 'backbone.' and f'/cspnext-{size}' in start.checkpoint


@pytest.mark.parametrize(('size', 'weight_decay', 'hooks'), [
    ('t', 0.0, ['PipelineSwitchHook']), ('s', 0.0, ['EMAHook', 'PipelineSwitchHook']),
    ('l', 0.05, ['EMAHook', 'PipelineSwitchHook'])])
def test_rtmpose_of_the_body(size: str, weight_decay: float, hooks: list[str]) -> None:
    config = load_config(f'{BODY}/rtmpose/coco/rtmpose-{size}_8xb256-420e_coco-256x192.py')
    assert config.optim_wrapper.optimizer.weight_decay == weight_decay
    assert [hook.type for hook in config.custom_hooks] == hooks
    assert config.train_dataloader.batch_size == 256 and config.auto_scale_lr.base_batch_size == 1024
    assert config.model.head.out_channels == 17 and config.val_evaluator.type == 'CocoMetric'
    assert config.train_dataloader.dataset.type == config.val_dataloader.dataset.type == 'CocoDataset'


def test_mmposes_wider_augmentation_has_a_name() -> None:
    config = load_config(f'{UBODY}/s1_dis/rtmpose_x_dis_l_wide_coco-ubody-384x288.py')
    narrow = load_config(f'{UBODY}/s1_dis/{HEADLINE}.py')
    assert box_steps(config) == [((0.5, 1.5), 90)] * 2
    assert box_steps(narrow) == [((0.6, 1.4), 80), ((0.75, 1.25), 60)]
    assert config.model == narrow.model and config.custom_hooks[0] == narrow.custom_hooks[0]


def test_another_batch_keeps_its_balance_by_options() -> None:
    config = load_config(f'{UBODY}/s1_dis/{HEADLINE}.py')
    config.merge_from_dict({'model.student.head.loss.type': 'ReferenceBatchKLDiscretLoss',
                            'model.student.head.loss.reference_batch': 32})
    with torch.device('meta'):
        loss = build_estimator(read_model_source(config.model.student).model).head.loss_module
    assert isinstance(loss, ReferenceBatchKLDiscretLoss) and loss.reference_batch == 32 and loss.beta == 10.0
