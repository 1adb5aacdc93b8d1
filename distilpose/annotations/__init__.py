"""Annotation and detection files: their content checked before anything reads it.

This room lies below ``config``, which finds the files of a config, and above ``host``, which reads them.
"""

from .content import check_content
from .detections import PERSON, check_detections, images_with_people
from .findings import Expected, Finding, Findings, summaries
from .overlap import check_evaluated_images, shared_images

__all__ = ['PERSON', 'Expected', 'Finding', 'Findings', 'check_content', 'check_detections', 'check_evaluated_images',
           'images_with_people', 'shared_images', 'summaries']
