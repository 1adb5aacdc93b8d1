"""Networks of configs with random weights, and what their matrix products cost."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch import nn

from distilpose.complexity import count_macs_by_module
from distilpose.config import build_estimator, project_path
from distilpose.config.building import building_as_sentences
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import read_teacher_source
from distilpose.engine.hooks.channels_last import has_channels_last, use_channels_last


@contextmanager
def with_a_teacher(cfg: Config) -> Iterator[tuple[Config, list[str]]]:
    """The config, whose teacher has random weights in a temporary file where its own file is missing, and notes.

    Times do not depend on the values of weights.
    """
    teacher = cfg.model.get('teacher') if cfg.model.type == 'PoseDistiller' else None
    checkpoint = teacher and teacher.get('checkpoint')
    if teacher is None or (checkpoint and project_path(checkpoint).is_file()):
        yield cfg, []
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'random.pth'
        with building_as_sentences():
            torch.save(dict(state_dict=_seeded(read_teacher_source(teacher).model).state_dict()), file)
        cfg = copy.deepcopy(cfg)
        cfg.model.teacher.checkpoint = str(file)
        yield cfg, [f'The teacher has random weights, since there is no {checkpoint or "checkpoint"}.']


def build_model(cfg: Config) -> nn.Module:
    """The model of a config, its weights as their modules draw them at a fixed seed: nothing is downloaded."""
    with building_as_sentences(cfg):
        return _seeded(cfg.model)


def ready_to_train(model: nn.Module, cfg: Config) -> Any:
    """The config's optimizer wrapper of a model, which is laid out as the config says and put into train mode."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)  # mmengine tells of every weight of an optimizer
    try:
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    finally:
        logger.setLevel(level)
    if has_channels_last(cfg):
        use_channels_last(model)
    model.train()
    return wrapper


def macs_of_a_step(model: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """Multiply-adds of a training step for one image.

    The forward pass of the network is counted exactly (:func:`~distilpose.complexity.count_macs`). Its backward pass
    costs twice as many, for the gradients of weights and of inputs, of those parts that learn; that of the first layer
    is a little less. The teacher runs forward once, or its head alone where the backbone is shared. Losses, terms and
    the optimizer are not counted.

    Args:
        model: of a training, in float32.
        images: (1, 3, H, W) on its device.

    Returns:
        ``'student'`` and ``'teacher'`` -> multiply-adds.
    """
    student: Any = getattr(model, 'student', model)
    macs = count_macs_by_module(student, images)
    learn = [name for name, part in student.named_children() if any(p.requires_grad for p in part.parameters())]
    found = dict(student=macs[''] + 2 * sum(macs[name] for name in learn), teacher=0)
    if isinstance(model, PoseDistiller):
        distiller: Any = model
        taught = count_macs_by_module(distiller.teacher.model.to(images.device), distiller.to_teacher(images))
        found['teacher'] = taught['head'] if distiller.shared else taught['']
    return found


def _seeded(model: dict) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_estimator(model)
