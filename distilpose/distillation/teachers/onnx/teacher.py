"""ONNX teacher: an ONNX file, run by onnxruntime, whose outputs supervise a student."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor

from distilpose.config import project_path
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.structures import NetworkInput, PoseOutputs

from ...heatmap_grid import COMMON_GRID
from ...layers import with_layers
from ..base import Teacher
from ..heatmaps import check_drawing, draw_simcc_heatmaps, drawing_grid
from ..keypoint_names import read_definition
from .description import CHANNEL_ORDERS, LAYOUTS, OnnxInput, describe_file
from .metadata import is_half
from .output_reader import MOST_COLUMNS, OutputReader, ProbedOutput
from .outputs import OutputReading, check_unit, doubt_heatmaps
from .session import OnnxSession, Port

_BATCHES = (1, 2, 4, 8, 16, 32, 64)
"""Of a file that does not run with any number of images."""


@MODELS.register_module()
class OnnxTeacher(Teacher):
    """A pose network in an ONNX file. It never tracks gradients, and runs on the device of the images.

    The size of the input, the batch and the kind of output are read from the file. What names and shapes do not
    determine comes from ``input`` and ``outputs``, or from a preset; an error lists what is still missing.

    Args:
        file: relative to the project's root unless absolute.
        preset: name of a description, see :func:`~distilpose.distillation.teachers.onnx.description.describe_file`.
        keypoints: of the file: the name of a set, the path of a metainfo file or names in order, see
            :func:`~distilpose.distillation.teachers.keypoint_names.read_definition`; ``None`` if unknown.
        input: some fields of :class:`~distilpose.distillation.teachers.onnx.OnnxInput`.
        outputs: some fields of :class:`~distilpose.distillation.teachers.onnx.OnnxOutputs`.
        heatmaps: for SimCC, ``dict(size=(width, height), sigma=pixels)`` of the heatmaps that it shall draw, see
            :func:`~distilpose.distillation.teachers.heatmaps.draw_simcc_heatmaps`.
        threads: of the session on the CPU; ``None``: as many as torch uses.
        entry: where the config describes the file, for messages.

    Raises:
        DistilPoseError: the file cannot be run or read, or something is missing; names the entries and what they may
            be.
    """

    layers: tuple[Port, ...] = ()
    """Tensors inside of the graph that terms read, see :meth:`record`."""

    def __init__(self, file: str | Path, *, preset: str | None = None,
                 keypoints: str | Sequence[str] | None = None,
                 input: Mapping[str, Any] | None = None, outputs: Mapping[str, Any] | None = None,
                 heatmaps: Mapping[str, Any] | None = None, threads: int | None = None,
                 entry: str = 'model.teacher') -> None:
        self.file = project_path(file)
        names = None if keypoints is None else read_definition(keypoints, entry=f'{entry}.keypoints').names
        self.description = describe_file(self.file, preset).changed(input=input, outputs=outputs,
                                                                    keypoint_names=names, entry=entry)
        self.entry, self.heatmaps = entry, heatmaps
        self.keypoint_names = self.description.keypoint_names
        if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
            raise DistilPoseError(f'{entry}.threads is {threads!r}; expected a whole number above 0, or None for as '
                                  'many as torch uses')
        self.session = OnnxSession(self.file, threads=threads)
        self.loaded_digest = self.session.digest
        self.dtype = None if self.session.input.dtype == torch.float32 else self.session.input.dtype
        missing: list[str] = []
        self.layout, size = self._read_shape(self.description.input, missing)
        self._require_normalisation(self.description.input, missing)
        self.reading = self._read_outputs(size, missing)
        self._check_heatmaps()
        self.simcc_beta = self._read_beta(missing)
        if missing:
            raise DistilPoseError(f'{self.file} lacks facts that a teacher needs; set {"; ".join(missing)}')
        declared = self.description.input
        self.input = NetworkInput(size, declared.mean, declared.std, rgb=declared.channel_order == 'rgb',
                                  padding=declared.padding, udp=bool(declared.udp))
        if self.heatmaps is not None:
            self.heatmap_grid = drawing_grid(size)
        elif self.reading.kind == 'heatmaps':
            self.heatmap_size, self.heatmap_grid = self.reading.cells, self.reading.heatmap_grid
            self.heatmap_sigma = self.description.outputs.sigma or (self.description.decoder or {}).get('sigma')

    @classmethod
    def read_input(cls, spec: Mapping[str, Any]) -> NetworkInput:
        """The images that the teacher of these options takes.

        Raises:
            DistilPoseError: as the constructor.
        """
        return cls(**{key: value for key, value in spec.items() if key != 'type'}).input

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.file.name

    def describe(self) -> str:
        """``'ONNX graph movenet.onnx, heatmaps, 6.2 M parameters'``."""
        return f'ONNX graph {self.name}, {self.reading.kind}, {self.session.graph.parameters / 1e6:.3g} M parameters'

    def details(self) -> tuple[str, ...]:
        """What was read and what was declared, of the input and of the outputs."""
        images, (width, height) = self.input, self.reading.size
        batch = '' if self.session.batch is None else f', {self.session.batch} at a time'
        padding = '' if images.padding is None else f', padding {images.padding:g}'
        source = f' (preset {self.description.source})' if self.description.source else ''
        lines = (
            f'{self.name}{source} takes images of {width}x{height} (width x height, {self.layout}, '
            f'{_name(self.session.input.dtype)}{batch}), {"RGB" if images.rgb else "BGR"}, mean '
            f'{_numbers(images.mean)}, std {_numbers(images.std)}{padding}{", udp" * images.udp}.',
            f'{self.name} predicts {self.reading}.')
        return lines if self.description.note is None else (self.description.note, *lines)

    def record(self, layers: Sequence[str]) -> None:
        """As :meth:`Teacher.record`: names of what nodes put out, such as ``'/layer3/layer3.5/relu_1/Relu_output_0'``.

        They are read as they are: four dimensions are taken for maps (B, C, H, W).
        """
        if not layers:
            return
        ports = self.session.add_outputs(layers)
        noise = _noise(self.reading.size)
        for port, value in zip(ports, self._run(noise, ports), strict=True):
            if not (value.is_floating_point() and value.dim() > 1 and len(value) == len(noise)):
                raise DistilPoseError(f'{port.name} of {self.file} is {_name(value.dtype)} of '
                                      f'{_show(value.shape)} for {len(noise)} images; expected a tensor (B, ...) of '
                                      'floating-point numbers, as the output of a convolution or an activation')
        self.layers = ports

    @torch.no_grad()
    def outputs(self, images: Tensor, *, own_grid: bool = False) -> PoseOutputs:
        """The teacher's outputs for images (B, 3, H, W) preprocessed as its own, in float32 and without gradients.

        Heatmaps come on the grid of ``MSRAHeatmap``, whatever that of the file, or with ``own_grid`` on that.

        Raises:
            RunFailed: an output has a number that is not finite.
        """
        ports = tuple(dict.fromkeys((*self.reading.ports, *self.layers)))
        values = dict(zip(ports, self._run(images, ports), strict=True))
        for port, value in values.items():
            if not torch.isfinite(value).all():
                raise RunFailed(self._not_finite(port))
        with torch.autocast(images.device.type, enabled=False):  # that of the student
            outputs = self.reading.read([values[port] for port in self.reading.ports], own_grid=own_grid)
            outputs = with_layers(outputs, {port.name: values[port].float() for port in self.layers})
            if self.heatmaps is None or outputs.simcc is None:
                return outputs
            drawn = draw_simcc_heatmaps(outputs.simcc, beta=self.simcc_beta, **self.heatmaps,
                                        grid=self.heatmap_grid if own_grid else COMMON_GRID)
            return outputs._replace(heatmaps=(drawn,))

    def digest(self) -> str:
        """SHA-256 of the file as it is now; one with external data has that of the digests of all its files.

        Raises:
            DistilPoseError: a file is gone.
        """
        return self.session.current_digest()

    def facts(self) -> Any:
        """What was declared of it, and the heatmaps that it draws."""
        declared = dataclasses.asdict(dataclasses.replace(self.description, source=None, note=None))
        del declared['decoder']  # that of an estimator
        del declared['outputs']['sigma']  # which changes no output of its own
        return [type(self).__name__, declared, None if self.heatmaps is None else dict(self.heatmaps)]

    def _run(self, images: Tensor, ports: Sequence[Port]) -> tuple[Tensor, ...]:
        return self.session.run(images.movedim(1, -1) if self.layout == 'nhwc' else images, ports)

    def _read_shape(self, declared: OnnxInput, missing: list[str]) -> tuple[str, tuple[int, int]]:
        """Layout and (width, height) of the images."""
        shape, entry = self.session.input.shape, f'{self.entry}.input'
        if len(shape) != 4:
            raise DistilPoseError(f'{self.session.input.name} of {self.file} has the shape {_show(shape)}; expected '
                                  'images (B, 3, H, W) or (B, H, W, 3)')
        fits = [layout for layout, channels in zip(LAYOUTS, (shape[1], shape[3]), strict=True) if channels in (3, None)]
        layout = declared.layout or (fits[0] if len(fits) == 1 else 'nchw' if shape[1] == 3 else None)
        if not fits or (layout and layout not in fits):
            raise DistilPoseError(f'{self.session.input.name} of {self.file} has the shape {_show(shape)}; expected '
                                  f'{"" if declared.layout is None else declared.layout + " "}images of 3 channels')
        if layout is None:
            missing.append(f"{entry}.layout='nchw' (channels first) or 'nhwc'")
            layout = fits[0]
        height, width = shape[2:] if layout == 'nchw' else shape[1:3]
        fixed = declared.size or (width, height)
        for found, expected in zip((width, height), fixed, strict=True):
            if found is not None and found != expected:
                source = f'preset {self.description.source}' if self.description.source else f'{entry}.size'
                raise DistilPoseError(f'{self.file} takes images of {width}x{height} (width x height), and {source} '
                                      f'is {fixed[0]}x{fixed[1]}; drop it, or take the file that it describes')
        if fixed[0] is None or fixed[1] is None:
            raise DistilPoseError(f'{self.file} takes images of any size; set the one that it was trained with: '
                                  f'{entry}.size=(width, height)')
        return layout, (fixed[0], fixed[1])

    def _require_normalisation(self, declared: OnnxInput, missing: list[str]) -> None:
        entry = f'{self.entry}.input'
        if declared.mean is None:
            missing.append(f'{entry}.mean (three numbers in the order of the channels, or one, which are subtracted '
                           'from pixels of 0 to 255; 0 if it takes pixels)')
        if declared.std is None:
            missing.append(f'{entry}.std (what divides them afterwards; 1 if it takes pixels, 255 for fractions)')
        if declared.channel_order is None:
            missing.append(f'{entry}.channel_order={" or ".join(map(repr, CHANNEL_ORDERS))}')
        is_normalised = any(declared.mean or ()) or set(declared.std or (1,)) != {1}
        if not self.session.input.dtype.is_floating_point and is_normalised:
            raise DistilPoseError(f'{self.file} takes whole numbers ({_name(self.session.input.dtype)}), which are '
                                  f'pixels of 0 to 255, and {entry} normalises them (mean {_numbers(declared.mean)}, '
                                  f'std {_numbers(declared.std)}); set mean=0 and std=1')

    def _read_outputs(self, size: tuple[int, int], missing: list[str]) -> OutputReading:
        """Runs the file on noise and reads what came out."""
        values = self._run_on_noise(size)
        probed = [ProbedOutput(port, _without_ones(value[0])) for port, value in
                 zip(self.session.outputs, values, strict=True)]
        reader = OutputReader(probed, self.description.outputs, size=size, entry=f'{self.entry}.outputs',
                              keypoints=None if self.keypoint_names is None else len(self.keypoint_names))
        try:
            reading = reader.find()
            for one in probed:
                if one.port in reading.ports and not torch.isfinite(one.value).all():
                    raise DistilPoseError(self._not_finite(one.port))
            missing += reader.missing
            if not missing:
                self._check_values(reading, values)
        except DistilPoseError as error:
            raise error if str(self.file) in str(error) else DistilPoseError(f'{self.file}: {error}') from error
        return reading

    def _check_values(self, reading: OutputReading, values: Sequence[Tensor]) -> None:
        """Checks the outputs for noise against the declared units and values."""
        of_port = dict(zip(self.session.outputs, values, strict=True))
        outputs = reading.read([of_port[port] for port in reading.ports])
        if outputs.coords is not None:
            check_unit(reading, outputs.coords, entry=f'{self.entry}.outputs')
        if outputs.heatmaps is not None:
            doubt = doubt_heatmaps(outputs.heatmaps[-1])
            self.doubts = () if doubt is None else (f'{self.name}: {doubt}',)

    def _run_on_noise(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """All outputs for some images.

        Some files call their batch dynamic and only run with as many images as they were exported with.
        """
        noise = _noise(size)
        if self.session.batch is not None:
            return self._run(noise, self.session.outputs)
        refusals = []
        for batch in (None, *_BATCHES):
            self.session.use_batch(batch)
            try:
                values = self._run(noise, self.session.outputs)
            except DistilPoseError as error:
                refusals.append(error)
                continue
            if batch is not None or all(value.dim() and len(value) == len(noise) for value in values):
                if batch is not None:
                    print_log(f'{self.name} leaves its batch open and only runs with {batch}: it was exported with a '
                              'network that takes the number of images for a constant', 'current')
                return values
        raise refusals[0]

    def _read_beta(self, missing: list[str]) -> float:
        """What the logits are multiplied with; rows of probabilities are what the network means."""
        beta = self.description.outputs.beta
        if beta is None and self.reading.kind == 'simcc' and self.reading.values == 'logits':
            missing.append(f"{self.entry}.outputs.beta (what the network's training multiplied its logits with: 10 for "
                           "RTMPose's KLDiscretLoss, 1 where there was no such factor)")
        return beta or 1.0

    def _not_finite(self, port: Port) -> str:
        is_narrow = self.session.input.dtype == torch.float16 or is_half(self.file)
        advice = ('float16, in which it computes, holds numbers up to 65504 and is too narrow for it; export it in '
                  'float32' if is_narrow else
                  'the network is broken, or its images are not normalised as it expects')
        return f'{port.name} of {self.file} has numbers that are not finite (NaN or infinite): {advice}'

    def _check_heatmaps(self) -> None:
        if self.heatmaps is None:
            return
        if self.reading.kind != 'simcc':
            raise DistilPoseError(f'the teacher shall draw heatmaps ({dict(self.heatmaps)}), which only SimCC can, and '
                                  f'{self.name} predicts {self.reading.kind}; drop {self.entry}.heatmaps')
        check_drawing(self.heatmaps, entry=f'{self.entry}.heatmaps')


def _noise(size: tuple[int, int]) -> Tensor:
    """Three images (3, 3, H, W) of a size (width, height), the same every time."""
    return torch.rand(3, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))


def _without_ones(value: Tensor) -> Tensor:
    """Rows of coordinates (1, K, 3) as (K, 3)."""
    while value.dim() > 2 and value.shape[0] == 1 and value.shape[-1] <= MOST_COLUMNS:
        value = value[0]
    return value


def _show(shape: Sequence[int | None]) -> str:
    return f'({", ".join("?" if side is None else str(side) for side in shape)})'


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix('torch.')


def _numbers(values: Sequence[float] | None) -> str:
    values = values or ()
    return f'{values[0]:g}' if len(set(values)) == 1 else f'({", ".join(f"{value:g}" for value in values)})'
