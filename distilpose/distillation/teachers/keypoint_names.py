"""Keypoint definitions by name (COCO, COCO-WholeBody, Halpe, MPII, ...), and which names mean the same joint."""

from __future__ import annotations

import difflib
import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpose.datasets.datasets import utils

from distilpose.config import project_path
from distilpose.config.keypoints import MIRRORED, normalised_name
from distilpose.errors import DistilPoseError

_LSP = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist', 'right_elbow',
        'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'head_top')
_MEDIAPIPE = (
    'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner', 'right_eye', 'right_eye_outer',
    'left_ear', 'right_ear', 'mouth_left', 'mouth_right', 'left_shoulder', 'right_shoulder', 'left_elbow',
    'right_elbow', 'left_wrist', 'right_wrist', 'left_pinky', 'right_pinky', 'left_index', 'right_index',
    'left_thumb', 'right_thumb', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
    'left_heel', 'right_heel', 'left_foot_index', 'right_foot_index')

SETS: dict[str, str | tuple[str, ...]] = dict(
    coco='coco', wholebody='coco_wholebody', halpe26='halpe26', halpe='halpe', mpii='mpii', crowdpose='crowdpose',
    aic='aic', lsp=_LSP, mediapipe=_MEDIAPIPE, jhmdb='jhmdb', posetrack18='posetrack18', h36m='h36m',
    openpose='coco_openpose', hand='coco_wholebody_hand')
"""Name of a set -> its metainfo file in mmpose's ``configs/_base_/datasets``, or its names in order."""
OTHER_NAMES = dict(coco17='coco', cocowholebody='wholebody', wholebody133='wholebody', cocowholebody133='wholebody',
                   ubody='wholebody', halpe136='halpe', mpii16='mpii', crowdpose14='crowdpose', aic14='aic',
                   lsp14='lsp', lspet='lsp', mediapipe33='mediapipe', blazepose='mediapipe', blazepose33='mediapipe')
"""Further names of sets, without hyphens and the like."""

_ALIASES = dict(
    top_head='head_top', top_of_head='head_top', bottom_head='head_bottom',
    # MPII's upper neck is what AIC, CrowdPose and LSP call neck: mmpose's body8 recipes join the first three in the
    # neck of Halpe-26. MPII's thorax is not: it lies between the shoulders.
    upper_neck='neck')
_OWN_MEANINGS: dict[str, dict[str, str]] = dict(
    halpe=dict(head='head_top', hip='mid_hip'), halpe26=dict(head='head_top', hip='mid_hip'),
    # OpenPose computes its neck as the middle of the shoulders.
    openpose=dict(neck='mid_shoulder'),
    # The knuckles at which index and little finger begin. The thumb's and the foot's landmark are other places than
    # any joint of COCO-WholeBody.
    mediapipe=dict(left_index='left_forefinger1', right_index='right_forefinger1', left_pinky='left_pinky_finger1',
                   right_pinky='right_pinky_finger1'))
"""Set -> what a name means there and not elsewhere: a bare ``head`` is its top in Halpe and its middle in JHMDB."""
_CENTRAL = frozenset(('nose', 'head', 'head_top', 'head_bottom', 'neck', 'thorax', 'pelvis', 'mid_hip', 'mid_shoulder',
                      'hip', 'root', 'spine', 'belly'))


@dataclass(frozen=True)
class KeypointDefinition:
    """Keypoints in their order."""

    names: tuple[str, ...]
    mirrored: tuple[int | None, ...]
    """The mirror keypoint of every keypoint, itself in the middle, ``None`` where names have no side."""
    set_name: str | None = None
    """A key of :data:`SETS`, where these are its names in its order."""
    sigmas: tuple[float, ...] = ()
    """Of object keypoint similarity, where the definition has them."""
    skeleton: tuple[tuple[int, int], ...] = ()
    """Pairs of keypoints that are joined by a bone, where the definition has them."""

    @property
    def joints(self) -> tuple[str, ...]:
        """What the names mean: equal for the same joint of two definitions."""
        own = _OWN_MEANINGS.get(_set_with(frozenset(self.names)) or '', {})
        return tuple(_canonical(own.get(name, name)) for name in self.names)

    def __str__(self) -> str:
        return f'{self.set_name} ({len(self.names)} keypoints)' if self.set_name else f'{len(self.names)} keypoints'


def define(names: Sequence[str]) -> KeypointDefinition:
    """The definition with these names in this order: a known set, or one whose sides are read from the names."""
    names = tuple(names)
    found = next((known for known in _known_sets() if known.names == names), None)
    return found or KeypointDefinition(names, _mirrored_by_name(names))


def read_definition(value: str | Sequence[str], *, entry: str) -> KeypointDefinition:
    """A keypoint definition of a config.

    Args:
        value: the name of a set (:data:`SETS`), the path of a metainfo file, or names in order.
        entry: where the config has it, for messages.

    Raises:
        DistilPoseError: an unknown name, a missing or wrong file, names that are none or that repeat.
    """
    if not isinstance(value, str):
        return define(_checked_names(value, entry=entry))
    if value.endswith('.py'):
        return _from_file(value, entry=entry)
    name = re.sub('[^a-z0-9]', '', value.lower())
    name = OTHER_NAMES.get(name, name)
    if name not in SETS:
        close = difflib.get_close_matches(name, [*SETS, *OTHER_NAMES, 'auto'], n=3)
        raise DistilPoseError(f'{entry} is {value!r}, which is no known set of keypoints'
                              f'{"; did you mean " + " or ".join(map(repr, close)) + "?" if close else ""}; expected '
                              f"'auto', one of {', '.join(SETS)}, the path of a metainfo file (.py), a list of names, "
                              'or a table {student: teacher}')
    return _read_set(name)


