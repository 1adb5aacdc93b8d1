"""Decompression bombs: sizes that a file of torch.save declares are compared with its size before unpickling.

``torch.load(weights_only=True)`` runs no code of a file, but it makes whatever the file declares: tensors that one
number expands to terabytes, bytes of any number, objects in objects that double at every level. So the pickle is first
followed with nothing made of it: every storage must be in the file, every tensor in its storage, and the whole may have
no more entries than a file of its size holds.
"""

from __future__ import annotations

import io
import math
import mmap
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import torch
from torch._utils import IMPORT_MAPPING, NAME_MAPPING

from ..errors import BadCheckpoint
from ..host.archives import allowed_bytes, check_archive, too_large
from .integrity import has_checksums
from .pickled_values import Global, Made, Storage, entries_of, format_values, integers, is_made, is_text

MAX_DEPTH = 100
"""Of dictionaries, lists and tuples in one another."""
_ALLOWED_ENTRIES, _ENTRIES_PER_BYTE, _ENTRIES_OF_A_KEY = 1_000_000, 10, 1000
_LEGACY_PICKLES = 5
_ZIP, _TORCH = b'PK\x03\x04', 'torch._utils.'
_ITEM_BYTES = dict(
    Double=8, Float=4, Half=2, BFloat16=2, Long=8, Int=4, Short=2, Char=1, Byte=1, Bool=1, ComplexFloat=8,
    ComplexDouble=16, QInt8=1, QUInt8=1, QInt32=4, QUInt4x2=1, QUInt2x4=1, Untyped=1)
_UNUSUAL = {
    '_rebuild_sparse_tensor': 'a sparse tensor', '_rebuild_meta_tensor_no_storage': 'a tensor without numbers',
    '_rebuild_nested_tensor': 'a nested tensor', '_rebuild_wrapper_subclass': 'a tensor of a class of its own'}
_MADE_OF_A_NUMBER = re.compile(r'builtins\.bytearray|torch\.([\w.]+\.)?\w*(Tensor|Storage)')
_REBUILD = ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_tensor_v3', '_rebuild_qtensor')
_HASHED = ('builtins.set', 'collections.OrderedDict', 'collections.Counter')


def check_declared_sizes(file: Path) -> None:
    """Refuses a file of torch.save that declares more than it can hold.

    Raises:
        BadCheckpoint: with the declared and the real size; or the file is a damaged zip archive. Other damage is left
            to torch.
    """
    with file.open('rb') as stream:
        if stream.read(len(_ZIP)) != _ZIP:
            scan = Scan(file)
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as pickles:  # reads no more than there is
                all(scan.follow(cast(IO[bytes], pickles)) for _ in range(_LEGACY_PICKLES))
            return
    try:
        with zipfile.ZipFile(file) as archive:
            check_archive(archive, file)
            prefix = archive.namelist()[0].partition('/')[0]
            records = {member.filename: member.file_size for member in archive.infolist()}
            member = archive.getinfo(f'{prefix}/data.pkl')
            if not has_checksums(archive):
                del member.CRC  # so that none is compared
            pickled = archive.read(member)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, LookupError, NotImplementedError, OSError, EOFError,
            RuntimeError, struct.error) as error:
        raise BadCheckpoint(
            f'{file} ({file.stat().st_size:,} bytes) cannot be read: it is cut short, damaged or no checkpoint at all. '
            f'Download or copy it again. ({error})') from error
    Scan(file, record_bytes=lambda key: records.get(f'{prefix}/data/{key}', 0)).follow(io.BytesIO(pickled))


