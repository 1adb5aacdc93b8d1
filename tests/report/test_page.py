"""The page: complete, self-contained, and honest about what went wrong."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from distilpose.report import Report, render_page, write_page

VOID = {'meta', 'img', 'br', 'hr', 'link', 'input'}


class Balance(HTMLParser):
    """Finds tags that are not closed in order, and collects what attributes refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or '' for name, value in attrs if name in ('src', 'href')]
        self.ids += [value or '' for name, value in attrs if name == 'id']


def parsed(page: str) -> Balance:
    balance = Balance()
    balance.feed(page)
    assert not balance.open
    return balance


def test_needs_nothing_but_itself(report: Report) -> None:
    page = render_page(report)
    balance = parsed(page)
    for reference in balance.references:
        assert reference.startswith('data:image/') or reference.removeprefix('#') in balance.ids
    assert not re.search(r'https?:|url\(|@import|<script|<link|//[a-z]', re.sub('data:[^"]*', '', page))


def test_every_picture_decodes(report: Report) -> None:
    uris = re.findall(r'data:image/jpeg;base64,([^"]+)', render_page(report))
    assert len(uris) == len(report.panels) + 2 * len(report.heatmaps)  # a person's picture is stored once
    for uri in uris:
        assert cv2.imdecode(np.frombuffer(base64.b64decode(uri, validate=True), np.uint8), cv2.IMREAD_COLOR) is not None


def test_says_the_figures_and_the_gap(report: Report) -> None:
    page = render_page(report)
    for text in ('70.0', '40.0', '55.0', '+15.0 AP', '50 %', '2 min 45 s in all', 'left hip', '0.91'):
        assert text in page


def test_text_is_escaped(report: Report) -> None:
    page = render_page(report)
    assert 'Both &lt;the same&gt;.' in page and '--seed &quot;1&quot;' in page


def test_unlabelled_joints_are_not_drawn(report: Report) -> None:
    page = render_page(report)
    people = 2 * len(report.panels)
    assert page.count('<circle') == people // 2 * 2 * (1 + 3 + 3)  # 2 joints: truth, 3 predictions, 3 faint truths
    assert 'cx="60.0"' not in page


def test_harm_and_missing_figures_are_said(report: Report) -> None:
    worse = replace(report, distilled=replace(report.distilled, ap=0.3))
    assert 'did not help' in render_page(worse)
    missing = replace(report.distilled, ap=float('nan'))
    unknown = replace(report, distilled=missing, panels=[], heatmaps=[], durations={})
    page = render_page(unknown)
    parsed(page)
    assert 'nan' not in page.replace('financial', '')
    no_gap = replace(report, teacher=replace(report.teacher, ap=0.4))
    assert 'undefined' in render_page(no_gap)


def test_light_and_dark_define_the_same_colours(report: Report) -> None:
    light, dark = re.findall(r':root \{(.*?)\}', render_page(report), re.S)[:2]
    names = [set(re.findall(r'--[a-z]+', block)) for block in (light, dark)]
    assert names[1] >= names[0] - {'--left', '--right', '--middle'}  # those lie on photographs, not on paper


def test_written_at_once(report: Report, tmp_path: Path) -> None:
    write_page(report, tmp_path / 'report.html')
    assert [file.name for file in tmp_path.iterdir()] == ['report.html']
    assert (tmp_path / 'report.html').read_text(encoding='utf-8') == render_page(report)
