"""Frozen teacher: an mmpose estimator in eval mode, without gradients, whose outputs are converted for the terms."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from torch import Tensor, nn

from distilpose.checkpoints import load_strict, read_weights
from distilpose.config import (
    PADDING,
    build_estimator,
    checkpoint_source,
    find_config,
    is_hugging_face,
    read_model_source,
    weights_of,
)
from distilpose.config.models import PAIRING_OPTIONS, ModelSource
from distilpose.config.walk import type_name
from distilpose.errors import DistilPoseError
from distilpose.host.processes import with_plain_normalisation
from distilpose.models import describe_network, read_outputs
from distilpose.models.fast_settings import resolve_and_log
from distilpose.models.optimised import DTYPES, check_speed
from distilpose.models.recording import recorded_head_pass, recorded_pass
from distilpose.structures import NetworkInput, PoseOutputs

from ..heatmap_grid import COMMON_GRID, grid_of, sigma_of
from ..image_adapter import read_input
from ..layers import Layers, with_layers
from .base import Teacher
from .heatmaps import check_drawing, draw_simcc_heatmaps, drawing_grid, to_common_grid
from .optimised_copy import OptimisedCopy

MODES = ('eval', 'train')
OPTIONS = ('dtype', 'compile', 'heatmaps', 'mode', 'fused', 'quick')


class FrozenTeacher(Teacher):
    """An mmpose estimator that only predicts. It never tracks gradients, and follows the images from device to device.

    Args:
        model: an mmpose top-down estimator whose weights are final.
        dtype: ``'bfloat16'`` or ``'float16'`` to predict under autocast, ``None`` for float32 whatever the
            precision of the student, ``'auto'`` for bfloat16 where the device that mmengine chooses multiplies it fast,
            else float32. The stored weights stay in float32.
        compile: a mode of ``torch.compile``, see :func:`~distilpose.models.optimised.optimise_for_inference`.
        keypoint_names: names of its keypoints in order, ``None`` if unknown.
        heatmaps: for a coordinate classifier (SimCC), ``dict(size=(width, height), sigma=pixels)`` of the heatmaps
            that it shall draw, see :func:`~distilpose.distillation.teachers.heatmaps.draw_simcc_heatmaps`.
        mode: ``'eval'`` always predicts in eval mode. ``'train'`` predicts in train mode while the student trains, as
            DWPose's published code does: batch normalisation takes the statistics of the batch, and its running ones
            drift away from the loaded ones.
        fused: in eval mode, predict with a copy whose batch normalisation is fused into the convolutions; outputs
            differ by rounding. ``False`` predicts with the stored network.
        padding: factor of the person's box in the crops that it was trained on, ``None`` if unknown.
        udp: whether those are crops of UDP, ``None``: if its heatmaps are.
        quick: the former name of ``fused``, deprecated.
    """

    model: Any

    def __init__(self, model: nn.Module, *, dtype: str | None = None, compile: str | None = None,
                 keypoint_names: tuple[str, ...] | None = None, heatmaps: dict | None = None,
                 mode: str = 'eval', fused: bool = True, padding: float | None = None,
                 udp: bool | None = None, quick: bool | None = None) -> None:
        if quick is not None:
            warnings.warn('model.teacher.quick is now model.teacher.fused', DeprecationWarning, stacklevel=2)
            fused = quick
        if mode not in MODES:
            raise DistilPoseError(f'teacher mode {mode!r}; expected one of {", ".join(MODES)}')
        dtype = resolve_and_log(dtype, get_device(), entry='model.teacher.dtype', what='the teacher predicts')
        check_speed(dtype=dtype, compile=compile)
        if heatmaps is not None:
            check_drawing(heatmaps, entry='model.teacher.heatmaps')
        self.model = model.eval().requires_grad_(False)
        self.dtype = None if dtype is None else DTYPES[dtype]
        self.keypoint_names = keypoint_names
        self.heatmaps = heatmaps
        self.mode = mode
        self.layers = Layers(self.model)
        self.copy = OptimisedCopy(self.model, dtype=dtype, compile=compile) if fused and mode == 'eval' else None
        self.input = _with_crop(read_input(model), padding=padding, udp=udp)
        decoder: Any = getattr(model.head, 'decoder', None)
        self.heatmap_grid = ((grid_of(decoder) or COMMON_GRID) if heatmaps is None
                             else drawing_grid(self.input.size))
        self.heatmap_sigma = sigma_of(decoder) if heatmaps is None else None
        declared = getattr(decoder, 'heatmap_size', None)
        self.heatmap_size = None if declared is None else (int(declared[0]), int(declared[1]))
        self.simcc_beta = float(getattr(getattr(model.head, 'loss_module', None), 'beta', 1.0))
        self.loaded_digest = self.digest()

    @property
    def name(self) -> str:
        """The class of its head."""
        return type(self.model.head).__name__

    def describe(self) -> str:
        """``'ResNet, HeatmapHead, 34 M parameters'``."""
        return describe_network(self.model)

    def record(self, layers: Sequence[str]) -> None:
        """As :meth:`Teacher.record`: names of modules, such as ``'backbone.layer3'``, see :class:`Layers`."""
        self.layers = Layers(self.model, layers, role='teacher', size=self.input.size)
        if self.copy is not None:
            self.copy = self.copy.with_layers(self.layers)

    @torch.no_grad()
    def outputs(self, images: Tensor, *, own_grid: bool = False) -> PoseOutputs:
        """The teacher's outputs for images (B, 3, H, W) preprocessed as its own, in float32 and without gradients.

        Heatmaps come on the grid of ``MSRAHeatmap``, whatever the teacher's codec, or with ``own_grid`` on its own.
        """
        self._follow(images.device)
        network = self.model if self.copy is None else self.copy.current()
        with self._precision(images.device):
            (features, prediction), layers = self.layers.record(lambda: recorded_pass(network, images))
        return self._read(prediction, features, layers, own_grid=own_grid)

    @torch.no_grad()
    def outputs_from(self, features: tuple[Tensor, ...], *, own_grid: bool = False,
                     layers: Mapping[str, Tensor] | None = None) -> PoseOutputs:
        """As :meth:`outputs`, from the maps (B, C, H, W) that its head takes and the layers before it that are read."""
        self._follow(features[-1].device)
        if self.copy is not None:
            self.copy.forget()  # whoever has the features does without its backbone
        with self._precision(features[-1].device):
            features = features if self.dtype else tuple(maps.float() for maps in features)
            prediction, recorded = self.layers.record(
                lambda: recorded_head_pass(self.model.head, features), given=layers)
        return self._read(prediction, features, recorded, own_grid=own_grid)

    def train(self, mode: bool) -> None:
        """Follows the mode of the student if ``mode='train'``; stays in eval mode otherwise."""
        self.model.train(mode and self.mode == 'train')

    def _follow(self, device: torch.device) -> None:
        weights = (next(module.parameters(), None) for module in self.model.children())  # each moves as a whole
        if any(weight is not None and weight.device != device for weight in weights):
            self.model.to(device)
        if self.model.training and device.type == 'cpu' and get_world_size() > 1:
            # The host does this to what DistributedDataParallel wraps, and the teacher is outside of that.
            self.model = with_plain_normalisation(self.model)
            self.layers.tap(self.model)

    def _precision(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype is not None)

    def _read(self, prediction: Any, features: tuple[Tensor, ...], layers: Mapping[str, Tensor], *,
              own_grid: bool) -> PoseOutputs:
        outputs = with_layers(read_outputs(self.model.head, prediction, features), layers).float()
        with torch.autocast(features[-1].device.type, enabled=False):  # that of the student
            return self._with_heatmaps(outputs, own_grid=own_grid)

    def _with_heatmaps(self, outputs: PoseOutputs, *, own_grid: bool) -> PoseOutputs:
        head = self.model.head
        if self.heatmaps is not None:
            if outputs.simcc is None:
                raise DistilPoseError(f'the teacher shall draw heatmaps ({self.heatmaps}), which only a coordinate '
                                      f'classifier can, and its {type(head).__name__} predicts '
                                      f'{", ".join(outputs.produced())}; drop model.teacher.heatmaps')
            drawn = draw_simcc_heatmaps(outputs.simcc, beta=self.simcc_beta, **self.heatmaps,
                                        grid=self.heatmap_grid if own_grid else COMMON_GRID)
            return outputs._replace(heatmaps=(drawn,))
        if outputs.heatmaps is None or own_grid:
            return outputs
        decoder = getattr(head, 'decoder', None)
        return outputs._replace(heatmaps=tuple(to_common_grid(maps, decoder) for maps in outputs.heatmaps))

    def digest(self) -> str:
        """SHA-256 over names and values, as they are now, of all that shall not change.

        Those are the weights, and in eval mode the buffers too, among which are running statistics.
        """
        sha = hashlib.sha256()
        fixed = self.model.state_dict() if self.mode == 'eval' else dict(self.model.named_parameters())
        for name, value in sorted(fixed.items()):
            sha.update(name.encode())
            sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return sha.hexdigest()


def load_teacher(config: str | dict | None = None, checkpoint: str | Path | None = None,
                 **further: Any) -> FrozenTeacher:
    """Builds a teacher and loads all of its weights.

    Args:
        config: a config's path (see :func:`~distilpose.config.load_config`), a plain model dict, or a folder of
            Hugging Face with ``config.json`` and ``model.safetensors``.
        checkpoint: file of its weights, ours or published, relative to the project's root unless absolute; a folder's
            own without it.
        **further: ``dtype``, ``compile``, ``heatmaps``, ``mode`` and ``fused`` of :class:`FrozenTeacher`. Any other key
            changes the config's model, see :func:`~distilpose.config.models.read_model_source`.

    Raises:
        DistilPoseError: when the config or the checkpoint is not named or is missing, when the checkpoint does not
            hold exactly this model, or when a key is neither an option nor an argument of the model.
    """
    source = read_teacher_source(dict(further, config=config))
    folder = _hugging_face_folder(config)
    if checkpoint is None and folder is not None:
        checkpoint = weights_of(folder)
    if checkpoint is None:
        raise DistilPoseError(f'the teacher {_describe(config)} has no checkpoint; set model.teacher.checkpoint to the '
                              'file of its trained weights')
    state = read_weights(checkpoint_source(checkpoint)).state
    model = build_estimator(source.model)
    load_strict(model, state, source=str(checkpoint), ignore_prefixes=('distillation.',))
    options = {name: further[name] for name in OPTIONS if name in further}
    return FrozenTeacher(model, keypoint_names=source.keypoint_names,
                         padding=source.padding if folder is None else PADDING, udp=source.udp, **options)


def read_teacher_source(spec: Mapping[str, Any]) -> ModelSource:
    """The plain model of a distillation's ``model.teacher`` and the names of its keypoints.

    Raises:
        DistilPoseError: when no config is named, or as :func:`~distilpose.config.models.read_model_source`.
    """
    if not spec.get('config'):
        raise DistilPoseError('model.teacher names no config; set model.teacher.config to the path of the config of '
                              'the trained teacher, or to its model dict')
    model = {key: value for key, value in spec.items() if key not in ('checkpoint', *OPTIONS, *PAIRING_OPTIONS)}
    return read_model_source(model, entry='model.teacher', options=(*OPTIONS, *PAIRING_OPTIONS))


def _hugging_face_folder(config: str | Path | dict | None) -> str | None:
    path = find_config(config) if isinstance(config, (str, Path)) else ''
    return path if path and is_hugging_face(path) else None


def read_teacher_input(spec: Mapping[str, Any]) -> NetworkInput:
    """The images that the teacher of :func:`load_teacher` takes, without building it; as its ``input``.

    Raises:
        DistilPoseError: as :func:`read_teacher_source`.
    """
    source = read_teacher_source(spec)
    return input_of(source if _hugging_face_folder(spec['config']) is None else replace(source, padding=PADDING))


def input_of(source: ModelSource) -> NetworkInput:
    """The images that an estimator takes, without building it; as the ``input`` of its :class:`FrozenTeacher`."""
    preprocessor, decoder = source.model.get('data_preprocessor') or {}, (source.model.get('head') or {}).get('decoder')
    mean, std = (None if preprocessor.get(key) is None else _three(preprocessor[key]) for key in ('mean', 'std'))
    size = None if decoder is None else decoder.get('input_size')
    found = NetworkInput(None if size is None else (int(size[0]), int(size[1])), mean, std,
                         rgb=bool(preprocessor.get('bgr_to_rgb') or preprocessor.get('rgb_to_bgr')),
                         udp=decoder is not None and type_name(decoder.get('type')) == 'UDPHeatmap')
    return _with_crop(found, padding=source.padding, udp=source.udp)


def _with_crop(found: NetworkInput, *, padding: float | None, udp: bool | None) -> NetworkInput:
    return replace(found, padding=padding, udp=found.udp if udp is None else udp)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    one, two, three = map(float, values if len(values) == 3 else [*values] * 3)
    return one, two, three


def _describe(config: str | dict | None) -> str:
    return config if isinstance(config, str) else f"({(config or {}).get('type', 'model dict')})"
