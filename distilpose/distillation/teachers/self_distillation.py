"""Self-distillation teacher: the student itself, whose tokens pass through its transformer again (SDPose).

Chen et al., "SDPose: Tokenized Pose Estimation via Circulation-Guide Self-Distillation", CVPR 2024, section 3.
"""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor
from torch.utils import _pytree as pytree

from distilpose.errors import DistilPoseError
from distilpose.models import read_outputs
from distilpose.models.modes import eval_mode
from distilpose.structures import PoseOutputs

from ..heatmap_grid import COMMON_GRID, grid_of
from ..image_adapter import read_input
from ..schedules import require_numbers
from .base import Teacher
from .heatmaps import to_common_grid

_ENTRY = 'model.teacher (SelfDistillationTeacher)'


@MODELS.register_module()
class SelfDistillationTeacher(Teacher):
    """The student after further cycles: its encoder takes the tokens that it returned, with the same weights.

    The student's prediction is that of the first cycle, which costs what it costs without a teacher. In training, each
    cycle teaches the one before it, and its prediction has the student's task loss too (equations 1 to 4). There is no
    second forward pass of the backbone. ``compile_student`` compiles the first cycle only.

    Args:
        cycles: in all, the student's own being the first; 2 or more.
        detach: no gradient of the terms flows into the cycle that teaches. The published code lets it flow.
        task_weight: factor of the task loss of every further cycle, beside the distiller's own.

    Raises:
        DistilPoseError: an option is not what it should be.
    """

    is_frozen = False
    has_student_input = is_student = True
    loaded_digest = ''

    def __init__(self, *, cycles: int = 2, detach: bool = False, task_weight: float = 1.0) -> None:
        if isinstance(cycles, bool) or not isinstance(cycles, int) or cycles < 2:
            raise DistilPoseError(f'{_ENTRY}: cycles is {cycles!r}; expected a whole number of 2 or more, the first '
                                  'cycle being the student')
        if not isinstance(detach, bool):
            raise DistilPoseError(f'{_ENTRY}: detach is {detach!r}; expected True or False')
        require_numbers(_ENTRY, task_weight=task_weight)
        if task_weight < 0:
            raise DistilPoseError(f'{_ENTRY}: task_weight is {task_weight}; expected a number of at least 0')
        self.cycles, self.detach, self.task_weight = cycles, detach, task_weight
        self._student: Any = None

    def attach(self, student: Any) -> None:
        """Takes the student's network.

        Args:
            student: a plain estimator.

        Raises:
            DistilPoseError: its head has no token encoder.
        """
        if not hasattr(student.head, 'next_cycle'):
            raise DistilPoseError(f"{_ENTRY} runs the token encoder of the student's head again, and "
                                  f'{type(student.head).__name__} has none; give the student a TokenPoseHead or a '
                                  'DistilPoseHead, or name another teacher')
        decoder = getattr(student.head, 'decoder', None)
        self._student, self.input = student, read_input(student)
        self.heatmap_grid = grid_of(decoder) or COMMON_GRID

    @property
    def student(self) -> Any:
        """The network that it is.

        Raises:
            DistilPoseError: it is not attached to one.
        """
        if self._student is None:
            raise DistilPoseError(f'{_ENTRY} is the student that a PoseDistiller trains, and this one has no student; '
                                  'name a teacher with weights of its own')
        return self._student

    @property
    def name(self) -> str:
        """The class of its head, and the cycle."""
        return f'{type(self.student.head).__name__} after cycle {self.cycles}'

    def describe(self) -> str:
        """``'the student itself, 3 cycles'``."""
        return f'the student itself, {self.cycles} cycles' + ', without their gradients' * self.detach

    def further_predictions(self, head: Any, prediction: PoseOutputs) -> tuple[PoseOutputs, ...]:
        """The predictions of the further cycles, with gradients.

        Args:
            head: of the student, or of a copy of it.
            prediction: of that head.
        """
        predictions = [prediction]
        for _ in range(self.cycles - 1):
            predictions.append(head.next_cycle(predictions[-1]))
        return tuple(predictions[1:])

    def supervise(self, outputs: PoseOutputs, *, own_grid: bool = False) -> PoseOutputs:
        """A further cycle's outputs as those of a teacher: on the heatmap grid of :meth:`outputs`, detached on demand.

        They have no feature maps: those are the same in every cycle.

        Args:
            outputs: of a further cycle.
            own_grid: as of :meth:`outputs`.
        """
        outputs = outputs._replace(features=None)
        if outputs.heatmaps is not None and not own_grid:
            decoder = getattr(self.student.head, 'decoder', None)
            outputs = outputs._replace(heatmaps=tuple(to_common_grid(maps, decoder) for maps in outputs.heatmaps))
        return pytree.tree_map_only(Tensor, Tensor.detach, outputs) if self.detach else outputs

    @torch.no_grad()
    def outputs(self, images: Tensor, *, own_grid: bool = False) -> PoseOutputs:
        """The outputs of the last cycle in eval mode, as those of :class:`Teacher`."""
        student = self.student
        with eval_mode(student):
            features = student.extract_feat(images)
            last = self.further_predictions(student.head, student.head(features))[-1]
        return self.supervise(read_outputs(student.head, last, features).float(), own_grid=own_grid)

    def digest(self) -> str:
        """None: its weights are the student's, which are trained."""
        return self.loaded_digest

    def facts(self) -> Any:
        """Its options."""
        return [type(self).__name__, self.cycles, self.detach, self.task_weight]
