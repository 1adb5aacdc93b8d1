"""Teacher report: evaluation of a teacher on the validation data, in the crops that the student is given."""

from .metrics import measure
from .predictions import Predictions, choose_people, collect
from .report import FILE, TeacherReport, make_report, read_report
from .sheet import draw_sheet

__all__ = ['FILE', 'Predictions', 'TeacherReport', 'choose_people', 'collect', 'draw_sheet', 'make_report', 'measure',
           'read_report']
