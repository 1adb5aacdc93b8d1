"""Teacher: the base class, with outputs for images, a description of its input, keypoint names and a digest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from distilpose.errors import DistilPoseError
from distilpose.structures import NetworkInput, PoseOutputs

from ..heatmap_grid import COMMON_GRID, HeatmapGrid


class Teacher(ABC):
    """A pose network that only predicts.

    It is no ``nn.Module`` on purpose: whatever owns it does not see its weights in ``parameters()`` or
    ``state_dict()``, and neither do the optimizer, EMA or DDP.
    """

    input: NetworkInput
    """The images that :meth:`outputs` takes."""
    keypoint_names: tuple[str, ...] | None = None
    """Names of its keypoints in order, ``None`` if unknown."""
    loaded_digest: str
    """:meth:`digest` when it was loaded."""
    mode: str = 'eval'
    """``'train'`` where running statistics follow the batches."""
    dtype: Any = None
    """Precision of its forward pass, ``None`` for float32."""
    doubts: tuple[str, ...] = ()
    """Warnings about its outputs, logged before a training."""
    simcc_beta: float = 1.0
    """Factor of the SimCC logits in its training loss."""
    heatmap_grid: HeatmapGrid = COMMON_GRID
    """Grid of its heatmaps; if it is not the common one, :meth:`outputs` takes ``own_grid``."""
    heatmap_sigma: float | None = None
    """Sigma of the gaussians of its heatmaps in cells, ``None`` if unknown or drawn."""
    heatmap_size: tuple[int, int] | None = None
    """(width, height) of the heatmaps that its config declares, ``None`` where it declares none."""

    is_frozen: bool = True
    """Whether its weights stay as they were loaded."""
    has_student_input: bool = False
    """Whether it is made of the student and takes the student's images."""
    is_student: bool = False
    """Whether it is the student's own network, see :meth:`further_predictions`."""
    task_weight: float = 0.0
    """Factor of the task loss of :meth:`further_predictions`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """A short name for messages: the class of a head, the name of a file."""

    @abstractmethod
    def describe(self) -> str:
        """The network and its size, for the log."""

    def details(self) -> tuple[str, ...]:
        """Further lines for the log: what was read of its input and outputs."""
        return ()

    @abstractmethod
    def outputs(self, images: Tensor, *, own_grid: bool = False) -> PoseOutputs:
        """The outputs for images (B, 3, H, W) preprocessed as its own, in float32 and without gradients.

        Heatmaps come on the grid of ``MSRAHeatmap``: cell ``i`` of n stands for the fraction ``i / n`` of the crop.
        They are on the device of the images.

        Args:
            images: see above.
            own_grid: leaves heatmaps on :attr:`heatmap_grid`; only set where that is not the common one.
        """

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 of the current weights, to verify that they did not change."""

    def record(self, layers: Sequence[str]) -> None:
        """Lets the outputs have these layers, as ``PoseOutputs.layers``; called once, after :meth:`attach`.

        Args:
            layers: names of its layers that terms read.

        Raises:
            DistilPoseError: it has no such layer, or none that can be read.
        """
        if layers:
            raise DistilPoseError(f'terms read {", ".join(map(repr, layers))} of the teacher, and a '
                                  f'{type(self).__name__} shows no layers of its network; leave teacher_layer out, or '
                                  'name a config and a checkpoint')

    def facts(self) -> Any:
        """Plain data, without paths, on which its outputs depend beside what :meth:`digest` covers."""
        return type(self).__name__

    def attach(self, student: Any) -> None:  # noqa: B027 - most teachers do not depend on the student
        """Called once with the student's network, a plain estimator, when the model is built."""

    def factor(self) -> float:
        """Factor of its terms in the current iteration, from 0 (it is not run) to 1."""
        return 1.0

    def further_predictions(self, head: Any, prediction: Any) -> tuple[Any, ...]:
        """What the student's head makes of its own prediction, with gradients; nothing for most teachers.

        Each is the teacher of the one before it, and has the task loss of the student too.

        Args:
            head: of the student.
            prediction: of this head, for a batch.
        """
        return ()

    def train(self, mode: bool) -> None:  # noqa: B027 - most teachers stay in eval mode
        """Called when the student changes between train and eval mode."""

    def __deepcopy__(self, memo: dict) -> Teacher:
        """A copy of the distiller (as EMA makes one) shares the teacher."""
        return self