def metainfo_of(names: Sequence[str]) -> dict[str, Any]:
    """mmpose's metainfo of keypoints with these names: the file of a known set, else one with sides by name."""
    definition = define(names)
    known = SETS.get(definition.set_name or '')
    if isinstance(known, str):
        return dict(from_file=f'configs/_base_/datasets/{known}.py')
    keypoints = {index: dict(name=name, id=index, color=[51, 153, 255], type='',
                             swap='' if other in (None, index) else definition.names[other])
                 for index, (name, other) in enumerate(zip(definition.names, definition.mirrored, strict=True))}
    return dict(dataset_name=definition.set_name or 'keypoints', keypoint_info=keypoints, skeleton_info={},
                joint_weights=[1.0] * len(keypoints), sigmas=list(definition.sigmas))


def read_sigmas(value: str, *, entry: str) -> list[float]:
    """The sigmas of object keypoint similarity of a set or of a metainfo file.

    Raises:
        DistilPoseError: as :func:`read_definition`, or it has no sigmas.
    """
    definition = read_definition(value, entry=entry)
    if not definition.sigmas:
        raise DistilPoseError(f'{entry} is {value!r}, which has no sigmas; write them as a list, one for each of the '
                              f'{len(definition.names)} keypoints')
    return list(definition.sigmas)


def read_skeleton(value: str, *, entry: str) -> list[tuple[int, int]]:
    """The pairs of keypoints that a skeleton joins, of a set or of a metainfo file.

    Raises:
        DistilPoseError: as :func:`read_definition`, or it has no skeleton.
    """
    definition = read_definition(value, entry=entry)
    if not definition.skeleton:
        raise DistilPoseError(f'{entry} is {value!r}, which has no skeleton; write the bones as pairs of indices of '
                              f'the {len(definition.names)} keypoints')
    return list(definition.skeleton)


def side_of(name: str) -> str | None:
    """``'left'``, ``'right'``, or ``None`` for a name without a side."""
    first = normalised_name(name).partition('_')[0]
    return first if first in MIRRORED else None


def _checked_names(value: Sequence[str], *, entry: str) -> tuple[str, ...]:
    wrong = next((name for name in value if not isinstance(name, str)), None)
    if wrong is not None or not value:
        found = f'a list with {wrong!r}' if value else 'an empty list'
        raise DistilPoseError(f"{entry} is {found}; expected the names of the teacher's keypoints in their order, or a "
                              'table {student: teacher}')
    repeated = [name for name, count in Counter(value).items() if count > 1]
    if repeated:
        raise DistilPoseError(f'{entry} names {", ".join(map(repr, repeated))} more than once; expected the names of '
                              "the teacher's keypoints, each once, in their order")
    return tuple(value)


def _from_file(path: str, *, entry: str) -> KeypointDefinition:
    file = project_path(path)
    try:
        metainfo = utils.parse_pose_metainfo(dict(from_file=str(file) if file.is_file() else path))
    except FileNotFoundError as error:
        raise DistilPoseError(f'there is no {path}, which {entry} names; expected the path of a metainfo file, such as '
                              'configs/_base_/datasets/coco.py of mmpose') from error
    except (KeyError, AttributeError, TypeError, AssertionError) as error:
        raise DistilPoseError(f'{entry} names {path}, which defines no keypoints ({type(error).__name__}: {error}); '
                              "expected a metainfo file with dataset_info, as mmpose's") from error
    return _of_metainfo(metainfo)


def _of_metainfo(metainfo: dict, *, set_name: str | None = None) -> KeypointDefinition:
    names = metainfo['keypoint_id2name']
    return KeypointDefinition(tuple(names[index] for index in sorted(names)),
                              tuple(int(index) for index in metainfo['flip_indices']), set_name,
                              tuple(map(float, metainfo.get('sigmas', ()))),
                              tuple((int(start), int(end)) for start, end in metainfo.get('skeleton_links', ())))


@functools.cache
def _read_set(name: str) -> KeypointDefinition:
    source = SETS[name]
    if not isinstance(source, str):
        return KeypointDefinition(source, _mirrored_by_name(source), name)
    file = f'configs/_base_/datasets/{source}.py'
    package = Path(utils.__file__).parents[2] / '.mim' / file
    return _of_metainfo(utils.parse_pose_metainfo(dict(from_file=str(package) if package.is_file() else file)),
                        set_name=name)


@functools.cache
def _known_sets() -> tuple[KeypointDefinition, ...]:
    return tuple(map(_read_set, SETS))


def _set_with(names: frozenset[str]) -> str | None:
    """The set that has these names, in whatever order."""
    return next((known.set_name for known in _known_sets() if frozenset(known.names) == names), None)


def _mirrored_by_name(names: Sequence[str]) -> tuple[int | None, ...]:
    places = {_canonical(name): index for index, name in enumerate(names)}

    def mirror(name: str) -> int | None:
        side, _, rest = _canonical(name).partition('_')
        if side in MIRRORED:
            return places.get(f'{MIRRORED[side]}_{rest}')
        return places[_canonical(name)] if _canonical(name) in _CENTRAL else None
    return tuple(map(mirror, names))


def _canonical(name: str) -> str:
    plain = normalised_name(name)
    return _ALIASES.get(plain, plain)
