"""The console command ``distilpose``."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

from .checkpoints import CONVERT, TRANSFER
from .comparing import COMPARE
from .data import QUICKSTART, SYNTHESIZE
from .doctor import DOCTOR
from .exporting import EXPORT
from .initialising import INIT
from .labelling import LABEL
from .machine import version
from .measuring import BENCHMARK, FLOPS
from .predicting import PREDICT
from .training import CHECK, TEST, TRAIN

COMMANDS = dict(
    init=INIT, train=TRAIN, test=TEST, predict=PREDICT, label=LABEL, check=CHECK, quickstart=QUICKSTART,
    compare=COMPARE, export=EXPORT, convert=CONVERT, transfer=TRANSFER, flops=FLOPS, benchmark=BENCHMARK,
    synthesize=SYNTHESIZE, doctor=DOCTOR)
"""Name on the command line -> command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first word names; returns the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    name = argv[0] if argv else None
    if name in COMMANDS:
        return COMMANDS[name].main(argv[1:], program=f'distilpose {name}')
    if name in ('-h', '--help'):
        print(overview())
        return 0
    if name == '--version':
        print(f'distilpose {version()}')
        return 0
    if name is None:
        print(overview(), file=sys.stderr)
    else:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f'did you mean {close[0]}?' if close else f'expected one of {", ".join(COMMANDS)}'
        print(f'distilpose: there is no command {name!r}; {hint}', file=sys.stderr)
    return 2


def overview() -> str:
    """The help: every command in a line."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f'  {name:{width}}{command.summary}' for name, command in COMMANDS.items()]
    return '\n'.join(['usage: distilpose COMMAND [arguments]', '', 'Distil 2D human pose estimators.', '', *lines, '',
                      'distilpose COMMAND --help lists the arguments, distilpose --version prints the version.'])
