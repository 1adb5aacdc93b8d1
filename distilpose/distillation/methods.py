"""Distillation methods by name: terms, weights and teacher options for a student and a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmpose.registry import MODELS

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from .distiller import build_terms
from .image_adapter import proportioned
from .method_rules import ANY, METHODS, RULES, Rule, read_term
from .terms import DistillationTerm

KINDS = dict(heatmaps='heatmaps', simcc='simcc', coordinates='coords')
"""What a network predicts, and the field of its outputs; of several, the first of these is its kind."""
STRIDE, SIGMA = 4, 2.0
"""Pixels of the crop in a cell of the heatmaps that a coordinate classifier draws, and their sigma in cells."""
HEATMAP_SHARE = 0.05
"""Factor of the weights of terms that any student may have, for students with heatmaps: their task loss is a mean over
all cells, and has about a twentieth of the gradient of RTMPose's."""
REFERENCE_BATCH = 16
"""People in the batch that relative weights are for: RTMPose's loss is a sum over them, and terms are means."""


@dataclass(frozen=True)
class Network:
    """A student or a teacher with its outputs for one image."""

    name: str
    """For messages, such as the class of the head."""
    outputs: PoseOutputs
    size: tuple[int, int] | None
    """(width, height) of its images."""
    beta: float = 1.0
    """Factor of the SimCC logits in its loss."""
    sums_joints: bool = False
    """Whether a student's task loss is a sum over the joints, not their mean."""
    sums_people: bool = False
    """Whether it is mmpose's ``KLDiscretLoss``, a sum over the batch."""
    skeleton: str | tuple[tuple[int, int], ...] = ()
    """The set of a student's keypoints, or pairs of those that bones join; empty where neither is known."""

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`.

        Raises:
            DistilPoseError: it predicts none of them.
        """
        for kind, field in KINDS.items():
            if getattr(self.outputs, field) is not None:
                return kind
        raise DistilPoseError(f'{self.name} produces {", ".join(self.outputs.produced()) or "nothing"}; expected '
                              'heatmaps, SimCC or coordinates')


@dataclass(frozen=True)
class Recipe:
    """Terms and teacher options of a method for one pair."""

    rule: Rule
    terms: dict[str, dict[str, Any]]
    teacher: dict[str, Any]
    """Further options of ``model.teacher``."""
    left_out: dict[str, str]
    """Optional terms that do not fit, and why."""
    student: dict[str, Any]
    """Further options of ``model.student``."""

    def describe(self, student: Network, teacher: Network) -> str:
        """Kinds of both networks, method and terms, for the log."""
        left_out = ''.join(f' Without {name}: {reason}.' for name, reason in self.left_out.items())
        batch = (f' The task loss, a sum over the batch, is that of {REFERENCE_BATCH} people in a batch of any size.'
                 if self.student else '')
        return (f'The student ({student.name}) predicts {student.kind} ({_produced(student)}), the teacher '
                f'({teacher.name}) {teacher.kind} ({_produced(teacher)}). Method {self.rule.method}: '
                f'{", ".join(self.terms)}.{left_out}{batch}')


def choose_method(method: str, student: Network, teacher: Network, *, has_labels: bool = True) -> Recipe:
    """The terms of a method for this pair, with the weights of ``configs/_base_/methods/``.

    Args:
        method: a name in :data:`METHODS`; ``'auto'`` takes the first row of :data:`RULES` that fits.
        student: with its outputs.
        teacher: with its outputs.
        has_labels: whether there are labels, which some methods need.

    Raises:
        DistilPoseError: there is no such method, or it does not fit; names those that do.
    """
    if method not in METHODS:
        raise DistilPoseError(f'there is no method {method!r}; expected one of {", ".join(METHODS)}')
    fitting = [rule for rule in RULES if rule.fits(student.kind, teacher.kind)]
    chosen = [rule for rule in fitting if method in ('auto', rule.method)]
    if not chosen:
        names = ', '.join(dict.fromkeys(rule.method for rule in fitting))
        expected = '; '.join(rule.title for rule in RULES if rule.method == method)
        raise DistilPoseError(f'the student {student.name} predicts {student.kind} ({_produced(student)}), the teacher '
                              f'{teacher.name} {teacher.kind} ({_produced(teacher)}), which --method {method} does not '
                              f'fit ({expected}); take one of auto, {names}')
    if chosen[0].needs_labels and not has_labels:
        names = ', '.join(dict.fromkeys(rule.method for rule in fitting if not rule.needs_labels))
        raise DistilPoseError(f'--method {method} leaves it to labels where keypoints are, and the images have none; '
                              f'train on labelled data, or take one of auto, {names}')
    return _fill(chosen[0], student, teacher)


def _fill(rule: Rule, student: Network, teacher: Network) -> Recipe:
    options = dict(heatmaps=_drawn(student, teacher)) if rule.draws else {}
    # Optional terms only check that there are heatmaps, not their size.
    outputs = teacher.outputs._replace(heatmaps=teacher.outputs.simcc) if rule.draws else teacher.outputs
    terms = {name: _adapted(read_term(name), student, teacher) for name in (*rule.terms, *rule.optional)}
    if rule.student == ANY and student.kind == 'heatmaps':
        terms = {name: dict(term, weight=round(term['weight'] * HEATMAP_SHARE, 6)) for name, term in terms.items()}
    for name in rule.terms if rule.student == ANY else ():
        reason = _lacking(_built(terms[name]), student.outputs, teacher.outputs)
        if reason is not None:
            raise DistilPoseError(f'--method {rule.method} of {student.name} and {teacher.name}: {reason}; take auto '
                                  'or a method that does not need it, or write the term into a config, with the name '
                                  'of a layer as student_layer or teacher_layer')
    left_out = {name: reason for name in rule.optional
                if (reason := _unfit(terms[name], student.outputs, outputs)) is not None}
    kept = {name: term for name, term in terms.items() if name not in left_out}
    return Recipe(rule, kept, options, left_out, _reference_loss() if rule.relative and student.sums_people else {})


def _reference_loss() -> dict[str, Any]:
    return dict(head=dict(loss=dict(type='ReferenceBatchKLDiscretLoss', reference_batch=REFERENCE_BATCH)))


def _adapted(term: dict[str, Any], student: Network, teacher: Network) -> dict[str, Any]:
    """A term with what depends on both networks: the betas of their losses, sums over joints, sigmas, bones."""
    kind: type[DistillationTerm] = MODELS.get(term['type'])
    if 'bones' in term:
        term['bones'] = _bones(student)
    if kind.reads_coordinates:
        of_simcc = dict(beta=student.beta) if student.kind == 'simcc' else {}
        return dict(term, student=KINDS[student.kind], **of_simcc)
    if 'beta' in term:
        term['beta'] = student.beta
        if 'simcc' in kind.teacher_fields and teacher.beta != student.beta:
            term['teacher_beta'] = teacher.beta
    if 'simcc' in kind.student_fields and student.sums_joints and student.outputs.simcc is not None:
        term['weight'] = term.get('weight', 1.0) * student.outputs.simcc[0].shape[1]
    if 'sigma' in term:
        term['sigma'] = 'learned' if student.outputs.sigmas is None else 'predicted'
    return term


def _bones(student: Network) -> str | list[tuple[int, int]]:
    if not student.skeleton:
        raise DistilPoseError(f'the keypoints of {student.name} have no skeleton; add skeleton_info to their metainfo '
                              "file, or write the term into a config: dict(type='BoneVectorTerm', bones=[(0, 1), ...])")
    return student.skeleton if isinstance(student.skeleton, str) else list(student.skeleton)


def _unfit(config: Mapping[str, Any], student: PoseOutputs, teacher: PoseOutputs) -> str | None:
    """Why a term does not fit two networks, ``None`` where it does."""
    term = _built(config)
    return _lacking(term, student, teacher) or term.mismatch(student, teacher)


def _built(config: Mapping[str, Any]) -> DistillationTerm:
    return build_terms(dict(term=dict(config)))['term']


def _lacking(term: DistillationTerm, student: PoseOutputs, teacher: PoseOutputs) -> str | None:
    """Which outputs a term reads that a network does not have, in a sentence, or ``None``."""
    for role, fields, outputs in (('student', term.student_fields, student), ('teacher', term.teacher_fields, teacher)):
        missing = [field for field in fields if getattr(outputs, field) is None]
        if missing:
            return f'the {role} predicts no {", ".join(missing)}'
    return None


def _drawn(student: Network, teacher: Network) -> dict[str, Any]:
    """Size and sigma of the heatmaps that a coordinate classifier draws for a student.

    They have the student's rows, and the proportions of the teacher's crop.
    """
    size = student.size or teacher.size
    if student.outputs.heatmaps is not None:
        columns, rows = student.outputs.heatmaps[-1].shape[:-3:-1]
    elif size is not None:
        columns, rows = size[0] // STRIDE, size[1] // STRIDE
    else:
        raise DistilPoseError('neither the student nor the teacher has an input size; give one of their heads a '
                              'decoder (an mmpose codec with input_size)')
    if teacher.size is not None and columns * teacher.size[1] != rows * teacher.size[0]:
        columns, rows = proportioned(teacher.size, rows)
    return dict(size=(columns, rows), sigma=SIGMA)


def _produced(network: Network) -> str:
    return ', '.join(network.outputs.produced())
