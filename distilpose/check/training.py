"""Check of a config before its training: data, networks, targets and teacher, with pictures; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from distilpose.config import ConfigTree, check, check_data_files

from ..annotations import summaries
from ..distillation import PoseDistiller
from ..distillation.crop_pipelines import add_teacher_crops
from ..distillation.teacher_report import TeacherReport, draw_sheet, file_of, names_of, title_of_report
from ..engine.default_hooks import add_default_hooks
from ..engine.environment import prepare_environment
from ..engine.hooks.agreement import AgreementHook
from ..engine.hooks.moving_average import moving_averages
from ..engine.hooks.teacher_check import TeacherCheckHook
from ..engine.hooks.teacher_report import TeacherReportHook, log
from ..engine.hooks.validation_check import ValidationCheckHook, check_first_batch
from ..engine.launch import (
    load_and_change,
    log_and_train,
    require_training,
    run,
    set_randomness,
    with_teacher,
    work_dir_of,
)
from ..engine.runner import ConciseRunner
from ..engine.unwrapped_model import unwrapped_model
from ..engine.work_dir import check_writable
from ..errors import DistilPoseError
from . import annotation_sheet
from .sample_page import write_sample_page
from .sample_page.page import MOST_PEOPLE

SHEET = 'teacher_report.png'
"""In the work directory: some people with the labels and the teacher's joints."""
PEOPLE_ON_SHEET = 24


def check_training(config: str | Path | Config, *, work_dir: str | Path | None = None,
                   options: Mapping[str, Any] | None = None, data_root: str | Path | None = None,
                   teacher: str | Path | None = None, teacher_checkpoint: str | Path | None = None,
                   method: str = 'auto', images: str | Path | None = None, boxes: str | Path | None = None,
                   validation: str = 'auto', every: int | None = None,
                   browse: int | None = None) -> TeacherReport | None:
    """Checks a config, builds data and networks as a training would, and evaluates its teacher; trains nothing.

    Args:
        config: as for :func:`train`.
        work_dir: where the log, the teacher's report and its pictures go; else ``check`` in the training's default work
            directory, where a training finds the report.
        options: as for :func:`train`.
        data_root: as for :func:`train`.
        teacher: as for :func:`train`, and so are ``teacher_checkpoint``, ``method``, ``images`` and ``boxes``.
        browse: write a page of so many people of each part of the data, as the networks see them, see
            :mod:`~distilpose.check.sample_page`.

    Returns:
        The teacher's report, with several teachers that of their combination or of the last one; ``None`` without a
        teacher or without labels in the validation data.

    Raises:
        DistilPoseError: wrong input, or a teacher that ``strict_teacher`` would refuse.
    """
    if browse is not None and not 1 <= browse <= MOST_PEOPLE:
        raise DistilPoseError(f'--browse {browse} is a number of people of each part of the data; expected 1 to '
                              f'{MOST_PEOPLE}')
    config, options, lines = with_teacher(config, teacher, options=options, work_dir=work_dir, launcher='none',
                                          method=method, teacher_checkpoint=teacher_checkpoint, images=images,
                                          boxes=boxes, validation=validation, data_root=data_root, every=every)
    cfg, notes = load_and_change(config, options=options, data_root=data_root)
    require_training(cfg)
    cfg.work_dir = str(work_dir_of(cfg, work_dir, 'check'))
    cfg.resume = False
    set_randomness(cfg, seed=None, deterministic=False)
    add_default_hooks(cfg)
    add_teacher_crops(cfg)
    trees, refused = _check_all(cfg)
    notes = [*notes, *dict.fromkeys(warning for tree in trees for warning in tree.warnings), *refused]
    lines = [*lines, *dict.fromkeys(line for tree in trees for line in summaries(tree.findings))]
    check_writable(Path(cfg.work_dir), name='--work-dir')
    prepare_environment(cfg, 'none')

    def log_and_check(runner: CheckingRunner) -> Any:
        runner.people_to_browse = browse
        drawn = annotation_sheet.draw_findings(Path(cfg.work_dir, annotation_sheet.FILE), trees)
        pictures = [f'A few annotations that the warnings are about: {drawn}.'] if drawn is not None else []
        return log_and_train([*lines, *pictures], runner)

    return run(cfg, notes, log_and_check, runner_type=CheckingRunner).report


def _check_all(cfg: Config) -> tuple[list[ConfigTree], list[str]]:
    """Checks a config and its data for a training, and for a test of other data.

    Returns:
        What was checked, and a warning where test data is not here, which a training does without.

    Raises:
        DistilPoseError: a training or a test would be refused.
    """
    trees = [check(cfg, ['train', 'val'])]
    is_other = any(cfg.get(f'test_{part}') != cfg.get(f'val_{part}') for part in ('dataloader', 'evaluator'))
    if not cfg.get('test_dataloader') or not is_other:
        return trees, []
    try:
        check_data_files(cfg, ['test'])
    except DistilPoseError as error:
        return trees, [f'a test would be refused: {error}']
    return [*trees, check(cfg, ['test'])], []


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
        for teacher in moving_averages(unwrapped_model(self)).values():
            teacher.begin()
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
        refusals = [self._evaluate(hooks[0], model, name) for name in names_of(model)]
        if any(refusals):
            raise DistilPoseError('. '.join(refusal for refusal in refusals if refusal))

    def _evaluate(self, hook: TeacherReportHook, model: PoseDistiller, name: str) -> str | None:
        """Logs and draws how good a teacher is, or the combination of all; returns why it is of no use."""
        report, reason, predictions = hook.evaluate(self, model, name, keep_crops=PEOPLE_ON_SHEET)
        if report is None or predictions is None:
            self.logger.warning(f'{title_of_report(name)} was not evaluated: {reason}.')
            return None
        self.report = report
        log(self, report)
        file = Path(self.work_dir, file_of(name, SHEET))
        draw_sheet(file, predictions, metainfo=self.val_loop.dataloader.dataset.metainfo)
        self.logger.info(f'{len(predictions.crops)} of these people, with labels and teacher: {file}.')
        return report.refusal
