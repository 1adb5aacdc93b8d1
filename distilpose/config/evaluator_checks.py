"""Checks of evaluators: keypoints, sigmas, head sizes and converters fit the data that they evaluate on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.datasets.body import MpiiDataset
from mmpose.evaluation.metrics import NME
from mmpose.registry import DATASETS

from distilpose.errors import DistilPoseError

from .converter_checks import Source, check_mapping
from .keypoint_checks import Place, place_of, predicted_count
from .tree import ConfigTree
from .walk import class_of, type_name

_WHOLE_BODY = 133
_NORMS = ('bbox', 'head', 'torso')
_COUNTS = dict(CocoWholeBodyMetric=133, MpiiPCKAccuracy=16, JhmdbPCKAccuracy=15)
"""Keypoints that an evaluator has in its code."""
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = dict(CocoMetric=dict(
    iou_type=('keypoints', 'keypoints_crowd'), score_mode=('bbox', 'bbox_keypoint', 'bbox_rle', 'keypoint'),
    nms_mode=('oks_nms', 'soft_oks_nms', 'none')))
_CHOICES['CocoWholeBodyMetric'] = _CHOICES['CocoMetric']
_CHOICES['NME'] = dict(norm_mode=('use_norm_item', 'keypoint_distance'))
_IN_PARTITIONS = ('CocoMetric', 'PCKAccuracy', 'AUC', 'EPE', 'NME')


@dataclass(frozen=True)
class _Data:
    """What an evaluator reads of its data set."""

    place: Place
    dataset: Mapping[str, Any]
    predicted: int
    """Keypoints of a prediction."""
    warnings: list[str]

    @property
    def count(self) -> int:
        return len(self.place.names)

    def kinds(self) -> list[tuple[Any, Mapping[str, Any]]]:
        """Class and entry of the data sets that read files."""
        return [(class_of(DATASETS, one.get('type')), one) for one in _leaves(self.dataset)]


def check_evaluators(config: Config | ConfigTree) -> None:
    """Compares evaluators with the keypoints of their data, before a training that ends in its first validation.

    Raises:
        DistilPoseError: names evaluator, data set, what each has, and what to change.
    """
    tree = ConfigTree.of(config)
    for loader in tree.loaders:
        if loader == 'train':
            continue
        dataset = (tree.cfg.get(f'{loader}_dataloader') or {}).get('dataset') or {}
        place = place_of(dataset, f'{loader}_dataloader.dataset')
        if place is None:
            continue
        data = _Data(place, dataset, predicted_count(tree, place), tree.warnings)
        path, found = f'{loader}_evaluator', tree.cfg.get(f'{loader}_evaluator') or []
        if isinstance(found, Mapping) and type_name(found.get('type')) == 'MultiDatasetEvaluator':
            _check_several(path, found, data)
            continue
        several = isinstance(found, (list, tuple))
        for index, evaluator in enumerate(found if several else [found]):
            if isinstance(evaluator, Mapping):
                _check(f'{path}[{index}]' if several else path, evaluator, data)


def _leaves(dataset: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(dataset, Mapping):
        inner = [*(dataset.get('datasets') or ()), *([dataset['dataset']] if 'dataset' in dataset else [])]
        if not inner:
            yield dataset
        for one in inner:
            yield from _leaves(one)


def _check_several(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    """mmpose's evaluator of several data sets: a metric for each, which reads the keypoints of its class."""
    metrics, datasets = (evaluator.get(key) or [] for key in ('metrics', 'datasets'))
    if len(metrics) != len(datasets):
        raise DistilPoseError(f'{path}.metrics has {len(metrics)} entries and {path}.datasets {len(datasets)}; it must '
                              'have one metric for each data set')
    for index, (metric, dataset) in enumerate(zip(metrics, datasets, strict=True)):
        place = place_of({'type': dataset.get('type')}, f'{path}.datasets[{index}]')
        if place is not None and isinstance(metric, Mapping):
            _check(f'{path}.metrics[{index}]', metric, _Data(place, dataset, data.predicted, data.warnings))


