"""Reports on published networks and real people, where they are beside the repository."""

from dataclasses import replace

import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.distillation import PoseDistiller
from distilpose.distillation.teacher_report import make_report
from tests.engine import tiny  # noqa: F401 - registers the backbone

SIZE = (192, 192)
STUDENT = dict(
    type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='TinyBackbone'), neck=dict(type='GlobalAveragePooling'),
    head=dict(type='RegressionHead', in_channels=16, num_joints=17,
              loss=dict(type='SmoothL1Loss', use_target_weight=True),
              decoder=dict(type='RegressionLabel', input_size=SIZE)))


@pytest.fixture(scope='module')
def dataset(shared):
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(
            type='CocoDataset', data_mode='topdown', data_root=str(shared / 'data/lspet'), test_mode=True,
            ann_file='annotations/person_keypoints_val.json', data_prefix=dict(img='images/'), pipeline=[
                dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.0),
                dict(type='TopdownAffine', input_size=SIZE), dict(type='PackPoseInputs')]))


@pytest.fixture(scope='module')
def distiller(shared):
    pytest.importorskip('onnxruntime')
    teacher = dict(type='OnnxTeacher', file=str(shared / 'teachers/movenet_lightning.onnx'), preset='movenet-lightning')
    return PoseDistiller(STUDENT, teacher, terms={})


def report_on(distiller, dataset, people):
    return make_report(distiller, dataset, people=people, batch_size=16, seconds=600)[0]


def test_movenet_lightning(distiller, dataset):
    """On all 500 people AP is 53.4 and PCK 75.7, as by the ordinary evaluation."""
    report = report_on(distiller, dataset, 100)
    figures = report.figures
    assert report.findings == ()
    assert 0.48 < figures['ap'] < 0.62 and 0.72 < figures['pck'] < 0.80
    shares = [entry['right'] for entry in figures['certainty'] if entry['joints'] > 50]
    assert shares == sorted(shares) and shares[0] < 0.4 and shares[-1] > 0.9


def test_movenet_lightning_in_blue_green_red(distiller, dataset):
    told, distiller.to_teacher.swap_channels = distiller.teacher.input, False
    try:
        distiller.teacher.input = replace(told, rgb=False)
        report = report_on(distiller, dataset, 50)
    finally:
        distiller.teacher.input, distiller.to_teacher.swap_channels = told, True
    assert [finding.kind for finding in report.findings] == ['channels']
