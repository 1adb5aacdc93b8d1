"""One table for the terminal and for Markdown."""

from __future__ import annotations

import io

from rich.console import Console

from distilpose.compare.formatting import model_table
from distilpose.report import Table
from tests.compare.summaries import make_summary


def on_terminal(table: Table, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(table.terminal())
    return stream.getvalue()


def test_both_hold_the_same_cells() -> None:
    table = Table(['model', 'AP'], [['a', '1.0'], ['b|c', '2.0']], bold=1)
    assert table.markdown() == '| model | AP |\n| --- | ---: |\n| a | 1.0 |\n| b/c | 2.0 |'
    assert all(text in on_terminal(table, 80) for text in ('model', 'AP', 'b|c', '2.0'))


def test_a_comparison_fits_a_narrow_terminal() -> None:
    summary = make_summary(seeds=(0, ))
    for ranges in summary['over_seeds'].values():
        for entry in ranges.values():
            entry['high'] = entry['low']
    summary['models']['distilled']['title'] = 'student distilled'
    assert '…' not in on_terminal(model_table(summary), 80)
