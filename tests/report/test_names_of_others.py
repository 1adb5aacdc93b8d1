"""Names that come from files of others stay text: in pages, tables, pictures, Markdown, logs and messages."""

from __future__ import annotations

import io
import logging
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from distilpose.compare.formatting import markdown
from distilpose.compare.page import Texts, render
from distilpose.engine.runner import _make_printable
from distilpose.errors import DistilPoseError, MissingCheckpoint, printable
from distilpose.report import Curve, Layer, Table, draw_areas, draw_curves, draw_dots
from distilpose.report.table import plain
from distilpose_cli.command import run_tool
from tests.compare.summaries import make_histories, make_pictures, make_summary, without_teacher

HOSTILE = '<script>alert(1)</script>"\'&|`[x](javascript:y)`![z](http://q)\x1b[31m\r\n<b onload=x>\u202e[red]'


class Tags(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(page: str) -> None:
    tags = Tags(page).found
    assert 'alert(1)' in page  # the name is there
    assert not [tag for tag, _ in tags if tag in ('script', 'b onload')]
    assert not [name for _, attributes in tags for name in attributes if name.startswith('on')]


@pytest.mark.parametrize('change', [dict, without_teacher])
def test_markdown(change: Any) -> None:
    text = markdown(change(make_summary(text=HOSTILE)))
    assert 'alert(1)' in text and '\x1b' not in text and '\r' not in text and '\u202e' not in text
    tables = [line for line in text.splitlines() if line.startswith('|')]
    counts = {line.count('|') for line in tables}
    assert counts <= {line.count('|') for line in tables if set(line) <= set('|-: ')}  # no further columns
    outside = re.sub(r'(`+)[^`].*?[^`]\1(?!`)', '', text.splitlines()[-1])
    for line in (*text.splitlines()[:-1], outside):
        assert '<script' not in line and '<b' not in line and not re.search(r'(?<!\\)[\[`]', line), line


def test_pages_and_pictures() -> None:
    texts = Texts(eyebrow=HOSTILE, title=HOSTILE, lead=HOSTILE, people=(HOSTILE, HOSTILE), footer=HOSTILE)
    histories = {role: {f'loss_{HOSTILE}': series for series in history.values()}
                 for role, history in make_histories().items()}
    assert_harmless(render(make_summary(text=HOSTILE), histories=histories, pictures=make_pictures(name=HOSTILE),
                           texts=texts))
    assert_harmless(draw_curves([Curve(HOSTILE, HOSTILE, [1.0, 2.0])], label=HOSTILE, steps=HOSTILE))
    assert_harmless(draw_areas([Layer(HOSTILE, HOSTILE, np.array([0.5, 0.5]))], steps=[1, 2], label=HOSTILE))
    assert_harmless(draw_dots({HOSTILE: {'a': 0.5}}, titles={'a': HOSTILE}, label=HOSTILE))


def test_the_table_of_the_terminal() -> None:
    stream = io.StringIO()
    table = Table(['model'], [[HOSTILE.replace('\n', '')]])
    Console(file=stream, width=400, force_terminal=True, color_system='truecolor').print(table.terminal())
    assert '\\x1b[31m' in stream.getvalue() and '[red]' in stream.getvalue() and '\x1b[31m' not in stream.getvalue()


def test_messages_and_logs(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise DistilPoseError(f'a.pth holds {HOSTILE}')

    assert run_tool(refuse, program='distilpose', interrupted='') == 2
    printed = capsys.readouterr().err
    assert '\x1b' not in printed and '\\x1b[31m' in printed and '\\r' in printed and '\u202e' not in printed
    assert '\\x1b' in str(MissingCheckpoint('\x1b[0m'))
    record = logging.LogRecord('a', logging.INFO, '', 0, 'loads %s', ('\x1b]0;title\x07\nnext\tline',), None)
    assert _make_printable(record)
    assert record.getMessage() == 'loads \\x1b]0;title\\x07\nnext\tline'


def test_printable_leaves_text_alone() -> None:
    for text in ('plain', 'Größe 10 µm – “quoted”', '日本語', 'a\tb\nc', 'naïve ☃'):
        assert printable(text) == text and plain(text.split('\t')[0]) == text.split('\t')[0]
    assert printable('\udcff\x00\x7f\u2066') == '\\udcff\\x00\\x7f\\u2066'
