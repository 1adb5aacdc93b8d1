"""mmpose's ``CocoMetric`` in arrays: predictions are scored, suppressed and evaluated without a file of results.

mmpose handles them person by person, writes them as JSON and reads them again. The figures are the same; files are
written where ``outfile_prefix`` asks for them.
"""

from __future__ import annotations

import os.path as osp
import tempfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from mmpose.evaluation.functional import transform_ann
from mmpose.evaluation.metrics import CocoMetric, CocoWholeBodyMetric
from xtcocotools.coco import COCO

from distilpose.host.xtcoco_annotations import KeypointArrays, kept_in_memory

from .collected_people import People, convert, gather, group_by_image, keep_finite
from .suppression import suppress

_WRITERS = (CocoMetric.results2json, CocoWholeBodyMetric.results2json)
_READERS: list[Callable[..., Any]] = [CocoMetric._do_python_keypoint_eval, CocoWholeBodyMetric._do_python_keypoint_eval]
_SORT = CocoMetric._sort_and_unique_bboxes
_WHOLE_BODY = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')


def reads_by_load_res(method: Callable[..., Any]) -> Callable[..., Any]:
    """Declares that a metric's ``_do_python_keypoint_eval`` reads the file of results by ``self.coco.loadRes`` only."""
    _READERS.append(method)
    return method


@dataclass(frozen=True)
class _Scored:
    """People with what results have of them."""

    people: People
    keypoints: np.ndarray
    """(P, K, 3) x, y, score."""
    scores: np.ndarray
    """(P,)"""
    areas: np.ndarray
    """(P,)"""

    def __getitem__(self, chosen: np.ndarray) -> _Scored:
        return _Scored(self.people[chosen], self.keypoints[chosen], self.scores[chosen], self.areas[chosen])


def compute_metrics(metric: CocoMetric, results: Sequence[tuple[Mapping[str, Any], Any]]
                    ) -> dict[str, float] | None:
    """What ``CocoMetric.compute_metrics`` returns, which it also logs and writes, of the finite predictions.

    Args:
        metric: of the class or of one that inherits from it.
        results: a prediction and its ground truth for each sample.

    Returns:
        None, before anything is done, where the predictions or methods of the metric are unusual: mmpose's own method
        is to compute.
    """
    people = gather([prediction for prediction, _ in results]) if _is_usual(type(metric)) else None
    if people is None or not _has_all_keypoints(metric, people.points.shape[1]):
        return None
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder, 'results')) if metric.outfile_prefix is None else metric.outfile_prefix
        _prepare_truth(metric, results, prefix)
        scored = _without_duplicates(metric, keep_finite(people))
        if metric.outfile_prefix is not None:
            metric.results2json(_by_image(scored), outfile_prefix=prefix)
        return _figures(metric, scored, prefix)


def _is_usual(kind: type[CocoMetric]) -> bool:
    """Whether a class has the methods that are replaced here."""
    return (kind._sort_and_unique_bboxes is _SORT and kind.results2json in _WRITERS
            and kind._do_python_keypoint_eval in _READERS)


def _has_all_keypoints(metric: CocoMetric, count: int) -> bool:
    """Whether predictions with these keypoints have, after conversion, those of the data set and of the metric."""
    if metric.pred_converter is not None:
        count = metric.pred_converter['num_keypoints']
    return count == metric.dataset_meta['num_keypoints'] == max(place.stop for place in _fields(metric).values())


def _fields(metric: CocoMetric) -> dict[str, slice]:
    """Where results have which keypoints."""
    if type(metric).results2json is not CocoWholeBodyMetric.results2json:
        return dict(keypoints=slice(0, metric.dataset_meta['num_keypoints']))
    sizes = (metric.body_num, metric.foot_num, metric.face_num, metric.left_hand_num, metric.right_hand_num)
    stops = np.cumsum(sizes).tolist()
    return {name: slice(stop - size, stop) for name, size, stop in zip(_WHOLE_BODY, sizes, stops, strict=True)}


