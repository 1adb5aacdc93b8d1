"""MPII's files: the list of people (JSON), and the ground truth of the published evaluation (Matlab).

Both count positions from 1, as Matlab does; everything that this module returns counts from 0, as images do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from distilpose.errors import DistilPoseError
from distilpose.host.data_files import read_json

_HEAD_SHARE = 0.6  # of the head box's diagonal: "SC_BIAS" of MPII's evaluation
_FARTHEST = 10.0  # median distance in pixels, above which two files do not list the same people


@dataclass(frozen=True)
class People:
    """N people with K joints, in the order of the file."""

    images: list[str]
    """Names of the image files."""
    centres: np.ndarray
    """(N, 2) in pixels, 15 scales below the stored one, so that feet are not cut off."""
    sizes: np.ndarray
    """(N,) height of the person in pixels."""
    keypoints: np.ndarray
    """(N, K, 2) in pixels; zeros where the file has no joints."""
    visible: np.ndarray
    """(N, K) 1 for a labelled joint, else 0."""
    head_boxes: np.ndarray
    """(N, 4) left, top, right, bottom; NaN where the file has none."""


@dataclass(frozen=True)
class GroundTruth:
    """Head boxes and joints of a ``.mat`` file, for the same people."""

    head_boxes: np.ndarray
    """(N, 4) left, top, right, bottom."""
    keypoints: np.ndarray | None
    """(N, K, 2) in pixels, when the file has joints."""
    visible: np.ndarray | None
    """(N, K) 1 for a labelled joint, else 0, when the file has joints."""


def head_sizes(boxes: np.ndarray) -> np.ndarray:
    """The length that PCKh measures distances in: 0.6 of the diagonal.

    Args:
        boxes: (N, 4) left, top, right, bottom.

    Returns:
        (N,) in pixels.
    """
    return _HEAD_SHARE * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)


def read_people(path: str | Path, *, num_keypoints: int) -> People:
    """Reads ``annot/{train,valid,test}.json``: a list with ``image``, ``center``, ``scale`` of every person.

    ``joints`` with ``joints_vis`` may be missing, as they are in ``test.json``; ``headbox`` (left, top, right, bottom)
    is optional.

    Args:
        path: the file.
        num_keypoints: K, how many joints a person has.

    Raises:
        DistilPoseError: there is no such file, or it is another kind of file.
    """
    people = _load_list(path)
    for index, person in enumerate(people):
        check_person(person, f'person {index} of {path}', num_keypoints)
    centres = np.array([person['center'] for person in people], dtype=float).reshape(-1, 2)
    scales = np.array([person['scale'] for person in people], dtype=float)
    _check_units(centres, scales, people, path)
    centres[:, 1] += np.where(centres[:, 0] != -1, 15 * scales, 0)
    absent = dict(joints=np.ones((num_keypoints, 2)), joints_vis=np.zeros(num_keypoints), headbox=np.full(4, np.nan))
    stored = {name: np.array([person.get(name, default) for person in people], dtype=float)
              for name, default in absent.items()}
    read = People([person['image'] for person in people], centres - 1, scales * 200, stored['joints'] - 1,
                  (stored['joints_vis'] > 0).astype(np.float32), stored['headbox'] - 1)
    _log(read, stored['joints_vis'], path)
    return read


def _check_units(centres: np.ndarray, scales: np.ndarray, people: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Refuses people of no size, and centres that are shares of the image."""
    if not (scales > 0).any():
        raise DistilPoseError(f'the scale of person 0 of {path} is {people[0]["scale"]}, and none is above 0; '
                              'expected the height of each person, divided by 200 pixels')
    if 0 < centres.max() <= 1:
        raise DistilPoseError(f'the center of person 0 of {path} is {people[0]["center"]}, and no number of any center '
                              'is above 1: shares of the image; expected pixels: multiply them by width and height')


def _log(people: People, visible: np.ndarray, path: str | Path) -> None:
    """Logs how many people are used, and one warning for each kind of unusual thing."""
    is_used, labelled = people.sizes > 0, people.visible > 0
    print_log(f'{Path(path).name}: {is_used.sum():,} of {len(is_used):,} people used on '
              f'{len(set(people.images)):,} images, {labelled.any(axis=1).sum():,} with labelled joints', 'current')
    at_origin = labelled & (people.keypoints <= -1).all(axis=-1)  # counted from 0
    for applies, what in (
            (~is_used, 'have a scale of 0 or below and are left out'),
            (labelled.any(axis=1) & ~np.isin(visible, (0, 1)).all(axis=1), 'have a joints_vis other than 0 and 1, of '
             'which all above 0 count as labelled'),
            (at_origin.any(axis=1), 'have labelled joints at (0, 0) or (-1, -1), where a missing one is often put: '
             'give it joints_vis 0'),
            (_is_repeated(people) & labelled.any(axis=1), 'have the image and the joints of an earlier person, and '
             'count twice')):
        if applies.any():
            print_log(f'{applies.sum():,} of {len(is_used):,} people of {path} {what}; the first is person '
                      f'{np.flatnonzero(applies)[0]}', 'current', logging.WARNING)


def _is_repeated(people: People) -> np.ndarray:
    """(N,) whether image and joints are those of an earlier person."""
    seen: dict[tuple[str, bytes], int] = {}
    return np.array([seen.setdefault((image, joints.tobytes()), place) != place for place, (image, joints) in
                     enumerate(zip(people.images, people.keypoints, strict=True))], dtype=bool)


