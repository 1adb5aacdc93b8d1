"""Reports as text and as JSON."""

from __future__ import annotations

import json
import statistics
from typing import Any

from .ceilings import Ceilings
from .timing import Report


def as_text(report: Report) -> str:
    """A line for every way of working, and the parts of each."""
    width = max(map(len, report.seconds))
    last = report.compared_with
    lines = [*report.notes, f'{report.clock}; medians of {len(report.seconds[last])} runs, in turn']
    lines += [f'{name:{width}}  {_rate(report, name)}{_share_and_memory(report, name)}' for name in report.seconds]
    lines += [f'{name} is {report.ratio(name):.2f} times as fast as {last}' for name in report.seconds if name != last]
    if report.ceilings is not None:
        lines.append(_ceilings(report.ceilings))
    if report.memory is None:
        lines.append('Memory at the peak is not measured on this system.')
    for name, parts in report.details.items():
        lines += ['', f'{name}, milliseconds each', *(f'  {part:24} {value:7.3f}' for part, value in parts.items())]
    return '\n'.join(lines)


def as_json(report: Report) -> str:
    """All figures, with the runs."""
    figures: dict[str, Any] = dict(
        unit=report.unit, clock=report.clock, notes=report.notes,
        per_second={name: report.rate(name) for name in report.seconds}, compared_with=report.compared_with,
        times_as_fast={name: report.ratio(name) for name in report.seconds if name != report.compared_with},
        seconds=report.seconds, milliseconds_of_parts=report.details, bytes_added_at_peak=report.memory)
    if report.ceilings is not None:
        figures |= dict(
            flops=report.flops, share_of_matmul_ceiling={name: report.share(name) for name in report.seconds},
            ceilings=dict(matmul_flops_per_second=report.ceilings.matmul, copy_bytes_per_second=report.ceilings.copy))
    return json.dumps(figures, indent=2)


def _rate(report: Report, name: str) -> str:
    seconds = report.seconds[name]
    return (f'{_significant(report.rate(name)):>8} {report.unit}/s  {1e3 * statistics.median(seconds):8.3f} ms each  '
            f'(runs {1e3 * min(seconds):.3f} to {1e3 * max(seconds):.3f} ms)')


def _share_and_memory(report: Report, name: str) -> str:
    share, memory = report.share(name), (report.memory or {}).get(name)
    return ((f'  {100 * share:.0f} % of the ceiling' if share is not None else '')
            + (f'  +{memory / 1e6:,.0f} MB at the peak' if memory is not None else ''))


def _significant(rate: float) -> str:
    """With three digits at least."""
    return f'{rate:.{0 if rate >= 100 else 1 if rate >= 10 else 2}f}'


def _ceilings(found: Ceilings) -> str:
    products = ', '.join(f'{rate / 1e9:,.0f} GFLOP/s in {dtype}' for dtype, rate in found.matmul.items())
    return f'ceilings: matrix products {products}; copying {found.copy / 1e9:,.1f} GB/s, read and written'
