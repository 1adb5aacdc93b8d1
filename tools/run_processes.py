"""``torchrun`` whose own traceback does not bury what a failed process said; the same arguments."""

from __future__ import annotations

import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import get_args_parser, run

_ENDED_BY_SIGNAL = 128  # plus the signal's number is how shells report it


def main() -> int:
    """Runs the processes; returns the exit code of the first that failed, 0 if none did."""
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
