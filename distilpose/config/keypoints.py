"""Own keypoints, defined once: ``own_keypoints`` of a config, from which data sets, heads and evaluator are set.

::

    own_keypoints = dict(
        names=['beak', 'left_eye', 'right_eye', 'tail'],
        flip_pairs=[('left_eye', 'right_eye')],
        skeleton=[('beak', 'tail')],
        sigmas=0.05)

It may also be a definition of mmpose, ``dict(from_file=...)`` or all of it. The pass runs whenever a config is read.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from mmengine.config import Config

from distilpose.errors import DistilPoseError

from .metainfo import check_definition, names_of
from .walk import is_distillation, plain, type_name

ENTRY = 'own_keypoints'
DEFAULT_SIGMA = 0.05
"""Of object keypoint similarity, where none was measured: between COCO's of a wrist (0.062) and of an eye (0.025)."""
COUNTS = ('num_keypoints', 'num_joints', 'out_channels')
"""Arguments of heads with the number of keypoints that they predict; the first that is there counts."""
CONVERTERS = ('KeypointConverter', 'SingleHandConverter')
"""Steps of a pipeline that make other keypoints of those of a data set."""
SIDES = dict(l='left', r='right', left='left', right='right')
MIRRORED = dict(left='right', right='left')
_KEYS = ('names', 'flip_pairs', 'skeleton', 'sigmas')
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_COLOURS = dict(left=[0, 255, 0], right=[255, 128, 0])
_MIDDLE = [51, 153, 255]
_ESTIMATOR = 'TopdownPoseEstimator'
Model = MutableMapping[str, Any]


def set_own_keypoints(cfg: Config, load: Callable[[str], Config]) -> None:
    """Gives the keypoints of ``own_keypoints`` to all that needs them, in place; a second time changes nothing.

    These are the data sets (and by them flips, pipelines and evaluators), the student's ``metainfo``, the number of
    keypoints of its head, of codecs, and of a backbone that draws heatmaps itself. A teacher keeps its own: its
    ``keypoints`` match them to these.

    Args:
        cfg: the config; without ``own_keypoints`` it stays as it is.
        load: reads the config that a distillation's student names.

    Raises:
        DistilPoseError: the keypoints contradict themselves, or the student is no top-down estimator.
    """
    if ENTRY not in cfg:
        return
    metainfo, count = read_own_keypoints(plain(cfg._cfg_dict[ENTRY]))
    for loader in _LOADERS:
        for dataset in own_datasets((cfg.get(loader) or {}).get('dataset')):
            dataset['metainfo'] = copy.deepcopy(metainfo)
            _set_codecs(dataset.get('pipeline') or (), count)
    model = cfg.get('model')
    if not model:
        return
    student = model.get('student') if is_distillation(model) else model
    if isinstance(student, MutableMapping):
        _set_student(student, metainfo, count, load)


def read_own_keypoints(value: Any) -> tuple[dict[str, Any], int]:
    """mmpose's metainfo of ``own_keypoints``, and how many keypoints it has.

    Raises:
        DistilPoseError: it is of another form, or contradicts itself.
    """
    if isinstance(value, Mapping) and ('from_file' in value or 'keypoint_info' in value):
        return dict(value), len(names_of(value, entry=ENTRY))
    if not isinstance(value, Mapping) or 'names' not in value:
        raise DistilPoseError(f'{ENTRY} is {_short(value)}; expected dict(names=[...], flip_pairs=[...], skeleton='
                              "[...], sigmas=...), or a definition of mmpose such as dict(from_file='FILE.py')")
    metainfo = make_metainfo(**_known_keys(value))
    return metainfo, len(metainfo['keypoint_info'])


def make_metainfo(names: Sequence[str], *, flip_pairs: Sequence[Sequence[str]] | None = None,
                  skeleton: Sequence[Sequence[str]] | None = None,
                  sigmas: float | Sequence[float] | None = None) -> dict[str, Any]:
    """mmpose's metainfo of K keypoints.

    Args:
        names: K names in the order of the annotations.
        flip_pairs: those that a mirror exchanges; by default by their names (:func:`pairs_by_name`).
        skeleton: links, for pictures.
        sigmas: of object keypoint similarity, K or one for all; by default :data:`DEFAULT_SIGMA`.

    Raises:
        DistilPoseError: a pair or link is of no keypoint, a side has no other one, or numbers differ.
    """
    names = _list_of_names(names)
    swaps = _swaps(_pairs(flip_pairs, names), names)
    links = _pairs_of_names(skeleton or (), 'skeleton')
    weights = [sigmas] * len(names) if isinstance(sigmas, (int, float)) else list(
        sigmas if sigmas is not None else [DEFAULT_SIGMA] * len(names))
    metainfo = dict(
        dataset_name='own_keypoints',
        keypoint_info={index: dict(name=name, id=index, color=_colour(name), swap=swaps.get(name, ''))
                       for index, name in enumerate(names)},
        skeleton_info={index: dict(link=link, id=index, color=_colour(*link)) for index, link in enumerate(links)},
        joint_weights=[1.0] * len(names), sigmas=weights)
    check_definition(metainfo, entry=ENTRY)
    return metainfo


