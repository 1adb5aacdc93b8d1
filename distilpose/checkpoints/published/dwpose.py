"""DWPose training checkpoints, which hold a student and its teacher: stage, and weights of the plain student."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

_STUDENT, _TEACHER, _LOSSES = 'student.', 'teacher.', 'distill_losses.'
_FEATURES = ('backbone.', 'neck.')

State = Mapping[str, Tensor]


def holds_two_models(keys: Collection[str]) -> bool:
    """Whether these are the keys of such a checkpoint."""
    return all(any(key.startswith(prefix) for key in keys) for prefix in (_STUDENT, _TEACHER))


def stage_of(state: State, other: State | None = None) -> int | None:
    """Which of the two stages wrote a checkpoint, from its weights.

    In the second stage both models have one size, no loss has weights, and the student's backbone is neither trained
    nor run.

    Args:
        state: its weights.
        other: its second set of weights, averaged or not, where it has one: trained weights differ between
            the two.

    Returns:
        1 or 2; None where there is no second set, and the student's backbone may have been run before.
    """
    student, teacher = (_features(state, prefix) for prefix in (_STUDENT, _TEACHER))
    is_one_size = ({name: value.shape for name, value in student.items()}
                   == {name: value.shape for name, value in teacher.items()})
    if not is_one_size or any(key.startswith(_LOSSES) for key in state):
        return 1
    if other:
        learned = _features(other, _STUDENT)
        return 1 if any(not student[name].equal(value) for name, value in learned.items() if name in student) else 2
    batches = [value for name, value in student.items() if name.endswith('num_batches_tracked')]
    return 2 if batches and not any(batches) else None


def student_of(state: State, *, stage: int) -> dict[str, Tensor]:
    """The weights of the model that a stage trains; in the second one it has the teacher's backbone."""
    student = _below(state, _STUDENT)
    if stage == 1:
        return student
    head = {name: value for name, value in student.items() if not name.startswith(_FEATURES)}
    return _features(state, _TEACHER) | head


def _below(state: State, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _features(state: State, prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in _below(state, prefix).items() if name.startswith(_FEATURES)}
