"""Preset of the comparison on embedded data: minutes on a CPU from synthetic people to a report."""

from .main import Settings, run

__all__ = ['Settings', 'run']
