"""Projector: bridges other channel counts and other map sizes between a layer of the student and one of the teacher."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

RESIZE = ('larger', 'student')
"""Which of two maps of different sizes is resampled."""


def make_projector(student: Tensor, teacher: Tensor) -> nn.Module:
    """A layer from the student's channels to the teacher's, initialised as torch does; the identity where they agree.

    A 1x1 convolution with bias for maps, a linear layer for tokens and vectors: the regressor of FitNets (Romero et
    al., ICLR 2015, section 2.2), which there has a larger kernel where maps have other sizes. Here
    :func:`to_one_size` bridges these, without parameters.

    Args:
        student: maps (B, C, H, W), tokens (B, N, C) or vectors (B, C).
        teacher: of as many dimensions.
    """
    axis = 1 if student.dim() == 4 else -1
    source, target = student.shape[axis], teacher.shape[axis]
    if source == target:
        return nn.Identity()
    if student.dim() == 4:
        return nn.Conv2d(source, target, 1, device=student.device)
    return nn.Linear(source, target, device=student.device)


def to_one_size(student: Tensor, teacher: Tensor, *, resize: str = 'larger') -> tuple[Tensor, Tensor]:
    """Two maps of one height and width.

    ``'larger'`` averages the larger map over the cells of the smaller one, as attention transfer is implemented in
    RepDistiller: no cell gets a value that neither network computed, and projectors run on fewer cells.
    ``'student'`` interpolates the student's map to the size of the teacher's, as PKD is in MMRazor (``resize_stu``):
    every cell of the teacher's map supervises.

    Args:
        student: (B, C, H, W).
        teacher: (B, C', H', W'), of the same aspect ratio but for rounding, see :func:`have_one_shape`.
        resize: one of :data:`RESIZE`.
    """
    found, expected = student.shape[2:], teacher.shape[2:]
    if found == expected:
        return student, teacher
    if resize == 'student':
        return F.interpolate(student, expected, mode='bilinear', align_corners=False), teacher
    if found.numel() > expected.numel():
        return _averaged(student, expected), teacher
    return student, _averaged(teacher, found)


def have_one_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether maps of two sizes (height, width) differ in scale only, but for less than a cell of the smaller one."""
    small, large = sorted((one, other), key=lambda size: size[0] * size[1])
    return (abs(small[0] * large[1] - large[0] * small[1]) < large[1]
            and abs(small[1] * large[0] - large[1] * small[0]) < large[0])


def _averaged(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Means over the cells of a smaller map; windows overlap where sizes are no multiples."""
    if all(own % target == 0 for own, target in zip(maps.shape[2:], size, strict=True)):
        height, width = (own // target for own, target in zip(maps.shape[2:], size, strict=True))
        return F.avg_pool2d(maps, (height, width))  # whose gradient is deterministic on GPUs
    return F.adaptive_avg_pool2d(maps, (size[0], size[1]))
