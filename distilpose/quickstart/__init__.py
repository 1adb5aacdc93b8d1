"""The embedded default: minutes on a CPU that show what a teacher is worth."""

from .main import Settings, run

__all__ = ['Settings', 'run']