def _load_list(path: str | Path) -> list[dict[str, Any]]:
    advice = ("it must be MPII's annot/train.json, valid.json or test.json: a list of people, each with image, center "
              'and scale; change ann_file')
    try:
        content = read_json(path)
    except DistilPoseError as error:
        raise DistilPoseError(f'the annotation file {error}; {advice}') from error
    if isinstance(content, dict) and 'annotations' in content:
        raise DistilPoseError(f"the annotations {path} are in COCO's form; {advice}, or use type='CocoDataset'")
    if not isinstance(content, list) or not content:
        raise DistilPoseError(f'the annotations {path} are {_describe(content)}; {advice}')
    return content


def check_person(person: Any, name: str, num_keypoints: int) -> None:
    """Refuses an entry of the list of people.

    Args:
        person: the entry.
        name: of it, for messages.
        num_keypoints: how many joints a person has.

    Raises:
        DistilPoseError: it is no dictionary, lacks a key, or a value is not of the expected numbers.
    """
    if not isinstance(person, dict):
        raise DistilPoseError(f'{name} is {_describe(person)}; expected a dict with image, center, scale and joints')
    missing = [key for key in ('image', 'center', 'scale') if key not in person]
    if ('joints' in person) != ('joints_vis' in person):
        missing.append('joints_vis' if 'joints' in person else 'joints')
    if 'image' in person and not (isinstance(person['image'], str) and person['image'].strip()):
        raise DistilPoseError(f'the image of {name} is {person["image"]!r:.60}; expected the name of an image file')
    if missing:
        raise DistilPoseError(f'{name} has no {" and no ".join(missing)}, only {sorted(person)}; add it to the file')
    shapes = dict(center=(2, ), scale=(), joints=(num_keypoints, 2), joints_vis=(num_keypoints, ), headbox=(4, ))
    for key, shape in shapes.items():
        if key in person and not _is_of_shape(person[key], shape):
            raise DistilPoseError(f'{key} of {name} is {person[key]!r:.60}, expected {_numbers(shape)}; correct '
                                  f'the file, or name another as ann_file (people of MPII have {num_keypoints} joints)')


def _is_of_shape(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value is finite numbers in nested lists; words that numpy would read as numbers are none."""
    try:
        numbers = np.asarray(value)
    except ValueError:  # of lists of several lengths
        return False
    return numbers.shape == shape and numbers.dtype.kind in 'iuf' and bool(np.isfinite(numbers).all())


def _numbers(shape: tuple[int, ...]) -> str:
    return ' x '.join(map(str, shape)) + ' numbers' if shape else 'one number'


def _describe(content: Any) -> str:
    if isinstance(content, (list, dict, str)) and not content:
        return f'an empty {type(content).__name__}'
    return f'a {type(content).__name__}'


def read_ground_truth(path: str | Path, people: People) -> GroundTruth:
    """Reads ``annot/gt_valid.mat``: ``headboxes_src``, and where they are there ``pos_gt_src`` and ``jnt_missing``.

    Args:
        path: the file.
        people: of the annotations that it belongs to, in the same order.

    Raises:
        DistilPoseError: there is no such file, it is another kind of file, or it is about other people.
    """
    content = _load_mat(path)
    count, joints = people.visible.shape
    expected = dict(headboxes_src=(2, 2, count), pos_gt_src=(joints, 2, count), jnt_missing=(joints, count))
    for name, shape in expected.items():
        if name in content and content[name].shape != shape:
            raise DistilPoseError(f'{name} of {path} has the shape {content[name].shape}, expected {shape} for the '
                                  f'{count} people of the annotations; headbox_file and ann_file must be of one split')
    boxes = content['headboxes_src'].transpose(2, 0, 1).reshape(-1, 4).astype(float) - 1
    if not {'pos_gt_src', 'jnt_missing'} <= content.keys():
        return GroundTruth(boxes, None, None)
    keypoints = content['pos_gt_src'].transpose(2, 0, 1).astype(float) - 1
    visible = 1 - content['jnt_missing'].T.astype(np.float32)
    unknown = np.argwhere(~np.isfinite(keypoints).all(axis=-1) & (visible != 0))  # NaN != 0
    if len(unknown):
        person, joint = unknown[0]
        raise DistilPoseError(f'pos_gt_src of {path} is not finite for joint {joint} of person {person}, which is not '
                              'marked in jnt_missing; mark it there, or name another file as headbox_file')
    keypoints = np.nan_to_num(keypoints)
    _check_same_people(path, people, keypoints, visible)
    return GroundTruth(boxes, keypoints, visible)


def _load_mat(path: str | Path) -> dict[str, np.ndarray]:
    advice = "it must be the file of MPII's evaluation with head boxes, annot/gt_valid.mat; change headbox_file"
    if not Path(path).is_file():
        raise DistilPoseError(f'there is no ground truth {path}; {advice}')
    try:
        from scipy.io import loadmat  # its import takes a third of a second

        content = loadmat(path)
    except Exception as error:  # scipy raises anything over the bytes of another format
        raise DistilPoseError(f"the ground truth {path} is not a file of Matlab's ({error}); {advice}") from error
    if 'headboxes_src' not in content:
        names = sorted(name for name in content if not name.startswith('__'))
        raise DistilPoseError(f'the ground truth {path} has no headboxes_src, only {names}; {advice}')
    return content


def _check_same_people(path: str | Path, people: People, keypoints: np.ndarray, visible: np.ndarray) -> None:
    shared = (visible * people.visible).astype(bool)
    distance = float(np.median(np.linalg.norm(keypoints - people.keypoints, axis=-1)[shared])) if shared.any() else 0.0
    if distance > _FARTHEST:
        raise DistilPoseError(f'the joints of {path} are {distance:.0f} pixels (median) from those of the annotations; '
                              'both must list the same people in the same order: change headbox_file or ann_file')
