"""``torchrun`` whose own traceback does not bury what a failed process said; the same arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.command import run_tool
from distilpose_cli.launcher import LAUNCHER
from distilpose_cli.training import TEST, TRAIN

_ENDED_BY_SIGNAL = 128  # plus the signal's number is how shells report it
_COMMANDS = {'train.py': TRAIN, 'test.py': TEST}


def check(words: Sequence[str]) -> int:
    """Checks the arguments of the script that will run, before torch is imported; returns the exit code."""
    place = next((place for place, word in enumerate(words) if Path(word).name in _COMMANDS), None)
    if place is None:
        return 0
    program = Path(words[place]).name
    command = _COMMANDS[program]
    args = command.build_parser(program).parse_args(words[place + 1:])
    return run_tool(lambda: command.check(args), program=program, interrupted=command.interrupted)


def main() -> int:
    """Runs the processes; returns the exit code of the first that failed, 0 if none did."""
    code = check(sys.argv[1:])
    if code:
        return code
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import get_args_parser, run

    os.environ[LAUNCHER] = str(os.getpid())
    try:
        run(get_args_parser().parse_args())
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f'Process {rank} was the first to fail, with exit code {failure.exitcode}.', file=sys.stderr)
        return failure.exitcode if failure.exitcode > 0 else _ENDED_BY_SIGNAL - failure.exitcode
    except SignalException as error:
        return _ENDED_BY_SIGNAL + error.sigval
    return 0


if __name__ == '__main__':
    sys.exit(main())
