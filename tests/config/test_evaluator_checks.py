"""Evaluators that read other keypoints than their data have, or sizes that it does not give."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config.evaluator_checks import check_evaluators
from distilpose.config.keypoints import make_metainfo
from distilpose.errors import DistilPoseError

METAINFO = make_metainfo(['nose', 'left_ear', 'right_ear', 'neck', 'tail'], sigmas=0.05)
FIVE = dict(type='CocoDataset', metainfo=METAINFO)
MPII = dict(type='MpiiDataset', headbox_file='gt.mat', test_mode=True)
Entry = dict[str, Any]


def config(evaluator: Any, *, dataset: Entry | None = None, model: Entry | None = None) -> Config:
    head = dict(type='HeatmapHead', out_channels=16 if dataset and 'Mpii' in dataset['type'] else 5)
    return Config(copy.deepcopy(dict(
        model=dict(dict(type='TopdownPoseEstimator', head=head), **(model or {})),
        val_dataloader=dict(dataset=dataset or FIVE), val_evaluator=evaluator)))


def converter(count: int, *pairs: tuple[Any, int]) -> Entry:
    return dict(num_keypoints=count, mapping=list(pairs))


@pytest.mark.parametrize(('evaluator', 'dataset'), [
    (dict(type='CocoMetric'), None), (dict(type='PCKAccuracy'), None), (dict(type='AUC'), None),
    (dict(type='MpiiPCKAccuracy'), MPII), (dict(type='PCKAccuracy', norm_item=['head', 'bbox']), MPII),
    (dict(type='PCKhMetric'), dict(type='ZeroBasedMpiiDataset')),
    (dict(type='PCKAccuracy', norm_item='head'), dict(type='PanopticHand2DDataset')),
    (dict(type='NME', norm_mode='use_norm_item', norm_item='bbox_size'), None),
    (dict(type='NME', norm_mode='keypoint_distance', keypoint_indices=[1, 2]), None),
    (dict(type='NME', norm_mode='keypoint_distance'), dict(type='WFLWDataset')),
    (dict(type='NME', norm_mode='use_norm_item', norm_item='box_size'), dict(type='AFLWDataset')),
    (dict(type='CocoMetric', gt_converter=converter(2, (0, 0), (4, 1)), pred_converter=converter(2, (0, 0), (4, 1))),
     None),
    (dict(type='KeypointPartitionMetric', metric=dict(type='PCKAccuracy'), partitions=dict(head=[0, 1, 2])), None),
    ([dict(type='CocoMetric'), dict(type='PCKAccuracy')], None),
])
def test_evaluators_that_fit_pass(evaluator: Any, dataset: Entry | None) -> None:
    check_evaluators(config(evaluator, dataset=dataset))


@pytest.mark.parametrize(('evaluator', 'words'), [
    (dict(type='CocoWholeBodyMetric'), "evaluates the 133 keypoints .* defines 5; set val_evaluator.type='CocoM"),
    (dict(type='MpiiPCKAccuracy'), "evaluates the 16 keypoints .* defines 5; set val_evaluator.type='PCKAccuracy'"),
    (dict(type='JhmdbPCKAccuracy'), 'evaluates the 15 keypoints'),
    (dict(type='CocoMetric', iou_type='bbox'), "iou_type is 'bbox'; expected one of keypoints, keypoints_crowd"),
    (dict(type='CocoMetric', score_mode='box'), "score_mode is 'box'; expected one of bbox"),
    (dict(type='CocoMetric', nms_mode=None), 'nms_mode is None; expected one of oks_nms'),
    (dict(type='CocoMetric', gt_converter=converter(3, (5, 0))), 'mapping takes keypoint 5, and .*defines 5'),
    (dict(type='CocoMetric', gt_converter=converter(3, ((0, 1), 0))), 'an evaluator takes no middle of two'),
    (dict(type='CocoMetric', pred_converter=converter(5, (7, 0))), 'takes keypoint 7, and the model predicts 5'),
    (dict(type='CocoMetric', pred_converter=converter(3, (0, 0))), r'defines 5 .*pred_converter.num_keypoints is 3'),
    (dict(type='CocoMetric', gt_converter=converter(3, (0, 0))), 'gt_converter.num_keypoints is 3, and the model p'),
    (dict(type='CocoMetric', gt_converter=dict(mapping=[])), 'gt_converter.num_keypoints is None'),
    (dict(type='PCKAccuracy', norm_item='hip'), "norm_item is 'hip'; expected one of bbox, head, torso"),
    (dict(type='PCKAccuracy', norm_item='head'), 'divides by the size of the head, and .* CocoDataset, which gives'),
    (dict(type='PCKAccuracy', norm_item=['bbox', 'torso']), 'the distance of keypoints 4 and 5, and .*defines 5'),
    (dict(type='PCKhMetric'), 'PCKhMetric that divides by the size of the head'),
    (dict(type='NME', norm_mode='bbox'), "norm_mode is 'bbox'; expected one of use_norm_item"),
    (dict(type='NME'), 'norm_mode is missing'),
    (dict(type='NME', norm_mode='use_norm_item'), 'norm_item is missing'),
    (dict(type='NME', norm_mode='use_norm_item', norm_item='box_size'), 'which only an AFLWDataset gives'),
    (dict(type='NME', norm_mode='keypoint_distance'), 'keypoint_indices is missing, and there are none for'),
    (dict(type='NME', norm_mode='keypoint_distance', keypoint_indices=[0]), 'expected two indices'),
    (dict(type='NME', norm_mode='keypoint_distance', keypoint_indices=[0, 5]), 'has 5, and .* expected indices from 0'),
    (dict(type='KeypointPartitionMetric', metric=dict(type='AUC'), partitions=dict(a=[0, 5])), 'partitions.a has 5'),
    (dict(type='KeypointPartitionMetric', metric=dict(type='AUC'), partitions={}), 'expected lists of keypoints by na'),
    (dict(type='KeypointPartitionMetric', metric=dict(type='MpiiPCKAccuracy'), partitions=dict(a=[0])),
     'metric is a MpiiPCKAccuracy; expected one of CocoMetric'),
    (dict(type='MultiDatasetEvaluator', metrics=[dict(type='AUC')], datasets=[FIVE, FIVE]), 'has 1 entries and .* 2'),
    (dict(type='MultiDatasetEvaluator', metrics=[dict(type='MpiiPCKAccuracy')], datasets=[FIVE]),
     r'metrics\[0\] is a MpiiPCKAccuracy'),
    (dict(type='CocoMetric', format_only=True), 'format_only=True, and no outfile_prefix'),
    (dict(type='MPJPE', mode='mpjpe'), "keypoints in space, and .* CocoDataset; set val_evaluator.type='PCKAccuracy'"),
    ([dict(type='AUC'), dict(type='PCKAccuracy', norm_item='hip')], r'val_evaluator\[1\].norm_item'),
])
def test_evaluators_that_do_not_fit_are_refused(evaluator: Any, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_evaluators(config(evaluator))


@pytest.mark.parametrize(('dataset', 'evaluator', 'words'), [
    (dict(type='MpiiDataset', test_mode=True), dict(type='MpiiPCKAccuracy'), 'none without these; set headbox_file='),
    (MPII, dict(type='CocoMetric'), 'reads annotations in COCO format, .* evaluate with .*MpiiPCKAcc'),
    (dict(FIVE, metainfo=dict(METAINFO, sigmas=[])), dict(type='CocoMetric'), 'CocoMetric, which needs sigmas'),
])
def test_data_that_does_not_give_what_is_evaluated_is_refused(dataset: Entry, evaluator: Entry, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        check_evaluators(config(evaluator, dataset=dataset))


def test_predictions_of_some_keypoints_are_converted() -> None:
    model = dict(test_cfg=dict(output_keypoint_indices=[0, 1, 2]))
    with pytest.raises(DistilPoseError, match='takes keypoint 4, and the model predicts 3 keypoints'):
        check_evaluators(config(dict(type='CocoMetric', pred_converter=converter(5, (4, 0))), model=model))
