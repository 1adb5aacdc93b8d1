"""A command: its options, what is checked before anything heavy is imported, and the exit code."""

from __future__ import annotations

import argparse
import errno
import gc
import importlib
import os
import select
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from . import tracebacks
from .launcher import end_with_launcher

_FAILED, _WRONG_INPUT, _ENDED_BY_SIGNAL = 1, 2, 128
_SIGNALS = ('SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP')
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_SECONDS_FOR_THE_FIRST_PROCESS = 10
_SECONDS_UNTIL_DELIVERED_AGAIN = 0.01
_SECONDS_BEFORE_AN_END = 1

FAST = ('auto', 'off', 'float32', 'bfloat16', 'float16')
"""Those of :mod:`distilpose.models.fast_settings`."""
LAUNCHERS = ('none', 'pytorch', 'slurm')
"""Those of :mod:`distilpose.engine`."""


EXIT_CODES = (f'Exit codes: 0 done, 1 a fault while it ran, 2 wrong input, 128 + N ended by signal N. '
              f'{tracebacks.SHOW}=1 prints tracebacks.')
"""The end of every help."""
COMMAND_VARIABLE = 'DISTILPOSE_COMMAND'
"""Environment variable: the command that started the processes, where it is another one than theirs."""


class Terminated(KeyboardInterrupt):
    """A signal that ends a command as Ctrl-C does.

    Args:
        received: the signal.
    """

    def __init__(self, received: signal.Signals) -> None:
        super().__init__()
        self.received = received


class WrongInput(Exception):
    """Wrong input that is found without ``distilpose``: what was found, what was expected, what to change."""


def _accept(args: argparse.Namespace) -> None:
    """Checks nothing."""


