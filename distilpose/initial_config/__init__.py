"""The initial config of a student for your own annotations, with every guess and its source: ``distilpose init``."""

from .text import STUDENTS
from .writing import InitialConfig, write_initial_config

__all__ = ['STUDENTS', 'InitialConfig', 'write_initial_config']
