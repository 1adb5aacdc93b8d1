"""Names that come from files of others stay text: in pages, tables, pictures, Markdown, logs and messages."""

from __future__ import annotations

import dataclasses
import io
import logging
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from distilpose.compare.words import markdown, markdown_of_models, plain
from distilpose.engine.runner import _make_printable
from distilpose.errors import DistilPoseError, MissingCheckpoint, printable
from distilpose.report import Curve, Layer, draw_areas, draw_curves, draw_dots, figures_table, render_page
from distilpose_cli.command import run_tool

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


def summary() -> dict[str, Any]:
    interval = dict(value=0.1, low=0.05, high=0.2, by_seed={'0': dict(value=0.1, low=0.05, high=0.2),
                                                           '1': dict(value=0.1, low=0.05, high=0.2)})
    figures = dict.fromkeys(('ap', 'ap50', 'ap75', 'mean_oks', 'pck'), 0.5)
    roles = ('teacher', 'baseline', 'distilled')
    return dict(
        command=f'distilpose compare {HOSTILE}', versions=dict(python='3'), seeds=[0, 1],
        bootstrap=dict(confidence=0.95, draws=10), data=dict(people=5, images=4),
        models={role: dict(title=HOSTILE, config=HOSTILE, options={HOSTILE: HOSTILE}, parameters=1e6, macs=1e9)
                for role in roles},
        runs=[dict(role=role, seed=seed, figures=figures) for role in roles for seed in (0, 1)],
        over_seeds={role: dict.fromkeys(figures, dict(mean=0.5, low=0.4, high=0.6)) for role in roles},
        keypoints={role: {HOSTILE: dict(ap=0.5, pck=0.5, oks=0.5)} for role in roles},
        gain=dict(distilled=dict.fromkeys(figures, interval)),
        gap_closed=dict(distilled=dict.fromkeys(figures, interval)), notes=[HOSTILE])


@pytest.mark.parametrize('write', [markdown, markdown_of_models])
def test_markdown(write: Any) -> None:
    text = write(summary())
    assert 'alert(1)' in text and '\x1b' not in text and '\r' not in text and '\u202e' not in text
    tables = [line for line in text.splitlines() if line.startswith('|')]
    counts = {line.count('|') for line in tables}
    assert counts <= {line.count('|') for line in tables if set(line) <= set('|-: ')}  # no further columns
    outside = re.sub(r'(`+)[^`].*?[^`]\1(?!`)', '', text.splitlines()[-1])
    for line in (*text.splitlines()[:-1], outside):
        assert '<script' not in line and '<b' not in line and not re.search(r'(?<!\\)[\[`]', line), line


def test_pages_and_pictures(report: Any) -> None:
    hostile = dataclasses.replace(
        report, budget=HOSTILE, facts={HOSTILE: HOSTILE, 'command': HOSTILE}, durations={HOSTILE: 3.0},
        joint_names=(HOSTILE, f'left{HOSTILE}', 'right'),
        teacher=dataclasses.replace(report.teacher, title=HOSTILE),
        heatmaps=[dataclasses.replace(pair, joint=HOSTILE) for pair in report.heatmaps],
        student_curves=[Curve('baseline', HOSTILE, [3.0, 2.0])])
    assert_harmless(render_page(hostile))
    assert_harmless(draw_curves([Curve(HOSTILE, HOSTILE, [1.0, 2.0])], label=HOSTILE))
    assert_harmless(draw_areas([Layer(HOSTILE, HOSTILE, np.array([0.5, 0.5]))], steps=[1, 2], label=HOSTILE))
    assert_harmless(draw_dots({HOSTILE: {'a': 0.5}}, titles={'a': HOSTILE}, label=HOSTILE))


def test_the_comparison_page() -> None:
    from distilpose.compare import charts, page

    for part in (page._measured, page._gaps, page._by_seed, page._facts, charts.keypoints):
        assert_harmless(part(summary()))


def test_the_table_of_the_terminal(report: Any) -> None:
    stream = io.StringIO()
    row = dataclasses.replace(report.teacher, title=HOSTILE.replace('\n', ''))
    Console(file=stream, width=400, force_terminal=True, color_system='truecolor').print(figures_table([row]))
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
