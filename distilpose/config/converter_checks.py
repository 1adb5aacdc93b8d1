"""Converters of keypoints (mmpose's ``KeypointConverter``): mappings that name keypoints which are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from distilpose.errors import DistilPoseError

from .keypoints import CONVERTERS, MIRRORED, normalised_name
from .walk import type_name

Step = Mapping[str, Any]


class Source(NamedTuple):
    """The keypoints that a converter is given."""

    text: str
    """Where they are from, for messages: ``train_dataloader.dataset.metainfo defines 5 keypoints (...)``."""
    names: Sequence[str]


def check_parts(path: str, dataset: Mapping[str, Any],
                source: Callable[[Mapping[str, Any], str], Source | None], *, warnings: list[str]) -> None:
    """Checks the parts of a combined data set: shares, and converters from the keypoints of each to those of all.

    Args:
        path: of the combination in the config.
        dataset: the combination.
        source: gives the keypoints of a data set at a path.
        warnings: what is only unusual is added here.

    Raises:
        DistilPoseError: names the converter, the pair, the keypoints that there are and what to change.
    """
    parts = list(dataset['datasets'] or ())
    shares = dataset.get('sample_ratio_factor')
    if not parts:
        raise DistilPoseError(f'{path} combines no data sets; expected datasets=[dict(type=...), ...]')
    if type_name(dataset.get('type')) == 'CombinedDataset' and not dataset.get('metainfo'):
        raise DistilPoseError(f'{path} has no metainfo, which a CombinedDataset needs; name the keypoints of all: '
                              "metainfo=dict(from_file='configs/_base_/datasets/coco.py')")
    if isinstance(shares, (list, tuple)) and any(isinstance(share, (int, float)) and share < 0 for share in shares):
        raise DistilPoseError(f'{path}.sample_ratio_factor is {list(shares)}; expected numbers of 0 or more')
    if isinstance(shares, (list, tuple)) and len(shares) != len(parts):
        raise DistilPoseError(f'{path}.sample_ratio_factor has {len(shares)} numbers for {len(parts)} data sets; it '
                              'must have one for each')
    whole = source(dataset, path) if dataset.get('metainfo') else None
    for place, part in enumerate(parts):
        for leaf_path, leaf, steps in _leaves(f'{path}.datasets[{place}]', part):
            given = source(leaf, leaf_path) if steps else None
            if given is None:
                continue
            for step_path, step in steps:
                is_last = step is steps[-1][1]
                names = whole.names if whole is not None and is_last else None
                count = step.get('num_keypoints')
                if names is not None and whole is not None and count != len(names):
                    raise DistilPoseError(f'{step_path} converts to {count} keypoints, and {whole.text}; set '
                                          f'{step_path}.num_keypoints={len(names)}, and a mapping to these')
                check_mapping(step_path, step, given, names, warnings=warnings)
                given = Source(f'{step_path}.num_keypoints is {count}', [''] * int(count or 0))


def _leaves(path: str, dataset: Any) -> Iterator[tuple[str, Mapping[str, Any], list[tuple[str, Step]]]]:
    """The data sets that read files, with their converters; not those of another combination, which is checked so."""
    if not isinstance(dataset, Mapping) or 'datasets' in dataset:
        return
    if isinstance(dataset.get('dataset'), Mapping):
        yield from _leaves(f'{path}.dataset', dataset['dataset'])
        return
    steps = [(f'{path}.pipeline[{place}]', step) for place, step in enumerate(dataset.get('pipeline') or ())
             if isinstance(step, Mapping) and type_name(step.get('type')) in CONVERTERS]
    yield path, dataset, steps


def check_mapping(path: str, step: Step, source: Source, names: Sequence[str] | None, *, warnings: list[str],
                  allows_means: bool = True) -> None:
    """Checks the mappings ``[(from, to), ((from, from), to), ...]`` of a converter.

    Args:
        path: of the converter.
        step: it, with ``num_keypoints`` and ``mapping``, or a mapping for each hand.
        source: the keypoints that it is given.
        names: of those that it makes, ``None`` if unknown.
        warnings: what is only unusual is added here.
        allows_means: whether a keypoint may be the middle of two.

    Raises:
        DistilPoseError: see :func:`check_parts`.
    """
    count = step.get('num_keypoints')
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise DistilPoseError(f'{path}.num_keypoints is {count!r:.40}; expected how many keypoints it converts to')
    for key in ('mapping', 'left_hand_mapping', 'right_hand_mapping'):
        mapping = step.get(key)
        if key not in step and (key != 'mapping' or type_name(step.get('type')) == 'SingleHandConverter'):
            continue
        if not isinstance(mapping, (list, tuple)):
            raise DistilPoseError(f'{path}.{key} is {mapping!r:.60}; expected pairs [(from, to), ...] of indices')
        _check_pairs(f'{path}.{key}', mapping, source, count, allows_means=allows_means, warnings=warnings)
        if key == 'mapping' and names is not None and len(names) == count:
            _check_sides(f'{path}.{key}', mapping, source.names, names)


def _check_pairs(path: str, mapping: Sequence[Any], source: Source, count: int, *, allows_means: bool,
                 warnings: list[str]) -> None:
    seen: dict[int, Any] = {}
    for pair in mapping:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise DistilPoseError(f'{path} has {pair!r:.60}; expected pairs (from, to) of indices')
        origin, target = pair
        is_mean = isinstance(origin, (list, tuple))
        if is_mean and (len(origin) != 2 or not allows_means):
            raise DistilPoseError(f'{path} has {tuple(pair)!r:.60}; expected '
                                  + ('two keypoints for their middle, ((3, 4), 1)' if allows_means else
                                     'one keypoint for each: an evaluator takes no middle of two'))
        for index in origin if is_mean else [origin]:
            if not _is_index(index, len(source.names)):
                raise DistilPoseError(f'{path} takes keypoint {index!r:.40}, and {source.text}; expected indices from '
                                      f'0 to {len(source.names) - 1} as the first of each pair (from, to): correct the '
                                      'mapping')
        if not _is_index(target, count):
            raise DistilPoseError(f'{path} makes keypoint {target!r:.40}, and num_keypoints beside it is {count}; '
                                  f'expected indices from 0 to {count - 1} as the second of each pair (from, to): '
                                  'correct one of them')
        if seen.setdefault(target, pair) is not pair:
            warnings.append(f'{path} makes keypoint {target} of {seen[target][0]} and of {origin}, of which only the '
                            'last counts; drop one of the pairs')


def _is_index(value: Any, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


def _check_sides(path: str, mapping: Sequence[Any], origins: Sequence[str], names: Sequence[str]) -> None:
    """No keypoint of the left becomes one of the right."""
    for origin, target in mapping:
        one = '' if isinstance(origin, (list, tuple)) else origins[origin]
        sides = [normalised_name(name).partition('_')[0] for name in (one, names[target])]
        if sides[0] in MIRRORED and sides[1] == MIRRORED[sides[0]]:
            raise DistilPoseError(f'{path} makes {names[target]!r} (keypoint {target}) of {one!r} (keypoint {origin}), '
                                  'which is on the other side; exchange left and right in the mapping')
