"""Moving average of the student as its teacher: updates after optimizer steps, and its place in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...checkpoints import require_finite
from ...config.named_teachers import title_of
from ...distillation.teachers import MovingAverageTeacher
from ..non_finite import StepWatch, wrappers_of
from ..unwrapped_model import unwrapped_model

ENTRY = 'moving_average'
"""In a checkpoint: name of a teacher -> ``state_dict`` and ``updates``."""


@HOOKS.register_module()
class MovingAverageHook(Hook):
    """Updates the teachers of a distillation that are a moving average of its student.

    They are updated after every step of the optimizer: not in iterations that accumulate gradients, and not where a
    loss scaler or ``FiniteCheckHook`` left the step out. The checkpoint after an iteration holds the average after that
    iteration, in an entry of its own beside the student's weights. A resumed run continues with it; any other starts
    with a copy of the student. Without such a teacher the hook does nothing.
    """

    priority = 'NORMAL'  # after FiniteCheckHook, before all hooks that save

    def __init__(self) -> None:
        self.resumed: Mapping[str, Any] = {}
        self.source = ''
        self.teachers: dict[str, MovingAverageTeacher] = {}
        self.watches: list[StepWatch] = []

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Takes the averages of a checkpoint that the run is resumed from.

        Raises:
            DistilPoseError: an average is not finite.
        """
        found = checkpoint.pop(ENTRY, {})
        self.resumed, self.source = found if runner._resume else {}, str(runner._load_from)
        for name, state in self.resumed.items():
            require_finite(state['state_dict'], source=f'{self.source} ({ENTRY}.{name})')

    def before_train(self, runner: Runner) -> None:
        """Starts or continues the averages.

        Raises:
            DistilPoseError: an average of the checkpoint is that of another network.
        """
        self.teachers = moving_averages(unwrapped_model(runner))
        if not self.teachers:
            return
        self.watches = [StepWatch(wrapper, refuses=False) for wrapper in wrappers_of(runner.optim_wrapper)]
        for name, teacher in self.teachers.items():
            teacher.begin()
            if teacher.start >= max(runner.max_iters, 1):
                runner.logger.warning(f'{title_of(name)} starts at iteration {teacher.start}, and this training has '
                                      f'{runner.max_iters}: it is never run; choose an earlier start, or a fraction.')
            if name in self.resumed:
                teacher.load_state_dict(self.resumed[name], source=f'{self.source} ({ENTRY}.{name})')
            elif runner.iter:
                runner.logger.warning(f'The checkpoint {self.source} has no moving average of the student for the '
                                      f'teacher {name!r}, which starts anew as a copy of the student.')
        self.resumed = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """From here on, a step is one of this iteration."""
        for watch in self.watches:
            watch.has_stepped = False

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Updates the averages if an optimizer has changed the weights."""
        if any(watch.has_updated() for watch in self.watches):
            for teacher in self.teachers.values():
                teacher.update()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Adds the averages."""
        if self.teachers:
            checkpoint[ENTRY] = {name: teacher.state_dict() for name, teacher in self.teachers.items()}

    def after_train(self, runner: Runner) -> None:
        """Leaves the optimizers as they were."""
        for watch in self.watches:
            watch.remove()
        self.watches = []


def moving_averages(model: Any) -> dict[str, MovingAverageTeacher]:
    """The teachers of a distiller that are a moving average of its student, by name."""
    paired = getattr(model, 'teachers', {})
    return {name: pair.teacher for name, pair in paired.items() if isinstance(pair.teacher, MovingAverageTeacher)}
