"""A command: its options, what is checked before anything heavy is imported, and the exit code."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .launcher import end_with_launcher

_FAILED, _WRONG_INPUT, _INTERRUPTED = 1, 2, 130
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_SECONDS_FOR_THE_FIRST_PROCESS = 10

LAUNCHERS = ('none', 'pytorch', 'slurm')
"""Those of :mod:`distilpose.engine`."""


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
    """What is printed after Ctrl-C; ``{command}`` in it repeats the call."""
    program: str | None = None
    """The name in the usage and before messages, where that is not the script's file name."""
    details: str = ''
    """Further sentences for the help."""
    epilog: str | None = None
    """The end of the help."""

    def build_parser(self, program: str | None = None) -> argparse.ArgumentParser:
        """The options.

        Args:
            program: the name in the usage and before messages.
        """
        parser = argparse.ArgumentParser(prog=program or self.program or os.path.basename(sys.argv[0]),
                                         description=f'{self.summary} {self.details}', epilog=self.epilog)
        self.add_arguments(parser)
        return parser

    def main(self, arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
        """Reads the arguments, checks and runs.

        Args:
            arguments: those of the process by default.
            program: how the console calls this command, for instance ``distilpose train``.

        Returns:
            The exit code: 0, 2 for wrong input, 130 when interrupted, or the command's own.

        Raises:
            SystemExit: after ``--help`` (0), and for options that do not exist (2).
        """
        end_with_launcher()
        words = list(sys.argv[1:] if arguments is None else arguments)
        parser = self.build_parser(program)
        args = parser.parse_args(words)
        args.command_line = f'{program or self.script} {shlex.join(words)}'.rstrip()

        def check_and_run() -> int | None:
            self.check(args)
            return self.run(args)

        return run_tool(check_and_run, program=parser.prog,
                        interrupted=self.interrupted.format(command=args.command_line))


def run_tool(action: Callable[[], int | None], *, program: str, interrupted: str) -> int:
    """Runs a command; prints wrong input as a sentence.

    Of several processes on a machine the first prints; the others wait a moment, in which they are usually ended.

    Args:
        action: the command; it may return an exit code.
        program: goes before the sentence.
        interrupted: is printed after Ctrl-C.

    Returns:
        The exit code: that of the action or 0, 2 for wrong input, 1 for a run that failed, 130 when interrupted.
    """
    try:
        return action() or 0
    except KeyboardInterrupt:
        if is_first_local_process():
            print(interrupted, file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        if not _is_wrong_input(error):
            full = _describe_disk_error(error)
            if full is None:
                raise
            print(f'{program}: {full}', file=sys.stderr, flush=True)
            return _FAILED
        if not is_first_local_process():
            time.sleep(_SECONDS_FOR_THE_FIRST_PROCESS)
        print(f'{program}: {error}', file=sys.stderr, flush=True)
        return getattr(error, 'exit_code', _WRONG_INPUT)


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


def is_first_local_process() -> bool:
    """Whether this is the only process or the first one on its machine; known before processes are connected."""
    return int(os.environ.get('LOCAL_RANK', os.environ.get('SLURM_LOCALID', '0'))) == 0


class OptionsAction(argparse.Action):
    """Collects ``KEY=VALUE`` words into a dictionary of strings, which :func:`read_options` reads."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[Any] | None, option_string: str | None = None) -> None:
        """Adds the words to those of earlier uses of the option."""
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


def read_options(args: argparse.Namespace) -> dict[str, Any]:
    """The values of ``--cfg-options``, as :func:`distilpose.config.parse_value` reads them."""
    from distilpose.config import parse_value

    return {key: parse_value(text) for key, text in (args.cfg_options or {}).items()}
