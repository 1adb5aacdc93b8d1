"""Inputs of the benchmarks: synthetic batches, packed by a config's own pipeline, and networks with random weights."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import nn

from distilpose.complexity import count_macs, count_macs_by_module
from distilpose.config import build_estimator, project_path
from distilpose.config.building import building_as_sentences
from distilpose.config.models import keypoint_metainfo
from distilpose.config.teacher_crop import without_teacher_crop
from distilpose.config.walk import is_distillation, type_name
from distilpose.datasets.transforms.cuts import BOX
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import read_teacher_source
from distilpose.engine.hooks.channels_last import has_channels_last, use_channels_last
from distilpose.engine.hooks.randomness import seed_generators
from distilpose.errors import DistilPoseError
from distilpose.renamed import forward_names

_VISIBLE = 0.8  # share of the joints, about that of COCO's people

__getattr__ = forward_names(__name__, {'made_batch': 'distilpose.benchmark.inputs.synthetic_batch'})


def batch_size(cfg: Config, given: int | None) -> int:
    """``--batch-size``, and without it the batch size of the config's training.

    Raises:
        DistilPoseError: no image in a batch.
    """
    size = (cfg.get('train_dataloader') or {}).get('batch_size', 1) if given is None else given
    if size < 1:
        raise DistilPoseError(f'--batch-size is {size}; at least one image is needed')
    return size


def synthetic_batch(cfg: Config, *, size: int, split: str = 'train') -> dict[str, Any]:
    """A batch of noise images with random keypoints, equal at every call.

    The steps of the config's pipeline after the crop (colours, targets, packing) are applied to them, and the crop too
    where it also cuts one for the teacher.

    Args:
        cfg: has a ``<split>_dataloader`` with a top-down pipeline, and metainfo of the keypoints.
        size: number of images, see :func:`batch_size`.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        A collated batch, images in uint8.

    Raises:
        DistilPoseError: the config has no image size or no keypoints.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    pipeline = (cfg.get(f'{split}_dataloader') or {}).get('dataset', {}).get('pipeline', [])
    steps = without_teacher_crop(pipeline)
    crops = [index for index, step in enumerate(steps) if step['type'].endswith('TopdownAffine')]
    metainfo = keypoint_metainfo(cfg)
    if not crops or metainfo is None:
        raise DistilPoseError(f'a batch cannot be made up: {split}_dataloader.dataset has no '
                              f'{"metainfo" if crops else "TopdownAffine in its pipeline"}')
    crop = crops[-1]
    is_cut_for_a_teacher = steps[crop] is not pipeline[crop]
    finish = Compose(pipeline[crop if is_cut_for_a_teacher else crop + 1:])
    width, height = steps[crop]['input_size']
    seed_generators((size,), with_torch=False)
    draw = np.random.default_rng(0)
    return pseudo_collate([finish(_crop(draw, (width, height), metainfo, index)) for index in range(size)])


def _crop(draw: np.random.Generator, size: tuple[int, int], metainfo: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A sample as ``TopdownAffine`` returns it for a box of the whole image, and as ``TeacherCrop`` takes it."""
    width, height = size
    side = np.array(size, dtype=np.float32)
    center, scale = side[None] / 2, side[None]
    keypoints = draw.random((1, metainfo['num_keypoints'], 2), dtype=np.float32) * side
    return dict(
        id=index, img_id=index, img_path='', category_id=1,
        img=draw.integers(256, size=(height, width, 3), dtype=np.uint8), img_shape=(height, width),
        ori_shape=(height, width), input_size=size, input_center=side / 2, input_scale=side,
        bbox=np.array([[0, 0, width, height]], dtype=np.float32), bbox_score=np.ones(1, dtype=np.float32),
        bbox_center=center, bbox_scale=scale, head_size=side[1:] / 8, **{BOX: (center, scale)},
        keypoints=keypoints, transformed_keypoints=keypoints.copy(),
        keypoints_visible=(draw.random(keypoints.shape[:2]) < _VISIBLE).astype(np.float32),
        dataset_keypoint_weights=metainfo['dataset_keypoint_weights'], flip_indices=metainfo['flip_indices'])


@contextmanager
def with_a_teacher(cfg: Config) -> Iterator[tuple[Config, list[str]]]:
    """The config, whose teacher has random weights in a temporary file where its own file is missing, and notes.

    Times do not depend on the values of weights.

    Raises:
        DistilPoseError: there are several teachers, or one that is no config with a checkpoint.
    """
    if cfg.model.get('teachers'):
        raise DistilPoseError('the config has several teachers (model.teachers), and a benchmark measures one; name a '
                              'config with one of them as model.teacher')
    teacher = cfg.model.get('teacher') if is_distillation(cfg.model) else None
    if teacher and teacher.get('type'):
        raise DistilPoseError(f'model.teacher is a {type_name(teacher.type)}, and a benchmark measures a teacher with '
                              'a config and a checkpoint; name a config with such a one')
    checkpoint = teacher and teacher.get('checkpoint')
    if teacher is None or 'type' in teacher or (checkpoint and project_path(checkpoint).is_file()):
        yield cfg, []  # a teacher of a registered type has no checkpoint
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
    """The config's optimizer wrapper of a model; the model gets the config's memory format and train mode."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)  # mmengine logs every weight of an optimizer
    try:
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    finally:
        logger.setLevel(level)
    if has_channels_last(cfg):
        use_channels_last(model)
    model.train()
    return wrapper


def macs_of_a_step(model: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """MACs of a training step for one image.

    The forward pass of the network is counted exactly (:func:`~distilpose.complexity.count_macs`). Its backward pass
    costs twice as many, for the gradients of weights and of inputs, of those parts that learn; that of the first layer
    is a little less. The teacher runs forward once, or its head alone where the backbone is shared; further cycles of a
    student that is its own teacher are the student's. Losses, terms and the optimizer are not counted.

    Args:
        model: of a training, in float32.
        images: (1, 3, H, W) on its device.

    Returns:
        ``'student'`` and ``'teacher'`` -> MACs.

    Raises:
        DistilPoseError: the teacher is a file whose operations cannot be counted.
    """
    student: Any = getattr(model, 'student', model)
    macs = count_macs_by_module(student, images)
    learn = [name for name, part in student.named_children() if any(p.requires_grad for p in part.parameters())]
    found = dict(student=macs[''] + 2 * sum(macs[name] for name in learn), teacher=0)
    if isinstance(model, PoseDistiller):
        distiller: Any = model
        if distiller.teacher.is_student:
            found['student'] += 3 * (count_macs(_AllCycles(distiller), images) - macs[''])
            return found
        network = getattr(getattr(distiller.teacher, 'network', distiller.teacher), 'model', None)
        if network is None:
            raise DistilPoseError(f'operations of the teacher {distiller.teacher.name} cannot be counted; measure a '
                                  'config whose teacher has a config and a checkpoint')
        teacher_macs = count_macs_by_module(network.to(images.device), distiller.to_teacher(images))
        found['teacher'] = teacher_macs['head'] if distiller.shared else teacher_macs['']
    return found


class _AllCycles(nn.Module):
    """The forward pass of a student that is its own teacher, with all cycles."""

    def __init__(self, distiller: Any) -> None:
        super().__init__()
        self.student, self.teacher = distiller.student, distiller.teacher

    def forward(self, images: torch.Tensor) -> Any:
        """The further predictions for images (B, 3, H, W)."""
        prediction = self.student.head(self.student.extract_feat(images))
        return self.teacher.further_predictions(self.student.head, prediction)


def _seeded(model: dict) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_estimator(model)
