"""Keypoint definitions (mmpose's metainfo): read and checked, and compared with the head that predicts them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import mmpose
from mmengine.config import Config

from distilpose.errors import DistilPoseError
from distilpose.host.metainfo import read_packaged_definition

_KEYS = ('dataset_name', 'keypoint_info', 'skeleton_info', 'joint_weights', 'sigmas')
_PACKAGED = Path(mmpose.__file__).parent / '.mim' / 'configs' / '_base_' / 'datasets'


def read_definition_file(metainfo: Mapping[str, Any], *, entry: str) -> Mapping[str, Any]:
    """The ``dataset_info`` of a file that a metainfo names, from where mmpose takes it; any other as it is.

    Args:
        metainfo: ``dict(from_file=...)``, or a whole definition.
        entry: where the config has it, for messages.

    Raises:
        DistilPoseError: there is no such file, or it defines no keypoints.
    """
    if 'from_file' not in metainfo:
        return metainfo
    named, file = str(metainfo['from_file']), find_definition(metainfo)
    if file is None:
        raise DistilPoseError(f'there is no {named} (looked from {Path.cwd()}), which {entry}.from_file names; put it '
                              "there, or name it absolutely: '{{ fileDirname }}/FILE.py' lies beside a config")
    packaged = read_packaged_definition(file)
    if packaged is not None:
        return packaged
    try:
        found: Any = Config.fromfile(file).get('dataset_info')
    except Exception as error:  # a config is a program: anything may come out of it
        raise DistilPoseError(f'{named}, which {entry}.from_file names, cannot be read: {type(error).__name__}: '
                              f'{error}') from error
    if not isinstance(found, Mapping):
        raise DistilPoseError(f'{named}, which {entry}.from_file names, has no dataset_info; expected dataset_info = '
                              "dict(dataset_name=..., keypoint_info=..., ...), as in mmpose's definitions")
    return found


def find_definition(metainfo: Mapping[str, Any]) -> Path | None:
    """The file that a metainfo names: as it is, else the one of this name in mmpose, as mmpose looks for it."""
    if 'from_file' not in metainfo:
        return None
    named = Path(str(metainfo['from_file']))
    return next((file for file in (named, _PACKAGED / named.name) if file.is_file()), None)


def is_of_mmpose(metainfo: Mapping[str, Any]) -> bool:
    """Whether a metainfo names a file in mmpose's package, some of which contradict themselves."""
    file = find_definition(metainfo)
    return file is not None and _PACKAGED in file.absolute().parents


def names_of(metainfo: Mapping[str, Any], *, entry: str, definition: Mapping[str, Any] | None = None) -> list[str]:
    """The names of a metainfo's K keypoints in their order; a definition that is not mmpose's own is checked.

    Args:
        metainfo: ``dict(from_file=...)``, or a whole definition.
        entry: where the config has it, for messages.
        definition: what :func:`read_definition_file` gave, if it was read before.

    Raises:
        DistilPoseError: see :func:`read_definition_file` and :func:`check_definition`.
    """
    info = read_definition_file(metainfo, entry=entry) if definition is None else definition
    if is_of_mmpose(metainfo):
        points = info['keypoint_info']
        return [points[index]['name'] for index in sorted(points)]
    return check_definition(info, entry=entry, file=metainfo.get('from_file'))


