"""Keypoints of an annotation file as ``own_keypoints``: names, flip pairs, skeleton and sigmas, with their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.datasets.datasets.utils import parse_pose_metainfo

from ..config.keypoints import DEFAULT_SIGMA, make_metainfo, normalised_name, pairs_by_name
from ..datasets.coco_guess import CocoFile, count_keypoints, names_and_skeleton
from ..datasets.unlabelled_files import PEOPLE
from ..errors import DistilPoseError

_COCO = dict(from_file='configs/_base_/datasets/coco.py')


def check_equal(data: CocoFile, other: CocoFile, *, names: Sequence[str] | None) -> None:
    counts = [count_keypoints(data), count_keypoints(other)]
    if counts[0] != counts[1]:
        raise DistilPoseError(f'{data.path} has {counts[0]} keypoints and {other.path} has {counts[1]}; expected the '
                              'same for training and validation')
    found = names_and_skeleton(other)[0] if names is None else None
    first = names_and_skeleton(data)[0]
    if found is not None and first is not None and found != first:
        raise DistilPoseError(f'the keypoints of {data.path} are {", ".join(first[:5])}, ..., those of {other.path} '
                              f'{", ".join(found[:5])}, ...; expected the same, in one order')


def keypoints_of(data: CocoFile, *, names: Sequence[str] | None,
               flip_pairs: Sequence[tuple[str, str]] | None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """``own_keypoints`` of the config, and where it is from."""
    count = count_keypoints(data)
    known, links = names_and_skeleton(data)
    found = list(names) if names is not None else known
    if found is None:
        raise DistilPoseError(f'no category of {data.path} names its keypoints, and annotations have {count}; name '
                              f'them in their order, with --names and {count} words')
    if len(found) != count:
        where = '--names has' if names is not None else f'the category of {data.path} names'
        raise DistilPoseError(f'{where} {len(found)} keypoints, and annotations have {count} ({3 * count} numbers); '
                              'expected a name for each')
    by_name, alone = pairs_by_name(found)
    if flip_pairs is None and alone:
        raise DistilPoseError(f'{", ".join(alone)} of {data.path} have a side by their names, and no keypoint is on '
                              'the other one; say what a mirror exchanges with --flip-pairs LEFT:RIGHT ..., or '
                              '--flip-pairs none')
    pairs = by_name if flip_pairs is None else list(flip_pairs)
    skeleton = [(found[one], found[other]) for one, other in links]
    sigmas, source = _sigmas(data, found)
    value = dict(names=found, flip_pairs=pairs, skeleton=skeleton, sigmas=sigmas)
    make_metainfo(**value)
    category = 'as given' if names is not None else "from the file's category"
    no_pairs = 'none: no name has a side; a mirror leaves all of them' if flip_pairs is None else 'none, as given'
    return value, [
        ('names', f'{", ".join(found)} ({category})'),
        ('flip pairs', f'{", ".join(f"{one} - {other}" for one, other in pairs)} '
                       f'({"by their names" if flip_pairs is None else "as given"})' if pairs else no_pairs),
        ('skeleton', f'{len(skeleton)} links (from the file)' if skeleton else 'none, so pictures have dots only'),
        ('sigmas', source)]


def _sigmas(data: CocoFile, names: Sequence[str]) -> tuple[Any, str]:
    """COCO's where the keypoints are those of people, else one for all."""
    of_people = all(one.get('name') in PEOPLE for one in data.content['categories'] if one.get('keypoints'))
    coco = parse_pose_metainfo(dict(_COCO))
    known = {name: round(float(coco['sigmas'][index]), 3) for name, index in coco['keypoint_name2id'].items()}
    found = [known.get(normalised_name(name)) if of_people else None for name in names]
    if any(found):
        missing = [name for name, sigma in zip(names, found, strict=True) if sigma is None]
        rest = f', {DEFAULT_SIGMA} for {", ".join(missing)}' if missing else ''
        return [sigma or DEFAULT_SIGMA for sigma in found], f"COCO's by name{rest}"
    return DEFAULT_SIGMA, (f'{DEFAULT_SIGMA} for all, since none were measured; AP depends on it (COCO: 0.025 of an '
                           'eye to 0.107 of a hip)')
