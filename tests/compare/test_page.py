"""The pages: complete, self-contained, text of others escaped, and plain about what went wrong."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from distilpose.compare import compare_runs
from distilpose.compare.page import Texts, render, render_runs
from distilpose.distillation.teacher_report import TeacherReport
from distilpose.distillation.teacher_report.causes import Finding
from distilpose.errors import DistilPoseError

from .summaries import make_histories, make_pictures, make_summary, without_teacher

VOID = {'meta', 'img', 'br', 'hr', 'link', 'input'}
TEACHER_FIGURES = dict(
    people=12, people_chosen=12, people_with_joints=12, joints=204,
    ap=0.5, pck=0.75, mean_pose=dict(ap=0.0, pck=0.1), masked=0.0,
    left_out=['nose'],
    keypoints=dict(left_wrist=dict(labelled=4, pck=0.5), right_wrist=dict(labelled=4, pck=1.0)),
    bias=dict(x=0.01, y=-0.3, error_of_x=0.01, error_of_y=0.01, cells=[48, 64]),
    sides=dict(joints=8, swapped=0.1, pck=0.75, pck_mirrored=0.2), certainty=None, milliseconds_an_image=3.0)


class Balance(HTMLParser):
    """Finds tags that are not closed in order, and collects what attributes refer to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        assert not self.open

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


def page_of(**options: Any) -> str:
    return render(make_summary(**options), histories=make_histories(), pictures=make_pictures())


@pytest.fixture(scope='module')
def page() -> str:
    return page_of()


def assert_self_contained(page: str) -> None:
    balance = Balance(page)
    for reference in balance.references:
        assert reference.startswith('data:image/') or reference.removeprefix('#') in balance.ids
    assert len(set(balance.ids)) == len(balance.ids)
    assert not re.search(r'https?:|url\(|@import|<script|<link|//[a-z]', re.sub('data:[^"]*', '', page))


def test_needs_nothing_but_itself(page: str) -> None:
    assert_self_contained(page)


def test_every_picture_decodes(page: str) -> None:
    uris = re.findall(r'data:image/jpeg;base64,([^"]+)', page)
    assert len(uris) == 2 + 2  # two people, whose pictures are stored once, and two heatmaps
    for uri in uris:
        assert cv2.imdecode(np.frombuffer(base64.b64decode(uri, validate=True), np.uint8), cv2.IMREAD_COLOR) is not None


def test_metrics_and_gaps_are_on_the_page(page: str) -> None:
    for text in ('70.0', '40.0', '55.0', '+15.0 AP', '50&nbsp;% of the way', '485 k', '41.9 M', '312', 'left hip',
                 '0.91', 'a note', 'Every seed', 'a machine', 'further losses', 'Shares of the gradient'):
        assert text in page, text


def test_only_labelled_joints_are_drawn(page: str) -> None:
    skeletons = re.findall('<g class="skeleton.*?</g>', page)
    assert len(skeletons) == 2 * (1 + 3 + 3)  # the truth, three predictions, three times the faint truth
    assert all(skeleton.count('<circle') == 2 for skeleton in skeletons)


@pytest.mark.parametrize(('options', 'expected'), [
    (dict(gain=-0.1), 'did not help'),
    (dict(gain=0.02), 'within the range of chance'),
    (dict(gap=None), 'no better than the student alone'),
    (dict(gap=1.2), 'on a par'),
    (dict(ap=(None, 0.4, 0.5), gain=None, gap=None), 'did not help'),
])
def test_the_headline_is_plain_about_what_was_gained(options: dict, expected: str) -> None:
    page = page_of(**options)
    Balance(page)
    assert expected in page and 'nan' not in page


def test_models_without_a_teacher_have_a_page() -> None:
    summary = without_teacher(make_summary())
    page = render(summary, histories=make_histories(('baseline', 'distilled')), pictures=None)
    Balance(page)
    assert 'Gains' in page and 'more than the baseline' in page and 'gap closed' not in page


def test_a_preset_has_its_own_words() -> None:
    texts = Texts(eyebrow='quickstart', lead='Lead & more.', people=('Predictions', 'Chosen.'), footer='End.')
    page = render(make_summary(), histories=make_histories(), pictures=make_pictures(), texts=texts)
    assert all(text in page for text in ('quickstart', 'Lead &amp; more.', 'Predictions', 'End.'))


def test_light_and_dark_define_the_same_colours(page: str) -> None:
    light, dark = re.findall(r':root \{(.*?)\}', page, re.S)[:2]
    names = [set(re.findall(r'--[a-z]+', block)) for block in (light, dark)]
    assert names[1] >= names[0] - {'--left', '--right', '--middle'}  # those lie on photographs, not on paper


def test_the_report_on_the_teacher() -> None:
    report = TeacherReport(TEACHER_FIGURES, (Finding('grid', 'cells <are> elsewhere'), ), 'a & b')
    page = render(make_summary(), histories=make_histories(), pictures=None, teacher=report)
    for text in ('AP 50.0, PCK@0.1 of the box 75.0', 'wrist 75.0', '+0.01 and -0.30 cells', 'not predicted by it: nose',
                 'cells &lt;are&gt; elsewhere.', 'a &amp; b'):
        assert text in page
    assert 'before the training' not in page_of()


def write_run(folder: Path, *, losses: tuple[str, ...]) -> Path:
    file = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    lines = [dict(dict.fromkeys(losses, 1.0 / step), loss=2.0 / step, step=step) for step in (1, 2, 3)]
    lines += [{'coco/AP': 0.1 * epoch, 'coco/AP (L)': -1.0, 'step': epoch} for epoch in (1, 2)]
    file.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))
    return folder


def test_runs_are_drawn_from_their_logs(tmp_path: Path) -> None:
    first = write_run(tmp_path / 'first', losses=('loss_kpt', ))
    second = write_run(tmp_path / 'second', losses=('loss_kpt', 'loss_<score>', 'grad_share/kpt', 'grad_share/score'))
    page = compare_runs([first, second], out=tmp_path / 'out', command='distilpose compare --runs a b').read_text()
    assert_self_contained(page)
    assert page.count('class="line hue-0 variant-0"') == 2 and page.count('class="line hue-1 variant-1"') == 2
    for text in ('coco/AP', 'Loss kpt', 'second: further losses', '&lt;score&gt;', 'Shares of the gradient',
                 '>first</'):
        assert text in page, text
    assert 'coco/AP (L)' not in page  # there are no large people


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / seed / 'baseline', losses=()) for seed in ('seed_0', 'seed_1')]
    page = render_runs(folders, command='')
    assert 'seed_0/baseline' in page and 'seed_1/baseline' in page


def test_a_folder_without_logs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='has no scalars of a training'):
        compare_runs([tmp_path], out=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