class Scan:
    """Follows the pickles of a file as torch's unpickler does, and makes nothing of them.

    An instruction that torch refuses ends it; torch then raises the error.

    Args:
        file: for messages.
        record_bytes: key of a storage -> its bytes in the file. Without it, storages follow the pickles, and all of
            them together must fit the file.
    """

    def __init__(self, file: Path, *, record_bytes: Callable[[Any], int] | None = None) -> None:
        self.file, self.size, self.record_bytes = file, file.stat().st_size, record_bytes
        self.storages: dict[Any, Storage] = {}
        self.storage_bytes = self.tensor_bytes = 0
        self.memo: dict[int, Any] = {}
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []

    def follow(self, stream: IO[bytes]) -> bool:
        """Follows one pickle; whether torch would come to its end.

        Raises:
            BadCheckpoint: it declares too much.
        """
        self.memo, self.stack, self.outer = {}, [], []
        start = stream.tell()
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == 'STOP':
                    self._check_entries(self.stack.pop(), (stream.tell() - start))
                    return True
                handler = _HANDLERS.get(opcode.name)
                if handler is None:
                    return False
                handler(self, argument)
        except (ValueError, LookupError, UnicodeError, struct.error) as error:  # as torch's unpickler
            if isinstance(error, BadCheckpoint):
                raise
        return False

    def _refuse(self, what: str) -> NoReturn:
        raise BadCheckpoint(f'{self.file} ({self.size:,} bytes) was not read: it declares {what}. '
                            'torch.save writes no such file; download it again from where you trust it')

    # --- the stack

    def _mark(self, _: Any) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.outer.pop()
        return items

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def _tuple(self, _: Any) -> None:
        items = self._since_mark()
        self.stack.append(tuple(items))

    def _tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _append(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], Made):
            self.stack[-1].children.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        for key in items[::2]:
            self._check_key(key)
        self._append(items)

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(' ')
        if (module, name) in NAME_MAPPING:
            module, name = NAME_MAPPING[(module, name)]
        else:
            module = IMPORT_MAPPING.get(module, module)
        self.stack.append(Global(f'{module}.{name}'))

    # --- what is made

    def _storage(self, _: Any) -> None:
        """``('storage', type, key, location, number of items, ...)``"""
        identity = self.stack.pop()
        if not isinstance(identity, tuple):
            raise LookupError
        kind, key, _, items = identity[1:5]
        name = re.sub('Storage$', '', kind.name.rpartition('.')[2]) if isinstance(kind, Global) else ''
        if name not in _ITEM_BYTES or type(items) is not int or items < 0 or not isinstance(key, (str, bytes, int)):
            self._refuse('a storage of no known type and size')
        storage = Storage(items * _ITEM_BYTES[name], _ITEM_BYTES[name])
        if self.record_bytes is not None:
            has = self.record_bytes(key.decode(errors='replace') if isinstance(key, bytes) else key)
            if storage.nbytes > has:
                self._refuse(f'{storage.nbytes:,} bytes for storage {str(key)[:40]!r}, which has {has:,}')
        elif key not in self.storages:
            self.storage_bytes += storage.nbytes
            if self.storage_bytes > self.size:
                raise BadCheckpoint(f'{self.file} ({self.size:,} bytes) cannot be read: it declares '
                                    f'{self.storage_bytes:,} bytes of numbers, so it is cut short or damaged. Download '
                                    'or copy it again.')
        self.stack.append(self.storages.setdefault(key, storage) if self.record_bytes is None else storage)

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        self.stack[-1] = self._called(function, arguments)

    def _new_object(self, _: Any) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        self.stack.append(self._called(kind, arguments))

    def _called(self, function: Any, arguments: Any) -> Any:
        """What a call gives."""
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            self._refuse('a call of something that is no function')
        name = function.name
        if _MADE_OF_A_NUMBER.fullmatch(name) and arguments and not is_text(arguments[0]):
            self._refuse(f'{name} of {format_values(arguments)}, which may be of any size')
        if name == '_codecs.encode' and not (
                isinstance(arguments[0], str) and arguments[1:] in (('latin1',), ('latin-1',), ('utf-8',), ('ascii',))):
            self._refuse('bytes in a coding that may be of any size')
        if name.startswith(_TORCH):
            self._check_call(name.removeprefix(_TORCH), arguments)
        elif name == 'torch._tensor._rebuild_from_type_v2' and len(arguments) > 2:
            self._called(arguments[0], arguments[2])
        elif name in _HASHED:
            self._check_keys_of(arguments)
        return Made(name, list(arguments))

    def _check_call(self, function: str, arguments: tuple[Any, ...]) -> None:
        if function in _UNUSUAL:
            self._refuse(f'{_UNUSUAL[function]}, and only plain ones are read')
        if function in _REBUILD:
            dtype = arguments[6] if function == '_rebuild_tensor_v3' else None
            self._check_tensor(arguments, dtype.name if isinstance(dtype, Global) else None)

    def _check_tensor(self, arguments: tuple[Any, ...], dtype: str | None = None) -> None:
        """``(storage, offset, size, stride, ...)``: the tensor must be within its storage."""
        storage, offset = arguments[:2]
        size, stride = (integers(value) for value in arguments[2:4])
        if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
            self._refuse('a tensor of no known numbers')
        if size is None or stride is None or len(size) != len(stride):
            self._refuse('a tensor of no known size')
        known = getattr(torch, dtype.rpartition('.')[2], None) if dtype else None
        item_bytes = known.itemsize if isinstance(known, torch.dtype) else storage.item_bytes
        count = math.prod(size)
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True)) if count else -1
        if (last + 1) * item_bytes > storage.nbytes:
            self._refuse(f'a tensor of the shape {format_values(size)}, which needs {(last + 1) * item_bytes:,} bytes '
                         f'of a storage of {storage.nbytes:,}')
        self.tensor_bytes += count * item_bytes
        if self.tensor_bytes > allowed_bytes(self.size):
            raise too_large(self.file, f'tensors of {self.tensor_bytes:,} bytes', self.tensor_bytes)

    def _build(self, _: Any) -> None:
        """The state of an object; of a tensor of old, what it is made of."""
        state, built = self.stack.pop(), self.stack[-1]
        if not isinstance(built, Made):
            return
        is_tensor = built.kind.startswith('torch.') and isinstance(state, tuple)
        if is_tensor and (len(state) == 4 or not built.kind.startswith('torch.nn.')):
            self._check_tensor(state + (None,) * (4 - len(state)))
        built.children.append(state)

    # --- entries

    def _check_key(self, key: Any) -> None:
        """A tuple of tuples has no memory of its hash, which takes as long as it has entries."""
        pending, count = [key], 0
        while pending:
            value = pending.pop()
            if is_made(value, 'torch.Size'):
                value = tuple(value.children)
            if isinstance(value, tuple):
                count += len(value)
                pending.extend(value)
            if count > _ENTRIES_OF_A_KEY:
                self._refuse(f'a key with more than {_ENTRIES_OF_A_KEY:,} entries')

    def _check_keys_of(self, arguments: tuple[Any, ...]) -> None:
        for argument in arguments:
            for entry in argument.children if isinstance(argument, Made) else (
                    argument if isinstance(argument, tuple) else ()):
                pair = entry.children if isinstance(entry, Made) else entry
                self._check_key(pair[0] if isinstance(pair, (list, tuple)) and len(pair) == 2 else None)
                self._check_key(entry if isinstance(entry, tuple) and len(entry) != 2 else None)

    def _check_entries(self, root: Any, pickle_bytes: int) -> None:
        """Counts entries as often as they are met on the way through all that the file holds."""
        allowed = max(_ALLOWED_ENTRIES, _ENTRIES_PER_BYTE * pickle_bytes)
        known: dict[int, tuple[int, int]] = {}  # entries and depth of a value
        above: set[int] = set()
        pending = [root]
        while pending:
            value = pending[-1]
            inside = entries_of(value)
            if id(value) in known or not inside:
                pending.pop()
                continue
            if id(value) not in above:
                above.add(id(value))
                self._check_depth(len(above))
                below = [entry for entry in inside if id(entry) not in known and entries_of(entry)]
                if any(id(entry) in above for entry in below):
                    self._refuse('an object that holds itself')
                pending.extend(below)
                if below:
                    continue
            figures = [known.get(id(entry), (1, 0)) for entry in inside]
            count, depth = 1 + sum(one for one, _ in figures), 1 + max(one for _, one in figures)
            if count > allowed:
                self._refuse(f'more than {allowed:,} entries, most of them again and again')
            self._check_depth(depth)
            known[id(pending.pop())] = count, depth
            above.discard(id(value))

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._refuse(f'more than {MAX_DEPTH} objects in one another')


