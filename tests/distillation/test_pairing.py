"""Every refusal says what was found and what was expected."""

from __future__ import annotations

import pytest
from torch import nn

from distilpose.distillation import FrozenTeacher
from distilpose.errors import DistilPoseError
from tests.devices import on_device
from tests.networks import ENCODER, STUDENT, TEACHER, TERMS, batch, changed, distiller, teacher

COCO = dict(from_file='configs/_base_/datasets/coco.py')


@on_device
def test_a_fitting_pair_passes_and_stays_in_its_mode() -> None:
    model = distiller()
    assert model.training and model.student.training


@on_device
def test_number_of_keypoints() -> None:
    with pytest.raises(DistilPoseError, match='student predicts 14 keypoints, the teacher 17'):
        distiller(changed(STUDENT, num_keypoints=14), terms=dict(score=TERMS['score']))


@on_device
def test_order_of_keypoints() -> None:
    names = tuple('nose left_eye right_eye'.split())
    frozen = FrozenTeacher(teacher().model, keypoint_names=('nose', 'right_eye', 'left_eye'))
    from distilpose.distillation.pairing import check_pair
    sentence = "keypoint 1 is 'left_eye' for the student and 'right_eye' for the teacher"
    with pytest.raises(DistilPoseError, match=sentence):
        check_pair(distiller().student, frozen, {}, to_teacher=nn.Identity(), student_names=names)
    shorter = FrozenTeacher(frozen.model, keypoint_names=names[:2])
    with pytest.raises(DistilPoseError, match='predicts 3 keypoints, the teacher 2'):
        check_pair(distiller().student, shorter, {}, to_teacher=nn.Identity(), student_names=names)


@on_device
def test_order_is_known_from_the_student_config() -> None:
    with pytest.raises(DistilPoseError, match='keypoint 0'):
        distiller(dict(STUDENT, metainfo=COCO), teacher=teacher(keypoint_names=('pelvis',) * 17))


@on_device
def test_input_size() -> None:
    decoder = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(12, 16), sigma=1)
    with pytest.raises(DistilPoseError, match='visual_tokens of the teacher, which cannot be mapped from a crop'):
        distiller(teacher=teacher(changed(TEACHER, decoder=decoder)))


@on_device
def test_unknown_input_size() -> None:
    with pytest.raises(DistilPoseError, match='neither the student nor the teacher has an input size'):
        distiller(changed(STUDENT, decoder=None), teacher=teacher(changed(TEACHER, decoder=None)))


@on_device
@pytest.mark.parametrize('head, field', [(dict(with_sigmas=False), 'sigmas'), (dict(with_scores=False), 'scores')])
def test_a_term_without_its_field(head: dict, field: str) -> None:
    with pytest.raises(DistilPoseError, match=f'needs {field} of the student, whose DistilPoseHead produces coords'):
        distiller(changed(STUDENT, **head))


@on_device
def test_a_teacher_without_heatmaps() -> None:
    with pytest.raises(DistilPoseError, match='needs heatmaps of the teacher, whose DistilPoseHead produces coords'):
        distiller(teacher=teacher(STUDENT))


def classifier() -> dict:
    codec = dict(type='SimCCLabel', input_size=(48, 64), sigma=3.0, simcc_split_ratio=2.0, normalize=False)
    config = changed(TEACHER)
    config['head'] = dict(type='SimCCHead', in_channels=8, out_channels=17, input_size=(48, 64),
                          in_featuremap_size=(12, 16), simcc_split_ratio=2.0, deconv_out_channels=None,
                          loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0), decoder=codec)
    return config


@on_device
def test_a_coordinate_classifier_is_told_how_to_draw_heatmaps() -> None:
    terms = dict(score=TERMS['score'])
    with pytest.raises(DistilPoseError, match='simcc, features; let it draw heatmaps with model.teacher.heatmaps='):
        distiller(teacher=teacher(classifier()), terms=terms)
    drawing = teacher(classifier(), heatmaps=dict(size=(12, 16), sigma=1.0))
    assert distiller(teacher=drawing, terms=terms)(*batch(), mode='loss')['loss_score'] > 0


@on_device
def test_only_a_coordinate_classifier_draws_heatmaps() -> None:
    with pytest.raises(DistilPoseError, match='TokenPoseHead predicts heatmaps.*drop model.teacher.heatmaps'):
        distiller(teacher=teacher(heatmaps=dict(size=(12, 16), sigma=1.0)))


@on_device
def test_token_grids() -> None:
    coarse = changed(STUDENT, encoder=dict(ENCODER, patch_size=(6, 4)))
    with pytest.raises(DistilPoseError, match="term 'visual_tokens': the student has 8 visual_tokens"):
        distiller(coarse)


def test_heatmap_grid_against_the_codec_and_the_input() -> None:
    decoder = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(24, 32), sigma=1)
    with pytest.raises(DistilPoseError, match='predicts heatmaps of 12x16 .*, its codec has heatmap_size 24x32'):
        distiller(teacher=teacher(changed(TEACHER, decoder=decoder)))
    square = changed(TEACHER, heatmap_size=(16, 16), decoder=dict(decoder, heatmap_size=(16, 16)))
    with pytest.raises(DistilPoseError, match='grid of 16x16 does not have the shape of its input of 48x64'):
        distiller(teacher=teacher(square))


def test_a_head_that_nobody_can_read() -> None:
    other = changed(STUDENT)
    other['head'] = dict(type='VisPredictHead', pose_cfg=dict(
        type='RegressionHead', in_channels=8, num_joints=17, decoder=dict(type='RegressionLabel', input_size=(48, 64))))
    other['neck'] = dict(type='GlobalAveragePooling')
    with pytest.raises(DistilPoseError, match='VisPredictHead returned tuple, which distilpose cannot read'):
        distiller(other)


def test_mmpose_heads_can_be_student_and_teacher() -> None:
    regression = changed(STUDENT)
    regression['neck'] = dict(type='GlobalAveragePooling')
    regression['head'] = dict(type='RegressionHead', in_channels=8, num_joints=17,
                              loss=dict(type='SmoothL1Loss', use_target_weight=True),
                              decoder=dict(type='RegressionLabel', input_size=(48, 64)))
    heatmap = changed(TEACHER)
    heatmap['head'] = dict(type='HeatmapHead', in_channels=8, out_channels=17, deconv_out_channels=None,
                           loss=dict(type='KeypointMSELoss', use_target_weight=True),
                           decoder=TEACHER['head']['decoder'])
    model = distiller(regression, teacher=teacher(heatmap),
                      terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma=1.0)))
    losses = model(*batch(), mode='loss')
    assert losses['loss_simulated_heatmap'] > 0 and losses['loss_kpt'] > 0
