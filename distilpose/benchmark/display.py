"""Reports as text and as JSON."""

from __future__ import annotations

import json
import statistics

from .timing import Report


def as_text(report: Report) -> str:
    """A line for every way of working, and the parts of each."""
    width = max(map(len, report.seconds))
    first, *others = report.seconds
    lines = [f'{report.clock}; medians of {len(report.seconds[first])} runs, in turn']
    for name, seconds in report.seconds.items():
        lines.append(f'{name:{width}}  {report.rate(name):8.1f} {report.unit}/s  '
                     f'{1e3 * statistics.median(seconds):8.3f} ms each  (runs {1e3 * min(seconds):.3f} to '
                     f'{1e3 * max(seconds):.3f} ms)')
    lines += [f'{first} is {report.ratio(name):.2f} times as fast as {name}' for name in others]
    for name, parts in report.details.items():
        lines += ['', f'{name}, milliseconds each', *(f'  {part:24} {value:7.3f}' for part, value in parts.items())]
    return '\n'.join(lines)


def as_json(report: Report) -> str:
    """All figures, with the runs."""
    return json.dumps(dict(
        unit=report.unit, clock=report.clock,
        per_second={name: report.rate(name) for name in report.seconds},
        times_as_fast_as={name: report.ratio(name) for name in list(report.seconds)[1:]},
        seconds=report.seconds, milliseconds_of_parts=report.details), indent=2)
