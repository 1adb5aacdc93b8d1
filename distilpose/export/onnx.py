"""Export to ONNX: a trained network as a file that describes itself, checked against the network before it appears."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

import distilpose
from distilpose.checkpoints.integrity import sha256_of
from distilpose.checkpoints.writing import remove_leftovers, replacing
from distilpose.config.models import source_of
from distilpose.distillation.image_adapter import read_input
from distilpose.distillation.teachers.onnx import OnnxDescription, OnnxInput
from distilpose.distillation.teachers.onnx.metadata import write_metadata
from distilpose.engine import evaluate, student_config
from distilpose.engine.launch import load_and_change
from distilpose.engine.onnx_evaluation import is_onnx_file
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError
from distilpose.inference.loading import load_model
from distilpose.structures import NetworkInput, PoseOutputs

from . import rtmlib
from .comparison import Comparison, compare, find_crops
from .convert import check_destination
from .network import DecodedNetwork, ExportedNetwork, codec_of, coordinate_outputs, describe_outputs

RUNTIMES = ('rtmlib',)
OPSET = 17
"""Of standard operators: onnxruntime reads it since 1.12."""
_LARGEST = 2 ** 31 - 2 ** 24
"""Bytes of weights beside which a graph has room in a file."""
_BATCH = 2
"""Of the images that a graph with an open batch is traced with; 1 may be broadcast."""


@dataclass(frozen=True)
class Export:
    """What was exported, and how it compares with the network."""

    file: Path
    outputs: tuple[str, ...]
    comparison: Comparison
    runtime: str | None
    """How to run it, of a file for rtmlib."""
    metrics: Mapping[str, float] | None
    """Of the exported file on the config's test data, if requested."""

    def __str__(self) -> str:
        lines = [f'Wrote {self.file} ({self.file.stat().st_size / 1e6:.1f} MB), outputs {", ".join(self.outputs)}.',
                 str(self.comparison)]
        if self.runtime is not None:
            lines.append(f'In a program: {self.runtime}')
        if self.metrics is not None:
            lines.append(f'The file on the test data: '
                         f'{", ".join(f"{name} {value:.4g}" for name, value in self.metrics.items())}')
        return '\n'.join(lines)


@dataclass(frozen=True)
class _Plan:
    """A network as it will be traced, and the metadata of its file."""

    network: nn.Module
    description: OnnxDescription
    runtime: str | None = None
    """The class that runs it."""
    any_size: bool = False
    """Whether it takes images of any size."""


def export(config: str | Path | Config, checkpoint: str | Path | None, file: str | Path, *,
           dynamic_batch: bool = False, half: bool = False, with_decoding: bool = False, runtime: str | None = None,
           test: bool = False, options: Mapping[str, Any] | None = None, data_root: str | Path | None = None) -> Export:
    """Exports the network of a config as an ONNX file and compares the outputs of both on validation crops.

    The file takes normalised float32 images and holds a description of its input, outputs and keypoints as metadata,
    with which ``distilpose test`` and a teacher of ``distilpose train`` read it without a word about it.

    Args:
        config: of the model, or of its distillation, whose student is exported.
        checkpoint: its weights; ``None`` exports random ones.
        file: the file to write, or to replace.
        dynamic_batch: takes any number of images at once; else one.
        half: computes in float16; input and outputs stay float32.
        with_decoding: the outputs are coordinates (fractions of the crop) and scores, whatever the head shows.
        runtime: ``'rtmlib'`` for a file that its classes run.
        test: evaluates the file on the config's test data, too.
        options: values to change in the config.
        data_root: folder of the data, instead of the config's.

    Raises:
        DistilPoseError: something does not fit, or a package is missing.
        RunFailed: the outputs of the file differ from those of the network; nothing is written.
    """
    destination = _destination(file, checkpoint)
    if runtime is not None and (runtime not in RUNTIMES or with_decoding):
        raise DistilPoseError(f'--for {runtime}: expected {" or ".join(RUNTIMES)}, without --with-decoding: rtmlib '
                              'decodes itself')
    _require_packages()
    check_writable(destination.parent, name='OUT.onnx')
    remove_leftovers(destination.parent)
    cfg = load_and_change(config, options=options, data_root=data_root)[0]
    model = load_model(cfg, checkpoint)
    _check_size(model, half=half)
    images = _read_images(model, cfg)
    reference = ExportedNetwork(model)
    plan = _plan(reference if not half else ExportedNetwork(model, half=True), images, cfg, with_decoding=with_decoding,
                 runtime=runtime)
    expected = plan if not half else _plan(reference, images, cfg, with_decoding=with_decoding, runtime=runtime)
    crops = find_crops(cfg, images)
    further = dict(precision='float16' if half else 'float32', made_by=f'distilpose {distilpose.__version__}',
                   checkpoint=_source(checkpoint))
    with replacing(destination, suffix='.onnx') as part:
        _write(plan, part, dynamic_batch=dynamic_batch, further=further)
        comparison = compare(part, expected.network, model, crops, half=half, is_approximate=runtime is not None,
                             dynamic_batch=dynamic_batch, name=destination)
    metrics = evaluate(student_config(cfg), destination) if test else None
    call = plan.runtime and (f'{plan.runtime}({str(destination)!r}, '
                             f'model_input_size={plan.description.input.size})')
    return Export(destination, plan.description.outputs.names or (), comparison, call, metrics)


