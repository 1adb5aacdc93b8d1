"""The teacher's report: how good a teacher is on the validation people, in the crops that the student will see."""

from .answers import Answers, choose_people, collect
from .figures import measure
from .report import FILE, TeacherReport, make_report, read_report
from .sheet import draw_sheet

__all__ = ['FILE', 'Answers', 'TeacherReport', 'choose_people', 'collect', 'draw_sheet', 'make_report', 'measure',
           'read_report']