_HANDLERS: dict[str, Callable[[Scan, Any], Any]] = {
    'PROTO': lambda scan, _: None,
    'MARK': Scan._mark, 'TUPLE': Scan._tuple,
    'TUPLE1': lambda scan, _: scan._tuple_of(1), 'TUPLE2': lambda scan, _: scan._tuple_of(2),
    'TUPLE3': lambda scan, _: scan._tuple_of(3),
    'NONE': lambda scan, _: scan._push(None), 'NEWFALSE': lambda scan, _: scan._push(False),
    'NEWTRUE': lambda scan, _: scan._push(True), 'EMPTY_TUPLE': lambda scan, _: scan._push(()),
    'EMPTY_LIST': lambda scan, _: scan._push(Made('list', [])),
    'EMPTY_DICT': lambda scan, _: scan._push(Made('dict', [])),
    'EMPTY_SET': lambda scan, _: scan._push(Made('set', [])),
    **dict.fromkeys(('BININT', 'BININT1', 'BININT2', 'BINFLOAT', 'BINUNICODE', 'SHORT_BINSTRING', 'LONG1'), Scan._push),
    **dict.fromkeys(('BINGET', 'LONG_BINGET'), Scan._get), **dict.fromkeys(('BINPUT', 'LONG_BINPUT'), Scan._put),
    'APPEND': lambda scan, _: scan._append([scan.stack.pop()]),
    'APPENDS': lambda scan, _: scan._append(scan._since_mark()),
    'SETITEM': lambda scan, _: scan._set_items([scan.stack.pop(), scan.stack.pop()][::-1]),
    'SETITEMS': lambda scan, _: scan._set_items(scan._since_mark()),
    'GLOBAL': Scan._global, 'REDUCE': Scan._reduce, 'NEWOBJ': Scan._new_object, 'BUILD': Scan._build,
    'BINPERSID': Scan._storage,
}