def check_definition(info: Mapping[str, Any], *, entry: str, file: str | None = None) -> list[str]:
    """Looks for what a definition of keypoints contradicts itself in.

    Args:
        info: mmpose's metainfo, not the name of its file.
        entry: where the config has it, for messages.
        file: that it is from, for messages.

    Returns:
        The K names in their order. There are K sigmas or none, as in mmpose's definitions of insects.

    Raises:
        DistilPoseError: names the entry, what was found and what was expected.
    """
    where = f'{file}, which {entry} names' if file else entry

    def refuse(found: str, expected: str) -> DistilPoseError:
        return DistilPoseError(f'{where}: {found}; expected {expected}')

    missing = [key for key in _KEYS if key not in info]
    if missing:
        raise refuse(f'has no {", ".join(missing)}', f'{", ".join(_KEYS)}')
    points = info['keypoint_info']
    if not isinstance(points, Mapping) or not points or not all(isinstance(one, Mapping) for one in points.values()):
        raise refuse(f'keypoint_info is {points!r:.60}', "{0: dict(name='nose', swap='', ...), 1: ...}")
    if list(points) != list(range(len(points))):
        raise refuse(f'the keys of keypoint_info are {list(points)!r:.60}', f'0 to {len(points) - 1}, in this order')
    names = [point.get('name') for point in points.values()]
    wrong = next((index for index, name in enumerate(names) if not isinstance(name, str) or not name), None)
    if wrong is not None:
        raise refuse(f'the name of keypoint {wrong} is {names[wrong]!r}', 'a name')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise refuse(f'{len(names)} keypoints are named, {", ".join(map(repr, twice))} more than once',
                     'a name of its own for each')
    for found, expected in chain(_wrong_entries(points), _wrong_swaps(points),
                                 _wrong_links(info['skeleton_info'], names), _wrong_numbers(info, len(names))):
        raise refuse(found, expected)
    return names


def _wrong_entries(points: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Fields that mmpose does not read, or reads late."""
    for index, point in points.items():
        if point.get('id', index) != index:
            yield f'the id of keypoint {index} is {point["id"]!r:.40}', f'{index}, as its key in keypoint_info'
        if not isinstance(point.get('swap', ''), str):
            yield f'swap of keypoint {index} is {point["swap"]!r:.40}', "the name of another keypoint, or ''"
        yield from _wrong_colour(f'keypoint {index}', point)


def _wrong_colour(owner: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    colour = entry.get('color', [0, 0, 0])
    if not isinstance(colour, (list, tuple)) or len(colour) != 3 or not all(
            isinstance(value, int) and 0 <= value <= 255 for value in colour):
        yield f'the color of {owner} is {colour!r:.40}', 'three whole numbers from 0 to 255'


def _wrong_swaps(points: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    swaps = {point['name']: point.get('swap') or '' for point in points.values()}
    for name, other in swaps.items():
        if other == name:
            yield f'{name!r} swaps with itself', "swap='' for a keypoint in the middle"
        elif other and other not in swaps:
            yield f'{name!r} swaps with {other!r}, which is no keypoint', f'one of {", ".join(swaps)}'
        elif other and swaps[other] != name:
            back = f'swaps with {swaps[other]!r}' if swaps[other] else 'with none'
            yield (f'{name!r} swaps with {other!r}, and {other!r} {back}',
                   f'swap={name!r} for {other!r}: a mirror exchanges both')


def _wrong_links(links: Any, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(links, Mapping):
        yield f'skeleton_info is {links!r:.60}', "{0: dict(link=('nose', 'neck'), ...), 1: ...}"
        return
    for index, link in links.items():
        ends = link.get('link') if isinstance(link, Mapping) else None
        if not isinstance(ends, (list, tuple)) or len(ends) != 2:
            yield f'link {index} of the skeleton is {ends!r:.60}', 'the names of two keypoints'
            return
        strange = [end for end in ends if end not in names]
        if strange:
            yield (f'the skeleton links {ends[0]!r} and {ends[1]!r}, and {strange[0]!r} is no keypoint',
                   f'two of {", ".join(names)}')
        yield from _wrong_colour(f'link {index} of the skeleton', link)


def _wrong_numbers(info: Mapping[str, Any], count: int) -> Iterator[tuple[str, str]]:
    for key, may_be_empty in (('sigmas', True), ('joint_weights', False)):
        values = info[key]
        if not isinstance(values, (list, tuple)):
            yield f'{key} is {values!r:.60}', f'a list of {count} numbers, one for each keypoint'
            return
        if len(values) != count and not (may_be_empty and not values):
            yield f'{key} has {len(values)} values', f'{count}, one for each keypoint'
        wrong = next((value for value in values if isinstance(value, bool) or not isinstance(value, (int, float))
                      or not math.isfinite(value) or value < 0 or (key == 'sigmas' and value == 0)), None)
        if wrong is not None:
            yield f'{key} has {wrong!r}', 'numbers above 0' if key == 'sigmas' else 'numbers of 0 or more'
