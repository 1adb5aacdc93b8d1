"""Consistency of a config's keypoints: data sets, the estimator, its head and evaluators define the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmpose.registry import DATASETS

from distilpose.errors import DistilPoseError

from .converter_checks import Source, check_mapping, check_parts
from .keypoints import CONVERTERS, COUNTS, ENTRY, MIRRORED, count_of_head, normalised_name, own_datasets, pairs_by_name
from .metainfo import is_of_mmpose, names_of, read_definition_file
from .tree import ConfigTree
from .walk import dictionaries, type_name

_WHOLE_BODY = 133
_REMEDY = f'set them once, with {ENTRY} = dict(names=[...], ...) in the config (docs/own_data.md), or correct one'


class Place(NamedTuple):
    """Where a config defines keypoints."""

    path: str
    metainfo: Mapping[str, Any]
    names: Sequence[str]
    definition: Mapping[str, Any]
    """The metainfo itself, or what its file holds."""

    @classmethod
    def of(cls, metainfo: Mapping[str, Any], *, path: str) -> Place:
        """Reads and checks a metainfo.

        Raises:
            DistilPoseError: see :func:`~distilpose.config.metainfo.names_of`.
        """
        definition = read_definition_file(metainfo, entry=path)
        return cls(path, metainfo, names_of(metainfo, entry=path, definition=definition), definition)

    def __str__(self) -> str:
        file = self.metainfo.get('from_file')
        return f'{self.path} defines {len(self.names)} keypoints ({file or ", ".join(self.names[:4])})'


def check_keypoints(config: Config | ConfigTree) -> None:
    """Compares the keypoints of the data sets in use, of the student and of its head, before anything is built.

    Raises:
        DistilPoseError: a definition contradicts itself, two places disagree, or something reads keypoints that are
            not there; names the places, what they have and what to change.
    """
    tree = ConfigTree.of(config)
    for loader in tree.loaders:
        _check_converters(tree, f'{loader}_dataloader.dataset')
    places = list(_places(tree))
    if not places:
        return
    first = places[0]
    predicted = _selected(tree, first)
    for other in places[1:]:
        is_evaluated = other.path.startswith(('val', 'test')) and first.path.startswith('train')
        _compare(predicted if is_evaluated else first, other)
    for place in places:
        if place.metainfo and not is_of_mmpose(place.metainfo):
            tree.warnings += _doubtful_sides(place)
    _check_student(tree, first)
    _check_data(tree, first)


def place_of(dataset: Mapping[str, Any], path: str) -> Place | None:
    """The keypoints of a data set, by its own metainfo or that of its class; ``None`` without either.

    Raises:
        DistilPoseError: see :func:`~distilpose.config.metainfo.names_of`; or the metainfo is none.
    """
    metainfo = dataset.get('metainfo') or _of_class(dataset)
    where = f'{path}.metainfo' if dataset.get('metainfo') else f'{path} ({type_name(dataset.get("type"))})'
    if not metainfo:
        return None
    _require_mapping(metainfo, where)
    return Place.of(metainfo, path=where)


def _require_mapping(metainfo: Any, where: str) -> None:
    if not isinstance(metainfo, Mapping):
        raise DistilPoseError(f"{where} is {metainfo!r:.60}; expected dict(from_file='FILE.py'), or a definition of "
                              'keypoints: dict(dataset_name=..., keypoint_info=..., ...)')


def _places(tree: ConfigTree) -> Iterator[Place]:
    for loader in tree.loaders:
        path = f'{loader}_dataloader.dataset'
        for dataset in own_datasets((tree.cfg.get(f'{loader}_dataloader') or {}).get('dataset')):
            place = place_of(dataset, path)
            if place is not None:
                yield place
    metainfo = tree.student.get('metainfo')
    if metainfo:
        entry = 'model.student.metainfo' if tree.is_distillation else 'model.metainfo'
        _require_mapping(metainfo, entry)
        yield Place.of(metainfo, path=entry)
    elif tree.student_source.keypoint_names is not None:  # of the data of the config that defines it
        yield Place('model.student.config', {}, tree.student_source.keypoint_names, {})


def _compare(first: Place, other: Place) -> None:
    if len(other.names) != len(first.names):
        raise DistilPoseError(f'{first}, and {other}{_meaning(other)}; both must be the same: {_REMEDY}')
    if list(other.names) != list(first.names):
        index = next(i for i, pair in enumerate(zip(first.names, other.names, strict=True)) if pair[0] != pair[1])
        raise DistilPoseError(f'keypoint {index} is {first.names[index]!r} in {first.path} and '
                              f'{other.names[index]!r} in {other.path}; both must be the same: {_REMEDY}')
    if first.metainfo and other.metainfo:
        swaps, others = _swaps(first), _swaps(other)
        name = next((name for name in swaps if swaps[name] != others[name]), None)
        if name is not None:
            raise DistilPoseError(f'a flip exchanges {name!r} with {swaps[name] or "none"} in {first.path} and with '
                                  f'{others[name] or "none"} in {other.path}; both must be the same: {_REMEDY}')


def _swaps(place: Place) -> dict[str, str]:
    """Name -> the keypoint that a flip exchanges it with, ``''`` for none."""
    return {point['name']: point.get('swap') or '' for point in place.definition['keypoint_info'].values()}


def _meaning(place: Place) -> str:
    return ', which take the place of those of the data in predictions' if place.path.endswith('l.metainfo') else ''


def _of_class(dataset: Mapping[str, Any]) -> Any:
    kind = dataset.get('type')
    return getattr(DATASETS.get(kind) if isinstance(kind, str) else kind, 'METAINFO', None)


def _selected(tree: ConfigTree, data: Place) -> Place:
    """What an estimator predicts: all keypoints, or those of ``test_cfg.output_keypoint_indices``.

    Raises:
        DistilPoseError: the indices are of no keypoints.
    """
    indices = (tree.student.get('test_cfg') or {}).get('output_keypoint_indices')
    if indices is None:
        return data
    count = len(data.names)
    is_list = isinstance(indices, (list, tuple)) and len(indices) > 0
    for index in indices if is_list else [indices]:
        if not is_list or isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            raise DistilPoseError(f'test_cfg.output_keypoint_indices of the model has {index!r:.40}, and {data}; '
                                  f'expected indices from 0 to {count - 1}: correct it, or remove it with None')
    return Place(f'{data.path} with test_cfg.output_keypoint_indices of the model', {},
                 [data.names[index] for index in indices], {})


def predicted_count(tree: ConfigTree, data: Place) -> int:
    """How many keypoints an estimator predicts for its evaluators: those of its head, else those of the data."""
    indices = (tree.student.get('test_cfg') or {}).get('output_keypoint_indices')
    if indices is not None:
        return len(indices)
    found = count_of_head(tree.student)
    return len(data.names) if found is None else found[1]


def _doubtful_sides(place: Place) -> list[str]:
    """What a definition's names of left and right keypoints contradict: pairs that a flip does not exchange."""
    swaps = _swaps(place)
    pairs, _ = pairs_by_name(list(swaps))
    left = [f'{one} and {other}' for one, other in pairs if not swaps[one] and not swaps[other]]
    texts = []
    if left:
        texts.append(f'{place.path}: {len(left)} of {len(pairs)} pairs of keypoints with a left and a right name are '
                     f'not exchanged by a flip ({", ".join(left[:3])}); set swap of each to the other, unless left '
                     'and right are those of the image')
    same = [f'{name} and {other}' for name, other in swaps.items() if other and name < other
            and normalised_name(name).partition('_')[0] == normalised_name(other).partition('_')[0] in MIRRORED]
    if same:
        texts.append(f'{place.path}: a flip exchanges {", ".join(same[:3])}, which are on the same side by their '
                     'names; correct swap')
    return texts


