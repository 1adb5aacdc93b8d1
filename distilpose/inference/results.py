"""Results as JSON: COCO's result files, OpenPose's files and those of mmpose's inferencer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmpose.evaluation.functional import oks_nms, soft_oks_nms

from distilpose.evaluation.whole_body import PARTS

from .predictor import PosePredictions

FORMATS = ('coco', 'openpose', 'mmpose')
_OPENPOSE = ('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow',
             'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'right_eye',
             'left_eye', 'right_ear', 'left_ear')
_SHOULDERS = ('left_shoulder', 'right_shoulder')
_PARTS_OF_WHOLE_BODY = dict(face_keypoints_2d=slice(23, 91), hand_left_keypoints_2d=slice(91, 112),
                            hand_right_keypoints_2d=slice(112, 133))
_WHOLE_BODY = 133
_WHOLE_BODY_METRICS = {'CocoWholeBodyMetric', 'WholeBodyPartsMetric'}
_SPLIT = dict(PARTS.values())
"""Entries of COCO-WholeBody's results, of which each has its share of the 133 keypoints."""


def keypoint_names(meta: Mapping[str, Any]) -> list[str]:
    """The names of a metainfo's keypoints in their order; none where it has no names."""
    names = meta.get('keypoint_id2name') or {}
    return [names[index] for index in sorted(names)]


def coco_category(meta: Mapping[str, Any], number: int, name: str) -> dict[str, Any]:
    """A category of COCO's keypoint annotations: names, and links that count from 1."""
    links = [[int(start) + 1, int(end) + 1] for start, end in meta.get('skeleton_links') or []]
    return dict(id=number, name=name, keypoints=keypoint_names(meta), skeleton=links)


@dataclass(frozen=True)
class Scoring:
    """How a person's score is computed from those of its box and keypoints, and which duplicates are left out.

    Attributes:
        score_mode: ``CocoMetric``'s.
        keypoint_score_thr: of it.
        nms_mode: of it.
        nms_thr: of it.
    """

    score_mode: str = 'bbox_keypoint'
    keypoint_score_thr: float = 0.2
    nms_mode: str = 'oks_nms'
    nms_thr: float = 0.9

    @classmethod
    def of(cls, cfg: Mapping[str, Any]) -> Scoring:
        """That of the first test evaluator with these options, so that results have the AP of the test."""
        evaluators = cfg.get('test_evaluator') or ()
        names = tuple(cls.__dataclass_fields__)
        for evaluator in [evaluators] if isinstance(evaluators, Mapping) else evaluators:
            sources = {name: evaluator[name] for name in names if name in evaluator}
            if sources:
                return cls(**sources)
        return cls()

    def scores(self, predictions: PosePredictions) -> np.ndarray:
        """(N,) of people."""
        joints, boxes = predictions.scores, predictions.box_scores
        if self.score_mode == 'bbox':
            return boxes
        mean = joints.mean(axis=1)
        if self.score_mode == 'keypoint':
            return mean
        if self.score_mode == 'bbox_rle':
            return boxes + mean + joints.max(axis=1)
        counts = joints > self.keypoint_score_thr
        return boxes * np.where(counts, joints, 0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)

    def keep(self, predictions: PosePredictions, sigmas: Sequence[float] | np.ndarray | None) -> np.ndarray:
        """Indices of the people that are no duplicates, the best first."""
        scores, count = self.scores(predictions), predictions.keypoints.shape[1]
        if self.nms_mode == 'none' or sigmas is None or len(sigmas) != count or not len(predictions):
            return np.arange(len(predictions))
        people = [dict(keypoints=np.column_stack([points, joints]), score=score, area=area) for points, joints, score,
                  area in zip(predictions.keypoints, predictions.scores, scores, predictions.areas, strict=True)]
        nms = oks_nms if self.nms_mode == 'oks_nms' else soft_oks_nms
        return np.asarray(nms(people, self.nms_thr, sigmas=np.asarray(sigmas)), dtype=int)


def is_whole_body(cfg: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    """Whether results have COCO-WholeBody's form: the test's metric reads it, or the keypoints are of that set."""
    evaluators = cfg.get('test_evaluator') or ()
    types = [evaluator.get('type') for evaluator in ([evaluators] if isinstance(evaluators, Mapping) else evaluators)]
    return meta.get('num_keypoints') == _WHOLE_BODY and (
        not _WHOLE_BODY_METRICS.isdisjoint(types) or meta.get('dataset_name') == 'coco_wholebody')


def coco_people(predictions: PosePredictions, *, image_id: int, category_id: int | Sequence[int], scoring: Scoring,
                sigmas: Sequence[float] | np.ndarray | None, split: bool = False) -> list[dict[str, Any]]:
    """Entries of a COCO result file, of the people that are no duplicates.

    Args:
        predictions: of an image.
        image_id: its number.
        category_id: number of the people's category, or of each one's.
        scoring: of people.
        sigmas: of the keypoints.
        split: whether the 133 keypoints are split as COCO-WholeBody's results are.
    """
    scores = scoring.scores(predictions)
    rows = np.concatenate([predictions.keypoints, predictions.scores[..., None]], axis=2)
    shares = _SPLIT if split else dict(keypoints=slice(None))
    kinds = [category_id] * len(rows) if isinstance(category_id, int) else category_id
    return [dict(image_id=image_id, category_id=kinds[index], score=float(scores[index]),
                 **{name: _flat(rows[index, share]) for name, share in shares.items()})
            for index in scoring.keep(predictions, sigmas)]


def openpose_document(predictions: PosePredictions, names: Sequence[str]) -> dict[str, Any]:
    """OpenPose's file of an image, version 1.3.

    Where COCO's 17 keypoints are among the names, the body has OpenPose's 18, the neck being the middle of the
    shoulders; with COCO-WholeBody's 133 there are face and hands. Other keypoints come in their own order.
    """
    return dict(version=1.3, people=[_openpose_person(predictions, index, names) for index in range(len(predictions))])


def _openpose_person(predictions: PosePredictions, index: int, names: Sequence[str]) -> dict[str, Any]:
    rows = np.column_stack([predictions.keypoints[index], predictions.scores[index]])
    parts = {name: rows[part] if len(rows) == _WHOLE_BODY else rows[:0] for name, part in _PARTS_OF_WHOLE_BODY.items()}
    place = dict(zip(names, rows, strict=False))
    body = rows
    if set(_OPENPOSE) - {'neck'} <= place.keys():
        shoulders = np.stack([place[name] for name in _SHOULDERS])
        place['neck'] = np.array([*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min()])
        body = np.stack([place[name] for name in _OPENPOSE])
    return dict(person_id=[-1], pose_keypoints_2d=_flat(body), **{name: _flat(part) for name, part in parts.items()})


def mmpose_document(predictions: PosePredictions) -> list[dict[str, Any]]:
    """The file of an image that ``MMPoseInferencer`` writes with ``pred_out_dir``."""
    return [dict(keypoints=points.tolist(), keypoint_scores=scores.tolist(), bbox=[box.tolist()],
                 bbox_score=float(box_score)) for points, scores, box, box_score in
            zip(predictions.keypoints, predictions.scores, predictions.boxes, predictions.box_scores, strict=True)]


def _flat(rows: np.ndarray) -> list[float]:
    return rows.astype(float).ravel().tolist()
