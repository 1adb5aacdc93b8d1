"""Freezing modules of a student, and parameters that no term trains where there is no task loss."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import Labels

from .pairing import student_outputs, student_size
from .teachers.keypoint_map import keypoint_count


def freeze_modules(student: nn.Module, names: Sequence[str]) -> None:
    """Freezes modules of the student: no gradients, and eval mode (:func:`set_frozen_to_eval`).

    Raises:
        DistilPoseError: there is no such module.
    """
    for name in names:
        try:
            student.get_submodule(name).requires_grad_(False)
        except AttributeError as error:
            found = ', '.join(child for child, _ in student.named_children())
            raise DistilPoseError(f'freeze names {name!r}, which the student does not have; its modules are '
                                  f'{found}') from error
    set_frozen_to_eval(student, names)


def set_frozen_to_eval(student: nn.Module, names: Sequence[str]) -> None:
    """Sets modules to eval mode, so that their batch-norm statistics do not change while the rest trains."""
    for name in names:
        student.get_submodule(name).eval()


def freeze_untrained(distiller: Any) -> tuple[str, ...]:
    """Freezes parameters that only the task loss would train, such as the flow of ``RLELoss`` or an unused branch.

    ``DistributedDataParallel`` waits for the gradient of every parameter that requires one. In a single process such
    a parameter keeps its value as well, since it never has a gradient.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller` with ``task_weight=0``.

    Returns:
        The names of the frozen parameters.

    Raises:
        DistilPoseError: no term trains any parameter of the student.
    """
    trainable = {name: weight for name, weight in distiller.named_parameters() if weight.requires_grad}
    loss = _loss_of_all_terms(distiller)
    gradients = (torch.autograd.grad(loss, list(trainable.values()), allow_unused=True) if loss.requires_grad
                 else [None] * len(trainable))
    untrained = {name: weight for (name, weight), gradient in zip(trainable.items(), gradients, strict=True)
                 if gradient is None}
    own = {id(weight) for weight in distiller.distillation.parameters()}
    if all(name in untrained or id(weight) in own for name, weight in trainable.items()):
        raise DistilPoseError('model.task_weight is 0 and no term of model.terms trains the student; set '
                              'model.task_weight to 1, or add a term that reads its outputs')
    for weight in untrained.values():
        weight.requires_grad_(False)
    if untrained:
        modules = sorted({'.'.join(name.split('.')[:2]) for name in untrained})
        print_log(f'model.task_weight is 0 and no term trains {len(untrained)} parameters in {", ".join(modules)}: '
                  'they keep their initial values.', 'current', logging.WARNING)
    return tuple(untrained)


def _loss_of_all_terms(distiller: Any) -> Tensor:
    """The sum of all terms for one empty image, with its graph; in evaluation mode, which takes a single image."""
    student = distiller.student
    width, height = student_size(student, next(iter(distiller.teachers.values())).teacher)
    images = torch.zeros(1, 3, height, width, device=next(student.parameters()).device)
    outputs = student_outputs(student, images, distiller.layers)
    teachers = distiller.run_teachers(images)
    labels = Labels(images.new_ones(1, keypoint_count(outputs) or 1),
                    torch.ones(1, dtype=torch.bool, device=images.device))
    read = {name: teachers[owner] for name, owner in distiller.owners.items()}
    return sum((term(outputs, read[name], labels._replace(mask=read[name].mask))
                for name, term in distiller.terms.items()), start=images.new_zeros(()))