def _prepare_truth(metric: CocoMetric, results: Sequence[tuple[Mapping[str, Any], Any]], prefix: str) -> None:
    """Reads and converts annotations where mmpose does."""
    if metric.coco is None:
        MMLogger.get_current_instance().info('Converting ground truth to coco format...')
        metric.coco = COCO(metric.gt_to_coco_json(gt_dicts=[truth for _, truth in results], outfile_prefix=prefix))
    if metric.gt_converter is not None:
        for number, annotation in metric.coco.anns.items():
            metric.coco.anns[number] = transform_ann(annotation, metric.gt_converter['num_keypoints'],
                                                     metric.gt_converter['mapping'])


def _without_duplicates(metric: CocoMetric, people: People) -> _Scored:
    """People with scores, without duplicates, by image in mmpose's order."""
    if metric.pred_converter is not None:
        people = convert(people, num_keypoints=metric.pred_converter['num_keypoints'],
                         mapping=metric.pred_converter['mapping'])
    people, counts = group_by_image(people)
    scores = _scores(people, metric.score_mode, metric.keypoint_score_thr)
    areas = np.ptp(people.points, axis=1).prod(axis=1) if people.areas is None else people.areas
    keypoints = np.concatenate([people.points, people.joint_scores[..., None]], axis=-1)
    scored = _Scored(people, keypoints, scores, areas)
    if metric.nms_mode == 'none':
        return scored
    return scored[suppress(keypoints, scores, areas, counts=counts, sigmas=metric.dataset_meta['sigmas'],
                           threshold=metric.nms_thr, soft=metric.nms_mode == 'soft_oks_nms')]


def _scores(people: People, mode: str, threshold: float) -> np.ndarray:
    """(P,) scores of people, in mmpose's precision."""
    joints, boxes = people.joint_scores, people.box_scores
    if mode == 'bbox':
        return boxes
    if mode == 'keypoint':
        return joints.mean(axis=1)
    if mode == 'bbox_rle':
        return (boxes + joints.mean(axis=1) + joints.max(axis=1)).astype(np.float64)
    is_counted = joints > threshold
    sums = np.where(is_counted, joints, joints.dtype.type(0)).cumsum(axis=1)[:, -1]  # one after the other, as mmpose
    return boxes * (sums / np.maximum(is_counted.sum(axis=1), 1).astype(joints.dtype))


def _by_image(scored: _Scored) -> dict[int, list[dict[str, Any]]]:
    """People as ``results2json`` takes them."""
    people, found = scored.people, defaultdict(list)
    columns = dict(img_id=people.images.tolist(), category_id=people.categories.tolist(), keypoints=scored.keypoints,
                   keypoint_scores=people.joint_scores, bbox_score=people.box_scores, score=scored.scores,
                   area=scored.areas)
    if people.boxes is not None:
        columns['bbox'] = people.boxes
    for values in zip(*columns.values(), strict=True):
        found[values[0]].append(dict(zip(columns, values, strict=True)))
    return found


def _figures(metric: CocoMetric, scored: _Scored, prefix: str) -> dict[str, float]:
    """Names and values of the metric's figures; none if it only writes results."""
    logger = MMLogger.get_current_instance()
    if metric.format_only:
        logger.info(f'results are saved in {osp.dirname(prefix)}')
        return {}
    logger.info(f'Evaluating {type(metric).__name__}...')
    people, is_whole_body = scored.people, type(metric).results2json is CocoWholeBodyMetric.results2json
    results = KeypointArrays(images=people.images, categories=people.categories, keypoints=scored.keypoints,
                             scores=scored.scores, boxes=people.boxes, fields=_fields(metric))
    if is_whole_body:
        results = replace(results, categories=np.ones_like(people.categories), boxes=None)
    with kept_in_memory(f'{prefix}.keypoints.json', results):
        return OrderedDict(metric._do_python_keypoint_eval(prefix))