def _check_student(tree: ConfigTree, data: Place) -> None:
    if type_name(tree.student.get('type')) != 'TopdownPoseEstimator':
        return
    found, count = count_of_head(tree.student), len(data.names)
    if found is not None and found[1] != count:
        raise DistilPoseError(f'{data}, and {_in_config(tree, found[0])} is for {found[1]}; both must be the same: '
                              f'{_REMEDY}')
    head = tree.student.get('head') or {}
    loss = head.get('loss')
    for key in COUNTS if found is None else ():
        if key in head:
            raise DistilPoseError(f'{_in_config(tree, "model.head")}.{key} is {head[key]!r:.40}; expected a whole '
                                  f'number, for the {count} keypoints of {data.path}')
    masked = loss.get('mask') if isinstance(loss, Mapping) else None
    outside = [index for index in masked if not 0 <= index < count] if isinstance(masked, Sequence) else []
    if outside:
        raise DistilPoseError(f'head.loss.mask of the model has keypoint {max(outside)}, and {data}; expected indices '
                              f'from 0 to {count - 1}: correct it, or remove it with None')
    for path, part in dictionaries(loss or {}, 'model.head.loss'):
        kept = part.get('topk', 8)
        if type_name(part.get('type')) == 'KeypointOHKMMSELoss' and isinstance(kept, int) and kept > count:
            raise DistilPoseError(f'{_in_config(tree, path)}.topk is {kept} keypoints of the largest loss, and {data}; '
                                  f'expected at most {count}: set it, for instance to {max(count // 2, 1)}')
    for path, codec in dictionaries(head.get('decoder') or {}, 'model.head.decoder'):
        _check_codec(_in_config(tree, path), codec, data)


