"""Keypoint map: a teacher's outputs for the keypoints of a student, by name, by a table, or as the mean of two."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from .keypoint_names import KeypointDefinition, define, read_definition, side_of

ENTRY = 'model.teacher.keypoints'
HINT = f"{ENTRY}='auto' matches them by name, and a table {{student: teacher}} says which is which"
_FILLERS = dict(heatmaps=0.0, coords=0.5, sigmas=1.0, error_scales=0.0, scores=0.0, simcc=0.0, keypoint_tokens=0.0)
"""What stands for a keypoint of which the teacher says nothing: finite, and without a place."""
_SMALLEST = 1e-8  # of the highest value of a distribution whose logarithm is taken

Partners = tuple[int, ...]
"""Teacher keypoints of a student keypoint: none, one, or two for their mean."""


class KeypointMap(nn.Module):
    """Gathers a teacher's keypoints in the order of a student, and takes means of two.

    The mean of two joints is one joint to a student: its heatmap and its distributions must be as wide as any other's,
    since its task loss draws them so. The distribution of the mean of two independent places, which is their
    convolution on half the grid, is narrower by the square root of 2; the square root of that convolution is not. Of
    two gaussians of one sigma it is the gaussian of that sigma at their middle, with the geometric mean of their
    heights; and it needs no peak, so that what a teacher cannot decide stays undecided. Coordinates, sigmas and error
    scales are averaged, and scores are geometric means, as heights are.

    Args:
        partners: of every student keypoint its teacher keypoints, see :data:`Partners`.
        simcc_beta: what the teacher's loss multiplied its SimCC logits with.
        student_names: of the student's keypoints in order, ``None`` if unknown.
        teacher_names: as ``student_names``.
    """

    first: Tensor
    has_partner: Tensor
    of_two: Tensor
    pairs: Tensor

    def __init__(self, partners: Sequence[Partners], *, simcc_beta: float = 1.0,
                 student_names: Sequence[str] | None = None, teacher_names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.partners = tuple(map(tuple, partners))
        self.simcc_beta = simcc_beta
        self.student_names = None if student_names is None else tuple(student_names)
        self.teacher_names = None if teacher_names is None else tuple(teacher_names)
        of_two = [place for place, found in enumerate(self.partners) if len(found) == 2]
        buffers = dict(
            first=torch.tensor([found[0] if found else 0 for found in self.partners]),
            has_partner=torch.tensor([bool(found) for found in self.partners]),
            of_two=torch.tensor(of_two, dtype=torch.long),
            pairs=torch.tensor([self.partners[place] for place in of_two], dtype=torch.long).reshape(-1, 2).T)
        for name, value in buffers.items():
            self.register_buffer(name, value.contiguous(), persistent=False)

    @property
    def is_exact(self) -> bool:
        """Whether every student keypoint is one of the teacher's."""
        return all(len(found) == 1 for found in self.partners)

    def is_identity(self, count: int) -> bool:
        """Whether a teacher of that many keypoints has those of the student in its order."""
        return self.partners == tuple((index,) for index in range(count))

    def forward(self, outputs: PoseOutputs) -> PoseOutputs:
        """The outputs for the student's keypoints.

        ``mask`` is 0 where the student's keypoint has no partner, and the other fields are finite there. Keypoint
        tokens are gathered where every keypoint has exactly one partner, and left out otherwise: a mean of two tokens
        is no token. Features and visual tokens stay.
        """
        count = keypoint_count(outputs)
        if count is None or self.is_identity(count):
            return outputs
        fields: dict[str, Any] = dict(mask=self._mask(outputs))
        if outputs.heatmaps is not None:
            fields['heatmaps'] = tuple(self._map('heatmaps', maps, _midpoint_maps) for maps in outputs.heatmaps)
        if outputs.simcc is not None:
            fields['simcc'] = tuple(self._map('simcc', logits, self._midpoint_logits) for logits in outputs.simcc)
        for name, middle in (('coords', _mean), ('sigmas', _mean), ('error_scales', _mean_scale),
                             ('scores', _geometric_mean)):
            value = getattr(outputs, name)
            if value is not None:
                fields[name] = self._map(name, value, middle)
        if outputs.keypoint_tokens is not None:
            fields['keypoint_tokens'] = outputs.keypoint_tokens[:, self.first] if self.is_exact else None
        return outputs._replace(**fields)

    def _map(self, name: str, value: Tensor, middle: Any) -> Tensor:
        """(B, K_t, ...) to (B, K_s, ...)."""
        mapped = value[:, self.first]
        if len(self.of_two):
            mapped = mapped.index_copy(1, self.of_two, middle(*value[:, self.pairs].unbind(1)).to(value.dtype))
        if self.is_exact:
            return mapped
        return torch.where(self.has_partner.view(-1, *[1] * (value.dim() - 2)), mapped, _FILLERS[name])

    def _mask(self, outputs: PoseOutputs) -> Tensor | None:
        if outputs.mask is not None:
            pairs = outputs.mask[:, self.pairs]
            mask = outputs.mask[:, self.first].index_copy(1, self.of_two, pairs[:, 0] * pairs[:, 1])
            return mask * self.has_partner
        if all(self.partners):
            return None
        any_field = next(value for value in (outputs.heatmaps, outputs.simcc, outputs.coords) if value is not None)
        tensor = any_field if isinstance(any_field, Tensor) else any_field[-1]
        return self.has_partner.to(tensor.dtype).expand(len(tensor), -1).contiguous()

    def _midpoint_logits(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, P, N) logits of two joints to those of their middle."""
        one, two = ((logits.double() * self.simcc_beta).softmax(-1) for logits in (first, second))
        middle = _root_of_convolution(one, two, dims=(-1,))
        return middle.clamp(min=_SMALLEST).log() / self.simcc_beta

    def check_count(self, count: int | None) -> None:
        """Refuses a teacher that does not have the keypoints that are mapped.

        Raises:
            DistilPoseError: an index is out of range, or there are other names than keypoints.
        """
        if count is None:
            return
        if self.teacher_names is not None and len(self.teacher_names) != count:
            raise DistilPoseError(f'{ENTRY} is for a teacher of {len(self.teacher_names)} keypoints, and this one '
                                  f'predicts {count}; name the definition that it was trained on')
        largest = max(index for found in self.partners for index in found)
        if largest >= count:
            raise DistilPoseError(f'{ENTRY} names keypoint {largest} of the teacher, which has {count}: expected '
                                  f'indices from 0 to {count - 1}')

    def describe(self) -> str:
        """Which keypoint is taught by which, and which by none, for the log."""
        same, other, alone = [], [], []
        for place, found in enumerate(self.partners):
            name, theirs = _name(self.student_names, place), [_name(self.teacher_names, index) for index in found]
            if not theirs:
                alone.append(name)
            elif theirs == [name]:
                same.append(name)
            else:
                other.append(f'{name} by {theirs[0]}' if len(theirs) == 1 else
                             f'{name} by the mean of {theirs[0]} and {theirs[1]}')
        parts = [f'The teacher teaches {len(same) + len(other)} of {len(self.partners)} keypoints']
        parts += [f'by the same name: {", ".join(same)}'] * bool(same) + other
        without = f' Without a partner, and not taught: {", ".join(alone)}.' if alone else ''
        return f'{"; ".join(parts)}.{without}'

    def not_exact(self) -> list[str]:
        """The student's keypoints that are not one of the teacher's."""
        return [_name(self.student_names, place) for place, found in enumerate(self.partners) if len(found) != 1]


def build_keypoint_map(option: Any, *, student_names: Sequence[str] | None, student_count: Callable[[], int | None],
                       teacher_names: Sequence[str] | None, simcc_beta: float = 1.0) -> KeypointMap | None:
    """The map of a config's ``model.teacher.keypoints``.

    Args:
        option: ``'auto'`` matches names; a table ``{student: teacher}`` or ``{student: (teacher, teacher)}`` of names
            and indices; the definition of the teacher's own keypoints, whose names are then matched (see
            :func:`~distilpose.distillation.teachers.keypoint_names.read_definition`);
            ``dict(definition=..., table=...)`` for a table of the names of a definition; ``None`` for no map.
        student_names: of its keypoints in order, ``None`` if unknown.
        student_count: says how many keypoints the student has; called where its names are unknown.
        teacher_names: as ``student_names``.
        simcc_beta: see :class:`KeypointMap`.

    Raises:
        DistilPoseError: names are unknown, nothing matches, a joint is used twice, or sides are swapped.
    """
    if option is None:
        return None
    student = None if student_names is None else define(student_names)
    teacher = None if teacher_names is None else define(teacher_names)
    if isinstance(option, Mapping) and set(option) == {'definition', 'table'}:
        teacher = read_definition(option['definition'], entry=f'{ENTRY}.definition')
        option = option['table']
        if not isinstance(option, Mapping):
            raise DistilPoseError(f'{ENTRY}.table is {option!r}; expected {{student: teacher}}')
    if isinstance(option, Mapping) and set(option) != {'from_file'}:
        count = len(student.names) if student else student_count()
        partners = _read_table(option, student, teacher, student_count=count)
    else:
        if isinstance(option, Mapping):
            option = option['from_file']
        if not isinstance(option, (str, list, tuple)):
            raise DistilPoseError(f"{ENTRY} is {option!r}; expected 'auto', a table {{student: teacher}}, or the "
                                  "definition of the teacher's keypoints: a set such as 'coco', a metainfo file, names")
        if option != 'auto':
            teacher = read_definition(option, entry=ENTRY)
        partners = _match(student, teacher)
    _check_use(partners, student, teacher)
    _check_sides(partners, student, teacher)
    return KeypointMap(partners, simcc_beta=simcc_beta, student_names=student.names if student else None,
                       teacher_names=teacher.names if teacher else None)


def keypoint_count(outputs: PoseOutputs) -> int | None:
    """Number of keypoints that a network predicts, ``None`` where no output says it."""
    for maps in (outputs.heatmaps, outputs.simcc):
        if maps is not None:
            return maps[-1].shape[1]
    return None if outputs.coords is None else outputs.coords.shape[1]


def _match(student: KeypointDefinition | None, teacher: KeypointDefinition | None) -> list[Partners]:
    """Every student keypoint with the teacher's of the same name, else with the one that means the same joint."""
    if student is None:
        raise DistilPoseError(f'{ENTRY} matches names, and the student does not name its keypoints; set model.student.'
                              "metainfo=dict(from_file='configs/_base_/datasets/coco.py') to its definition, or write "
                              'a table of indices {student: teacher}')
    if teacher is None:
        raise DistilPoseError(f"{ENTRY} is 'auto', and the teacher does not name its keypoints; name its definition "
                              "instead, such as 'coco' or a list of names, or write a table {student: teacher index}")
    exact = {name: index for index, name in enumerate(teacher.names)}
    by_joint = defaultdict(list)
    for index, joint in enumerate(teacher.joints):
        by_joint[joint].append(index)
    same_set = student.set_name is not None and student.set_name == teacher.set_name
    partners: list[Partners] = []
    for name, joint in zip(student.names, student.joints, strict=True):
        found = [exact[name]] if name in exact and (same_set or teacher.joints[exact[name]] == joint) \
            else by_joint[joint]
        partners.append((found[0],) if len(found) == 1 else ())
    if not any(partners):
        raise DistilPoseError(f'{ENTRY}: no keypoint of the student ({_some(student.names)}) is one of the teacher '
                              f'({_some(teacher.names)}) by name; write a table {{student: teacher}}')
    return partners


