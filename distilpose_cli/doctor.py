"""Facts about a machine for a bug report: ``distilpose doctor``.

It imports ``distilpose`` as one of its checks, so that it also reports where that is what fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

from . import machine
from .checks import OPTIONAL, REQUIRED, Check, Unusable
from .command import Command

_WIDTH = 120


@dataclass(frozen=True)
class Part:
    """What a check found."""

    name: str
    required: bool
    works: bool
    note: str
    """A version, what it is used for, or why it does not work."""


def examine() -> dict[str, Any]:
    """Examines this machine; nothing is raised for a broken part.

    Returns:
        What ``--json`` prints: ``versions``, ``machine``, ``devices``, ``parts``, ``replaced`` and ``variables``.
    """
    with redirect_stdout(sys.stderr), warnings.catch_warnings():  # for what the host prints
        warnings.simplefilter('ignore')
        parts = [run(name, check, required=required)
                 for required, checks in ((True, REQUIRED), (False, OPTIONAL)) for name, check in checks.items()]
        return dict(versions=machine.versions(), machine=machine.processor(), devices=machine.devices(),
                    parts=[asdict(part) for part in parts], replaced=host_table(), variables=machine.variables())


def run(name: str, check: Check, *, required: bool) -> Part:
    """Runs a check; whatever it raises is the reason why the part does not work, in a line."""
    try:
        return Part(name, required, True, check())
    except Unusable as error:
        return Part(name, required, False, str(error))
    except Exception as error:  # a broken library may raise anything
        reason = ' '.join(str(error).split()) or 'no further reason'
        return Part(name, required, False, f'{type(error).__name__}: {reason}')


def host_table() -> list[dict[str, Any]]:
    """Everything that is replaced in the host, with its state here; empty where ``distilpose`` cannot be imported."""
    try:
        from distilpose.host import rows
    except Exception:  # reported by the check of distilpose
        return []
    return [dict(kind=row.replacement.kind, state=row.state, targets=list(row.replacement.targets)) for row in rows()]


def as_text(found: dict[str, Any]) -> str:
    """What was found, for people."""
    lines = ['Versions', *_pairs(found['versions']), '', 'Machine', *_pairs({**found['machine'], **found['devices']}),
             '', 'Parts']
    width = max(len(part['name']) for part in found['parts'])
    for part in found['parts']:
        state = 'works' if part['works'] else 'BROKEN' if part['required'] else 'no'
        lines += _wrapped(f'  {part["name"]:{width}}  {state:6}  ', part['note'])
    lines += ['', 'Environment variables', *(_pairs(found['variables']) or ['  none that matters here'])]
    if found['replaced']:
        lines += ['', 'Replaced in mmpose, mmengine, mmcv and torchvision (python -m distilpose.host: why)']
        for row in found['replaced']:
            lines += _wrapped(f'  {row["kind"]:7}  {row["state"]:11}  ', ', '.join(row['targets']))
    broken = [part['name'] for part in found['parts'] if part['required'] and not part['works']]
    verdict = f'Required and broken: {", ".join(broken)}.' if broken else 'All that is required works.'
    return '\n'.join([*lines, '', verdict])


def _pairs(values: dict[str, Any]) -> list[str]:
    width = max(map(len, values), default=0)
    return [line for name, value in values.items() for line in _wrapped(f'  {name:{width}}  ', str(value))]


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=' ' * len(head),
                         break_on_hyphens=False) or [head.rstrip()]


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _doctor(args: argparse.Namespace) -> int:
    found = examine()
    print(json.dumps(found, indent=2) if args.json else as_text(found))
    return int(any(part['required'] and not part['works'] for part in found['parts']))


DOCTOR = Command(
    'Print what a bug report needs: versions, devices, and whether every part works.', script='distilpose doctor',
    add_arguments=_add_doctor, run=_doctor, imports_package=False,
    details='The exit code is 1 if a part that is required is broken.')
