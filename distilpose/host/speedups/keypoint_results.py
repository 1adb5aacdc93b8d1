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

from distilpose.host.finite_predictions import log_left_out
from distilpose.host.xtcoco_annotations import KeypointArrays, kept_in_memory

from .suppression import suppress

_WRITERS = (CocoMetric.results2json, CocoWholeBodyMetric.results2json)
_READERS: list[Callable[..., Any]] = [CocoMetric._do_python_keypoint_eval, CocoWholeBodyMetric._do_python_keypoint_eval]
_SORT = CocoMetric._sort_and_unique_bboxes
_COLUMNS = dict(points='keypoints', joint_scores='keypoint_scores', box_scores='bbox_scores', areas='areas',
                boxes='bbox')
_WHOLE_BODY = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')


def reads_by_load_res(method: Callable[..., Any]) -> Callable[..., Any]:
    """Declares that a metric's ``_do_python_keypoint_eval`` reads the file of results by ``self.coco.loadRes`` only."""
    _READERS.append(method)
    return method


@dataclass(frozen=True)
class _People:
    """Predictions of P people, as ``CocoMetric.process`` collects them."""

    ids: np.ndarray | None
    """(P,) number of the sample; None for samples of several people, of which no two are the same."""
    images: np.ndarray
    """(P,)"""
    categories: np.ndarray
    """(P,)"""
    points: np.ndarray
    """(P, K, 2)"""
    joint_scores: np.ndarray
    """(P, K)"""
    box_scores: np.ndarray
    """(P,)"""
    areas: np.ndarray | None
    """(P,) of the boxes."""
    boxes: np.ndarray | None
    """(P, 4) x, y, width, height."""

    def __getitem__(self, chosen: np.ndarray) -> _People:
        rows = {name: values[chosen] for name, values in vars(self).items() if values is not None}
        return replace(self, **rows)


@dataclass(frozen=True)
class _Scored:
    """People with what results have of them."""

    people: _People
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
    people = _gather([prediction for prediction, _ in results]) if _is_usual(type(metric)) else None
    if people is None or not _has_all_keypoints(metric, people.points.shape[1]):
        return None
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder, 'results')) if metric.outfile_prefix is None else metric.outfile_prefix
        _prepare_truth(metric, results, prefix)
        scored = _without_duplicates(metric, _finite(people))
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


def _gather(predictions: list[Mapping[str, Any]]) -> _People | None:
    """The people of all predictions, or None if those are not arrays of one kind."""
    if not predictions or len(set(map(frozenset, predictions))) > 1:
        return None
    columns: dict[str, Any] = {name: _concatenate([prediction[key] for prediction in predictions])
                               for name, key in _COLUMNS.items() if key in predictions[0]}
    numbers: dict[str, Any] = {name: _integers([prediction[key] for prediction in predictions])
                               for name, key in dict(images='img_id', categories='category_id').items()}
    if any(column is None for column in (*columns.values(), *numbers.values())):
        return None
    samples = [prediction['id'] for prediction in predictions]
    ids = _integers(samples)
    if ids is None and not all(isinstance(sample, Sequence) for sample in samples):
        return None
    counts = [len(prediction['keypoints']) for prediction in predictions]
    if any([len(prediction[_COLUMNS[name]]) for prediction in predictions] != counts for name in columns):
        return None
    people = _People(ids=ids, **numbers, **dict(areas=None, boxes=None) | columns)
    return _checked(replace(people, **{name: np.repeat(values, counts) for name, values in vars(people).items()
                                       if name in ('ids', *numbers) and values is not None}))


def _concatenate(arrays: list[Any]) -> np.ndarray | None:
    """The rows of all arrays, which are of one kind, or None."""
    if set(map(type, arrays)) != {np.ndarray} or len({(array.dtype, array.shape[1:]) for array in arrays}) > 1:
        return None
    return np.concatenate(arrays) if arrays[0].ndim and arrays[0].dtype in (np.float32, np.float64) else None


def _integers(values: list[Any]) -> np.ndarray | None:
    kinds = set(map(type, values))
    return np.array(values) if all(kind is int or issubclass(kind, np.integer) for kind in kinds) else None


