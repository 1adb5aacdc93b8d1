"""The lock of a work directory: one training at a time writes into it."""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..checkpoints.writing import is_alive
from ..errors import DistilPoseError
from .work_dir import require_folder

FILE = '.training.lock'
SECONDS_BETWEEN_SIGNS = 30.0
SECONDS_WITHOUT_SIGN, SECONDS_SINCE_BOOT = 300.0, 90.0
"""After which a lock of another machine, whose processes cannot be seen from here, counts as left behind; and one of a
machine of this name before its last boot, which another machine may have too."""
_CANNOT_LINK = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_SECONDS_TO_CONFIRM = 0.2


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock."""

    pid: int
    start: str
    """Of the process, in the kernel's clock, since numbers of processes are used again; empty where it is unknown."""
    namespace: str
    """In which the number counts; that of another container is another one."""
    kernel: str
    """Changes with every boot."""
    host: str
    user: str
    command: str
    since: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(os.getpid(), _start(os.getpid()) or '', _namespace(), _kernel(), socket.gethostname(), _user(),
                   shlex.join(sys.argv)[:200], time.strftime('%Y-%m-%d %H:%M:%S'))

    def __str__(self) -> str:
        return f'process {self.pid} of {self.user} on {self.host} ({self.command}), since {self.since}'


