"""Teacher report: evaluation of a teacher on the validation data, in the crops that the student is given."""

from .metrics import measure
from .predictions import Predictions, choose_people, collect, with_one_teacher
from .report import FILE, TeacherReport, file_of, make_report, names_of, read_report, title_of_report
from .sheet import draw_sheet

__all__ = ['FILE', 'Predictions', 'TeacherReport', 'choose_people', 'collect', 'draw_sheet', 'file_of', 'make_report',
           'measure', 'names_of', 'read_report', 'title_of_report', 'with_one_teacher']