def _read_table(table: Mapping, student: KeypointDefinition | None, teacher: KeypointDefinition | None, *,
                student_count: int | None) -> list[Partners]:
    found: dict[int, Partners] = {}
    for key, value in table.items():
        place = _index(key, student, role='student', count=student_count)
        if place in found:
            raise DistilPoseError(f'{ENTRY} has two entries for keypoint {_name_of(student, place)} of the student; '
                                  'keep one')
        several = value if isinstance(value, (tuple, list)) else () if value is None else (value,)
        if isinstance(value, (tuple, list)) and len(value) != 2:
            raise DistilPoseError(f'{ENTRY} teaches {key!r} by {value!r}; expected one keypoint of the teacher, or two '
                                  'for their mean')
        count = len(teacher.names) if teacher else None
        found[place] = tuple(_index(item, teacher, role='teacher', count=count) for item in several)
    if not any(found.values()):
        raise DistilPoseError(f'{ENTRY} is a table without a keypoint that the teacher teaches; expected '
                              "{student: teacher}, or 'auto'")
    return [found.get(place, ()) for place in range(student_count or max(found) + 1)]


def _index(key: Any, definition: KeypointDefinition | None, *, role: str, count: int | None) -> int:
    if isinstance(key, str) and not key.isdecimal():
        if definition is None:
            raise DistilPoseError(f'{ENTRY} names keypoint {key!r} of the {role}, which does not name its keypoints; '
                                  'write indices, or ' + ('set model.student.metainfo' if role == 'student' else
                                                          "its names: dict(definition='coco', table={...})"))
        if key in definition.names:
            return definition.names.index(key)
        close = difflib.get_close_matches(key, definition.names, n=3)
        raise DistilPoseError(f'{ENTRY} names {key!r}, which is no keypoint of the {role}; '
                              + (f'did you mean {" or ".join(map(repr, close))}?' if close else
                                 f'expected one of {", ".join(definition.names)}'))
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise DistilPoseError(f'{ENTRY} has {key!r} for a keypoint of the {role}; expected a name or an index')
    index = int(key)
    if index < 0 or (count is not None and index >= count):
        raise DistilPoseError(f'{ENTRY} names keypoint {index} of the {role}'
                              + (f', which has {count}: expected indices from 0 to {count - 1}' if count else
                                 '; expected an index of 0 or more'))
    return index


