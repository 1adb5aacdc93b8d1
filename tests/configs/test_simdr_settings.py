"""The settings of SimDR's and TokenPose's published configs, from the publication's own."""

from __future__ import annotations

import re

import pytest

from distilpose.codecs import UnrefinedHeatmap
from distilpose.config import PROJECT_ROOT, build_estimator, load_config

ROOT = 'configs/body/2d_kpt_sview_rgb_img'
COCO_SIMDR = [  # (model and size, bins of a pixel, loss, smoothing, smallest score that counts)
    ('hrnet_w32_coco_64x64', 3, 'NMTLoss', 0.1, 0.02), ('hrnet_w48_coco_64x64', 3, 'NMTLoss', 0.1, 0.02),
    ('hrnet_w32_coco_128x128', 2, 'NMTLoss', 0.2, 0.02), ('hrnet_w48_coco_128x128', 2, 'NMTLoss', 0.1, 0.02),
    ('hrnet_w32_coco_256x192', 2, 'NMTLoss', 0.1, 0.01), ('hrnet_w48_coco_256x192', 2, 'NMTLoss', 0.1, 0.01),
    ('res50_coco_64x64', 3, 'NMTLoss', 0.1, 0.02), ('res50_coco_128x128', 3, 'NMTLoss', 0.1, 0.02),
    ('res50_coco_256x192', 2, 'NMTLoss', 0.1, 0.01), ('res50_coco_384x288', 2, 'NMTLoss', 0.1, 0.01),
    ('res101_coco_64x64', 3, 'NMTLoss', 0.1, 0.02), ('res101_coco_128x128', 2, 'NMTLoss', 0.2, 0.02),
    ('res101_coco_256x192', 2, 'NMTLoss', 0.4, 0.01), ('res101_coco_384x288', 2, 'NMTNormLoss', 0.1, 0.01),
    ('res152_coco_384x288', 2, 'NMTNormLoss', 0.1, 0.01),
    ('res50_upfree_coco_64x64', 3, 'NMTLoss', 0.1, 0.02), ('res50_upfree_coco_128x128', 3, 'NMTLoss', 0.1, 0.02),
    ('res50_upfree_coco_256x192', 2, 'NMTLoss', 0.1, 0.01),
    ('tokenpose_s_coco_64x64', 3, 'NMTLoss', 0.1, 0.02), ('tokenpose_s_coco_128x128', 2, 'NMTLoss', 0.1, 0.02),
    ('tokenpose_s_coco_256x192', 2, 'NMTLoss', 0.1, 0.01),
]
SCHEDULES = dict(hrnet=(210, [169, 199]), res=(140, [89, 119]), tokenpose=(300, [200, 260]))


@pytest.mark.parametrize('name, ratio, loss, smoothing, threshold', COCO_SIMDR, ids=[row[0] for row in COCO_SIMDR])
def test_simdr_on_coco(name: str, ratio: float, loss: str, smoothing: float, threshold: float) -> None:
    config = load_config(f'{ROOT}/simdr/coco/simdr_{name}.py')
    assert dict(config.model.head.loss) == dict(type=loss, smoothing=smoothing)
    assert config.model.head.decoder == config.codec and config.codec.type == 'SimDRLabel'
    assert config.codec.simdr_split_ratio == ratio
    assert dict(config.model.test_cfg) == dict(flip_test=True, score='larger', average='probabilities', shift='one_bin')
    assert config.test_evaluator.keypoint_score_thr == threshold


@pytest.mark.parametrize('name, ratio, sigma, threshold', [
    ('hrnet_w48_coco_256x192', 2, 4, 0.01), ('hrnet_w48_coco_384x288', 1.5, 4, 0.005),
    ('res50_coco_384x288', 2, 6, 0.005)])
