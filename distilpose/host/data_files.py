"""JSON files of data sets, read as plain data: annotations and detected boxes.

mmengine's ``load`` chooses a reader by the end of a name, and its readers of pickles and YAML run code of the
file. Here a file is JSON, or an error names what it is instead. What a check has read is kept for the data set that
reads the file next, so that the 240 MB of COCO's training people are parsed once.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from distilpose.errors import DistilPoseError

KEYPOINT_FIELDS = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')
"""Lists of an annotation that hold x, y, visibility of one joint after the other."""
LOCAL_BACKENDS: tuple[Any, ...] = (None, {}, {'backend': 'local'})
"""Values of mmengine's ``backend_args`` with which files are those of this machine."""
_RUNS_CODE = {'.pkl': 'a pickle', '.pickle': 'a pickle', '.yaml': 'YAML', '.yml': 'YAML', '.joblib': 'a pickle'}
_BEGINNINGS = {b'\x80': 'a pickle', b'PK': 'a ZIP archive', b'\x1f\x8b': 'a gzip archive', b'\x89HDF': 'an HDF5 file',
               b'\x93NUMPY': 'an array of numpy'}
_KEPT: dict[str, tuple[tuple[int, ...], Any]] = {}
"""Path -> state of the file, and what was in it."""


def read_json(path: str | Path, *, keep: bool = False, loads: Callable[[bytes], Any] = json.loads) -> Any:
    """Reads a JSON file in UTF-8, with or without a byte order mark, UTF-16 or UTF-32.

    Args:
        path: the file.
        keep: hold the content for the next reader of the file, who gets this object.
        loads: parses the content, if it is not held.

    Raises:
        DistilPoseError: the file cannot be read or is not JSON; names what it is.
    """
    name = os.path.abspath(path)
    try:
        status = os.stat(name)
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        kept = _KEPT.pop(name, None)
        content = kept[1] if kept is not None and kept[0] == state else _parse(path, Path(name).read_bytes(), loads)
    except OSError as error:
        raise DistilPoseError(f'{path} cannot be read ({error.strerror or error})') from error
    if keep:
        _KEPT[name] = state, content
    return content


def forget_kept_files() -> None:
    """Lets go of what :func:`read_json` holds."""
    _KEPT.clear()


