"""Resuming a training: options, search for the newest whole checkpoint, optimizer and learning rate schedule."""

from .options import MAY_CHANGE, Resumption, describe_end, pass_on_allowed, read_allowed, set_resume

__all__ = ['MAY_CHANGE', 'Resumption', 'describe_end', 'pass_on_allowed', 'read_allowed', 'set_resume']
