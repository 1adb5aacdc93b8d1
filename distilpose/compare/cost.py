"""Cost of ONNX files: milliseconds of one crop on one processor thread, measured in turn in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from distilpose.benchmark.timing import interleave
from distilpose.distillation.teachers.onnx.description import describe_file
from distilpose.distillation.teachers.onnx.session import OnnxSession, import_onnxruntime
from distilpose.engine.work_dir import check_writable
from distilpose.errors import DistilPoseError
from distilpose.processor import processor_name

from .results import write_json

RUNS = 60
FILE = 'cost.json'


def write_costs(files: Sequence[tuple[str, str | Path]], *, folder: Path, runs: int = RUNS) -> dict[str, Any]:
    """Measures ONNX files and writes ``cost.json``, in the place of an earlier one: times of two calls do not compare.

    Args:
        files: names, such as the keys of models in a plan, and files.
        folder: for ``cost.json``.
        runs: of every file.

    Returns:
        What was written: ``rows`` with name, file, median of the milliseconds, parameters, bytes and SHA-256 of every
        file, and the machine.

    Raises:
        DistilPoseError: a file is missing, does not run or does not say the size of its images; a name is given twice.
    """
    names = [name for name, _ in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DistilPoseError(f'--cost {twice!r} names two files; give each a name of its own')
    check_writable(folder, name='--out')
    sessions = {name: OnnxSession(Path(file).expanduser().absolute(), threads=1) for name, file in files}
    milliseconds = measure_costs(sessions, runs=runs)
    rows = [dict(name=name, file=session.file.name, milliseconds=round(milliseconds[name], 3),
                 parameters=session.graph.parameters, bytes=_bytes(session), sha256=session.digest)
            for name, session in sessions.items()]
    found = dict(processor=processor_name(), onnxruntime=import_onnxruntime().__version__, threads=1, runs=runs,
                 rows=rows)
    write_json(folder / FILE, found, indent=1)
    return found


def measure_costs(sessions: Mapping[str, OnnxSession], *, runs: int) -> dict[str, float]:
    """The median of the processor's milliseconds for one crop; the files take turns, so that load falls on all alike.

    The network alone: without cropping, normalising and decoding. Only the processor time of this process is counted,
    so that other processes slow it by what they take of caches and clock rate.
    """
    work = {name: _one_crop(session) for name, session in sessions.items()}
    seconds = interleave(work, runs=runs, clock=time.process_time)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def _one_crop(session: OnnxSession) -> Callable[[int], int]:
    """A run on noise, which returns the number of its crops."""
    images = torch.rand(session.batch or 1, *_image_shape(session), generator=torch.Generator().manual_seed(0))
    images = images if session.input.dtype.is_floating_point else images * 255
    return partial(_run, session, images.to(session.input.dtype))


def _run(session: OnnxSession, images: torch.Tensor, number: int) -> int:
    session.run(images, session.outputs)
    return len(images)


def _image_shape(session: OnnxSession) -> tuple[int, ...]:
    """The shape of one image, from the graph or from what is known of the file."""
    shape = session.input.shape[1:]
    if len(shape) != 3:
        raise DistilPoseError(f'{session.file} takes {session.input.name} of {len(shape) + 1} dimensions; expected '
                              'images (B, 3, H, W) or (B, H, W, 3)')
    size = describe_file(session.file, None).input.size or (None, None)
    height, width = size[::-1]
    known = (height, width, 3) if shape[2] == 3 else (3, height, width)
    found = tuple(own or other for own, other in zip(shape, known, strict=True))
    if None in found:
        raise DistilPoseError(f'{session.file} takes images of any size, which decides about its time; export it with '
                              'a fixed one')
    return tuple(side for side in found if side is not None)


def _bytes(session: OnnxSession) -> int:
    """Of the file, and of its external data."""
    return sum(file.stat().st_size for file in (session.file, *session.graph.external))