def forget(path: str | Path) -> None:
    """Lets go of one file that :func:`read_json` holds, if it does."""
    _KEPT.pop(os.path.abspath(path), None)


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """While open, Python does not look for garbage; plain data has no circles, and looking takes 40 % of a parse."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _parse(path: str | Path, data: bytes, loads: Callable[[bytes], Any]) -> Any:
    try:
        with without_garbage_collection():
            return loads(data)
    except (ValueError, RecursionError) as error:
        raise DistilPoseError(f'{path} is not JSON: {_describe(data, error)}') from error


def _describe(data: bytes, error: Exception) -> str:
    """What a file is that cannot be parsed."""
    text = data.lstrip(b'\xef\xbb\xbf \t\r\n')
    if not text:
        return f'it is empty ({len(data)} bytes)'
    if text[:1] == b'<':
        return 'it is a web page or XML, as a download leaves that was refused; get the file again'
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            return f'it is {kind}'
    if isinstance(error, UnicodeDecodeError):
        return f'its bytes are no text in UTF-8 (byte {error.start}); save it as UTF-8'
    if isinstance(error, RecursionError):
        return 'its brackets are nested too deeply'
    is_cut = isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith('Unterminated'))
    return f'it is cut off after {len(data)} bytes ({error}); get the file again' if is_cut else str(error)


def read_annotations(path: str | Path, *, keep: bool = False) -> dict[str, Any]:
    """Reads an annotation file of COCO's form; the joints that are not labelled have finite coordinates.

    A coordinate of an unlabelled joint (visibility 0) that is NaN, infinite or null becomes 0, as COCO writes it: a
    loss multiplies it by the weight 0, and 0 * NaN is NaN. The log has how many were.

    Args:
        path: the file.
        keep: as for :func:`read_json`.

    Raises:
        DistilPoseError: the file cannot be read, is not JSON, or holds something else than a dictionary.
    """
    return read_counted(path, keep=keep)[0]


def read_counted(path: str | Path, *, keep: bool = False, loads: Callable[[bytes], Any] = json.loads
                 ) -> tuple[dict[str, Any], int]:
    """As :func:`read_annotations`, and how many coordinates became 0; ``loads`` as for :func:`read_json`."""
    content = read_json(path, keep=keep, loads=loads)
    if not isinstance(content, dict):
        raise DistilPoseError(f'{path} is no annotation file in the format of COCO: it holds a '
                              f'{type(content).__name__}, and not a dict of images and annotations')
    return content, zero_unlabelled(content.get('annotations'), path)


@functools.cache
def warn_once(message: str) -> None:
    """Warns in the log, a message once a process."""
    print_log(message, 'current', logging.WARNING)


def zero_unlabelled(annotations: Any, path: str | Path) -> int:
    """Changes coordinates of unlabelled joints that are NaN, infinite or null to 0, in place, as annotations of a file.

    The log has how many were changed.

    Returns:
        How many.
    """
    count = sum(_zero_in(values) for values in _doubtful_lists(annotations)) if isinstance(annotations, list) else 0
    say_zeroed(count, path)
    return count


def say_zeroed(count: int, path: str | Path) -> None:
    """Logs how many coordinates of a file were changed to 0, if any were."""
    if count:
        warn_once(f'{count} coordinates in {path} are NaN, infinite or null and belong to joints that are not '
                   'labelled (visibility 0); they are taken as 0')


def _doubtful_lists(annotations: list[Any]) -> Iterator[list[Any]]:
    for annotation in annotations:
        for field in KEYPOINT_FIELDS if isinstance(annotation, Mapping) else ():
            values = annotation.get(field)
            if isinstance(values, list) and not are_finite(values):
                yield values


def are_finite(values: list[Any]) -> bool:
    """Whether all values of a list are finite numbers, by one pass in C."""
    try:
        return math.isfinite(sum(values))
    except (TypeError, OverflowError):
        return False


def first_not_finite(values: list[Any]) -> str:
    """The first value of a list of (x, y, visibility) that is no finite number, and its place, in words."""
    place, value = next((place, value) for place, value in enumerate(values) if not are_finite([value]))
    return f'{value!r:.60} as {("x", "y", "visibility")[place % 3]} of joint {place // 3}'


def _zero_in(values: list[Any]) -> int:
    count = 0
    for place in range(0, len(values) - 2, 3):
        visibility = values[place + 2]
        if isinstance(visibility, (int, float)) and visibility <= 0:
            for axis in (place, place + 1):
                if values[axis] is None or isinstance(values[axis], float) and not math.isfinite(values[axis]):
                    values[axis] = 0
                    count += 1
    return count


def refuse_code(path: str | Path) -> None:
    """Refuses a file by the end of its name if a reader of such files runs code.

    Raises:
        DistilPoseError: it is called a pickle or YAML.
    """
    kind = _RUNS_CODE.get(Path(path).suffix.lower())
    if kind:
        raise DistilPoseError(f'{path} is {kind}, and reading such a file runs code that it may contain; expected '
                              'JSON: if you trust the file, convert it (json.dump)')


def load(file: Any, file_format: str | None = None, **options: Any) -> Any:
    """mmengine's function of this name where mmpose reads annotations and boxes: local files are JSON.

    Raises:
        DistilPoseError: the file is something else.
    """
    import mmengine.fileio

    if isinstance(file, (str, Path)):
        refuse_code(file)
        if '://' not in str(file) and file_format in (None, 'json'):
            return read_json(file)
    if file_format not in (None, 'json') or Path(str(file)).suffix.lower() != '.json':
        raise DistilPoseError(f'{file} is to be read as {file_format or Path(str(file)).suffix or "no known format"}; '
                              'expected JSON')
    return mmengine.fileio.load(file, file_format, **options)
