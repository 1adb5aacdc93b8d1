"""Benchmark results: rates, ratios, shares of the machine's ceilings and memory, as text and JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from typing import Any

from .machine import Ceilings


@dataclass(frozen=True)
class Report:
    """Results of a benchmark."""

    unit: str
    """What is counted, in the plural, such as ``images``."""
    seconds: dict[str, list[float]]
    """Variant -> seconds for one unit, of every run. The last variant is what the others are compared with."""
    clock: str
    """The clock, in words."""
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    """Variant -> section -> milliseconds for one unit."""
    flops: dict[str, dict[str, float]] = field(default_factory=dict)
    """Variant -> type -> FLOPs of its matrix products for one unit."""
    ceilings: Ceilings | None = None
    """The machine's best rates, where they were measured."""
    memory: dict[str, int] | None = field(default_factory=dict)
    """Variant -> bytes that a run adds at its peak; ``None`` where this system does not report them."""
    notes: list[str] = field(default_factory=list)
    """Sentences that belong to the figures."""

    def rate(self, name: str) -> float:
        """Units a second, by the median run."""
        return 1 / statistics.median(self.seconds[name])

    @property
    def compared_with(self) -> str:
        """The variant that the others are compared with."""
        return list(self.seconds)[-1]

    def ratio(self, name: str) -> float:
        """Speed of a variant relative to the last one: the median over the runs, each against its neighbour."""
        last = self.seconds[self.compared_with]
        return statistics.median(other / mine for mine, other in zip(self.seconds[name], last, strict=True))

    def share(self, name: str) -> float | None:
        """Share of the ceiling of matrix products that a variant reaches, by the median run; ``None`` if unknown."""
        if self.ceilings is None:
            return None
        return self.ceilings.share(self.flops.get(name, {}), statistics.median(self.seconds[name]))


def as_text(report: Report) -> str:
    """A line for every variant, and its sections."""
    width = max(map(len, report.seconds))
    last = report.compared_with
    lines = [*report.notes, f'{report.clock}; medians of {len(report.seconds[last])} runs, in turn']
    lines += [f'{name:{width}}  {_rate(report, name)}{_share_and_memory(report, name)}' for name in report.seconds]
    lines += [f'{name} is {report.ratio(name):.2f} times as fast as {last}' for name in report.seconds if name != last]
    if report.ceilings is not None:
        lines.append(_ceilings(report.ceilings))
    if report.memory is None:
        lines.append('Memory at the peak is not measured on this system.')
    for name, sections in report.details.items():
        lines += ['', f'{name}, milliseconds each']
        lines += [f'  {section:24} {value:7.3f}' for section, value in sections.items()]
    return '\n'.join(lines)


def as_json(report: Report) -> str:
    """All figures, including every run."""
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
    """At least three digits."""
    return f'{rate:.{0 if rate >= 100 else 1 if rate >= 10 else 2}f}'


def _ceilings(found: Ceilings) -> str:
    products = ', '.join(f'{rate / 1e9:,.0f} GFLOP/s in {dtype}' for dtype, rate in found.matmul.items())
    return f'ceilings: matrix products {products}; copying {found.copy / 1e9:,.1f} GB/s, read and written'
