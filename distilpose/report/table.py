"""The table of figures, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich import box
from rich.markup import escape as escape_markup
from rich.table import Table

from distilpose.errors import printable

from .figures import COLUMNS, ModelFigures


def figures_table(rows: Sequence[ModelFigures], *, title: str | None = None) -> Table:
    """A table for the terminal: one row a model, the columns of :data:`~distilpose.report.figures.COLUMNS`."""
    table = Table(title=title, title_justify='left', header_style='bold', box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
                  pad_edge=False)
    table.add_column('model', no_wrap=True)
    for column in COLUMNS:
        table.add_column(column.heading, justify='right', no_wrap=True)
    for row in rows:
        style = 'bold' if row.role == 'distilled' else None
        table.add_row(escape_markup(printable(row.title)), *(column.text(row) for column in COLUMNS), style=style)
    return table


def figures_html(rows: Sequence[ModelFigures]) -> str:
    """The same table as HTML, with the meaning of every column below it."""
    head = ''.join(f'<th scope="col">{escape(column.heading)}</th>' for column in COLUMNS)
    body = ''.join(_html_row(row) for row in rows)
    notes = ''.join(f'<div><dt>{escape(column.heading)}</dt><dd>{escape(column.meaning)}</dd></div>'
                    for column in COLUMNS)
    return (f'<div class="scroll"><table><thead><tr><th scope="col">model</th>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table></div><dl class="notes">{notes}</dl>')


def _html_row(row: ModelFigures) -> str:
    cells = ''.join(f'<td>{escape(column.text(row))}</td>' for column in COLUMNS)
    return f'<tr class="{escape(row.role)}"><th scope="row"><i></i>{escape(row.title)}</th>{cells}</tr>'
