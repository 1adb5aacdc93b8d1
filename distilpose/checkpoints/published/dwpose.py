"""DWPose's training checkpoints, which hold a student and its teacher."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

_STUDENT, _TEACHER, _LOSSES = 'student.', 'teacher.', 'distill_losses.'
_FEATURES = ('backbone.', 'neck.')

State = Mapping[str, Tensor]


def holds_two_models(keys: Collection[str]) -> bool:
    """Whether these are the keys of such a checkpoint."""
    return all(any(key.startswith(prefix) for key in keys) for prefix in (_STUDENT, _TEACHER))


def stage_of(state: State, other: State | None = None) -> int:
    """Which of the two stages made a checkpoint, told by its weights.

    In the second one both models are of one size, no loss has weights, and the student's backbone never learns.

    Args:
        state: its weights.
        other: its second set of weights, averaged or not, where it has one: what learns differs between the two.

    Returns:
        1 or 2.
    """
    student, teacher = (_features(state, prefix) for prefix in (_STUDENT, _TEACHER))
    is_one_size = ({name: value.shape for name, value in student.items()}
                   == {name: value.shape for name, value in teacher.items()})
    has_trained_losses = any(key.startswith(_LOSSES) for key in state)
    learned = _features(other or {}, _STUDENT)
    is_trained = any(not student[name].equal(value) for name, value in learned.items() if name in student)
    return 2 if is_one_size and not has_trained_losses and not is_trained else 1


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
