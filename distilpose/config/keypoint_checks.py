"""Consistency of a config's keypoints: data sets, the estimator, its head and evaluators define the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmpose.registry import DATASETS

from distilpose.errors import DistilPoseError

from .keypoints import ENTRY, count_of_head, own_datasets
from .metainfo import names_of, read_definition_file
from .tree import ConfigTree
from .walk import type_name

_WHOLE_BODY = 133
_REMEDY = f'set them once, with {ENTRY} = dict(names=[...], ...) in the config (docs/own_data.md), or correct one'


class _Place(NamedTuple):
    """Where a config defines keypoints."""

    path: str
    metainfo: Mapping[str, Any]
    names: Sequence[str]

    def __str__(self) -> str:
        file = self.metainfo.get('from_file')
        return f'{self.path} defines {len(self.names)} keypoints ({file or ", ".join(self.names[:4])})'


def check_keypoints(config: Config | ConfigTree) -> None:
    """Compares the keypoints of the data sets in use, of the student and of its head, before anything is built.

    Raises:
        DistilPoseError: a definition contradicts itself, two places disagree, or something reads keypoints that are
            not there; names the places, what they say and what to change.
    """
    tree = ConfigTree.of(config)
    places = list(_places(tree))
    if not places:
        return
    first = places[0]
    for other in places[1:]:
        if len(other.names) != len(first.names):
            raise DistilPoseError(f'{first}, and {other}{_meaning(other)}; both must be the same: {_REMEDY}')
        if list(other.names) != list(first.names):
            index = next(i for i, pair in enumerate(zip(first.names, other.names, strict=True)) if pair[0] != pair[1])
            raise DistilPoseError(f'keypoint {index} is {first.names[index]!r} in {first.path} and '
                                  f'{other.names[index]!r} in {other.path}; both must be the same: {_REMEDY}')
    _check_student(tree, first)
    _check_data(tree, first)
    for loader in tree.loaders:
        if loader in ('val', 'test'):
            _check_evaluators(tree, loader)


def _places(tree: ConfigTree) -> Iterator[_Place]:
    for loader in tree.loaders:
        path = f'{loader}_dataloader.dataset'
        for dataset in own_datasets((tree.cfg.get(f'{loader}_dataloader') or {}).get('dataset')):
            metainfo = dataset.get('metainfo') or _of_class(dataset)
            where = f'{path}.metainfo' if dataset.get('metainfo') else f'{path} ({type_name(dataset.get("type"))})'
            if isinstance(metainfo, Mapping) and metainfo:
                yield _Place(where, metainfo, names_of(metainfo, entry=where))
    metainfo = tree.student.get('metainfo')
    if isinstance(metainfo, Mapping) and metainfo:
        entry = 'model.student.metainfo' if tree.is_distillation else 'model.metainfo'
        yield _Place(entry, metainfo, names_of(metainfo, entry=entry))
    elif tree.student_source.keypoint_names is not None:  # of the data of the config that defines it
        yield _Place('model.student.config', {}, tree.student_source.keypoint_names)


def _meaning(place: _Place) -> str:
    return ', which take the place of those of the data in predictions' if place.path.endswith('l.metainfo') else ''


def _of_class(dataset: Mapping[str, Any]) -> Any:
    kind = dataset.get('type')
    return getattr(DATASETS.get(kind) if isinstance(kind, str) else kind, 'METAINFO', None)


def _check_student(tree: ConfigTree, data: _Place) -> None:
    if type_name(tree.student.get('type')) != 'TopdownPoseEstimator':
        return
    found = count_of_head(tree.student)
    if found is not None and found[1] != len(data.names):
        path = found[0].replace('model.', 'model.student.', 1) if tree.is_distillation else found[0]
        raise DistilPoseError(f'{data}, and {path} is for {found[1]}; both must be the same: {_REMEDY}')
    options = tree.student.get('test_cfg') or {}
    outside = [index for index in options.get('output_keypoint_indices') or () if index >= len(data.names)]
    if outside:
        raise DistilPoseError(f'test_cfg.output_keypoint_indices of the model has {outside[0]}, and {data}; expected '
                              f'indices from 0 to {len(data.names) - 1}: correct it, or remove it with None')
    loss = (tree.student.get('head') or {}).get('loss')
    masked = loss.get('mask') if isinstance(loss, Mapping) else None
    if isinstance(masked, Sequence) and max(masked, default=0) >= len(data.names):
        raise DistilPoseError(f'head.loss.mask of the model has keypoint {max(masked)}, and {data}; expected indices '
                              f'from 0 to {len(data.names) - 1}: correct it, or remove it with None')


def _check_data(tree: ConfigTree, data: _Place) -> None:
    """A data set reads its keypoints, and no converter in its own pipeline changes how many there are."""
    places = [f'{name}_dataloader.dataset' for name in tree.loaders]
    for path, _ in tree.of_type('CocoWholeBodyDataset', *places):
        if len(data.names) != _WHOLE_BODY and path in places:
            raise DistilPoseError(f'{path} is a CocoWholeBodyDataset, which reads the {_WHOLE_BODY} keypoints of the '
                                  f"whole body, and {data}; set {path}.type='CocoDataset'")
    for path, step in tree.of_type('KeypointConverter', *(f'{place}.pipeline' for place in places)):
        if step.get('num_keypoints') != len(data.names):
            raise DistilPoseError(f'{path} converts to {step.get("num_keypoints")} keypoints, and {data}; remove it '
                                  'from the pipeline, or convert to the keypoints of the data set')


def _check_evaluators(tree: ConfigTree, loader: str) -> None:
    """Those of COCO need sigmas, that of the whole body COCO's 133 keypoints."""
    dataset = (tree.cfg.get(f'{loader}_dataloader') or {}).get('dataset') or {}
    metainfo = dataset.get('metainfo') or _of_class(dataset)
    if not isinstance(metainfo, Mapping) or not metainfo:
        return
    entry = f'{loader}_dataloader.dataset.metainfo'
    info = read_definition_file(metainfo, entry=entry)
    for kind in ('CocoMetric', 'CocoWholeBodyMetric'):
        for path, evaluator in tree.of_type(kind, f'{loader}_evaluator'):
            count = len(info['keypoint_info'])
            if kind == 'CocoWholeBodyMetric' and count != _WHOLE_BODY:
                raise DistilPoseError(f'{path} is a {kind}, which evaluates the {_WHOLE_BODY} keypoints of the whole '
                                      f"body, and {entry} defines {count}; set {path}.type='CocoMetric'")
            if not len(info['sigmas']) and not evaluator.get('gt_converter'):
                raise DistilPoseError(f'{path} is a {kind}, which needs sigmas, and {entry} has none; give it one '
                                      f'number for each of its {count} keypoints, or evaluate with '
                                      "dict(type='PCKAccuracy')")