def _check_use(partners: Sequence[Partners], student: KeypointDefinition | None,
               teacher: KeypointDefinition | None) -> None:
    """A joint cannot be the mean of itself, and two joints of the student are never in one place."""
    used: dict[frozenset[int], int] = {}
    for place, found in enumerate(partners):
        if len(found) == 2 and found[0] == found[1]:
            raise DistilPoseError(f'{ENTRY} teaches {_name_of(student, place)} by the mean of '
                                  f'{_name_of(teacher, found[0])} and itself; name it once')
        other = used.setdefault(frozenset(found), place) if found else place
        if other != place:
            raise DistilPoseError(f'{ENTRY} teaches both {_name_of(student, other)} and {_name_of(student, place)} by '
                                  f'{" and ".join(_name_of(teacher, index) for index in found)}; two keypoints of the '
                                  'student cannot be in one place: drop one of them')


def _check_sides(partners: Sequence[Partners], student: KeypointDefinition | None,
                 teacher: KeypointDefinition | None) -> None:
    """Mirrored keypoints of the student must have mirrored ones of the teacher, and no left one a right one."""
    if student is None or teacher is None:
        return
    for place, found in enumerate(partners):
        side = side_of(student.names[place])
        wrong = next((index for index in found if side and side_of(teacher.names[index]) not in (side, None)), None)
        if wrong is not None:
            raise DistilPoseError(f'{ENTRY} teaches {student.names[place]!r} by {teacher.names[wrong]!r}, which is on '
                                  'the other side; exchange left and right')
        mirrored = [teacher.mirrored[index] for index in found]
        opposite = student.mirrored[place]
        if not found or opposite is None or None in mirrored or not partners[opposite]:
            continue
        if set(mirrored) != set(partners[opposite]):
            names, theirs = ([teacher.names[index] for index in indices] for indices in (found, partners[opposite]))
            raise DistilPoseError(
                f'{ENTRY} teaches {student.names[place]!r} by {" and ".join(map(repr, names))}'
                + (', which a mirror exchanges for '
                   f'{" and ".join(repr(teacher.names[index]) for index in mirrored if index is not None)}; expected '
                   'a joint in the middle, or the mean of a left and a right one' if opposite == place else
                   f' and {student.names[opposite]!r}, on the other side, by {" and ".join(map(repr, theirs))}; '
                   'expected keypoints of the teacher that are on either side as well'))


