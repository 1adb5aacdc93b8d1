"""Feature pair: the layer of the student and that of the teacher which a term compares, and the projector between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from .projector import RESIZE, have_one_shape, make_projector, to_one_size

if TYPE_CHECKING:
    from .base import DistillationTerm

_KINDS = {4: 'maps', 3: 'tokens', 2: 'vectors'}
"""Number of dimensions, with that of the batch -> what a layer puts out."""


class FeaturePair:
    """Two layers that a term compares: their names, their kinds, and what bridges their shapes.

    A term makes one in its constructor and lets it declare what the term reads. Then its ``mismatch`` is the pair's,
    its ``prepare`` keeps the pair's projector as ``self.projector``, and its ``forward`` reads both outputs::

        def __init__(self, *, student_layer=None, teacher_layer=None, **kwargs):
            super().__init__(**kwargs)
            self.pair = FeaturePair(student_layer, teacher_layer).declared_by(self)

        def mismatch(self, student, teacher):
            return self.pair.mismatch(student, teacher)

        def prepare(self, student, teacher):
            self.projector = self.pair.make_projector(student, teacher)

        def forward(self, student, teacher, labels):
            one, other = self.pair.read(student, teacher)
            return loss(self.projector(one), other)

    Args:
        student_layer: name of a layer of the student, such as ``'backbone.layer3'``; ``None``: the last map that its
            head takes.
        teacher_layer: as ``student_layer``, of the teacher.
        resize: which map is resampled where sizes differ, see
            :func:`~distilpose.distillation.terms.projector.to_one_size`.
        takes: the kinds of outputs that the loss is defined for: ``'maps'`` (B, C, H, W), ``'tokens'`` (B, N, C) and
            ``'vectors'`` (B, C).
        same_size: whether the loss needs equal heights and widths, or numbers of tokens.
        same_channels: whether it needs equal numbers of channels.

    Raises:
        DistilPoseError: ``resize`` or the name of a layer is something else.
    """

    def __init__(self, student_layer: str | None = None, teacher_layer: str | None = None, *, resize: str = 'larger',
                 takes: Sequence[str] = ('maps',), same_size: bool = True, same_channels: bool = True) -> None:
        for option, name in dict(student_layer=student_layer, teacher_layer=teacher_layer).items():
            if name is not None and (not isinstance(name, str) or not name):
                raise DistilPoseError(f"{option} is {name!r}; expected the name of a layer, such as 'backbone.layer3', "
                                      'or None for what the head takes')
        if resize not in RESIZE:
            raise DistilPoseError(f'resize is {resize!r}; expected one of {", ".join(RESIZE)}')
        self.student_layer, self.teacher_layer, self.resize = student_layer, teacher_layer, resize
        self.takes, self.same_size, self.same_channels = tuple(takes), same_size, same_channels

    def declared_by(self, term: DistillationTerm) -> FeaturePair:
        """Notes on a term which fields and layers it reads; returns the pair."""
        for role, layer in (('student', self.student_layer), ('teacher', self.teacher_layer)):
            setattr(term, f'{role}_fields', ('features',) if layer is None else ('layers',))
            setattr(term, f'{role}_layers', () if layer is None else (layer,))
        return self

    def mismatch(self, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
        """Why the two layers cannot be compared, in a sentence, or ``None``."""
        one, other = self._outputs(student, teacher)
        for role, value in (('student', one), ('teacher', other)):
            if _KINDS.get(value.dim()) not in self.takes:
                return (f'{self._name(role)} puts out {_describe(value)}, and the term compares '
                        f'{" or ".join(self.takes)}; name another {role}_layer')
        if not (self.same_size or self.same_channels):
            return None
        if one.dim() != other.dim():
            return (f"{self._name('student')} puts out {_describe(one)}, {self._name('teacher')} {_describe(other)}; "
                    'name two layers of one kind')
        if self.same_size and one.dim() == 3 and one.shape[1] != other.shape[1]:
            return (f"{self._name('student')} has {one.shape[1]} tokens, {self._name('teacher')} {other.shape[1]}; "
                    'give both the same input size and patch size, or drop the term with None')
        if self.same_size and one.dim() == 4 and not have_one_shape(_size(one), _size(other)):
            found, expected = _size(one), _size(other)
            return (f"{self._name('student')} is {found[1]}x{found[0]} (width x height), {self._name('teacher')} "
                    f'{expected[1]}x{expected[0]}, of another aspect ratio; give both input sizes of one aspect ratio, '
                    'or drop the term with None')
        return None

    def make_projector(self, student: PoseOutputs, teacher: PoseOutputs) -> nn.Module:
        """The projector from the student's channels to the teacher's, the identity where the loss needs none.

        It is trained with the student and dropped after the training.
        """
        return make_projector(*self._outputs(student, teacher)) if self.same_channels else nn.Identity()

    def read(self, student: PoseOutputs, teacher: PoseOutputs) -> tuple[Tensor, Tensor]:
        """Both outputs, of one height and width if the loss needs that; the student's is not projected yet."""
        one, other = self._outputs(student, teacher)
        is_resized = self.same_size and one.dim() == 4
        return to_one_size(one, other, resize=self.resize) if is_resized else (one, other)

    def _outputs(self, student: PoseOutputs, teacher: PoseOutputs) -> tuple[Tensor, Tensor]:
        return _output(student, self.student_layer), _output(teacher, self.teacher_layer)

    def _name(self, role: str) -> str:
        layer = self.student_layer if role == 'student' else self.teacher_layer
        return f"the {role}'s " + ('last feature map' if layer is None else f'layer {layer!r}')


def _output(outputs: PoseOutputs, layer: str | None) -> Tensor:
    if layer is None:
        assert outputs.features is not None  # checked when the pair was made
        return outputs.features[-1]
    assert outputs.layers is not None
    return outputs.layers[layer]


def _size(maps: Tensor) -> tuple[int, int]:
    return maps.shape[2], maps.shape[3]


def _describe(value: Tensor) -> str:
    kind = _KINDS.get(value.dim(), f'a tensor of {value.dim()} dimensions')
    return f'{kind} ({", ".join(("B", *map(str, value.shape[1:])))})'
