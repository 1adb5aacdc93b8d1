"""Hooks that a training of this project adds to mmengine's."""

from .accumulated_gradients import AccumulatedGradientsHook
from .agreement import AgreementHook
from .channels_last import ChannelsLastHook
from .checkpoint import SafeCheckpointHook
from .crop_store import CropStoreHook
from .finite_check import FiniteCheckHook
from .gradient_share import GradientShareHook
from .moving_average import MovingAverageHook
from .pipeline_switch import PipelineSwitchHook
from .plain_checkpoint import PlainCheckpointHook
from .progress import ProgressHook
from .randomness import ResumableRandomnessHook
from .resume_facts import ResumeFactsHook
from .resume_position import ResumePositionHook
from .signals import SignalHook
from .skipped_images import SkippedImagesHook
from .start_weights import StartWeightsHook
from .strict_resume import StrictResumeHook
from .teacher_cache import TeacherCacheHook
from .teacher_check import TeacherCheckHook
from .teacher_report import TeacherReportHook
from .validation_check import ValidationCheckHook

__all__ = ['AccumulatedGradientsHook', 'AgreementHook', 'ChannelsLastHook', 'CropStoreHook', 'FiniteCheckHook',
           'GradientShareHook', 'MovingAverageHook', 'PipelineSwitchHook', 'PlainCheckpointHook', 'ProgressHook',
           'ResumableRandomnessHook', 'ResumeFactsHook', 'ResumePositionHook', 'SafeCheckpointHook', 'SignalHook',
           'SkippedImagesHook', 'StartWeightsHook', 'StrictResumeHook', 'TeacherCacheHook', 'TeacherCheckHook',
           'TeacherReportHook', 'ValidationCheckHook']