def _plan(network: ExportedNetwork, images: NetworkInput, cfg: Config, *, with_decoding: bool,
          runtime: str | None) -> _Plan:
    assert images.size is not None
    head, names = network.model.head, source_of(cfg).keypoint_names
    with torch.no_grad():
        outputs = network.predict(torch.zeros(1, 3, images.size[1], images.size[0]))
    described, count = describe_outputs(outputs, head=head), _keypoints(outputs)
    names = names if names is not None and len(names) == count else None
    if runtime is not None:
        adapted = rtmlib.RtmlibNetwork(network, images)
        return _Plan(adapted, rtmlib.describe(adapted.crop_size, names), 'rtmlib.RTMPose',
                     any_size=adapted.resamples)
    inputs = OnnxInput(images.size, images.mean, images.std, 'rgb' if images.rgb else 'bgr', images.padding, images.udp,
                     'nchw')
    if with_decoding:
        return _Plan(DecodedNetwork(network), OnnxDescription(inputs, coordinate_outputs(with_scores=True), names))
    codec = codec_of(source_of(cfg).model, outputs)
    return _Plan(network, OnnxDescription(inputs, described, names, decoder=codec))


def _write(plan: _Plan, file: Path, *, dynamic_batch: bool, further: Mapping[str, Any]) -> None:
    names, size = plan.description.outputs.names or (), plan.description.input.size
    assert size is not None
    example = torch.zeros(_BATCH if dynamic_batch else 1, 3, size[1], size[0])
    axes: dict[str, dict[int, str]] = {name: {0: 'batch'} if dynamic_batch else {} for name in ('images', *names)}
    if plan.any_size:
        axes['images'].update({2: 'height', 3: 'width'})
        for name, side in zip(names, ('width', 'height'), strict=True):
            axes[name].update({2: f'bins of the {side}'})
    network = copy.deepcopy(plan.network)  # torch folds batch normalisation into the weights themselves
    with torch.no_grad(), _quiet():
        torch.onnx.export(network, (example,), str(file), input_names=['images'], output_names=list(names),
                          dynamic_axes=axes, opset_version=OPSET, dynamo=False)
    further = {**further, **({} if plan.runtime is None else dict(runtime=plan.runtime))}
    write_metadata(file, plan.description, further=further)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings about values that a trace keeps: the comparison finds what matters."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


def _keypoints(outputs: PoseOutputs) -> int:
    predicted = outputs.heatmaps or outputs.simcc or (outputs.coords,)
    assert predicted[-1] is not None
    return predicted[-1].shape[1]


def _read_images(model: Any, cfg: Config) -> NetworkInput:
    """What the network takes; without a mean and a std, pixels."""
    images, source = read_input(model), source_of(cfg)
    if images.size is None:
        raise DistilPoseError('the config has no size of the images; give model.head.decoder an input_size')
    if images.mean is None:
        images = replace(images, mean=(0.0,) * 3, std=(1.0,) * 3)
    images = replace(images, mean=_shorter(images.mean), std=_shorter(images.std))
    return replace(images, padding=source.padding, udp=images.udp if source.udp is None else source.udp)


def _shorter(values: Sequence[float] | None) -> tuple[float, float, float]:
    """The numbers of a config, which a buffer of float32 has rounded."""
    one, two, three = (float(f'{value:.7g}') for value in values or ())
    return one, two, three


def _destination(file: str | Path, checkpoint: str | Path | None) -> Path:
    destination = Path(file).expanduser()
    if destination.suffix.lower() != '.onnx':
        raise DistilPoseError(f'{destination} is the file to write, and its name does not end in .onnx; add that')
    if checkpoint is not None:
        if is_onnx_file(checkpoint):
            raise DistilPoseError(f'{checkpoint} is an ONNX file already, and expected is a checkpoint to export')
        check_destination(Path(checkpoint).expanduser(), destination)
    return destination


def _source(checkpoint: str | Path | None) -> dict[str, str] | None:
    """The name and the SHA-256 of the file with the weights."""
    if checkpoint is None:
        return None
    file = Path(checkpoint).expanduser()
    return dict(name=file.name, sha256=sha256_of(file))


def _check_size(model: nn.Module, *, half: bool) -> None:
    """Refuses a network that is larger than a protocol buffer may be."""
    size = sum(value.numel() for value in model.state_dict().values()) * (2 if half else 4)
    if size > _LARGEST:
        raise DistilPoseError(f'the network has {size / 1e9:.2f} GB of weights, and an ONNX file holds at most '
                              f'{_LARGEST / 1e9:.2f} GB; {"take a smaller one" if half else "add --half"}')


def _require_packages() -> None:
    for package in ('onnx', 'onnxruntime'):
        if find_spec(package) is None:
            raise DistilPoseError(f'an export needs the package {package} (torch writes the file with onnx, the check '
                                  f'runs it with onnxruntime): pip install {package}')
