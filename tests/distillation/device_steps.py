"""Training and test steps of configs on the fake device, and the copies and waits in them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from distilpose.benchmark.inputs import ready_to_train, synthetic_batch
from distilpose.benchmark.timing import TimedSections
from distilpose.config import load_config
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.distillation.teachers import estimator, optimised_copy
from distilpose.engine.fast_training import use_fast_training
from distilpose.models import optimised
from tests.fake_device import Record, fake_device, record

PINNED = {'distilpose/host/speedups/sample_transfer.py:in_one_piece': 'samples, by type of number',
          'distilpose/host/speedups/image_batches.py:_on_device': 'images',
          'distilpose/models/outputs.py:read_labels': 'which images are labelled',
          'distilpose/distillation/own_crop.py:_on_device': "where teachers' crops lie"}
"""Copies to the device that are asynchronous on CUDA, from pinned memory or of a few bytes."""


@contextmanager
def model_on_device(path: str | Path, *, split: str, fast: str | None = None) -> Iterator[tuple[Any, Any, Any]]:
    """A config, its model on the fake device, whose teacher is read from no file, and a batch on the CPU.

    The teacher predicts without an optimised copy: to make one takes half of the time.
    """
    config = load_config(path)
    if fast is not None:
        use_fast_training(config, fast)
    init_default_scope('mmpose')
    add_teacher_crops(config)
    batch = synthetic_batch(config, size=2, split=split)
    with ExitStack() as stack:
        for name, value in (('load_strict', None), ('read_weights', mock.Mock(state={})), ('checkpoint_source', None)):
            stack.enter_context(mock.patch.object(estimator, name, return_value=value))
        stack.enter_context(mock.patch.object(estimator.FrozenTeacher, 'digest', return_value=''))
        stack.enter_context(mock.patch.object(estimator, 'OptimisedCopy', return_value=None))
        device = stack.enter_context(fake_device())
        yield config, MODELS.build(config.model).to(device), batch


def training_step(path: str | Path) -> Record:
    """What the second step of a training does: forward, losses, backward and optimizer.

    The first one has moved the teacher. Reading losses for the log is left to the log.
    """
    with model_on_device(path, split='train') as (config, model, batch):
        wrapper = ready_to_train(model, config)
        model.train_step(copy.copy(batch), wrapper)
        with record() as found:
            model.train_step(batch, wrapper)
        assert all(value.device.type == 'fakegpu' for value in model.state_dict().values())
    return found


def test_step(path: str | Path) -> Record:
    """What the second batch of a test does, with the flip test and decoding."""
    with model_on_device(path, split='test') as (_, model, batch), torch.no_grad():
        model.eval()
        model.test_step(copy.copy(batch))
        with record() as found:
            model.test_step(copy.copy(batch))
    return found


def unexpected(found: Record, *allowed: str) -> dict[str, int]:
    """Waits other than those of pinned copies and of places that are allowed."""
    return {text: count for text, count in found.counted().items()
            if not any(place in text for place in (*PINNED, *allowed))}


def launches_of_parts(path: str | Path, *, fast: str | None = None) -> dict[str, int]:
    """Operations on the device by the part of a training step, with the teacher's optimised copy."""
    with model_on_device(path, split='train', fast=fast) as (config, model, batch):
        wrapper, teacher = ready_to_train(model, config), model.teacher
        model.train_step(copy.copy(batch), wrapper)
        place = mock.patch.object(optimised_copy, '_place', lambda module: id(next(module.parameters(), None)))
        with place, mock.patch.object(optimised, '_outputs', return_value=[]):  # of the fused and the plain one
            dtype = None if teacher.dtype is None else str(teacher.dtype).removeprefix('torch.')
            teacher.copy = optimised_copy.OptimisedCopy(teacher.model, dtype=dtype)
            model.train_step(copy.copy(batch), wrapper)
            with record() as found:
                parts = TimedSections(lambda: sum(found.launches.values()))
                with parts.patched([('images', model.data_preprocessor, 'forward'), ('teacher', teacher, 'outputs'),
                                    ('student', model, '_run_forward'), ('terms', model, '_term_losses'),
                                    ('task loss', model, '_task_losses'), ('backward', wrapper, 'backward'),
                                    ('optimizer', wrapper, 'step'), ('optimizer', wrapper, 'zero_grad')]):
                    model.train_step(batch, wrapper)
    return {**{name: int(count) for name, count in parts.seconds.items()}, 'all': sum(found.launches.values())}