def test_space_aware_simdr_on_coco(name: str, ratio: float, sigma: float, threshold: float) -> None:
    config = load_config(f'{ROOT}/simdr/coco/sa_simdr_{name}.py')
    assert dict(config.model.head.loss) == dict(type='KLDiscretMeanLoss')
    assert config.model.head.decoder == config.codec and config.codec.type == 'SimDRGaussianLabel'
    assert (config.codec.simdr_split_ratio, config.codec.sigma) == (ratio, sigma)
    assert dict(config.model.test_cfg) == dict(flip_test=True, score='smaller', average='logits', shift='one_bin')
    assert config.test_evaluator.keypoint_score_thr == threshold


@pytest.mark.parametrize('name, ratio, sigma, loss', [
    ('simdr_hrnet_w32_mpii_64x64', 3, None, dict(type='NMTNormLoss', smoothing=0.2)),
    ('simdr_hrnet_w32_mpii_256x256', 2, None, dict(type='NMTNormLoss', smoothing=0.2)),
    ('sa_simdr_hrnet_w32_mpii_256x256', 2, 6, dict(type='KLDiscretMeanLoss'))])
def test_mpii(name: str, ratio: float, sigma: float | None, loss: dict) -> None:
    config = load_config(f'{ROOT}/simdr/mpii/{name}.py')
    assert dict(config.model.head.loss) == loss and config.model.head.num_keypoints == 16
    assert (config.codec.simdr_split_ratio, config.codec.get('sigma')) == (ratio, sigma)
    steps = [step.type for step in config.train_pipeline]
    assert 'RandomHalfBody' not in steps and 'RandomBBoxCenterShift' not in steps
    assert dict(config.train_pipeline[3], type='') == dict(type='', scale_factor=0.25, rotation_factor=30,
                                                           rotation_prob=0.6)


@pytest.mark.parametrize('name, sigma', [('hrnet_w48_coco_64x64', 1), ('res101_coco_128x128', 1),
                                         ('hrnet_w32_coco_256x192', 2), ('res152_coco_384x288', 3)])
def test_heatmaps_are_a_quarter_of_the_input(name: str, sigma: float) -> None:
    codec = load_config(f'{ROOT}/simdr/coco/heatmap_{name}.py').codec
    assert codec.sigma == sigma and [4 * side for side in codec.heatmap_size] == list(codec.input_size)


@pytest.mark.parametrize('size', ['64x64', '128x128'])
def test_the_methods_that_are_compared_on_lspet_are_trained_alike(size: str) -> None:
    heatmap, simdr, gaussian = (load_config(f'{ROOT}/simdr/lspet/{name}_resnet18_from_synthetic_lspet_{size}.py')
                                for name in ('heatmap', 'simdr', 'sa_simdr'))
    for other in (simdr, gaussian):
        for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'val_dataloader', 'randomness'):
            assert other[key] == heatmap[key]
        assert other.model.backbone == heatmap.model.backbone
        assert other.model.head.deconv_out_channels == heatmap.model.head.deconv_out_channels
        assert other.train_pipeline[:-2] == heatmap.train_pipeline[:-2]  # all but target and packing
        assert other.codec.input_size == heatmap.codec.input_size and other.codec.simdr_split_ratio == 3
    assert (simdr.model.head.loss.type, gaussian.model.head.loss.type) == ('NMTLoss', 'KLDiscretMeanLoss')
    # As at 256x192 and, on ResNets, 384x288: as many pixels as the heatmap's sigma has cells.
    assert gaussian.codec.sigma / gaussian.codec.simdr_split_ratio == heatmap.codec.sigma == 1


@pytest.mark.parametrize('name', ['simdr_hrnet_w32_coco_64x64', 'heatmap_hrnet_w48_coco_256x192',
                                  'simdr_res50_upfree_coco_64x64', 'sa_simdr_res50_coco_384x288',
                                  'heatmap_res152_coco_384x288', 'simdr_tokenpose_s_coco_128x128'])
