"""People of the whole body, and made-up answers of a model to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

from distilpose.evaluation.whole_body import PARTS
from tests.host.test_xtcoco import random_people

Answer = Callable[[dict[str, Any]], np.ndarray]


def write_random_people(folder: Path, seed: int = 0) -> Path:
    """An annotation file with many people, some of whom are crowds, empty or without a labelled part."""
    truth, _ = random_people(seed)
    for image in truth['images']:
        image['file_name'] = f'{image["id"]:06}.jpg'
    for person in truth['annotations']:
        labelled = sum(np.count_nonzero(person[field][2::3]) for field, _ in PARTS.values())
        person.update(segmentation=None, num_keypoints=int(labelled))  # of all parts, so that nobody is left out
    file = folder / 'random_people.json'
    file.write_text(json.dumps(truth))
    return file


def read_people(ann_file: Path, kind: str = 'CocoWholeBodyDataset', **options: Any) -> Any:
    """The data set of the file's people, with boxes as annotated."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(type=kind, ann_file=str(ann_file), test_mode=True, **options))


def answered(people: Iterable[dict[str, Any]], answer: Answer) -> list[dict[str, Any]]:
    """Data samples as a model returns them.

    Args:
        people: data infos, as ``get_data_info`` gives them.
        answer: gives the keypoints (1, 133, 2) in image pixels.
    """
    samples = []
    for person in people:
        corners = person['bbox'][0]
        samples.append(dict(
            id=person['id'], img_id=person['img_id'], category_id=person['category_id'], ori_shape=(480, 640),
            raw_ann_info=person['raw_ann_info'],
            pred_instances=dict(keypoints=answer(person), keypoint_scores=np.full((1, 133), 0.9)),
            gt_instances=dict(bbox_scores=person['bbox_score'], bbox_scales=1.25 * (corners[2:] - corners[:2])[None])))
    return samples


def truth(person: dict[str, Any]) -> np.ndarray:
    """The annotated keypoints; where there is no annotation, the middle of the box, as any answer within it."""
    corners = person['bbox'][0]
    return np.where(person['keypoints_visible'][..., None] > 0, person['keypoints'], (corners[:2] + corners[2:]) / 2)


def noisy(share: float, seed: int = 0) -> Answer:
    """Answers the truth with errors of about a share of the person's box, for some a third of it or three times."""
    random = np.random.default_rng(seed)

    def answer(person: dict[str, Any]) -> np.ndarray:
        corners = person['bbox'][0]
        error = random.choice([share / 3, share, 3 * share]) * np.sqrt(np.prod(corners[2:] - corners[:2]))
        return truth(person) + random.normal(0, error, (1, 133, 2))

    return answer


def anywhere(seed: int = 0) -> Answer:
    """Answers points of the person's box by chance."""
    random = np.random.default_rng(seed)

    def answer(person: dict[str, Any]) -> np.ndarray:
        corners = person['bbox'][0]
        return random.uniform(corners[:2], corners[2:], (1, 133, 2))

    return answer