@dataclass(frozen=True)
class Command:
    """A command of the console and the script of the same job in ``tools/``."""

    summary: str
    """What it does, a short sentence."""
    script: str
    """How the script is called, for instance ``python tools/train.py``."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
    """Does the work; the first to import ``distilpose``. It may return an exit code.

    The namespace has ``command_line`` too, which repeats the call in a shell.
    """
    check: Callable[[argparse.Namespace], None] = _accept
    """Raises :class:`WrongInput` for what can be known before ``distilpose`` is imported."""
    interrupted: str = 'Interrupted.'
    """What is printed after Ctrl-C and other signals; ``{command}`` in it repeats the call."""
    resume: str = ''
    """The option with which the same call resumes from a checkpoint, for instance ``--resume``."""
    program: str | None = None
    """The name in the usage and before messages, where that is not the script's file name."""
    details: str = ''
    """Further sentences for the help."""
    epilog: str | None = None
    """The end of the help."""
    imports_package: bool = True
    """Whether ``run`` imports ``distilpose``."""
    intermixed: bool = False
    """Whether options may stand between the values of one list of arguments."""

    def build_parser(self, program: str | None = None) -> argparse.ArgumentParser:
        """The options.

        Args:
            program: the name in the usage and before messages.
        """
        parser = argparse.ArgumentParser(prog=program or self.program or os.path.basename(sys.argv[0]),
                                         description=f'{self.summary} {self.details}',
                                         epilog=f'{self.epilog or ""} {EXIT_CODES}'.strip())
        self.add_arguments(parser)
        return parser

    def main(self, arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
        """Reads the arguments, checks and runs.

        Args:
            arguments: those of the process by default.
            program: how the console calls this command, for instance ``distilpose train``.

        Returns:
            The exit code: 0, 2 for wrong input, 1 for a fault, 130 when interrupted, or the command's own.

        Raises:
            SystemExit: after ``--help`` (0), and for options that do not exist (2).
        """
        end_with_launcher()
        argv = list(sys.argv[1:] if arguments is None else arguments)
        parser = self.build_parser(program)
        args = (parser.parse_intermixed_args if self.intermixed else parser.parse_args)(argv)
        args.command_line = os.environ.get(COMMAND_VARIABLE) or f'{program or self.script} {shlex.join(argv)}'.rstrip()

        def check_and_run() -> int | None:
            self.check(args)
            if self.imports_package:
                import_package()
            return self.run(args)

        return run_tool(check_and_run, program=parser.prog,
                        interrupted=self.interrupted.replace('{command}', args.command_line),
                        resume=resuming(args.command_line, self.resume) if self.resume else None,
                        command_line=args.command_line)


def import_package() -> None:
    """Imports ``distilpose`` and has the garbage collector pass over it; mmengine starts it for every data set."""
    if 'distilpose' not in sys.modules:
        importlib.import_module('distilpose')
        gc.freeze()


def resuming(command_line: str, option: str) -> str:
    """A command line with an option that takes at most one value and is given without one, once."""
    arguments = shlex.split(command_line)
    kept = [value for place, value in enumerate(arguments) if not (
        value == option or value.startswith(f'{option}=')
        or (place and arguments[place - 1] == option and not value.startswith('-')))]
    return shlex.join([*kept, option])


def run_tool(action: Callable[[], int | None], *, program: str, interrupted: str, resume: str | None = None,
             command_line: str = '') -> int:
    """Runs a command; prints wrong input, a failure of the machine, and the end by a signal as a sentence.

    Every other exception is one line with the file of its traceback, see :mod:`distilpose_cli.tracebacks`.
    Of several processes on a machine the first prints; the others wait a moment, in which they are usually ended.

    Args:
        action: the command; it may return an exit code.
        program: goes before the sentence.
        interrupted: is printed after Ctrl-C and other signals.
        resume: the command that resumes from a checkpoint.
        command_line: repeats the call in a shell; goes into the file of a traceback.

    Returns:
        The exit code: that of the action or 0, 2 for wrong input, 1 for a run that failed, 128 and the number of the
        signal that ended it: 130 for Ctrl-C, 143 for SIGTERM.
    """
    stop: KeyboardInterrupt | None = None
    with _signals_as_exceptions() as received:
        try:
            return action() or 0
        except KeyboardInterrupt as error:
            stop = error
        except Exception as error:
            failure = error
            if received:  # a signal that ended other processes too, which is where the error comes from
                stop = Terminated(received[0])
    # From here on a signal ends the process without a word, such as that of a launcher which ends the others.
    if stop is not None:
        return _end_at_signal(stop, interrupted=interrupted, resume=resume)
    if isinstance(failure, BrokenPipeError) and _has_no_reader(sys.stdout):  # as of "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return _ENDED_BY_SIGNAL + getattr(signal, 'SIGPIPE', 13)
    if tracebacks.is_shown():
        traceback.print_exception(failure)
    sentence, code = _describe(failure, resume=resume, command_line=command_line or program)
    if not is_first_local_process() or _is_about_another_process(failure):
        time.sleep(_SECONDS_FOR_THE_FIRST_PROCESS)
    print(f'{program}: {sentence}', file=sys.stderr, flush=True)
    return code


def _describe(error: Exception, *, resume: str | None, command_line: str) -> tuple[str, int]:
    """What is printed of an error, and the exit code."""
    if _is_wrong_input(error):
        end = '' if str(error).endswith(('.', '?')) else '.'
        where = f'{end} {tracebacks.place(error, command_line)}' if getattr(error, 'keeps_traceback', False) else ''
        return f'{error}{where}{_way_on(error, resume)}', getattr(error, 'exit_code', _WRONG_INPUT)
    full = _describe_disk_error(error)
    if full is not None:
        return full, _FAILED
    described = tracebacks.describe(error, command_line=command_line)
    return described.sentence, described.exit_code


def _has_no_reader(stream: TextIO) -> bool:
    """Whether whoever read this output has closed it."""
    if not hasattr(select, 'poll'):
        return False
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):  # a stream without a file
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _end_at_signal(stop: KeyboardInterrupt, *, interrupted: str, resume: str | None) -> int:
    """Prints how to resume; returns the exit code."""
    received = getattr(stop, 'received', signal.SIGINT)
    if is_first_local_process():
        name = '' if received == signal.SIGINT else f'Received {received.name}. '
        print(f'{stop}{_way_on(stop, resume) or f" {interrupted}"}' if str(stop) else f'{name}{interrupted}',
              file=sys.stderr, flush=True)
    else:
        time.sleep(_SECONDS_BEFORE_AN_END)
    return _ENDED_BY_SIGNAL + received