def _check(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    kind = type_name(evaluator.get('type'))
    for key, choices in _CHOICES.get(kind, {}).items():
        if key in evaluator and evaluator[key] not in choices:
            raise DistilPoseError(f'{path}.{key} is {evaluator[key]!r:.40}; expected one of {", ".join(choices)}')
    expected = _COUNTS.get(kind)
    if expected is not None and data.count != expected:
        other = 'CocoMetric' if kind == 'CocoWholeBodyMetric' else 'PCKAccuracy'
        what = 'keypoints of the whole body' if expected == _WHOLE_BODY else 'keypoints of its data set'
        raise DistilPoseError(f'{path} is a {kind}, which evaluates the {expected} {what}, and {data.place.path} '
                              f"defines {data.count}; set {path}.type='{other}'")
    check = _CHECKS.get(kind)
    if check is not None:
        check(path, evaluator, data)


def _check_coco(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    kind, count = type_name(evaluator.get('type')), data.count
    for found, dataset in data.kinds():
        if isinstance(found, type) and issubclass(found, MpiiDataset):
            metric = 'PCKhMetric' if found.__name__ == 'ZeroBasedMpiiDataset' else 'MpiiPCKAccuracy'
            raise DistilPoseError(f'{path} is a {kind}, which reads annotations in COCO format, and {data.place.path} '
                                  f'is read by {found.__name__}, which has none; evaluate with dict(type={metric!r}), '
                                  'or write the data in COCO format')
        if not evaluator.get('ann_file') and isinstance(found, type) and not issubclass(found, BaseCocoStyleDataset):
            raise DistilPoseError(f'{path}.ann_file is missing, and {type_name(dataset.get("type"))} has no '
                                  'annotations in COCO format to take in its place; name an annotation file')
    if evaluator.get('format_only') and not evaluator.get('outfile_prefix'):
        raise DistilPoseError(f'{path} has format_only=True, and no outfile_prefix to write to; set '
                              f'{path}.outfile_prefix=FOLDER/NAME')
    sigmas = data.place.definition['sigmas']
    truth = evaluator.get('gt_converter')
    if not len(sigmas) and not truth:
        raise DistilPoseError(f'{path} is a {kind}, which needs sigmas, and {data.place.path} has none; give it one '
                              f"number for each of its {count} keypoints, or evaluate with dict(type='PCKAccuracy')")
    if len(sigmas) not in (0, count):
        raise DistilPoseError(f'{path} is a {kind}, and {data.place.path} has {len(sigmas)} sigmas for {count} '
                              'keypoints; give it one number for each')
    if truth:
        check_mapping(f'{path}.gt_converter', truth, Source(str(data.place), data.place.names), None,
                      allows_means=False, warnings=data.warnings)
        count = truth['num_keypoints']
    predicted, predictions = data.predicted, evaluator.get('pred_converter')
    if predictions:
        text = f'the model predicts {predicted} keypoints'
        check_mapping(f'{path}.pred_converter', predictions, Source(text, [''] * predicted), None, allows_means=False,
                      warnings=data.warnings)
        predicted = predictions['num_keypoints']
    if (truth or predictions) and predicted != count:
        one = f'{path}.gt_converter.num_keypoints is {count}' if truth else str(data.place)
        other = f'{path}.pred_converter.num_keypoints is' if predictions else 'the model predicts'
        raise DistilPoseError(f'{one}, and {other} {predicted}; both must be the same to be compared: correct one of '
                              'them')


def _check_pck(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    kind = type_name(evaluator.get('type'))
    named = evaluator.get('norm_item', 'head' if kind in ('MpiiPCKAccuracy', 'PCKhMetric') else 'bbox')
    for item in named if isinstance(named, (list, tuple)) else [named]:
        if item not in _NORMS:
            raise DistilPoseError(f'{path}.norm_item is {item!r:.40}; expected one of {", ".join(_NORMS)}')
        if item == 'head':
            _require_heads(path, kind, data)
        if item == 'torso' and data.count < 6:
            raise DistilPoseError(f"{path}.norm_item is 'torso', the distance of keypoints 4 and 5, and {data.place}; "
                                  f"set {path}.norm_item='bbox'")


def _require_heads(path: str, kind: str, data: _Data) -> None:
    """Head sizes, of MPII's file of head boxes; a data set of another package may have its own."""
    for found, dataset in data.kinds():
        if not isinstance(found, type) or found.__module__.partition('.')[0] not in ('mmpose', 'distilpose'):
            continue
        name = found.__name__
        if name in _WITH_HEADS or issubclass(found, MpiiDataset) and (
                dataset.get('headbox_file') and dataset.get('test_mode') or name == 'ZeroBasedMpiiDataset'):
            continue
        remedy = ("set headbox_file='annotations/mpii_gt_val.mat' and test_mode=True of the data set"
                  if issubclass(found, MpiiDataset) else 'evaluate with '
                  "dict(type='PCKAccuracy', norm_item='bbox'), or on an MpiiDataset with headbox_file")
        without = ' without these' * issubclass(found, MpiiDataset)
        raise DistilPoseError(f'{path} is a {kind} that divides by the size of the head, and {data.place.path} is read '
                              f'by {name}, which gives none{without}; {remedy}')


_WITH_HEADS = ('PanopticHand2DDataset', )


def _check_nme(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    if evaluator.get('norm_mode') == 'use_norm_item':
        item = evaluator.get('norm_item')
        if not item:
            raise DistilPoseError(f"{path}.norm_item is missing, and norm_mode is 'use_norm_item'; set it, for "
                                  "instance to 'bbox_size'")
        if item == 'box_size' and not any(getattr(kind, '__name__', '') == 'AFLWDataset' for kind, _ in data.kinds()):
            raise DistilPoseError(f"{path}.norm_item is 'box_size', which only an AFLWDataset gives, and "
                                  f"{data.place.path} is read by another; set {path}.norm_item='bbox_size'")
        return
    if evaluator.get('norm_mode') != 'keypoint_distance':
        raise DistilPoseError(f"{path}.norm_mode is missing; expected 'use_norm_item' or 'keypoint_distance'")
    indices = evaluator.get('keypoint_indices')
    if indices is None:
        info = data.place.definition
        if info.get('dataset_name') not in NME.DEFAULT_KEYPOINT_INDICES:
            raise DistilPoseError(f'{path}.keypoint_indices is missing, and there are none for {data.place.path} '
                                  f'({info.get("dataset_name")!r}); name the two keypoints whose distance is the unit, '
                                  'for instance the outer corners of the eyes')
    elif not isinstance(indices, (list, tuple)) or len(indices) != 2:
        raise DistilPoseError(f'{path}.keypoint_indices is {indices!r:.40}; expected two indices of keypoints')
    _require_indices(f'{path}.keypoint_indices', indices or (), data)


def _require_indices(path: str, indices: Sequence[Any], data: _Data) -> None:
    wrong = next((index for index in indices if isinstance(index, bool) or not isinstance(index, int)
                  or not 0 <= index < data.count), None)
    if wrong is not None:
        raise DistilPoseError(f'{path} has {wrong!r:.40}, and {data.place}; expected indices from 0 to '
                              f'{data.count - 1}')


def _check_partitions(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    metric, partitions = evaluator.get('metric') or {}, evaluator.get('partitions')
    if type_name(metric.get('type')) not in _IN_PARTITIONS:
        raise DistilPoseError(f'{path}.metric is a {type_name(metric.get("type")) or "metric without a type"}; '
                              f'expected one of {", ".join(_IN_PARTITIONS)}')
    if not isinstance(partitions, Mapping) or not partitions or not all(
            isinstance(part, (list, tuple)) and part for part in partitions.values()):
        raise DistilPoseError(f'{path}.partitions is {partitions!r:.60}; expected lists of keypoints by name, such as '
                              'dict(head=[0, 1, 2], legs=[3, 4])')
    for name, indices in partitions.items():
        _require_indices(f'{path}.partitions.{name}', indices, data)
    _check(f'{path}.metric', metric, data)


def _check_3d(path: str, evaluator: Mapping[str, Any], data: _Data) -> None:
    for found, _ in data.kinds():
        module = getattr(found, '__module__', '')
        if module.startswith(('mmpose.', 'distilpose.')) and '3d' not in module:
            kind = type_name(evaluator.get('type'))
            raise DistilPoseError(f'{path} is a {kind}, which evaluates keypoints in space, and {data.place.path} is '
                                  f"read by {found.__name__}; set {path}.type='PCKAccuracy'")


_CHECKS: dict[str, Callable[[str, Mapping[str, Any], _Data], None]] = dict(
    CocoMetric=_check_coco, CocoWholeBodyMetric=_check_coco, PCKAccuracy=_check_pck, MpiiPCKAccuracy=_check_pck,
    JhmdbPCKAccuracy=_check_pck, PCKhMetric=_check_pck, NME=_check_nme, KeypointPartitionMetric=_check_partitions,
    MPJPE=_check_3d, SimpleMPJPE=_check_3d, InterHandMetric=_check_3d)