def _mean(first: Tensor, second: Tensor) -> Tensor:
    return (first + second) / 2


def _mean_scale(first: Tensor, second: Tensor) -> Tensor:
    """Of logits of scales; errors of neighbours go together, so that they do not cancel."""
    return ((first.sigmoid() + second.sigmoid()) / 2).logit(eps=1e-6)


def _geometric_mean(first: Tensor, second: Tensor) -> Tensor:
    return (first.clamp(min=0) * second.clamp(min=0)).sqrt()


def _midpoint_maps(first: Tensor, second: Tensor) -> Tensor:
    """(B, P, H, W) heatmaps of two joints to those of their middle; what is below 0 counts as 0."""
    one, two = (maps.clamp(min=0).double() for maps in (first, second))
    return _root_of_convolution(one, two, dims=(-2, -1))


def _root_of_convolution(first: Tensor, second: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """``sqrt(sum_u a(x + u) b(x - u))``, scaled such that two gaussians of one sigma give one of it.

    Its height is the geometric mean of theirs, by ``sum_u a(x + u) b(x - u) <= |a| |b|`` with equality in the middle of
    two equal shapes. A Fourier transform takes the sums, in float64, since a square root magnifies what is near 0.
    """
    sizes = [2 * first.shape[dim] for dim in dims]
    spectra = [torch.fft.rfftn(values, s=sizes, dim=dims) for values in (first, second)]
    sums = torch.fft.irfftn(spectra[0] * spectra[1], s=sizes, dim=dims)
    sums = sums[..., ::2] if len(dims) == 1 else sums[..., ::2, ::2]
    norms = [torch.linalg.vector_norm(values, dim=dims, keepdim=True) for values in (first, second)]
    heights = first.amax(dims, keepdim=True) * second.amax(dims, keepdim=True)
    return (sums.clamp(min=0) * heights / (norms[0] * norms[1]).clamp(min=1e-12)).sqrt()


def _name(names: Sequence[str] | None, index: int) -> str:
    return str(index) if names is None else names[index]


def _name_of(definition: KeypointDefinition | None, index: int) -> str:
    return f'keypoint {index}' if definition is None else repr(definition.names[index])


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:4]) + (', ...' if len(names) > 4 else '')
