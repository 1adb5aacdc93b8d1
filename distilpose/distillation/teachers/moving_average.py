"""Moving average teacher: a student whose weights are an exponential moving average of the trained one (Mean Teacher).

Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017, section 2.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine import dist
from mmengine.logging import MessageHub
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.checkpoints import load_strict
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

from ..schedules import require_numbers
from .base import Teacher
from .estimator import FrozenTeacher

BUFFERS = ('average', 'copy')


@MODELS.register_module()
class MovingAverageTeacher(Teacher):
    """A copy of the student whose weights are a moving average of the student's.

    After update i = 1, 2, ... of the student's weights w, the average is ``m * average + (1 - m) * w`` with
    ``m = min(momentum, i / (i + warmup))``. It predicts in eval mode and is in no state dict; ``MovingAverageHook``
    updates it and keeps it in checkpoints. Input, keypoints, heatmap grid and SimCC beta are the student's.

    Args:
        momentum: of the average, in [0, 1). 0.999 is Mean Teacher's after its first epochs, and mmdetection's
            (``MeanTeacherHook``). An average covers about ``1 / (1 - momentum)`` updates: choose less for a training
            of few thousand.
        warmup: how long the momentum is lower, so that early weights are forgotten. 9 is
            ``min(momentum, (1 + n) / (10 + n))`` of TensorFlow's ``ExponentialMovingAverage`` with n = i - 1 updates
            before; 1 is the mean of all weights until it has the momentum, as in Mean Teacher's published code; 100 is
            mmengine's ``MomentumAnnealingEMA``; 0 is a constant momentum.
        start: when the teacher starts: a fraction of the training (below 1), or a whole number of iterations. Before,
            it copies the student, is not run, and terms that read it alone are 0. (``begin_iter`` of mmengine's
            ``EMAHook``; the burn-in stage of Unbiased Teacher, ICLR 2021.)
        buffers: running statistics are averaged as weights are (``'average'``: EMAN, CVPR 2021, which Pose-MUM, 2022,
            uses for poses) or are the student's current ones (``'copy'``, the default of mmengine's ``EMAHook``).
            Integers are always copied.
        dtype: as that of :class:`FrozenTeacher`.

    Raises:
        DistilPoseError: an option is not what it should be.
    """

    is_frozen = False
    has_student_input = True
    loaded_digest = ''

    def __init__(self, *, momentum: float = 0.999, warmup: float = 9, start: float = 0, buffers: str = 'average',
                 dtype: str | None = None) -> None:
        _check_options(momentum=momentum, warmup=warmup, start=start, buffers=buffers)
        self.momentum, self.warmup, self.start, self.buffers = momentum, warmup, start, buffers
        self.precision = dtype
        self.updates = 0
        """Updates of the average since ``start``."""
        self._network: FrozenTeacher | None = None
        self._student: Any = None
        self._weights = self._statistics = self._counts = _Pairs([], [])

    def attach(self, student: Any) -> None:
        """Takes the student's network, whose weights are to be averaged.

        Args:
            student: a plain estimator.
        """
        self._student = student
        self._network = FrozenTeacher(copy.deepcopy(student), dtype=self.precision, fused=False)
        for name in ('input', 'dtype', 'heatmap_grid', 'heatmap_sigma', 'heatmap_size', 'simcc_beta'):
            setattr(self, name, getattr(self._network, name))

    @property
    def network(self) -> FrozenTeacher:
        """The copy of the student.

        Raises:
            DistilPoseError: there is no student.
        """
        if self._network is None:
            raise DistilPoseError('a MovingAverageTeacher is the average of the student that a PoseDistiller trains, '
                                  'and this one has no student; name a teacher with weights of its own')
        return self._network

    @property
    def name(self) -> str:
        """The class of its head."""
        return self.network.name

    def describe(self) -> str:
        """``'moving average of the student (momentum 0.999, from 0.25 of the training on)'``."""
        when = f'iteration {self.start}' if isinstance(self.start, int) else f'{self.start:.4g} of the training'
        return f'moving average of the student (momentum {self.momentum:g}{f", from {when} on" if self.start else ""})'

    def outputs(self, images: Tensor, *, own_grid: bool = False) -> PoseOutputs:
        """As those of :class:`FrozenTeacher`, with the current average."""
        return self.network.outputs(images, own_grid=own_grid)

    def record(self, layers: Sequence[str]) -> None:
        """As that of :class:`FrozenTeacher`."""
        self.network.record(layers)

    def digest(self) -> str:
        """SHA-256 of the current average."""
        return self.network.digest()

    def facts(self) -> Any:
        """Its options."""
        return [type(self).__name__, self.momentum, self.warmup, self.start, self.buffers]

    def factor(self) -> float:
        """0 before ``start``, and 1 from there on."""
        return float(self.has_started())

    def has_started(self) -> bool:
        """Whether the current iteration is at or behind ``start``, or one before was.

        A run that is resumed for more epochs, of which ``start`` is a later iteration, keeps the average that it has.
        """
        if self.updates:
            return True
        hub = MessageHub.get_current_instance()
        iteration = hub.get_info('iter', 0)
        if isinstance(self.start, int):
            return iteration >= self.start
        return iteration >= self.start * hub.get_info('max_iters', 0)

    @torch.no_grad()
    def begin(self) -> None:
        """Starts from the student's current weights, on their device and in their memory format."""
        averages, values = self.network.model, self._student
        averages.to(next(values.parameters()).device)  # not all devices let `data` come from another one
        for average, value in zip((*averages.parameters(), *averages.buffers()),
                                  (*values.parameters(), *values.buffers()), strict=True):
            average.data = value.detach().clone()
        self.updates = 0
        self._weights = _Pairs(list(averages.parameters()), list(values.parameters()))
        buffers = list(zip(averages.buffers(), values.buffers(), strict=True))
        self._statistics = _Pairs.of([pair for pair in buffers if pair[0].is_floating_point()])
        self._counts = _Pairs.of([pair for pair in buffers if not pair[0].is_floating_point()])

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the student's weights, after an iteration that changed them; copies before start.

        It is the same in all processes, as weights are: running statistics are those of the first process, which
        saves checkpoints.
        """
        self.updates = self.updates + 1 if self.has_started() else 0
        share = 1 - momentum_at(self.updates, momentum=self.momentum, warmup=self.warmup) if self.updates else 1.0
        self._weights.move(share)
        statistics = self._statistics._replace(values=_of_first_process(self._statistics.values))
        statistics.move(share if self.buffers == 'average' else 1.0)
        self._counts.move(1.0)

    def state_dict(self) -> dict[str, Any]:
        """Plain data from which :meth:`load_state_dict` continues: ``state_dict`` and ``updates``."""
        state = {name: value.cpu() for name, value in self.network.model.state_dict().items()}
        return dict(state_dict=state, updates=self.updates)

    def load_state_dict(self, state: Mapping[str, Any], *, source: str) -> None:
        """Takes the average of a checkpoint.

        Args:
            state: of :meth:`state_dict`.
            source: the file, for messages.

        Raises:
            DistilPoseError: it is not the average of this student.
        """
        load_strict(self.network.model, state['state_dict'], source=source)
        self.updates = int(state['updates'])


def momentum_at(update: int, *, momentum: float, warmup: float) -> float:
    """``min(momentum, update / (update + warmup))``: the momentum of an update, counted from 1."""
    return min(momentum, update / (update + warmup))


class _Pairs(NamedTuple):
    """Tensors of the average, and those of the student that they follow."""

    averages: list[Tensor]
    values: list[Tensor]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Tensor, Tensor]]) -> _Pairs:
        return cls([average for average, _ in pairs], [value for _, value in pairs])

    def move(self, share: float) -> None:
        """Moves the averages by a share of the way, in place; 1 copies."""
        if not self.averages:
            return
        if share == 1:
            torch._foreach_copy_(self.averages, self.values)
        else:
            torch._foreach_lerp_(self.averages, self.values, share)


def _of_first_process(values: list[Tensor]) -> list[Tensor]:
    """The values that the first process has; running statistics are of the batches of each process."""
    if dist.get_world_size() == 1 or not values:
        return values
    flat = torch.cat([value.flatten() for value in values])
    dist.broadcast(flat)
    return [part.view_as(value).to(value.dtype) for part, value in
            zip(flat.split([value.numel() for value in values]), values, strict=True)]


def _check_options(*, momentum: Any, warmup: Any, start: Any, buffers: Any) -> None:
    entry = 'model.teacher (MovingAverageTeacher)'
    require_numbers(entry, momentum=momentum, warmup=warmup, start=start)
    if not 0 <= momentum < 1:
        raise DistilPoseError(f'{entry}: momentum is {momentum}; expected a number of at least 0 and below 1, such as '
                              '0.999: the share of the average that an update keeps')
    if warmup < 0:
        raise DistilPoseError(f'{entry}: warmup is {warmup}; expected 0 for a constant momentum, or a number of '
                              'updates above it')
    if start < 0 or not isinstance(start, int) and start >= 1:
        raise DistilPoseError(f'{entry}: start is {start}; expected a fraction of the training of at least 0 and below '
                              '1, or a whole number of iterations')
    if buffers not in BUFFERS:
        raise DistilPoseError(f'{entry}: buffers is {buffers!r}; expected one of {", ".join(BUFFERS)}')
