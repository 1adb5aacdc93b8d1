"""The host stack (mmpose, mmengine, mmcv, torchvision, torch): what is repaired and what is made faster in it.

:data:`REPLACEMENTS` lists every replaced function; :func:`apply` runs when ``distilpose`` is imported, before anything
of mmpose. See docs/host.md.
"""

from .table import REPLACEMENTS, Replacement, Row, apply, rows, table_text

__all__ = ['REPLACEMENTS', 'Replacement', 'Row', 'apply', 'rows', 'table_text']