@contextmanager
def locked(folder: Path, *, by_this_process: bool = True) -> Iterator[None]:
    """Holds the lock of a work directory, which is created if it is missing, and removed again if it stays empty.

    The lock is a file that appears whole or not at all, so that of two trainings that start at once one gets it, also
    on a network's file system without locks. It names its owner, and is touched while held. A lock that was left
    behind by a process that was killed is replaced.

    Args:
        folder: the work directory.
        by_this_process: false in all processes of a training but the first, which do nothing.

    Raises:
        DistilPoseError: another training holds it; the message names it, its start, and what to do.
    """
    if not by_this_process:
        yield
        return
    require_folder(folder, name='--work-dir')
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = _acquire(folder / FILE)
    except OSError as error:
        raise DistilPoseError(f'the work directory {folder} cannot be locked for this training: {error.strerror}; name '
                              'another --work-dir, or make this one writable') from error
    ended = threading.Event()
    thread = threading.Thread(target=_give_signs, args=(folder / FILE, ended), name='lock', daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _release(folder / FILE, held)
        for path in created:
            try:
                path.rmdir()
            except OSError:  # it is in use
                break


def _acquire(file: Path) -> int:
    """Makes the lock file; returns a descriptor that holds ``flock`` on it, for other containers on this machine."""
    part = file.with_name(f'{FILE}.{socket.gethostname()}.{os.getpid()}')
    text = json.dumps(asdict(Owner.current()), indent=2)
    try:
        part.write_text(text, encoding='utf-8')
        now = part.stat().st_mtime  # of the file system's clock, as the signs are
        replaces = False
        while not _link(part, file):
            found = _read(file)
            if found is None:
                continue  # it was given back
            _refuse_if_held(file, found, now=now)
            replaces |= _remove_abandoned(file, found)
        if replaces:
            time.sleep(_SECONDS_TO_CONFIRM)  # another process may have taken this lock for the abandoned one
        descriptor = os.open(file, os.O_RDWR)
    finally:
        part.unlink(missing_ok=True)
    with suppress(OSError):  # no such locks here
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    found = _read(file)
    if found != text:
        os.close(descriptor)
        raise DistilPoseError(_describe(file, found or ''))
    return descriptor


def _link(part: Path, file: Path) -> bool:
    """Gives a file its name if that is free; where there are no links, the name is taken first and filled then."""
    try:
        os.link(part, file)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        try:
            with file.open('x', encoding='utf-8') as stream:
                stream.write(part.read_text(encoding='utf-8'))
        except FileExistsError:
            return False
    return True


def _read(file: Path) -> str | None:
    """The text of a lock, ``None`` if there is none."""
    try:
        return file.read_text(encoding='utf-8', errors='replace')
    except FileNotFoundError:
        return None


def _remove_abandoned(file: Path, text: str) -> bool:
    """Removes a lock of this text; whether that was done. The lock of a faster process is put back."""
    aside = file.with_name(f'{FILE}.{socket.gethostname()}.{os.getpid()}.left')
    if _read(file) != text:
        return False
    try:
        file.rename(aside)
    except FileNotFoundError:
        return False
    is_abandoned = _read(aside) == text
    if not is_abandoned:
        _link(aside, file)
    aside.unlink()
    return is_abandoned


def _refuse_if_held(file: Path, text: str, *, now: float) -> None:
    """Raises if the owner of a lock still works, or may.

    Raises:
        DistilPoseError: names it.
    """
    try:
        silent = now - file.stat().st_mtime
        owner = _parse(text)
        if owner is None or owner.kernel != _kernel():
            is_held = silent < _patience(owner)
        elif owner.namespace == _namespace():
            is_held = is_running(owner.pid, owner.start)
        else:
            is_held = _has_flock(file)
    except FileNotFoundError:  # given back meanwhile
        return
    if is_held:
        raise DistilPoseError(_describe(file, text, silent=silent))


def _describe(file: Path, text: str, *, silent: float = 0.0) -> str:
    """The sentence for a work directory that is in use."""
    owner = _parse(text)
    sentence = f'{file.parent} is in use by another training: {owner or "its lock does not name it"}. Wait for its end'
    if owner is not None and owner.kernel == _kernel():
        return f'{sentence}, end it, or name another --work-dir'
    return (f'{sentence}, or name another --work-dir. Its last sign of life is {max(silent, 0):.0f} s old, and after '
            f'{_patience(owner):.0f} s without one it counts as ended; if you know that it has, delete {file}')


def _patience(owner: Owner | None) -> float:
    """Seconds without a sign of an owner that cannot be seen."""
    is_of_this_name = owner is not None and owner.host == socket.gethostname()
    return SECONDS_SINCE_BOOT if is_of_this_name else SECONDS_WITHOUT_SIGN


def _parse(text: str) -> Owner | None:
    try:
        return Owner(**json.loads(text))
    except (ValueError, TypeError):  # being written, or of another program
        return None


def _has_flock(file: Path) -> bool:
    """Whether a process of this machine holds ``flock`` on a file, or there are no such locks here."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _give_signs(file: Path, ended: threading.Event) -> None:
    """Touches the lock until its training ends."""
    while not ended.wait(SECONDS_BETWEEN_SIGNS):
        with suppress(OSError):  # the file server is away; the next time counts
            os.utime(file)


def _release(file: Path, descriptor: int) -> None:
    """Removes the lock, unless it is not this process's any more."""
    with suppress(OSError):
        if os.path.samestat(file.stat(), os.fstat(descriptor)):
            file.unlink()
    os.close(descriptor)


def is_running(pid: int, start: str) -> bool:
    """Whether a process of this number runs, and is the one that started then."""
    if sys.platform == 'linux':
        found = _start(pid)
        return found is not None and (not start or found == start)
    return is_alive(pid)


def _start(pid: int) -> str | None:
    """When a process started, in ticks since the boot; ``None`` for one that ended, or where it is unknown."""
    try:
        fields = Path(f'/proc/{pid}/stat').read_text(errors='replace').rpartition(') ')[2].split()
    except OSError:
        return None
    return None if fields[0] in 'ZX' else fields[19]  # 3 and 22 in proc(5), which counts from 1


def _namespace() -> str:
    try:
        return os.readlink('/proc/self/ns/pid')
    except OSError:
        return ''


def _kernel() -> str:
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return socket.gethostname()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, in a container
        return f'user {os.getuid()}'
