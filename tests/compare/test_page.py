"""The sections of the page."""

from __future__ import annotations

from distilpose.compare.page import _teacher
from distilpose.engine.teacher_report import TeacherReport
from distilpose.engine.teacher_report.causes import Finding

FIGURES = dict(
    people=12, people_chosen=12, people_with_joints=12, joints=204,
    ap=0.5, pck=0.75, mean_pose=dict(ap=0.0, pck=0.1), masked=0.0,
    left_out=['nose'],
    keypoints=dict(left_wrist=dict(labelled=4, pck=0.5), right_wrist=dict(labelled=4, pck=1.0)),
    bias=dict(x=0.01, y=-0.3, error_of_x=0.01, error_of_y=0.01, cells=[48, 64]),
    sides=dict(joints=8, swapped=0.1, pck=0.75, pck_mirrored=0.2), certainty=None, milliseconds_an_image=3.0)


def test_the_report_on_the_teacher() -> None:
    report = TeacherReport(FIGURES, (Finding('grid', 'cells <are> elsewhere'), ), 'a & b')
    page = _teacher(report)
    for text in ('AP 50.0, PCK@0.1 of the box 75.0', 'wrist 75.0', '+0.01 and -0.30 cells', 'not taught by it: nose',
                 'cells &lt;are&gt; elsewhere.', 'a &amp; b'):
        assert text in page
    assert _teacher(None) == ''
