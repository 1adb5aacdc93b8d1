"""Inference sessions of onnxruntime on torch tensors: providers by device, IO binding, threads, fixed batches."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.nn import functional as F

from distilpose.errors import DistilPoseError

from ...layers import nearest_names
from .graph import digest_of_graph, read_graph, read_node_outputs, with_outputs

_TYPES = {'tensor(float)': torch.float32, 'tensor(float16)': torch.float16, 'tensor(double)': torch.float64,
          'tensor(uint8)': torch.uint8, 'tensor(int32)': torch.int32, 'tensor(int64)': torch.int64}
_LAYERS = frozenset(('Add', 'AveragePool', 'BatchNormalization', 'Clip', 'Conv', 'ConvTranspose', 'Gelu', 'Gemm',
                     'HardSwish', 'LayerNormalization', 'LeakyRelu', 'MatMul', 'MaxPool', 'Mul', 'PRelu', 'Relu',
                     'Resize', 'Sigmoid', 'Softmax', 'Tanh'))
"""Operators whose outputs are named to those who look for a layer."""
_EXTERNAL_FOLDER = 'session.model_external_initializers_file_folder_path'
"""Option with the folder of external data, where a graph is opened from its bytes."""
_FATAL_ONLY = 4  # whatever else is an exception


class Port(NamedTuple):
    """An input or an output of a graph."""

    name: str
    shape: tuple[int | None, ...]
    """``None`` for what the file leaves open."""
    dtype: torch.dtype


class OnnxSession:
    """Runs an ONNX graph with one input. A session is opened for a device when its first images come.

    A copy (``pickle``, ``copy.deepcopy``, a forked process) opens sessions of its own.

    Args:
        file: the graph.
        threads: of the session; ``None``: as many as torch uses.

    Raises:
        DistilPoseError: onnxruntime is missing or cannot open the file.
    """

    _sessions: dict[str, tuple[int, Any]]
    _process: int
    _lock: Any

    def __init__(self, file: Path, *, threads: int | None = None) -> None:
        self.file, self.threads = file, threads
        self.graph = read_graph(file)
        self.digest = digest_of_graph(file, self.graph.external)
        self._files = _stamps(file, *self.graph.external)
        self._shapes: dict[str, tuple[int | None, ...]] = {}
        self._added: tuple[str, ...] = ()
        self._warned = False
        self._reset()
        session = self._session(torch.device('cpu'))
        inputs = [self._port(port) for port in session.get_inputs()]
        if len(inputs) != 1:
            names = ', '.join(port.name for port in inputs) or 'none'
            raise DistilPoseError(f'{file} has {len(inputs)} inputs ({names}); expected one, the images. Export the '
                                  'network alone, without what a deployment adds to it')
        self.input = inputs[0]
        self.outputs = tuple(self._port(port) for port in session.get_outputs())
        self.batch: int | None = self.input.shape[0] if self.input.shape else None
        """Images that the graph takes at once, ``None`` for any number."""

    def add_outputs(self, names: Sequence[str]) -> tuple[Port, ...]:
        """Lets sessions put out tensors from inside of the graph, in the place of others that were added before.

        Args:
            names: of outputs of nodes; outputs of the graph may be among them.

        Returns:
            Their ports.

        Raises:
            DistilPoseError: the graph has no such tensor.
        """
        found = read_node_outputs(self.file)
        layers = [name for name, operator in found.items() if operator in _LAYERS] or list(found)
        for name in names:
            if name not in found:
                raise DistilPoseError(f'{self.file} has no tensor {name!r}; the nearest are '
                                      f'{nearest_names(name, layers)}. Layers of an ONNX file have the names of what '
                                      'its nodes put out, as netron shows them')
        own = {port.name for port in self.outputs}
        self._added = tuple(name for name in dict.fromkeys(names) if name not in own)
        self._reset()
        ports = {port.name: port for port in self._session(torch.device('cpu')).get_outputs()}
        return tuple(self._port(ports[name]) for name in names)

    def use_batch(self, size: int | None) -> None:
        """Runs with so many images at once, ``None`` for any number."""
        self.batch = size
        self._shapes.clear()

    def run(self, images: Tensor, outputs: Sequence[Port]) -> tuple[Tensor, ...]:
        """Some outputs for images (B, ...), on the device of the images.

        A graph of a fixed batch runs as often as it must, the last time on zeros beside the images that are left.

        Raises:
            DistilPoseError: the graph does not run on these images.
        """
        images = images.detach()
        if not self.input.dtype.is_floating_point:
            images = images.round().clamp(0, 255)  # the pixels that they are
        images = images.to(self.input.dtype)
        if self.batch is None:
            return self._run(images, outputs)
        size = self.batch
        found = [self._run(_padded(chunk, size), outputs) for chunk in images.split(size)]
        return tuple(torch.cat([_with_batch(chunk, size) for chunk in chunks])[:len(images)]
                     for chunks in zip(*found, strict=True))

    def run_open(self, images: Tensor, outputs: Sequence[Port]) -> tuple[Tensor, ...]:
        """As :meth:`run`, for outputs whose shapes depend on what is on the images, as boxes after suppression.

        Raises:
            DistilPoseError: the graph does not run on these images.
        """
        names = [port.name for port in outputs]
        session = self._session(self._where(images.device))
        images = images.detach().to(self.input.dtype)
        try:
            values = session.run(names, {self.input.name: images.cpu().contiguous().numpy()})
        except Exception as error:
            raise self._in_words(error, f'does not run on images of {tuple(images.shape)}') from error
        return tuple(torch.from_numpy(value).to(images.device) for value in values)

    def _run(self, images: Tensor, outputs: Sequence[Port]) -> tuple[Tensor, ...]:
        if any(port.name not in self._shapes for port in outputs):
            return self._learn_shapes(images, outputs)
        device, where = images.device, self._where(images.device)
        session, images = self._session(where), images.to(where).contiguous()
        values = [torch.empty([len(images) if side is None else side for side in self._shapes[port.name]],
                              dtype=port.dtype, device=where) for port in outputs]
        binding = session.io_binding()
        for bind, port, value in ((binding.bind_input, self.input, images),
                                  *((binding.bind_output, port, value) for port, value in
                                    zip(outputs, values, strict=True))):
            bind(port.name, where.type, where.index or 0, _numpy_type(port.dtype), tuple(value.shape), value.data_ptr())
        if where.type == 'cuda':
            torch.cuda.current_stream(where).synchronize()  # the session has a stream of its own
        try:
            session.run_with_iobinding(binding)
        except Exception as error:
            raise self._in_words(error, f'does not run on images of {tuple(images.shape)}') from error
        binding.synchronize_outputs()
        return tuple(value.to(device) for value in values)

    def _learn_shapes(self, images: Tensor, outputs: Sequence[Port]) -> tuple[Tensor, ...]:
        """A run on the CPU without bound outputs, which notes their shapes; files do not always declare them."""
        names, session = [port.name for port in outputs], self._session(torch.device('cpu'))
        try:
            values = session.run(names, {self.input.name: images.cpu().contiguous().numpy()})
        except Exception as error:
            raise self._in_words(error, f'does not run on images of {tuple(images.shape)}') from error
        for name, value in zip(names, values, strict=True):
            has_batch = value.ndim > 0 and len(value) == len(images)
            self._shapes[name] = (None, *value.shape[1:]) if has_batch else value.shape
        return tuple(torch.from_numpy(value).to(images.device) for value in values)

    def _where(self, device: torch.device) -> torch.device:
        """Where images of a device are computed: on that GPU, or on the CPU where onnxruntime has no CUDA."""
        if device.type != 'cuda':
            return torch.device('cpu')
        runtime = import_onnxruntime()
        if 'CUDAExecutionProvider' in runtime.get_available_providers():
            return device
        if not self._warned:
            self._warned = True
            print_log(f'{self.file} runs on the CPU, with {self.threads or torch.get_num_threads()} threads: the '
                      f'images are on a GPU, and onnxruntime {runtime.__version__} has no CUDAExecutionProvider. For '
                      'the GPU: pip uninstall onnxruntime; pip install onnxruntime-gpu',
                      'current', logging.WARNING)
        return torch.device('cpu')

    def _session(self, device: torch.device) -> Any:
        """The session of a device, for this process and this number of threads."""
        threads = self.threads or torch.get_num_threads()
        name = f'cuda:{device.index or 0}' if device.type == 'cuda' else 'cpu'
        with self._lock:
            if self._process != os.getpid():  # threads of a session do not live on in a fork
                self._sessions, self._process = {}, os.getpid()
            entry = self._sessions.get(name)
            if entry is None or entry[0] != threads:
                entry = self._sessions[name] = threads, self._open(device, threads)
            return entry[1]

    def current_digest(self) -> str:
        """The SHA-256 of the file as it is now."""
        return digest_of_graph(self.file, self.graph.external)

    def _open(self, device: torch.device, threads: int) -> Any:
        runtime = import_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = _FATAL_ONLY
        providers: list[Any] = ['CPUExecutionProvider']
        if device.type == 'cuda':
            providers = [('CUDAExecutionProvider', dict(device_id=device.index or 0)), *providers]
        if _stamps(self.file, *self.graph.external) != self._files and self.current_digest() != self.digest:
            raise DistilPoseError(f'{self.file} changed since it was loaded: its SHA-256 was {self.digest} and is '
                                  f'{self.current_digest()}; put the file back that the training began with')
        source: str | bytes = str(self.file)
        if self._added:
            source = with_outputs(self.file, self._added)
            options.add_session_config_entry(_EXTERNAL_FOLDER, str(self.file.parent.resolve()))
        try:
            session = runtime.InferenceSession(source, sess_options=options, providers=providers)
        except Exception as error:
            raise self._in_words(error, f'cannot be opened by onnxruntime {runtime.__version__}') from error
        if device.type == 'cuda' and session.get_providers()[0] != 'CUDAExecutionProvider':
            raise DistilPoseError(
                f'the images are on a GPU, and {self.file} cannot run there: the CUDA provider of onnxruntime '
                f'{runtime.__version__} did not start. Install the onnxruntime-gpu of the CUDA and cuDNN that are '
                'installed, or onnxruntime in its place, which runs on the CPU')
        return session

    def _in_words(self, error: Exception, what: str) -> Exception:
        if 'onnxruntime' not in type(error).__module__ and not isinstance(error, RuntimeError):
            return error
        reason = ' '.join(str(error).split())
        remedy = 'export it anew'
        if 'opset' in reason.lower() or 'IR version' in reason:
            remedy = ('its operators are of another time than this onnxruntime; update onnxruntime, or export it with '
                      'another opset_version')
        elif isinstance(error, import_onnxruntime().capi.onnxruntime_pybind11_state.InvalidProtobuf):
            remedy = 'it is no ONNX graph, or it is cut short; expected what torch.onnx.export writes'
        return DistilPoseError(f'{self.file} {what}: {reason[:400]}. What to change: {remedy}')

    def _port(self, port: Any) -> Port:
        if port.type not in _TYPES:
            raise DistilPoseError(f'{port.name} of {self.file} is a {port.type}; expected one of {", ".join(_TYPES)}')
        return Port(port.name, tuple(side if isinstance(side, int) and side > 0 else None for side in port.shape),
                    _TYPES[port.type])

    def _reset(self) -> None:
        self._sessions = {}
        self._process, self._lock = os.getpid(), threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """All but what belongs to this process."""
        return {key: value for key, value in vars(self).items() if key not in ('_sessions', '_process', '_lock')}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Sessions are opened when images come."""
        vars(self).update(state)
        self._reset()


def import_onnxruntime() -> Any:
    """The package, which only those need who have ONNX files.

    Raises:
        DistilPoseError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise DistilPoseError(f'ONNX files need the package onnxruntime, which cannot be imported ({error}): pip '
                              'install onnxruntime, or onnxruntime-gpu on a machine with CUDA') from error
    return onnxruntime


def _stamps(*files: Path) -> list[tuple[int, int]]:
    """Time and size of files: as long as they stay, so do the bytes. Empty where one is gone."""
    try:
        return [(found.st_mtime_ns, found.st_size) for found in (file.stat() for file in files)]
    except OSError:
        return []


def _numpy_type(dtype: torch.dtype) -> Any:
    return torch.empty(0, dtype=dtype).numpy().dtype


def _with_batch(value: Tensor, size: int) -> Tensor:
    """Some graphs of one image leave the batch's axis out of their outputs."""
    return value[None] if size == 1 and (not value.dim() or len(value) != 1) else value


def _padded(images: Tensor, size: int) -> Tensor:
    missing = size - len(images)
    return F.pad(images, (0, 0) * (images.dim() - 1) + (0, missing)) if missing else images
