"""Prints the table of everything that is replaced in the host: ``python -m distilpose.host``."""

from . import table_text

print(table_text())
