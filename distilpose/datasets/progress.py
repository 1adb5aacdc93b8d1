"""How far the work is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar('Item')
_SECONDS_BETWEEN_LINES = 10.0


def tracked(items: Iterable[Item], *, total: int | None, description: str, unit: str = 'images') -> Iterator[Item]:
    """The items, with their rate and the time left, where their number is known, on standard error."""
    return (_with_bar if sys.stderr.isatty() else _with_lines)(items, total, description, unit)


def _with_bar(items: Iterable[Item], total: int | None, description: str, unit: str) -> Iterator[Item]:
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[rate]}'),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total, rate='')
        start = time.monotonic()
        for done, item in enumerate(items, start=1):
            progress.update(task, advance=1, rate=f'{done / max(time.monotonic() - start, 1e-6):.3g} {unit}/s')
            yield item


def _with_lines(items: Iterable[Item], total: int | None, description: str, unit: str) -> Iterator[Item]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        now = time.monotonic()
        if done == total or now - last >= _SECONDS_BETWEEN_LINES:
            rate = done / max(now - start, 1e-6)
            of_all = '' if total is None else f' of {total}'
            left = '' if total is None else f', {max(total - done, 0) / rate:.0f} s left'
            print(f'{description}: {done}{of_all}, {rate:.3g} {unit}/s{left}', file=sys.stderr, flush=True)
            last = now
        yield item
