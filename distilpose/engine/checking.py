"""A Runner that builds everything a training needs, evaluates the teacher, and trains nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..distillation import PoseDistiller
from ..errors import DistilPoseError
from .hooks.agreement import AgreementHook
from .hooks.teacher_check import TeacherCheckHook
from .hooks.teacher_report import TeacherReportHook, log
from .hooks.validation_check import ValidationCheckHook, check_first_batch
from .runner import ConciseRunner
from .sample_page import write_sample_page
from .teacher_report import TeacherReport, draw_sheet
from .unwrapped_model import unwrapped_model

SHEET = 'teacher_report.png'
"""In the work directory: some people with the labels and the teacher's joints."""
PEOPLE_ON_SHEET = 24


class CheckingRunner(ConciseRunner):
    """Builds data, networks and optimizer and initialises weights as a training does, then checks what it has."""

    report: TeacherReport | None = None
    """On the teacher, where there is one and labels to evaluate it on."""
    people_to_browse: int | None = None
    """Of how many people of each part of the data there is a page; ``None``: there is none."""

    def build_train_loop(self, loop: Any) -> Any:
        """As mmengine does; instead of iterations there are checks."""
        built = super().build_train_loop(loop)
        built.run = self.check
        return built

    def check(self) -> Any:
        """All that can be checked of what was built.

        Returns:
            The model, as a training loop does.

        Raises:
            DistilPoseError: names what is wrong.
        """
        if self.people_to_browse is not None:
            file = write_sample_page(self, people=self.people_to_browse)
            self.logger.info(f'Samples as the network sees them: {file}.')
        for hook in self.hooks:  # in the order of their priorities
            if isinstance(hook, (AgreementHook, ValidationCheckHook)):
                hook.before_train(self)
        check_first_batch(self)
        self._check_teacher()
        self.logger.info('Checked; nothing that would stop a training was found.')
        return self.model

    def _check_teacher(self) -> None:
        """Keypoints and weights, then how good it is, with pictures.

        Raises:
            DistilPoseError: the teacher is of no use.
        """
        model = unwrapped_model(self)
        if not isinstance(model, PoseDistiller):
            self.logger.info('There is no teacher to evaluate.')
            return
        for hook in self.hooks:
            if isinstance(hook, TeacherCheckHook):
                hook.before_train(self)
        hooks = [hook for hook in self.hooks if isinstance(hook, TeacherReportHook)] or [TeacherReportHook()]
        report, reason, predictions = hooks[0].evaluate(self, model, keep_crops=PEOPLE_ON_SHEET)
        if report is None or predictions is None:
            self.logger.warning(f'The teacher was not evaluated: {reason}.')
            return
        self.report = report
        log(self, report)
        file = Path(self.work_dir, SHEET)
        draw_sheet(file, predictions, metainfo=self.val_loop.dataloader.dataset.metainfo)
        self.logger.info(f'{len(predictions.crops)} of these people, with labels and teacher: {file}.')
        if report.refusal:
            raise DistilPoseError(report.refusal)
