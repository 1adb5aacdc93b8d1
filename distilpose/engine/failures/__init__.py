"""Failures of a run as sentences: data workers, memory, lost processes, the first batch, downloads."""

from .causes import FAILURES, recognise
from .handling import failures_as_sentences, log_traceback

__all__ = ['FAILURES', 'failures_as_sentences', 'log_traceback', 'recognise']