def test_schedule_augmentation_and_colour(name: str) -> None:
    config = load_config(f'{ROOT}/simdr/coco/{name}.py')
    family = next(family for family in SCHEDULES if f'_{family}' in name)
    epochs, milestones = SCHEDULES[family]
    steps, = config.param_scheduler
    assert config.train_cfg.max_epochs == steps.end == epochs
    assert list(steps.milestones) == milestones and dict(config.optim_wrapper.optimizer) == dict(type='Adam', lr=1e-3)
    assert config.model.data_preprocessor.bgr_to_rgb == (family != 'res')
    pipeline = {step.type: step for step in config.train_dataloader.dataset.pipeline}
    assert 'RandomBBoxCenterShift' not in pipeline and ('RandomHalfBody' in pipeline) == (family != 'res')
    drawn = pipeline['RandomScaleRotation']
    assert (drawn.scale_factor, drawn.rotation_factor) == ((0.3, 40) if family == 'res' else (0.35, 45))
    assert pipeline['TopdownAffine'].input_size == pipeline['GenerateTarget'].encoder.input_size


@pytest.mark.parametrize('name, heads, batch', [
    ('t_coco_256x192', 16, 32), ('s_v1_coco_256x192', 8, 32), ('s_v2_coco_256x192', 8, 12), ('b_coco_256x192', 8, 32),
    ('l_d24_coco_256x192', 12, 16), ('l_d24_coco_384x288', 12, 32)])
def test_tokenpose(name: str, heads: int, batch: int) -> None:
    config = load_config(f'{ROOT}/tokenpose/coco/tokenpose_{name}.py')
    encoder = config.model.head.encoder
    assert encoder.num_heads == heads and config.train_dataloader.batch_size == batch
    assert encoder.attention_scale == ('dim' if name.startswith('s_') else 'head')
    assert config.model.head.decoder.type == 'TokenPoseHeatmap' and not config.model.test_cfg.shift_heatmap
    for pipeline in (config.train_dataloader.dataset.pipeline, config.test_dataloader.dataset.pipeline):
        assert next(step for step in pipeline if step.type == 'TopdownAffine').use_udp


@pytest.mark.parametrize('name', ['heatmap_res50_coco_64x64', 'heatmap_hrnet_w48_coco_256x192'])
def test_rows_without_extra_post_processing_are_an_option_away(name: str) -> None:
    config = load_config(f'{ROOT}/simdr/coco/{name}.py')
    config.merge_from_dict({'model.head.decoder.type': 'UnrefinedHeatmap'})
    assert isinstance(build_estimator(config.model).head.decoder, UnrefinedHeatmap)


@pytest.mark.parametrize('name, batch', [
    ('simdr/coco/simdr_hrnet_w32_coco_64x64', 128), ('simdr/coco/simdr_res50_upfree_coco_64x64', 128),
    ('simdr/coco/heatmap_hrnet_w48_coco_384x288', 192), ('simdr/crowdpose/simdr_hrnet_w32_crowdpose_64x64', 512),
    ('tokenpose/coco/tokenpose_s_v1_coco_256x192', 128), ('tokenpose/coco/tokenpose_s_v2_coco_256x192', 48),
    ('tokenpose/coco/tokenpose_l_d24_coco_256x192', 64), ('tokenpose/coco/tokenpose_l_d24_coco_384x288', 256),
    ('tokenpose/coco/tokenpose_l_d6_coco_256x192', 64), ('tokenpose/mpii/tokenpose_l_d6_mpii_256x256', 64)])
def test_the_learning_rate_belongs_to_the_batch_of_the_first_line(name: str, batch: int) -> None:
    """That batch is what scaling the rate to another one starts from."""
    config = load_config(f'{ROOT}/{name}.py')
    gpus, = re.findall(r' on (\d+) GPUs\b', (PROJECT_ROOT / ROOT / f'{name}.py').read_text().splitlines()[0])
    assert config.auto_scale_lr.base_batch_size == config.train_dataloader.batch_size * int(gpus) == batch
