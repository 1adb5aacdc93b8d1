"""Modules of a student (backbone, neck, head): registering, copying and sharing them; loss of a given prediction."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from distilpose.checkpoints import CheckpointMismatch, load_strict
from distilpose.errors import DistilPoseError
from distilpose.host.views import view_of
from distilpose.models.modes import eval_mode
from distilpose.renamed import forward_names

from .image_adapter import input_size

FEATURE_MODULES = ('backbone', 'neck')
"""The modules from images to the input of a head."""
_NOT_ONE = ("share_backbone needs a student and a teacher of the same backbone and neck, such as the student's own "
            'config for both')

__getattr__ = forward_names(__name__, {
    'copy_part': 'distilpose.distillation.student_modules.copy_module',
    'freeze': 'distilpose.distillation.freezing.freeze_modules',
    'hold_still': 'distilpose.distillation.freezing.set_frozen_to_eval'})


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


def copy_module(name: str, *, source: nn.Module, target: nn.Module) -> None:
    """Copies the weights of a module; the source may have more than the target needs."""
    available = source.get_submodule(name).state_dict()
    module = target.get_submodule(name)
    needed = module.state_dict().keys()
    load_strict(module, {key: value for key, value in available.items() if key in needed},
                source=f"the teacher's {name}")


def share_backbone(student: Any, teacher: Any, *, to_teacher: nn.Module) -> tuple[str, ...]:
    """Lets two estimators have one backbone, and one neck where there is one.

    Args:
        student: keeps its modules, which get the teacher's weights.
        teacher: gets these modules; its own are given up.
        to_teacher: the adapter from the student's images to the teacher's.

    Returns:
        The names of the shared modules.

    Raises:
        DistilPoseError: they are not the same network, or their inputs differ.
    """
    if not isinstance(to_teacher, nn.Identity):
        raise DistilPoseError('share_backbone needs a student and a teacher of the same images, and their means, '
                              'channels or crop sizes differ; give both the same data_preprocessor and input size')
    shared = tuple(name for name in FEATURE_MODULES if getattr(student, name, None) is not None)
    images = _test_image(input_size(student) or input_size(teacher))
    expected = _features(teacher, images)
    try:
        for name in shared:
            load_strict(student.get_submodule(name), teacher.get_submodule(name).state_dict(),
                        source=f"the teacher's {name}")
        is_same = _are_close(_features(student, images), expected)
    except (CheckpointMismatch, AttributeError) as error:
        raise DistilPoseError(f'{_NOT_ONE}: {error}') from error
    if not is_same:
        raise DistilPoseError(f'{_NOT_ONE}: with the same weights their feature maps differ')
    for name in shared:
        setattr(teacher, name, getattr(student, name))
    return shared


def replayed(head: nn.Module, prediction: Any) -> Any:
    """A view of a head whose ``forward`` returns ``prediction``, to compute its loss without a second forward pass.

    ``loss`` of mmpose's heads calls ``self.forward`` or ``self``. The head itself stays as it is, except for attributes
    that its loss sets, see :func:`~distilpose.host.views.view_of`. Forward hooks cannot do this: ``self.forward(...)``
    does not call them.
    """
    return view_of(head, forward=lambda *args, **kwargs: prediction)


def _test_image(size: tuple[int, int] | None) -> Tensor:
    """A picture that is different everywhere, without drawing random numbers."""
    width, height = size or (64, 64)
    return torch.linspace(-2, 2, 3 * height * width).reshape(1, 3, height, width)


@torch.no_grad()
def _features(model: Any, images: Tensor) -> tuple[Tensor, ...]:
    with eval_mode(model):
        return tuple(model.extract_feat(images.to(next(model.parameters()).device)))


def _are_close(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    return len(found) == len(expected) and all(
        one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)
        for one, other in zip(found, expected, strict=True))
