"""Unexpected exceptions as one line: a sentence where the cause is known, and the file that has the traceback."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .machine import version

SHOW = 'DISTILPOSE_TRACEBACK'
"""Environment variable: 1 prints the traceback of every error on the terminal, too."""
_PREFIX = 'distilpose_traceback_'
_MOST_FILES = 20
_MOST_CHARACTERS = 300
_FAILED, _WRONG_INPUT = 1, 2
_REMEDIES = {
    'cv2': 'install the system library that it names (Debian, Ubuntu: apt-get install libgl1 libglib2.0-0), or '
           'opencv-python-headless in its place',
    'numpy': 'numpy and the packages built on it must be of versions that fit',
    'mmcv': 'mmcv must be of a version that fits torch (mmcv-lite fits all)',
}


@dataclass(frozen=True)
class Description:
    """What a command prints of an error that is no wrong input, and its exit code."""

    sentence: str
    exit_code: int


def describe(error: Exception, *, command_line: str) -> Description:
    """The line for an error of the host.

    Args:
        error: as it was raised.
        command_line: repeats the call in a shell.
    """
    package = failed_import(error)
    if package is not None:
        remedy = _REMEDIES.get(package)
        sentences = [f'the package {package} cannot be imported: {shorten(error)}', *([remedy] if remedy else []),
                 f"'distilpose doctor' lists what of this installation works. {place(error, command_line)}"]
        return Description('; '.join(sentences), _FAILED)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
        return Description(f'{_activity(error)}{name}: {error.strerror}; check the path and its permissions. '
                           f'{place(error, command_line)}', _WRONG_INPUT)
    if isinstance(error, MemoryError):
        return Description(f'{_activity(error)}this machine has not enough memory; use smaller batches, fewer workers, '
                           f'or give the job more memory. {place(error, command_line)}', _FAILED)
    known = _recognise(error)
    if known is not None:
        return Description(f'{_activity(error)}{known}. {place(error, command_line)}', _FAILED)
    return Description(f'{_activity(error)}{shorten(error)}. This is not a known cause. {place(error, command_line)}',
                       _FAILED)


def failed_import(error: BaseException) -> str | None:
    """The package whose import raised an error; ``None`` for an error that did not come from an import."""
    modules = [name for name in _modules_being_imported(error.__traceback__) if name not in ('', '__main__')]
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.partition('.')[0]
    if not modules:
        return None
    name = error.name if isinstance(error, ImportError) and error.name else modules[-1]
    return name.partition('.')[0]


def _modules_being_imported(frame: TracebackType | None) -> Iterator[str]:
    """Names of the modules in a traceback whose own lines were being run, the outermost first."""
    while frame is not None:
        code, values = frame.tb_frame.f_code, frame.tb_frame.f_globals
        if code.co_name == '<module>' and '__spec__' in values:
            yield str(values.get('__name__', ''))
        frame = frame.tb_next


def shorten(error: BaseException) -> str:
    """Type and message of an error in one line of at most 300 characters of message."""
    text = ' '.join(_message(error).split())
    if len(text) > _MOST_CHARACTERS:
        text = f'{text[:_MOST_CHARACTERS * 2 // 3]} ... {text[-_MOST_CHARACTERS // 3:]}'
    return f'{type(error).__name__}{f": {text}" if text else ""}'


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as another:  # a class of the user
        return f'its message cannot be printed ({type(another).__name__})'
    return ''.join(letter if letter.isprintable() or letter.isspace() else ascii(letter)[1:-1] for letter in text)


def _activity(error: BaseException) -> str:
    """What was being done, as :func:`distilpose.errors.while_doing` noted it."""
    activity = getattr(error, 'activity', None)
    return f'while {activity}: ' if activity else ''


def _recognise(error: Exception) -> str | None:
    """The sentence of the engine for failures of a machine, where the engine was imported."""
    failures = sys.modules.get('distilpose.engine.failures')
    if failures is None:
        return None
    try:
        known = failures.recognise(error)
    except Exception:  # of an exception that cannot be printed; the traceback has it
        return None
    is_lost = type(known).__name__ == 'LostProcess' and int(os.environ.get('WORLD_SIZE', '1')) < 2  # a server's
    return None if known is None or is_lost else str(known)


def place(error: BaseException, command_line: str) -> str:
    """Where the traceback is; it is written into a file of its own if no log of a run has it."""
    if is_shown():
        return 'The traceback is above.'
    file = getattr(error, 'traceback_file', None) or write(error, command_line=command_line)
    return f'The traceback is in {file}.' if file else f'{SHOW}=1 prints the traceback.'


def is_shown() -> bool:
    """Whether tracebacks are printed."""
    return os.environ.get(SHOW, '') not in ('', '0')


def write(error: BaseException, *, command_line: str) -> Path | None:
    """Writes the traceback of an error into a new file of the temporary folder, which keeps the 20 newest of a user.

    Returns:
        The file, or ``None`` if it cannot be written.
    """
    head = (f'{command_line}\ndistilpose {version()}, Python {sys.version.split()[0]}, in {_here()}, '
            f'{time.strftime("%Y-%m-%d %H:%M:%S")}\n\n')
    try:
        _remove_oldest(Path(tempfile.gettempdir()))
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix='.txt')
        with os.fdopen(descriptor, 'w', encoding='utf-8', errors='backslashreplace') as stream:
            stream.write(head + ''.join(traceback.format_exception(error)))
    except OSError:  # a full disk
        return None
    return Path(name)


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return 'a folder that was removed'


def _remove_oldest(folder: Path) -> None:
    files = [(file.stat().st_mtime_ns, file) for file in folder.glob(f'{_PREFIX}*.txt')
             if not hasattr(os, 'getuid') or file.lstat().st_uid == os.getuid()]
    for _, file in sorted(files)[:-_MOST_FILES + 1]:
        with contextlib.suppress(OSError):  # another process may have removed it
            file.unlink()