def _way_on(error: BaseException, resume: str | None) -> str:
    return f' To go on: {resume}' if resume and getattr(error, 'checkpoint', None) else ''


@contextmanager
def _signals_as_exceptions() -> Iterator[list[signal.Signals]]:
    """Signals that would end the process without a word raise :class:`Terminated`, in the main thread.

    Yields:
        Those that were received.
    """
    received: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def end(number: int, _: Any) -> None:
        received.append(signal.Signals(number))
        if len(received) == 1:
            raise Terminated(received[0])
        for other in before:
            signal.signal(other, signal.SIG_DFL)  # what unwinds may take long: the third signal ends it

    def deliver_again(ignored: Any) -> None:
        if not isinstance(ignored.exc_value, Terminated):
            hook(ignored)
            return
        number = received[0]
        received.clear()
        threading.Timer(_SECONDS_UNTIL_DELIVERED_AGAIN, os.kill, (os.getpid(), number)).start()

    # Python ignores exceptions in destructors and callbacks of weak references, which garbage collection runs.
    hook, sys.unraisablehook = sys.unraisablehook, deliver_again
    before: dict[signal.Signals, Any] = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and not (name == 'SIGHUP' and signal.getsignal(number) is signal.SIG_IGN):  # nohup
            before[number] = signal.signal(number, end)
    try:
        yield received
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _describe_disk_error(error: BaseException | None) -> str | None:
    """A sentence for a disk that is full or read-only, whatever was written; ``None`` for other errors."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            file = error.filename or 'a file'
            return f'{file} cannot be written: {error.strerror}; make room, or name another folder'
        error = error.__cause__ or error.__context__
    return None


def _is_wrong_input(error: Exception) -> bool:
    errors = sys.modules.get('distilpose.errors')  # not raised if not imported
    return isinstance(error, WrongInput) or (errors is not None and isinstance(error, errors.DistilPoseError))


def _is_about_another_process(error: Exception) -> bool:
    errors = sys.modules.get('distilpose.errors')
    return errors is not None and isinstance(error, errors.LostProcess)


def is_first_local_process() -> bool:
    """Whether this is the only process or the first one on its machine; known before processes are connected."""
    return int(os.environ.get('LOCAL_RANK', os.environ.get('SLURM_LOCALID', '0'))) == 0


class OptionsAction(argparse.Action):
    """Collects ``KEY=VALUE`` arguments into a dictionary of strings, which :func:`read_options` reads."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[Any] | None, option_string: str | None = None) -> None:
        """Adds the arguments to those of earlier uses of the option."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for word in values or ():
            key, equals, value = word.partition('=')
            if not (key and equals):
                parser.error(f'{option_string} takes KEY=VALUE, for instance train_dataloader.batch_size=16; '
                             f'found {word!r}')
            options[key] = value
        setattr(namespace, self.dest, options)


def add_cfg_options(parser: argparse.ArgumentParser, help: str = 'values to change in the config') -> None:
    """Adds ``--cfg-options``."""
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help=help)


def add_fast(parser: argparse.ArgumentParser, what: str, *, default: str | None = 'off') -> None:
    """Adds ``--fast``, whose value is one of :data:`FAST`; by default the entry ``fast`` of the config for ``None``."""
    parser.add_argument('--fast', nargs='?', const='auto', choices=FAST, default=default,
                        help=f'{what}, in this type; auto, or --fast without a value, is bfloat16 where the machine '
                             f'multiplies it fast, else float32 (default: {default or "off, or by the config"})')


def read_options(args: argparse.Namespace) -> dict[str, Any]:
    """The values of ``--cfg-options``, as :func:`distilpose.config.parse_value` reads them."""
    from distilpose.config import parse_value

    return {key: parse_value(text) for key, text in (args.cfg_options or {}).items()}