def pairs_by_name(names: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(left, right) names by ``left_``/``right_``, ``l``/``r``, ``_left``, ``LeftEye`` and the like.

    Returns:
        The pairs, in the order of their first keypoint, and the names with a side whose other side is missing.
    """
    places = {normalised_name(name): name for name in names}
    pairs: list[tuple[str, str]] = []
    alone: list[str] = []
    for name in names:
        side, _, rest = normalised_name(name).partition('_')
        if side not in MIRRORED or not rest:
            continue
        other = places.get(f'{MIRRORED[side]}_{rest}')
        pair = (name, other) if side == 'left' else (other, name)
        if other is None:
            alone.append(name)
        elif pair not in pairs:
            pairs.append(pair)  # type: ignore[arg-type]
    return pairs, alone


def normalised_name(name: str) -> str:
    """``'LShoulder'``, ``'shoulder-l'``, ``'Left Shoulder'`` -> ``'left_shoulder'``."""
    apart = re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name)
    words = [word for word in re.split(r'[\W_]+', apart.lower()) if word]
    if len(words) > 1 and words[0] in SIDES:
        words = [SIDES[words[0]], *words[1:]]
    elif len(words) > 1 and words[-1] in SIDES:
        words = [SIDES[words[-1]], *words[:-1]]
    return '_'.join(words)


def count_of_head(model: Mapping[str, Any]) -> tuple[str, int] | None:
    """The entry of an estimator's head with its number of keypoints, and the number; ``None`` without one."""
    found = _head(model)
    key = next((key for key in COUNTS if key in found[1]), None) if found else None
    if found is None or key is None or not isinstance(found[1][key], int):
        return None
    return f'{found[0]}.{key}', found[1][key] // _channels_per_keypoint(found[1])


def _set_student(student: Model, metainfo: Mapping[str, Any], count: int, load: Callable[[str], Config]) -> None:
    """Sets a model, or the changes ``dict(config=..., ...)`` of one."""
    changes: Model = student
    if isinstance(student.get('config'), str):
        known = load(student['config']).get('model') or {}
        while is_distillation(known):
            inner = known['student']
            known = load(inner['config']).get('model') or {} if isinstance(inner.get('config'), str) else inner
    elif isinstance(student.get('config'), MutableMapping):
        _set_student(student['config'], metainfo, count, load)
        return
    else:
        known = student
    kind = type_name(student.get('type') or known.get('type'))
    if kind != _ESTIMATOR:
        raise DistilPoseError(f'{ENTRY} sets the keypoints of a {_ESTIMATOR}, and the model of this config is a '
                              f'{kind or "dictionary without type"}; take a top-down config as base')
    merged = Config(copy.deepcopy(dict(known)))
    if known is not student:
        merged.merge_from_dict({key: copy.deepcopy(value) for key, value in student.items()
                                if isinstance(value, Mapping) and key not in ('metainfo', 'config')})
    is_merged = known is not student and 'metainfo' in known  # and not to be mixed with the other definition
    changes['metainfo'] = {**copy.deepcopy(metainfo), **(dict(_delete_=True) if is_merged else {})}
    _set_head(changes, merged, count)


def _set_head(changes: Model, model: Mapping[str, Any], count: int) -> None:
    found = _head(model)
    key = next((key for key in COUNTS if key in found[1]), None) if found else None
    if found is None or key is None:
        kind = type_name((model.get('head') or {}).get('type')) or 'no head'
        raise DistilPoseError(f'{ENTRY} sets how many keypoints model.head predicts, and this one ({kind}) has none of '
                              f'{", ".join(COUNTS)}; write the number out as its class takes it')
    path, head = found
    target = changes
    for name in path.split('.')[1:]:
        target = _entry(target, name)
    target[key] = count * _channels_per_keypoint(head)
    backbone = model.get('backbone') or {}
    drawn = 'num_keypoints' if 'num_keypoints' in backbone else (
        'out_channels' if type_name(backbone.get('type')) == 'CPM' else None)
    if drawn is not None:  # it draws heatmaps, which the head passes on
        _entry(changes, 'backbone')[drawn] = count
        target['in_channels'] = count
    if isinstance(head.get('decoder'), Mapping) and 'num_keypoints' in head['decoder']:
        _entry(target, 'decoder')['num_keypoints'] = count


def _entry(changes: Model, name: str) -> Model:
    """A dictionary in another one, new where there is none; a config stores a copy of what is put into it."""
    if not isinstance(changes.get(name), MutableMapping):
        changes[name] = {}
    found: Model = changes[name]
    return found


def _head(model: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The head that predicts keypoints, also inside one that adds visibility (mmpose's ``VisPredictHead``)."""
    head, path = model.get('head'), 'model.head'
    if isinstance(head, Mapping) and isinstance(head.get('pose_cfg'), Mapping):
        head, path = head['pose_cfg'], f'{path}.pose_cfg'
    return (path, head) if isinstance(head, Mapping) else None


def _channels_per_keypoint(head: Mapping[str, Any]) -> int:
    """Three for UDP's heatmaps with offsets."""
    decoder = head.get('decoder')
    return 3 if isinstance(decoder, Mapping) and decoder.get('heatmap_type') == 'combined' else 1


def own_datasets(dataset: Any) -> Iterator[Model]:
    """The data sets of a loader that have its keypoints: not those that a combination converts."""
    if not isinstance(dataset, MutableMapping):
        return
    kind = type_name(dataset.get('type'))
    if kind in ('RepeatDataset', 'ClassBalancedDataset'):
        yield from own_datasets(dataset.get('dataset'))
        return
    if kind != 'ConcatDataset':
        yield dataset
    for inner in dataset.get('datasets') or ():
        if not _is_converted(inner):
            yield from own_datasets(inner)


def _is_converted(dataset: Mapping[str, Any]) -> bool:
    """Whether a data set, or the one that it repeats, converts its keypoints itself."""
    inner = dataset.get('dataset')
    if isinstance(inner, Mapping) and _is_converted(inner):
        return True
    return any(type_name(step.get('type')) in CONVERTERS for step in dataset.get('pipeline') or ()
               if isinstance(step, Mapping))


def _set_codecs(pipeline: Sequence[Any], count: int) -> None:
    for step in pipeline:
        encoders = step.get('encoder') if isinstance(step, Mapping) else None
        for encoder in encoders if isinstance(encoders, list) else [encoders]:
            if isinstance(encoder, MutableMapping) and 'num_keypoints' in encoder:
                encoder['num_keypoints'] = count


def _known_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    for key in value:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise DistilPoseError(f'{ENTRY} has a key {key!r}; '
                                  + (f'did you mean {close[0]!r}?' if close else f'expected {", ".join(_KEYS)}'))
    return dict(value)


def _list_of_names(names: Any) -> list[str]:
    if not isinstance(names, (list, tuple)) or not names:
        raise DistilPoseError(f'{ENTRY}.names is {_short(names)}; expected the names of the keypoints in the order of '
                              "the annotations, for instance ['beak', 'left_eye', 'right_eye']")
    return list(names)


def _swaps(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    """Name -> the one that a mirror exchanges it with."""
    swaps: dict[str, str] = {}
    for one, other in pairs:
        strange = next((name for name in (one, other) if name not in names), None)
        if strange is not None or one == other:
            raise DistilPoseError(f'{ENTRY}.flip_pairs has ({one!r}, {other!r}); expected two different keypoints of '
                                  f'{ENTRY}.names' + (f', and {strange!r} is none of them' if strange else ''))
        for name, partner in ((one, other), (other, one)):
            if swaps.setdefault(name, partner) != partner:
                raise DistilPoseError(f'{ENTRY}.flip_pairs exchanges {name!r} with {swaps[name]!r} and with '
                                      f'{partner!r}; expected every keypoint in one pair at most')
    return swaps


def _pairs(pairs: Any, names: list[str]) -> list[tuple[str, str]]:
    if pairs is not None:
        return _pairs_of_names(pairs, 'flip_pairs')
    by_name, alone = pairs_by_name([name for name in names if isinstance(name, str)])
    if alone:
        raise DistilPoseError(f'{ENTRY} has no flip_pairs, and its names have no other side of {", ".join(alone)}; say '
                              f'which keypoints a mirror exchanges: flip_pairs={by_name or []}')
    return by_name


def _pairs_of_names(pairs: Any, key: str) -> list[tuple[str, str]]:
    are_pairs = isinstance(pairs, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in pairs)
    if not are_pairs:
        raise DistilPoseError(f'{ENTRY}.{key} is {_short(pairs)}; expected pairs of names, for instance '
                              "[('left_eye', 'right_eye')], or [] for none")
    return [(one, other) for one, other in pairs]


def _colour(*names: str) -> list[int]:
    sides = {normalised_name(name).partition('_')[0] for name in names if isinstance(name, str)}
    return list(next((colour for side, colour in _COLOURS.items() if sides == {side}), _MIDDLE))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


