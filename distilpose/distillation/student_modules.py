"""What a distiller does with the parts of its student: backbone, neck and head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distilpose.checkpoints import CheckpointMismatch, load_strict
from distilpose.errors import DistilPoseError

from .image_adapter import input_size

FEATURE_PARTS = ('backbone', 'neck')
"""The parts that turn images into what a head is given."""
_NOT_ONE = ("share_backbone needs a student and a teacher of the same backbone and neck, such as the student's own "
            'config for both')


def adopt_children(distiller: nn.Module, student: nn.Module, *, reserved: str) -> None:
    """Registers the student's children under their own names.

    Raises:
        DistilPoseError: the student has weights beside its children, or a child of the reserved name.
    """
    own = [name for name, _ in [*student.named_parameters(recurse=False), *student.named_buffers(recurse=False)]]
    if own or reserved in dict(student.named_children()):
        raise DistilPoseError(f'{type(student).__name__} has weights {own or reserved} that are not in its '
                              'backbone, neck or head; PoseDistiller takes plain mmpose estimators')
    for name, child in student.named_children():
        if name != 'data_preprocessor':
            distiller.add_module(name, child)


def copy_part(part: str, *, source: nn.Module, target: nn.Module) -> None:
    """Copies those weights of the source's part that the target has, which must be all of the latter."""
    available = source.get_submodule(part).state_dict()
    module = target.get_submodule(part)
    needed = module.state_dict().keys()
    load_strict(module, {key: value for key, value in available.items() if key in needed},
                source=f"the teacher's {part}")


def share_backbone(student: Any, teacher: Any, *, to_teacher: nn.Module) -> tuple[str, ...]:
    """Lets two estimators have one backbone, and one neck where there is one.

    Args:
        student: keeps its modules, which get the teacher's weights.
        teacher: gets these modules; its own are given up.
        to_teacher: what would turn the student's images into the teacher's.

    Returns:
        The names of the shared parts.

    Raises:
        DistilPoseError: they are not the same network, or do not see images the same way.
    """
    if not isinstance(to_teacher, nn.Identity):
        raise DistilPoseError('share_backbone needs a student and a teacher of the same images, and their means, '
                              'channels or crop sizes differ; give both the same data_preprocessor and input size')
    shared = tuple(part for part in FEATURE_PARTS if getattr(student, part, None) is not None)
    images = _test_image(input_size(student) or input_size(teacher))
    expected = _features(teacher, images)
    try:
        for part in shared:
            load_strict(student.get_submodule(part), teacher.get_submodule(part).state_dict(),
                        source=f"the teacher's {part}")
        is_same = _are_close(_features(student, images), expected)
    except (CheckpointMismatch, AttributeError) as error:
        raise DistilPoseError(f'{_NOT_ONE}: {error}') from error
    if not is_same:
        raise DistilPoseError(f'{_NOT_ONE}: with the same weights their feature maps differ')
    for part in shared:
        setattr(teacher, part, getattr(student, part))
    return shared


def freeze(student: nn.Module, parts: Sequence[str]) -> None:
    """Keeps parts of the student from learning; see also :func:`set_frozen_to_eval`.

    Raises:
        DistilPoseError: there is no such part.
    """
    for part in parts:
        try:
            student.get_submodule(part).requires_grad_(False)
        except AttributeError as error:
            known = ', '.join(name for name, _ in student.named_children())
            raise DistilPoseError(f'freeze names {part!r}, which the student does not have; its parts are '
                                  f'{known}') from error
    set_frozen_to_eval(student, parts)


def set_frozen_to_eval(student: nn.Module, parts: Sequence[str]) -> None:
    """Puts parts into eval mode, so that running statistics stay as they are while the rest trains."""
    for part in parts:
        student.get_submodule(part).eval()


def _test_image(size: tuple[int, int] | None) -> Tensor:
    """A picture that is different everywhere, without drawing random numbers."""
    width, height = size or (64, 64)
    return torch.linspace(-2, 2, 3 * height * width).reshape(1, 3, height, width)


@torch.no_grad()
def _features(model: Any, images: Tensor) -> tuple[Tensor, ...]:
    was_training = model.training
    features = model.eval().extract_feat(images.to(next(model.parameters()).device))
    model.train(was_training)
    return tuple(features)


def _are_close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    return len(found) == len(expected) and all(
        one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)
        for one, other in zip(found, expected, strict=True))
