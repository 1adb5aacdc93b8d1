"""The bytes of an ONNX file: its digest, its parameters, its operator sets and the files of its external data.

``onnxruntime`` runs a graph and exposes none of this, and the package ``onnx`` is not needed for it: the format is a
protocol buffer (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), of which a few fields are read here.
"""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from distilpose.checkpoints.integrity import sha256_of
from distilpose.errors import DistilPoseError

_MODEL_GRAPH, _MODEL_OPSET, _MODEL_PROPERTIES, _MODEL_FUNCTIONS = 7, 8, 14, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 12, 15
_NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE, _FUNCTION_NODE, _VALUE_NAME = 2, 4, 5, 7, 1
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_EXTERNAL = 1, 2, 13
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOATS = frozenset({1, 10, 11, 16})
"""float, float16, double and bfloat16 of ``TensorProto.DataType``; what is whole is quantised, or a shape."""
_QUANTISED = frozenset({2, 3})
_DEEPEST = 32


@dataclass(frozen=True)
class OnnxGraph:
    """Facts read from the bytes of a file."""

    parameters: int
    """Numbers in its tensors of floating point and of 8 bits."""
    opset: int
    """Version of the standard operators."""
    external: tuple[Path, ...]
    """Files in the file's own folder, or below it, that hold some of its tensors."""


def read_graph(file: Path) -> OnnxGraph:
    """Walks through a file without running it.

    Raises:
        DistilPoseError: it is missing or no ONNX graph, or names external data outside of its folder.
    """
    if file.is_dir():
        raise DistilPoseError(f'{file} is a folder, and an ONNX file was expected; check model.teacher.file')
    if not file.is_file():
        raise DistilPoseError(f'there is no ONNX file {file}; check model.teacher.file')
    walk = _Walk()
    try:
        with open(file, 'rb') as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            walk.model(data)
    except OSError as error:
        raise DistilPoseError(f'{file} cannot be read: {error.strerror}; check its permissions') from error
    except (ValueError, IndexError, RecursionError) as error:
        raise DistilPoseError(f'{file} is no ONNX graph, or it is cut short ({error}); expected what torch.onnx.export '
                              'writes. If it was downloaded, delete it and get it again') from error
    if not walk.graphs or not walk.opset:
        raise DistilPoseError(f'{file} is no ONNX graph; expected what torch.onnx.export writes')
    external = tuple(_inside(file, name) for name in sorted(walk.external))
    return OnnxGraph(walk.parameters, walk.opset, external)


def read_properties(file: Path) -> dict[str, str]:
    """The metadata of a file (``metadata_props``); empty for anything but an ONNX graph."""
    if not file.is_file() or not file.stat().st_size:
        return {}
    found: dict[str, str] = {}
    with open(file, 'rb') as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for number, start, end in _fields(data, 0, len(data)):
                if number == _MODEL_PROPERTIES:
                    entry = {key: bytes(data[first:last]) for key, first, last in _fields(data, start, end)}
                    found[entry.get(1, b'').decode()] = entry.get(2, b'').decode()
        except ValueError:  # read_graph raises an error with a message
            return {}
    return found


def append_properties(file: Path, properties: Mapping[str, str]) -> None:
    """Adds metadata to a file. Fields of a protocol buffer may follow each other in any order, so that the package
    ``onnx`` is not needed for it."""
    with open(file, 'ab') as stream:
        for key, value in properties.items():
            entry = b''.join(_as_field(number, text.encode()) for number, text in ((1, key), (2, value)))
            stream.write(_as_field(_MODEL_PROPERTIES, entry))


def read_node_outputs(file: Path) -> dict[str, str]:
    """Names of the tensors that the nodes of a graph put out -> their operators, in the order of the file."""
    found: dict[str, str] = {}
    with open(file, 'rb') as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        graphs = [place for number, *place in _fields(data, 0, len(data)) if number == _MODEL_GRAPH]
        for node in (place for graph in graphs for number, *place in _fields(data, *graph) if number == _GRAPH_NODE):
            words = [(number, bytes(data[start:end]).decode()) for number, start, end in _fields(data, *node)
                     if number in (_NODE_OUTPUT, _NODE_OPERATOR)]
            operator = dict(words).get(_NODE_OPERATOR, '')
            found.update((name, operator) for number, name in words if number == _NODE_OUTPUT and name)
    return found


def with_outputs(file: Path, names: Iterable[str]) -> bytes:
    """The bytes of a file whose graph also puts out these tensors of its nodes.

    A second graph after the first is merged with it by readers of protocol buffers, so that outputs can be added
    without the package ``onnx``; onnxruntime infers their types.
    """
    added = b''.join(_as_field(_GRAPH_OUTPUT, _as_field(_VALUE_NAME, name.encode())) for name in names)
    return file.read_bytes() + _as_field(_MODEL_GRAPH, added)


