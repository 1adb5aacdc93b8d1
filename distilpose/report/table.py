"""One table of text for the terminal, for Markdown and for a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rich import box
from rich.markup import escape as escape_markup
from rich.table import Table as RichTable

from distilpose.errors import printable


@dataclass(frozen=True)
class Table:
    """Rows of text below a head; the first column holds names, the others values."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    bold: int | None = None
    """Index of the row that stands out on a terminal."""

    def without(self, *head: str) -> Table:
        """The same table without some columns."""
        kept = [index for index, name in enumerate(self.head) if name not in head]
        return Table([self.head[index] for index in kept], [[row[index] for index in kept] for row in self.rows],
                     self.bold)

    def terminal(self) -> RichTable:
        """For a console of rich."""
        table = RichTable(header_style='bold', box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for index, name in enumerate(self.head):
            table.add_column(escape_markup(name), justify='right' if index else 'left', no_wrap=True)
        for index, row in enumerate(self.rows):
            table.add_row(*(escape_markup(printable(cell)) for cell in row),
                          style='bold' if index == self.bold else None)
        return table

    def markdown(self) -> str:
        """Lines of Markdown, in which text of others stays text."""
        lines = [self.head, ['---', *(['---:'] * (len(self.head) - 1))], *self.rows]
        return '\n'.join(f'| {" | ".join(plain(cell.replace("|", "/")) for cell in line)} |' for line in lines)


def plain(text: str) -> str:
    """Text of others in Markdown: one line, with nothing in it that is HTML, a link, a picture or code."""
    line = printable(' '.join(text.split()))
    return re.sub(r'([\\`\[\]])', r'\\\1', escape(line, quote=False))


def code(text: str) -> str:
    """Text of others as code in Markdown, between more backticks than it has in a row."""
    line = printable(' '.join(text.split()))
    fence = '`' * (1 + max(map(len, re.findall('`+', line)), default=0))
    space = ' ' if '`' in line else ''
    return f'{fence}{space}{line}{space}{fence}'
