"""Batches that are made up are what a pipeline would pack."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from distilpose.benchmark.inputs import batch_size, made_batch
from distilpose.config import load_config
from distilpose.errors import DistilPoseError

BODY = 'configs/body/2d_kpt_sview_rgb_img'
WIDTH, HEIGHT = 192, 256


@pytest.fixture(scope='module')
def distilpose_s() -> Config:
    return load_config(f'{BODY}/distilpose/coco/DistilPose_S_coco_256x192.py')


def test_a_batch_for_training(distilpose_s: Config) -> None:
    batch = made_batch(distilpose_s, size=3)
    assert [image.shape for image in batch['inputs']] == 3 * [(3, HEIGHT, WIDTH)]
    assert batch['inputs'][0].dtype is torch.uint8 and batch['inputs'][0].float().std() > 60
    sample = batch['data_samples'][1]
    labels, weights = sample.gt_instance_labels.keypoint_labels, sample.gt_instance_labels.keypoint_weights
    assert labels.shape == (1, 17, 2) and weights.shape == (1, 17) and 0 < weights.mean() < 1
    torch.testing.assert_close(labels * torch.tensor([WIDTH, HEIGHT]),
                               torch.from_numpy(sample.gt_instances.keypoints), rtol=0, atol=1e-4)


def test_the_config_says_how_many_if_nobody_else_does(distilpose_s: Config) -> None:
    assert batch_size(distilpose_s, None) == 32 and batch_size(distilpose_s, 3) == 3
    assert batch_size(Config(dict()), None) == 1


def test_it_is_the_same_at_every_call(distilpose_s: Config) -> None:
    one, two = made_batch(distilpose_s, size=2), made_batch(distilpose_s, size=2)
    assert torch.equal(one['inputs'][1], two['inputs'][1]) and not torch.equal(one['inputs'][0], one['inputs'][1])


def test_a_batch_for_predictions_can_be_mapped_to_the_image(distilpose_s: Config) -> None:
    meta = made_batch(distilpose_s, size=1, split='val')['data_samples'][0].metainfo
    assert tuple(meta['input_size']) == (WIDTH, HEIGHT) == tuple(meta['input_scale'])
    assert len(meta['flip_indices']) == 17


@pytest.mark.parametrize('path, keypoints, label', [
    ('simdr/mpii/sa_simdr_hrnet_w32_mpii_256x256', 16, 'keypoint_x_labels'),
    ('fpd/coco/fpd_hrnet_w48_to_w32_unlabelled_coco_256x192', 17, 'heatmaps'),
    ('dwpose/coco/s1_dis/dwpose_l_dis_t_coco-body-256x192', 17, 'keypoint_x_labels')])
def test_other_pipelines(path: str, keypoints: int, label: str) -> None:
    sample, = made_batch(load_config(f'{BODY}/{path}.py'), size=1)['data_samples']
    assert sample.gt_instance_labels.keypoint_weights.shape == (1, keypoints)
    assert label in sample.gt_fields if label == 'heatmaps' else label in sample.gt_instance_labels


def test_what_cannot_be_made_up_is_a_sentence(distilpose_s: Config) -> None:
    with pytest.raises(DistilPoseError, match='--batch-size is 0'):
        batch_size(distilpose_s, 0)
    with pytest.raises(DistilPoseError, match='train_dataloader.dataset has no TopdownAffine'):
        made_batch(Config(dict(model=distilpose_s.model, train_dataloader=dict(dataset=dict(
            type='CocoDataset', pipeline=[dict(type='PackPoseInputs')])))), size=1)
    with pytest.raises(DistilPoseError, match='val_dataloader.dataset has no metainfo'):
        made_batch(Config(dict(model=dict(type='X'), val_dataloader=dict(dataset=dict(
            pipeline=[dict(type='TopdownAffine', input_size=(1, 1))])))), size=1, split='val')