def _as_field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7f:
        written.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes((*written, value))


def digest_of_graph(file: Path, external: tuple[Path, ...] = ()) -> str:
    """The SHA-256 of a file; of one with external data, that of the digests of all its files.

    Raises:
        DistilPoseError: one of them cannot be read.
    """
    digests = [_digest(path) for path in (file, *external)]
    return digests[0] if len(digests) == 1 else hashlib.sha256(''.join(digests).encode()).hexdigest()


def _digest(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        raise DistilPoseError(f'{file}, which the ONNX teacher was loaded from, cannot be read: {error.strerror}; put '
                              'it back') from error


def _inside(file: Path, name: str) -> Path:
    """The path of external data, which must not lead out of the file's folder, not even by a link."""
    folder = file.parent.resolve()
    path = (folder / name).resolve()
    is_relative = not (PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute())
    if not is_relative or not path.is_relative_to(folder):
        raise DistilPoseError(f'{file} names external data {name!r}, which is not in its folder ({folder}); a file '
                              'that reads elsewhere is not opened. Put the data beside it and export it so')
    if not path.is_file():
        raise DistilPoseError(f'{file} keeps tensors in {name!r}, and there is no {path}; put both into one folder')
    return path


class _Walk:
    """Counts tensors and collects names while it reads messages, of which it copies no tensor's data."""

    def __init__(self) -> None:
        self.graphs = self.parameters = self.opset = 0
        self.external: set[str] = set()

    def model(self, data: mmap.mmap) -> None:
        for number, start, end in _fields(data, 0, len(data)):
            if number == _MODEL_GRAPH:
                self.graphs += 1
                self._graph(data, start, end)
            elif number == _MODEL_OPSET:
                self._opset(data, start, end)
            elif number == _MODEL_FUNCTIONS:
                self._nodes(data, start, end, _FUNCTION_NODE, depth=0)

    def _opset(self, data: mmap.mmap, start: int, end: int) -> None:
        found = {number: (one, two) for number, one, two in _fields(data, start, end)}
        domain = data[slice(*found[1])] if 1 in found else b''
        if domain in (b'', b'ai.onnx') and 2 in found:
            self.opset = found[2][0]

    def _graph(self, data: mmap.mmap, start: int, end: int, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise ValueError('graphs within graphs within graphs')
        for number, one, two in _fields(data, start, end):
            if number == _GRAPH_INITIALIZER:
                self._tensor(data, one, two)
            elif number == _GRAPH_SPARSE:
                for _, first, last in _fields(data, one, two):
                    self._tensor(data, first, last)
        self._nodes(data, start, end, _GRAPH_NODE, depth)

    def _nodes(self, data: mmap.mmap, start: int, end: int, node: int, depth: int) -> None:
        nodes = ((one, two) for number, one, two in _fields(data, start, end) if number == node)
        attributes = ((one, two) for place in nodes for number, one, two in _fields(data, *place)
                      if number == _NODE_ATTRIBUTE)
        for place in attributes:
            for number, one, two in _fields(data, *place):
                if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                    self._tensor(data, one, two)
                elif number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                    self._graph(data, one, two, depth + 1)

    def _tensor(self, data: mmap.mmap, start: int, end: int) -> None:
        dims: list[int] = []
        kind = 0
        for number, one, two in _fields(data, start, end):
            if number == _TENSOR_DIMS:
                dims += [one] if two < 0 else list(_varints(data, one, two))
            elif number == _TENSOR_TYPE:
                kind = one
            elif number == _TENSOR_EXTERNAL:
                entry = {key: bytes(data[first:last]) for key, first, last in _fields(data, one, two)}
                if entry.get(1) == b'location':
                    self.external.add(entry.get(2, b'').decode())
        if kind in _FLOATS or (kind in _QUANTISED and len(dims) > 1):
            self.parameters += math.prod(dims)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, first byte, end) of every field of a message; of a number (number, value, -1)."""
    place = start
    while place < end:
        key, place = _varint(data, place, end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(data, place, end)
            yield number, value, -1
            continue
        if wire == _BYTES:
            length, place = _varint(data, place, end)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f'byte {place} begins no field')
        if not number or place + length > end:
            raise ValueError(f'a field of {length} bytes at byte {place} goes beyond the end')
        yield number, place, place + length
        place += length


def _varints(data: mmap.mmap, start: int, end: int) -> Iterator[int]:
    while start < end:
        value, start = _varint(data, start, end)
        yield value


def _varint(data: mmap.mmap, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError(f'a number at byte {place} has no end')