def _checked(people: _People) -> _People | None:
    """The people if their arrays have the shapes that mmpose reads."""
    count, keypoints = people.points.shape[:2]
    shapes = dict(points=(count, keypoints, 2), joint_scores=(count, keypoints), box_scores=(count,), areas=(count,),
                  boxes=(count, 4))
    is_right = all(getattr(people, name) is None or getattr(people, name).shape == shape
                   for name, shape in shapes.items())
    return people if is_right and keypoints else None


def _finite(people: _People) -> _People:
    """Those without NaN; the log has how many others there are."""
    is_finite = np.isfinite(people.points).all(axis=(1, 2)) & np.isfinite(people.joint_scores).all(axis=1)
    is_finite &= np.isfinite(people.box_scores)
    if people.areas is not None:
        is_finite &= np.isfinite(people.areas)
    if is_finite.all():
        return people
    log_left_out(int((~is_finite).sum()), len(is_finite), image=people.images[~is_finite][0])
    return people[is_finite]


def _prepare_truth(metric: CocoMetric, results: Sequence[tuple[Mapping[str, Any], Any]], prefix: str) -> None:
    """Reads and converts annotations where mmpose does."""
    if metric.coco is None:
        MMLogger.get_current_instance().info('Converting ground truth to coco format...')
        metric.coco = COCO(metric.gt_to_coco_json(gt_dicts=[truth for _, truth in results], outfile_prefix=prefix))
    if metric.gt_converter is not None:
        for number, annotation in metric.coco.anns.items():
            metric.coco.anns[number] = transform_ann(annotation, metric.gt_converter['num_keypoints'],
                                                     metric.gt_converter['mapping'])


def _without_duplicates(metric: CocoMetric, people: _People) -> _Scored:
    """People with scores, without duplicates, by image in mmpose's order."""
    if metric.pred_converter is not None:
        people = _converted(people, **metric.pred_converter)
    people, counts = _grouped(people)
    scores = _scores(people, metric.score_mode, metric.keypoint_score_thr)
    areas = np.ptp(people.points, axis=1).prod(axis=1) if people.areas is None else people.areas
    keypoints = np.concatenate([people.points, people.joint_scores[..., None]], axis=-1)
    scored = _Scored(people, keypoints, scores, areas)
    if metric.nms_mode == 'none':
        return scored
    return scored[suppress(keypoints, scores, areas, counts=counts, sigmas=metric.dataset_meta['sigmas'],
                           threshold=metric.nms_thr, soft=metric.nms_mode == 'soft_oks_nms')]


def _converted(people: _People, *, num_keypoints: int, mapping: Sequence[tuple[Any, int]]) -> _People:
    """With other keypoints, as mmpose's ``transform_pred`` makes them."""
    sources, targets = map(list, zip(*mapping, strict=True)) if mapping else ([], [])
    points = np.zeros((len(people.points), num_keypoints, 2), dtype=people.points.dtype)
    scores = np.zeros((len(people.points), num_keypoints), dtype=people.joint_scores.dtype)
    points[:, targets], scores[:, targets] = people.points[:, sources], people.joint_scores[:, sources]
    return replace(people, points=points, joint_scores=scores)


def _grouped(people: _People) -> tuple[_People, np.ndarray]:
    """People by image, in the order of the first of each, and (I,) how many each image has.

    Of predictions for the same sample the first is kept, and samples are in the order of their numbers.
    """
    _, first, inverse, counts = np.unique(people.images, return_index=True, return_inverse=True, return_counts=True)
    places = first.argsort().argsort()[inverse]
    if people.ids is None:
        return people[places.argsort(kind='stable')], counts[first.argsort()]
    order = np.lexsort((people.ids, places))
    ids, places = people.ids[order], places[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (ids[1:] != ids[:-1]) | (places[1:] != places[:-1])
    return people[order[is_new]], np.bincount(places[is_new], minlength=len(counts))


def _scores(people: _People, mode: str, threshold: float) -> np.ndarray:
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