def _in_config(tree: ConfigTree, path: str) -> str:
    return path.replace('model.', 'model.student.', 1) if tree.is_distillation else path


def _check_codec(path: str, codec: Mapping[str, Any], data: Place) -> None:
    count = codec.get('num_keypoints', len(data.names))
    if isinstance(count, int) and count != len(data.names):
        raise DistilPoseError(f'{path}.num_keypoints is {count}, and {data}; both must be the same: {_REMEDY}')


def _check_data(tree: ConfigTree, data: Place) -> None:
    """A data set reads its keypoints, and no converter in its own pipeline changes how many there are."""
    places = [f'{name}_dataloader.dataset' for name in tree.loaders]
    for path, _ in tree.of_type('CocoWholeBodyDataset', *places):
        if len(data.names) != _WHOLE_BODY and path in places:
            raise DistilPoseError(f'{path} is a CocoWholeBodyDataset, which reads the {_WHOLE_BODY} keypoints of the '
                                  f"whole body, and {data}; set {path}.type='CocoDataset'")
    for path, step in (node for kind in CONVERTERS for node in
                       tree.of_type(kind, *(f'{place}.pipeline' for place in places))):
        if step.get('num_keypoints') != len(data.names):
            raise DistilPoseError(f'{path} converts to {step.get("num_keypoints")} keypoints, and {data}; remove it '
                                  'from the pipeline, or convert to the keypoints of the data set')
        check_mapping(path, step, Source(str(data), data.names), data.names, warnings=tree.warnings)
    for path, step in tree.of_type('GenerateTarget', *places):
        for encoder_path, codec in dictionaries(step.get('encoder') or {}, f'{path}.encoder'):
            _check_codec(encoder_path, codec, data)


def _check_converters(tree: ConfigTree, path: str) -> None:
    """The data sets of combinations: what each converts, and to what."""
    def source(dataset: Mapping[str, Any], where: str) -> Source | None:
        place = place_of(dataset, where)
        return None if place is None else Source(str(place), place.names)

    for found, dataset in tree.below(path):
        if 'datasets' in dataset and type_name(dataset.get('type')) in ('CombinedDataset', 'ConcatDataset'):
            check_parts(found, dataset, source, warnings=tree.warnings)
