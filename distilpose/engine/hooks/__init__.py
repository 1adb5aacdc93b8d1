"""Hooks that a training of this project adds to mmengine's."""

from .plain_checkpoint import PlainCheckpointHook
from .progress import ProgressHook
from .randomness import ResumableRandomnessHook
from .strict_resume import StrictResumeHook
from .teacher_check import TeacherCheckHook

__all__ = ['PlainCheckpointHook', 'ProgressHook', 'ResumableRandomnessHook', 'StrictResumeHook', 'TeacherCheckHook']
