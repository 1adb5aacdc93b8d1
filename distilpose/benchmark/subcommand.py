"""What ``tools/benchmark.py`` asks of a subcommand."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from mmengine.config import Config

from .timing import Report


@dataclass(frozen=True)
class Subcommand:
    """A measurement by its name on the command line."""

    summary: str
    """What is measured, a sentence."""
    baseline: str
    """What ``--baseline`` measures as well."""
    measure: Callable[[Config, argparse.Namespace], Report]
    """A config and the command line -> what was found."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    """Adds options of its own."""
