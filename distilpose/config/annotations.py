"""Annotations and detected boxes that data sets and evaluators name: read and checked before anything runs."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.datasets.datasets.wholebody import CocoWholeBodyDataset
from mmpose.evaluation.metrics import CocoMetric, CocoWholeBodyMetric, PoseTrack18Metric
from mmpose.registry import DATASETS, METRICS

from distilpose.annotation_store.checking import (
    check_annotation_file,
    check_detection_file,
    has_columns,
    image_names,
    images_with_people,
)
from distilpose.annotation_store.data_sets import reads_store
from distilpose.annotations import PERSON, Expected, Finding, Findings, check_evaluated_images, shared_images
from distilpose.errors import DistilPoseError
from distilpose.host import data_files, xtcoco

from .tree import ConfigTree
from .walk import class_of

_WHOLE_BODY = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)

Entry = Mapping[str, Any]


def check_annotations(config: Config | ConfigTree) -> None:
    """Reads the annotations of all data sets and evaluators, and the boxes of a detector.

    Files of COCO's form are read here, and kept for the data set that needs them. Other forms are checked by their own
    data sets; of them only those are refused whose reader would run code.

    The tree gets ``findings``, file by file as the config names them, and the sentences of their ``warnings``, of each
    kind the first about a file.

    Raises:
        DistilPoseError: a file cannot be used; names file, entry, field, found, expected and what to change.
    """
    tree = ConfigTree.of(config)
    found: dict[str, list[Findings]] = {}
    evaluated = {file for loader in tree.loaders for _, evaluator in tree.below(f'{loader}_evaluator')
                 if (file := _local_file(evaluator, 'ann_file')) is not None}
    try:
        for loader in tree.loaders:
            found[loader] = [findings for path, dataset in tree.below(f'{loader}_dataloader')
                             for findings in _check_dataset(path, dataset, evaluated)]
            for path, evaluator in tree.below(f'{loader}_evaluator'):
                found[loader] += _check_evaluator(path, evaluator, tree.cfg.get(f'{loader}_dataloader') or {})
    except DistilPoseError:
        data_files.forget_kept_files()
        raise
    tree.findings += _without_repetitions([*chain.from_iterable(found.values())], _shared_images(found))
    tree.warnings += [warning.sentence for findings in tree.findings for warning in findings.warnings]


def _shared_images(found: Mapping[str, Sequence[Findings]]) -> dict[int, Finding]:
    """Place among all findings -> a warning about images that are trained on as well."""
    trained, warnings = found.get('train', ()), {}
    for place, one in enumerate(chain.from_iterable(found.values())):
        shared = next(filter(None, (shared_images(other, one) for other in trained)), None)
        if place >= len(trained) and shared is not None:
            warnings[place] = shared
    return warnings


def _without_repetitions(findings: Sequence[Findings], more: Mapping[int, Finding]) -> list[Findings]:
    """Findings whose warnings are of a kind that was not there for the file before; with more of them by place."""
    seen, kept = set(), []
    for place, one in enumerate(findings):
        warnings = []
        for warning in (*one.warnings, *((more[place], ) if place in more else ())):
            if (one.path, warning.kind) not in seen:
                seen.add((one.path, warning.kind))
                warnings.append(warning)
        kept.append(dataclasses.replace(one, warnings=tuple(warnings)))
    return kept


def _check_dataset(path: str, dataset: Entry, evaluated: Collection[Path]) -> list[Findings]:
    file, boxes = (_local_file(dataset, name) for name in ('ann_file', 'bbox_file'))
    for name in (file, boxes):
        if name is not None:
            data_files.refuse_code(name)
    kind: Any = _class(DATASETS, dataset)
    if file is None or not issubclass(kind, BaseCocoStyleDataset) or (
            kind._load_annotations is not BaseCocoStyleDataset._load_annotations):
        return []
    readers: list[Callable[..., Any]] = [BaseCocoStyleDataset.parse_data_info, CocoWholeBodyDataset.parse_data_info]
    is_whole_body = kind.parse_data_info is CocoWholeBodyDataset.parse_data_info
    joints = _joints(kind, dataset)
    more = ('num_keypoints', 'segmentation') if is_whole_body else ()
    folder, roots = _folders(dataset)
    expected = Expected(
        _fields(joints, is_whole_body=is_whole_body), is_standard=kind.parse_data_info in readers,
        has_people=boxes is None, image_keys=('id', 'file_name'), keys_with_keypoints=('bbox', *more),
        needs_categories=boxes is not None, folder=folder, roots=roots)
    found = {file: check_annotation_file(file, expected, named_by=f'{path}.ann_file', keep=xtcoco.is_used())}
    if boxes is not None and dataset.get('test_mode'):
        threshold = (dataset.get('filter_cfg') or {}).get('bbox_score_thr')
        found[boxes] = check_detection_file(boxes, file, named_by=f'{path}.bbox_file', score_threshold=threshold)
    if reads_store(kind, data_mode=dataset.get('data_mode', 'topdown')) and all(map(has_columns, found)):
        for one in found.keys() - evaluated:
            data_files.forget(one)  # the data set reads what is stored
    return [*found.values()]


def _folders(dataset: Entry) -> tuple[str, tuple[str, ...]]:
    """Where names of images begin, and the folders that images must lie in."""
    root, prefixes = str(dataset.get('data_root') or ''), dataset.get('data_prefix')
    prefix = prefixes.get('img') if isinstance(prefixes, Mapping) else None
    folder = os.path.abspath(os.path.join(root, str(prefix or '')))
    return folder, tuple(dict.fromkeys((os.path.abspath(root), folder) if root else (folder, )))


def _check_evaluator(path: str, evaluator: Entry, loader: Entry) -> list[Findings]:
    file = _local_file(evaluator, 'ann_file')
    if file is None:
        return []
    data_files.refuse_code(file)
    kind = _class(METRICS, evaluator)
    if not issubclass(kind, CocoMetric) or issubclass(kind, PoseTrack18Metric):
        return []
    dataset = loader.get('dataset') or {}
    is_converted = bool(evaluator.get('gt_converter')) or 'datasets' in dataset
    joints = None if is_converted else _joints(_class(DATASETS, dataset), dataset)
    is_crowd = evaluator.get('iou_type') == 'keypoints_crowd'
    is_whole_body, reads_area = issubclass(kind, CocoWholeBodyMetric), bool(evaluator.get('use_area', True))
    areas = ('area', ) if reads_area and not xtcoco.is_used() else ()  # xtcocotools itself computes none
    expected = Expected(
        _fields(joints, is_whole_body=is_whole_body),
        has_people=not evaluator.get('format_only'), image_keys=('id', 'crowdIndex') if is_crowd else ('id', ),
        person_keys=('id', 'image_id', 'category_id', 'bbox', *areas, *(('num_keypoints', ) if is_crowd else ())),
        needs_categories=True, reads_area=reads_area, is_crowd_metric=is_crowd,
        category=PERSON if is_whole_body or dataset.get('bbox_file') else None)
    found = check_annotation_file(file, expected, named_by=f'{path}.ann_file', keep=xtcoco.is_used())
    if not is_converted:
        _check_same_images(dataset, file, named_by=f'{path}.ann_file')
    return [found]


def _check_same_images(dataset: Entry, file: Path, *, named_by: str) -> None:
    """Checks that the evaluator's file has the images of a data set that names another one.

    Boxes of a detector may be on some of the images only, as may a part of a data set.
    """
    other = _local_file(dataset, 'ann_file')
    kind: Any = _class(DATASETS, dataset)
    if other is None or other.samefile(file) or dataset.get('bbox_file') or dataset.get('indices') is not None:
        return
    if issubclass(kind, BaseCocoStyleDataset) and kind._load_annotations is BaseCocoStyleDataset._load_annotations:
        check_evaluated_images(images_with_people(other), image_names(other), image_names(file), data_set=other,
                               evaluator=file, named_by=named_by)


def _local_file(owner: Entry, key: str) -> Path | None:
    """A file that a data set or evaluator names, if it is one of this machine."""
    name = owner.get(key)
    if not isinstance(name, (str, Path)) or not str(name) or 'type' not in owner:
        return None
    if owner.get('backend_args') not in data_files.LOCAL_BACKENDS:
        return None
    root = owner.get('data_root') if key == 'ann_file' else None
    path = Path(root or '', name)
    return path if ':' not in str(path) and path.is_file() else None


def _class(registry: Any, owner: Entry) -> type:
    """The class that a dictionary builds; ``object`` without one, as for the ``type`` of a keypoint."""
    found = class_of(registry, owner.get('type'))
    return found if isinstance(found, type) else object


def _joints(kind: type, dataset: Entry) -> list[str] | None:
    """Names of the joints of a data set in their order."""
    metainfo = dataset.get('metainfo') or getattr(kind, 'METAINFO', None)
    if not metainfo:
        return None
    names = parse_pose_metainfo(copy.deepcopy(dict(metainfo)))['keypoint_id2name']
    return [names[index] for index in sorted(names)]


def _fields(joints: Sequence[str] | None, *, is_whole_body: bool) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
    """Fields of an annotation and the names of their joints."""
    if not is_whole_body:
        return (('keypoints', None if joints is None else tuple(joints)), )
    starts = [0, *accumulate(_WHOLE_BODY.values())]
    names = joints if joints is not None and len(joints) == starts[-1] else None
    return tuple((name, tuple(map(str, range(count))) if names is None else tuple(names[start:start + count]))
                 for (name, count), start in zip(_WHOLE_BODY.items(), starts, strict=False))
