"""Synthetic batches as a config's pipeline packs them, networks with random weights, and MACs of training steps."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from distilpose.benchmark import inputs
from distilpose.benchmark.inputs import batch_size, build_model, macs_of_a_step, synthetic_batch, with_a_teacher
from distilpose.complexity import ForwardPass, count_macs, count_macs_by_module
from distilpose.config import build_estimator, load_config
from distilpose.config.teacher_crop import with_teacher_crop
from distilpose.distillation.teachers import OnnxTeacher
from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput
from tests import networks, onnx_files

BODY = 'configs/body/2d_kpt_sview_rgb_img'
WIDTH, HEIGHT = 192, 256
IMAGE = torch.zeros(1, 3, *networks.INPUT_SIZE[::-1])


@pytest.fixture(scope='module')
def distilpose_s() -> Config:
    return load_config(f'{BODY}/distilpose/coco/DistilPose_S_coco_256x192.py')


def test_a_batch_for_training(distilpose_s: Config) -> None:
    batch = synthetic_batch(distilpose_s, size=3)
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
    one, two = synthetic_batch(distilpose_s, size=2), synthetic_batch(distilpose_s, size=2)
    assert torch.equal(one['inputs'][1], two['inputs'][1]) and not torch.equal(one['inputs'][0], one['inputs'][1])


def test_a_batch_for_predictions_can_be_mapped_to_the_image(distilpose_s: Config) -> None:
    meta = synthetic_batch(distilpose_s, size=1, split='val')['data_samples'][0].metainfo
    assert tuple(meta['input_size']) == (WIDTH, HEIGHT) == tuple(meta['input_scale'])
    assert len(meta['flip_indices']) == 17


@pytest.mark.parametrize('path, keypoints, label', [
    ('simdr/mpii/sa_simdr_hrnet_w32_mpii_256x256', 16, 'keypoint_x_labels'),
    ('fpd/coco/fpd_hrnet_w48_to_w32_unlabelled_coco_256x192', 17, 'heatmaps'),
    ('dwpose/coco/s1_dis/dwpose_l_dis_t_coco-body-256x192', 17, 'keypoint_x_labels')])
def test_other_pipelines(path: str, keypoints: int, label: str) -> None:
    sample, = synthetic_batch(load_config(f'{BODY}/{path}.py'), size=1)['data_samples']
    assert sample.gt_instance_labels.keypoint_weights.shape == (1, keypoints)
    assert label in sample.gt_fields if label == 'heatmaps' else label in sample.gt_instance_labels


@pytest.mark.parametrize('view', ['same', 'clean', 'unaugmented'])
def test_crops_for_teachers(view: str) -> None:
    config = load_config(f'{BODY}/fpd/lspet/moving_average_hourglass_1x32_unlabelled_lspet_64x64.py')
    dataset = config.train_dataloader.dataset
    dataset.pipeline = with_teacher_crop(dataset.pipeline, NetworkInput(size=(96, 96), padding=1.25), view=view)
    one, two = synthetic_batch(config, size=2)['data_samples']
    assert one.teacher_image.shape == (3, 96, 96) and one.teacher_image.float().std() > 20
    assert one.teacher_map.shape == (2, 3) and not torch.equal(one.teacher_image, two.teacher_image)


def test_what_cannot_be_made_up_is_a_sentence(distilpose_s: Config) -> None:
    with pytest.raises(DistilPoseError, match='--batch-size is 0'):
        batch_size(distilpose_s, 0)
    with pytest.raises(DistilPoseError, match='train_dataloader.dataset has no TopdownAffine'):
        synthetic_batch(Config(dict(model=distilpose_s.model, train_dataloader=dict(dataset=dict(
            type='CocoDataset', pipeline=[dict(type='PackPoseInputs')])))), size=1)
    with pytest.raises(DistilPoseError, match='val_dataloader.dataset has no metainfo'):
        synthetic_batch(Config(dict(model=dict(type='X'), val_dataloader=dict(dataset=dict(
            pipeline=[dict(type='TopdownAffine', input_size=(1, 1))])))), size=1, split='val')


def test_the_old_name_of_a_batch_forwards() -> None:
    with pytest.warns(DeprecationWarning, match='synthetic_batch'):
        assert inputs.made_batch is synthetic_batch


def config(checkpoint: str | None) -> Config:
    return Config(copy.deepcopy(dict(model=dict(
        type='PoseDistiller', student=networks.STUDENT, terms=networks.TERMS,
        teacher=dict(config=networks.TEACHER, checkpoint=checkpoint)))))


@pytest.mark.parametrize('checkpoint', ['teacher_chkpts/nobody_has_this.pth', None])
def test_a_teacher_without_a_file_gets_random_weights(checkpoint: str | None) -> None:
    cfg = config(checkpoint)
    with with_a_teacher(cfg) as (ready, (note,)):
        file = Path(ready.model.teacher.checkpoint)
        one, two = build_model(ready), build_model(ready)
    assert 'random weights' in note and not file.exists()
    assert cfg.model.teacher.checkpoint == checkpoint
    assert one.teacher.digest() == two.teacher.digest()
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())


def test_a_teachers_own_file_is_taken(tmp_path: Path) -> None:
    teacher = networks.teacher(seed=3)
    torch.save(dict(state_dict=teacher.model.state_dict()), tmp_path / 'teacher.pth')
    with with_a_teacher(config(str(tmp_path / 'teacher.pth'))) as (ready, notes):
        assert notes == [] and build_model(ready).teacher.digest() == teacher.digest()


def test_a_plain_model_needs_none() -> None:
    cfg = Config(dict(model=copy.deepcopy(networks.STUDENT)))
    with with_a_teacher(cfg) as (ready, notes):
        assert ready is cfg and notes == []


def test_a_step_is_three_passes_of_the_student_and_one_of_the_teacher() -> None:
    model = networks.distiller()
    student, teacher = (count_macs(ForwardPass(network), IMAGE) for network in (model.student, model.teacher.model))
    assert macs_of_a_step(model, IMAGE) == dict(student=3 * student, teacher=teacher)
    assert macs_of_a_step(model.student, IMAGE) == dict(student=3 * student, teacher=0)


def test_what_does_not_learn_runs_forward_only() -> None:
    model = networks.distiller(freeze=('backbone',))
    macs = count_macs_by_module(model.student, IMAGE)
    assert macs_of_a_step(model, IMAGE)['student'] == macs['backbone'] + 3 * macs['head']


def test_of_a_shared_backbone_the_teacher_adds_its_head() -> None:
    model = networks.distiller(share_backbone=True)
    macs, teacher = (count_macs_by_module(network, IMAGE) for network in (model.student, model.teacher.model))
    assert macs_of_a_step(model, IMAGE) == dict(student=macs['backbone'] + 3 * macs['head'], teacher=teacher['head'])


def test_a_student_that_is_its_own_teacher_adds_its_further_cycles() -> None:
    model = networks.distiller(networks.TEACHER, teacher=dict(type='SelfDistillationTeacher', cycles=3), terms={})
    twice = networks.changed(networks.TEACHER, encoder=dict(networks.ENCODER, cycles=2))
    one, two = (count_macs(ForwardPass(build_estimator(copy.deepcopy(each))), IMAGE)
                for each in (networks.TEACHER, twice))
    readout = count_macs_by_module(model.student, IMAGE)['head.readout']
    assert macs_of_a_step(model, IMAGE) == dict(student=3 * (one + 2 * (two - one + readout)), teacher=0)


def test_a_moving_average_is_a_pass_of_the_student() -> None:
    model = networks.distiller(networks.TEACHER, teacher=dict(type='MovingAverageTeacher'),
                               terms=dict(heatmaps=dict(type='HeatmapTerm')))
    macs = count_macs(ForwardPass(model.student), IMAGE)
    assert macs_of_a_step(model, IMAGE) == dict(student=3 * macs, teacher=macs)


def test_a_file_whose_operations_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    file = onnx_files.export(onnx_files.Shows(torch.sigmoid), tmp_path / 'net.onnx', outputs=['heatmaps'])
    normalised = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], channel_order='rgb')
    teacher = OnnxTeacher(file, input=normalised, outputs=dict(grid='i/n'))
    with pytest.raises(DistilPoseError, match='operations of the teacher net.onnx cannot be counted'):
        macs_of_a_step(networks.distiller(teacher=teacher, terms={}), IMAGE)


def test_several_teachers_are_not_measured(distilpose_s: Config) -> None:
    several = copy.deepcopy(distilpose_s)
    several.model.teachers = dict(one=several.model.pop('teacher'))
    with pytest.raises(DistilPoseError, match='several teachers .* a benchmark measures one'), with_a_teacher(several):
        pass


@pytest.mark.parametrize('kind', ['MovingAverageTeacher', 'OnnxTeacher'])
def test_a_teacher_without_a_config_is_not_measured(distilpose_s: Config, kind: str) -> None:
    other = copy.deepcopy(distilpose_s)
    other.model.teacher = dict(type=kind)
    with (pytest.raises(DistilPoseError, match=f'model.teacher is a {kind}, and a benchmark measures a teacher with'),
          with_a_teacher(other)):
        pass
