"""``torchrun`` whose own traceback does not hide the message of a failed process; the same arguments."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from distilpose_cli.command import run_tool
from distilpose_cli.launcher import LAUNCHER
from distilpose_cli.machines import check_machines
from distilpose_cli.training import TEST, TRAIN

_ENDED_BY_SIGNAL = 128  # plus the signal's number is how shells report it
_FORWARDED = 'SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1'
_SECONDS_FOR_SAVING = 300
_LOG_LEVEL = 'TORCH_CPP_LOG_LEVEL'
_COMMANDS = {'train.py': TRAIN, 'test.py': TEST}


def check(argv: Sequence[str]) -> int:
    """Checks the arguments of the script that will run, before torch is imported; returns the exit code."""
    place = next((place for place, word in enumerate(argv) if Path(word).name in _COMMANDS), None)
    if place is None:
        return 0
    program = Path(argv[place]).name
    command = _COMMANDS[program]
    args = command.build_parser(program).parse_args(argv[place + 1:])

    def check_all() -> None:
        command.check(args)
        check_machines(argv[:place])

    return run_tool(check_all, program=program, interrupted=command.interrupted)


def describe(rank: int, code: int) -> str:
    """Which process died of what.

    Args:
        rank: of the process.
        code: its exit code; negative for a signal.
    """
    if code > 0:
        return f'Process {rank} was the first to fail, with exit code {code}.'
    cause = {
        signal.SIGKILL: ', most likely by the system because memory ran out: use smaller batches or fewer workers, or '
                        'give the job more memory',
        signal.SIGBUS: ', most likely because the shared memory (/dev/shm) is full: give the container more',
        signal.SIGSEGV: ', a crash of a library',
    }.get(signal.Signals(-code), '')
    return (f'Process {rank} was killed by {signal.Signals(-code).name}{cause}. The others were ended. To go on from '
            'the last checkpoint of a training, repeat the command with --resume.')


def main() -> int:
    """Runs the processes; returns the exit code of the first that failed, 0 if none did."""
    code = check(sys.argv[1:])
    if code:
        return code
    is_chosen = _LOG_LEVEL in os.environ
    os.environ.setdefault(_LOG_LEVEL, 'FATAL')  # of this process alone: what is logged is raised too, without stacks
    from torch.distributed import DistError
    from torch.distributed.elastic.multiprocessing import api
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import get_args_parser, run

    if not is_chosen:
        del os.environ[_LOG_LEVEL]
    os.environ[LAUNCHER] = str(os.getpid())
    arguments = get_args_parser().parse_args()
    arguments.signals_to_handle, arguments.shutdown_timeout = _FORWARDED, _SECONDS_FOR_SAVING
    # When a process has died, the others cannot go on. This ends them at once, also where they wait for it in a
    # library, and unlike SIGTERM, on which a training saves and stops. A row of distilpose/host/table.py.
    setattr(api, '_get_default_signal', lambda: signal.SIGUSR2)  # noqa: B010
    for name in ('agent.server.api', 'multiprocessing.api'):  # they repeat messages of the processes
        logging.getLogger(f'torch.distributed.elastic.{name}').setLevel(logging.CRITICAL)
    try:
        run(arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        code = failure.exitcode if failure.exitcode > 0 else _ENDED_BY_SIGNAL - failure.exitcode
        if failure.exitcode < 0 or code < _ENDED_BY_SIGNAL:  # otherwise it has printed itself that a signal stopped it
            print(describe(rank, failure.exitcode), file=sys.stderr)
        return code
    except DistError as error:  # machines did not meet
        print(f'The machines did not meet ({str(error).splitlines()[0]}); start the same command on all NNODES of '
              'them, each with its NODE_RANK and with the MASTER_ADDR and PORT of the first.', file=sys.stderr)
        return 1
    except api.SignalException as error:
        return _ENDED_BY_SIGNAL + error.sigval
    return 0


if __name__ == '__main__':
    sys.exit(main())
