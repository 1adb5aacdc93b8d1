"""Annotation and detection files: their content checked before anything reads it.

This room lies below ``config``, which knows the files of a config, and above ``host``, which reads them.
"""

from .content import check_content, check_detections
from .findings import Expected, Finding, Findings

__all__ = ['Expected', 'Finding', 'Findings', 'check_content', 'check_detections']
