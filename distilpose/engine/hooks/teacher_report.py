"""Evaluates the teachers of a distillation before the first iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, HOOKS

from ...checkpoints.integrity import sha256_of
from ...config.named_teachers import entry_of
from ...config.teacher_crop import CropSpec
from ...config.walk import plain
from ...datasets import UnlabelledImages
from ...distillation import PoseDistiller
from ...distillation.crop_pipelines import cut_teacher_crops
from ...distillation.image_adapter import read_input
from ...distillation.paired_teacher import PairedTeacher
from ...distillation.supervision import COMBINED
from ...distillation.teacher_report import Predictions, TeacherReport, make_report, names_of, title_of_report
from ...distillation.teacher_report.report import VERSION, file_of, read_report, write_report
from ...distillation.teachers import teacher_facts, with_padding
from ...errors import DistilPoseError
from ...structures import ONLY_TEACHER
from ..fingerprints import annotation_files, digest
from ..unwrapped_model import unwrapped_model


@HOOKS.register_module()
class TeacherReportHook(Hook):
    """Logs metrics of every teacher on validation people, in the crops and for the keypoints of the student.

    It draws no random number and changes no state: the training is the same with and without it. Without a teacher it
    does nothing; without validation data, or labels in them, it logs a line. Of several processes the first one runs
    the teacher, and the others wait. The report is written to ``teacher_report.json`` in the work directory, that of
    one of several teachers to ``teacher_report_NAME.json``. A run there with the same teacher, data and options, such
    as a resumed one or one that ``distilpose check`` checked, logs that again.

    Args:
        people: predict at most so many.
        enabled: whether there is a report.
        strict: refuse a teacher that is no better than chance, exchanges keypoints or is given the wrong images.
        seconds: that it may take for each teacher, about; half as many again are for images in other forms than
            declared.
        shared: a folder of reports for several trainings, so that each of them evaluates what no other one has.
    """

    priority = 'LOW'  # after the hooks that check what this one takes for granted

    def __init__(self, people: int = 500, *, enabled: bool = True, strict: bool = False, seconds: float = 30,
                 shared: str | None = None) -> None:
        if not isinstance(people, int) or people < 1:
            raise DistilPoseError(f'TeacherReportHook got people={people!r}; expected a whole number of 1 or more, or '
                                  'enabled=False for no report')
        if not isinstance(seconds, (int, float)) or not seconds > 0:
            raise DistilPoseError(f'TeacherReportHook got seconds={seconds!r}; expected a positive number')
        self.people, self.enabled, self.strict, self.seconds = people, enabled, strict, seconds
        self.shared = None if shared is None else Path(shared)
        self.reports: dict[str, TeacherReport] = {}
        """The last ones, by the names of the teachers."""

    @property
    def report(self) -> TeacherReport | None:
        """That of the only teacher, or of the last one."""
        return next(reversed(self.reports.values()), None)

    def before_train(self, runner: Runner) -> None:
        """Makes or reads the reports and logs them.

        Raises:
            DistilPoseError: a teacher's numbers are not finite; or ``strict``, and a teacher is refused or there is
                nothing to evaluate it on.
        """
        model = unwrapped_model(runner)
        if not isinstance(model, PoseDistiller) or not (self.enabled or self.strict):
            return
        for name in names_of(model):
            self._report(runner, model, name)

    def _report(self, runner: Runner, model: PoseDistiller, name: str) -> None:
        outcome: list[Any] = [self._report_or_reason(runner, model, name) if is_main_process() else None]
        broadcast_object_list(outcome)
        found, reason, is_error = outcome[0]
        if is_error:
            raise DistilPoseError(reason)
        if found is None:
            if self.strict and all(paired.teacher.is_frozen for paired in _included(model, name)):
                raise _nothing_to_judge_by(reason)
            runner.logger.info(f'{title_of_report(name)} was not evaluated: {reason}.')
            return
        report = self.reports[name] = TeacherReport.from_dict(found)
        log(runner, report)
        runner.visualizer.add_scalars(_scalars(report), step=runner.iter)
        if self.strict and report.too_few:
            raise _nothing_to_judge_by(report.too_few)
        if self.strict and report.refusal:
            raise DistilPoseError(f'{report.refusal} (--strict-teacher refuses such a teacher)')

    def _report_or_reason(self, runner: Runner, model: PoseDistiller, name: str) -> tuple[dict | None, str, bool]:
        """The report as plain data, or why there is none and whether that ends the training."""
        try:
            report, reason, _ = self.evaluate(runner, model, name)
        except DistilPoseError as error:
            return None, str(error), True
        return None if report is None else report.to_dict(), reason, False

    def evaluate(self, runner: Runner, model: PoseDistiller, name: str = ONLY_TEACHER, *,
                 keep_crops: int = 0) -> tuple[TeacherReport | None, str, Predictions | None]:
        """The report, or ``None`` and the reason; with crops it is computed anew, and predictions too.

        Raises:
            DistilPoseError: the teacher's numbers are not finite.
        """
        changing = [paired.name for paired in _included(model, name) if not paired.teacher.is_frozen]
        if changing:
            one = 'it' if name != COMBINED else f'{" and ".join(changing)} in it'
            return None, f'{one} is made of the student, and changes with that', None
        dataset, reason = validation_of(runner)
        if dataset is None:
            return None, reason, None
        key = facts_of(runner, model, dataset, name=name, options=[self.people, self.seconds])
        folder, file_name = Path(runner.work_dir), file_of(name)
        own = [folder / file_name, *([] if self.shared is None else [self.shared / f'{key}.json'])]
        for file in () if keep_crops else (*own, folder / 'check' / file_name):
            stored = read_report(file, made_for=key)
            if stored is not None:
                _write(stored, [one for one in own if read_report(one, made_for=key) is None], made_for=key)
                return stored, '', None
        result = make_report(model, dataset, people=self.people, batch_size=teacher_batch_size(runner),
                             seconds=self.seconds, keep_crops=keep_crops, name=name)
        if isinstance(result, str):
            return None, result, None
        report, predictions = result
        _write(report, own, made_for=key)
        return report, '', predictions


def _write(report: TeacherReport, files: Sequence[Path], *, made_for: str) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_report(file, report, made_for=made_for)


def _nothing_to_judge_by(reason: str) -> DistilPoseError:
    return DistilPoseError(f'--strict-teacher evaluates the teacher before the training, and {reason}; add validation '
                           'data with labels, or train without --strict-teacher')


def log(runner: Runner, report: TeacherReport) -> None:
    """The table, and the findings as warnings."""
    for line in report.lines():
        runner.logger.info(line)
    named = '' if report.name == ONLY_TEACHER else f' {report.name}'
    for finding in report.findings:
        prefix = f'TEACHER{named}: ' if finding.is_severe else f'Teacher{named}: ' * bool(named)
        runner.logger.warning(f'{prefix}{finding.text}.')


def _scalars(report: TeacherReport) -> dict[str, float]:
    """What is drawn beside the student's metrics: shares in [0, 1]."""
    metrics = dict(AP=report.figures.get('ap'), PCK=report.figures.get('pck'))
    prefix = 'teacher' if report.name == ONLY_TEACHER else f'teacher/{report.name}'
    return {f'{prefix}/{name}': float(value) for name, value in metrics.items() if value is not None}


def validation_of(runner: Runner) -> tuple[Any, str]:
    """The data set of a run's validation with annotated boxes, or ``None`` and the reason."""
    if runner.val_loop is None:
        return None, 'this run has no validation data (val_dataloader), or does not validate'
    if isinstance(runner.val_loop.dataloader.dataset, UnlabelledImages):
        return None, 'the validation data has no labels'
    dataset, reason = validation_data(runner, annotated_boxes=True)
    if dataset is None:
        return None, reason
    metainfo = getattr(dataset, 'metainfo', None) or {}
    missing = [name for name in ('sigmas', 'flip_indices', 'keypoint_id2name') if name not in metainfo]
    if missing:
        return None, f'the metainfo of the validation data has no {" and no ".join(missing)}'
    return dataset, ''


def validation_data(runner: Runner, *, annotated_boxes: bool = False) -> tuple[Any, str]:
    """The data set of a run's validation, with the crops of teachers that have their own.

    Args:
        runner: with a validation loop.
        annotated_boxes: take the place of those of a detector.

    Returns:
        The data set, or ``None`` and the reason.
    """
    dataset, cfg = runner.val_loop.dataloader.dataset, runner.cfg.val_dataloader.get('dataset')
    crops = {name: CropSpec(with_padding(paired.teacher.input, paired.spec), paired.spec.get('view') or 'same',
                            entry_of(name))
             for name, paired in unwrapped_model(runner).teachers.items() if paired.own_crop is not None}
    is_detected = annotated_boxes and isinstance(cfg, Mapping) and bool(cfg.get('bbox_file'))
    if isinstance(cfg, Mapping) and (is_detected or crops):
        options = plain(cfg)
        options.update({'bbox_file': None} if is_detected else {})
        reason = _add_crops(options, crops) if crops else None
        if reason is not None:
            return None, reason
        with DefaultScope.overwrite_default_scope('mmpose'):
            dataset = DATASETS.build(options)
    return dataset, ''


def _add_crops(options: dict[str, Any], crops: Mapping[str, CropSpec]) -> str | None:
    """Lets the pipelines of a data set's config cut teachers' own crops, in place; the reason if they cannot."""
    try:
        if not cut_teacher_crops([options], crops):
            return 'it has a crop of its own, and no validation pipeline has one TopdownAffine'
    except DistilPoseError as error:  # the training has no need of it
        return f'it has a crop of its own, which the validation data cannot give it: {error}'
    return None


def facts_of(runner: Runner, model: PoseDistiller, dataset: Any, *, name: str, options: Any) -> str:
    """A digest of what a report on a teacher, or on the combination of all, depends on."""
    together = [model.combination.rule] if name == COMBINED and model.combination is not None else []
    keys = ('keypoints', 'crop', 'view', 'padding', *(('weight', 'joints') if together else ()))
    return digest([
        VERSION, options, together, [_facts_of_teacher(paired, keys) for paired in _included(model, name)],
        repr(read_input(model.student)), plain(runner.cfg.val_dataloader.dataset),
        [sha256_of(file) for file in annotation_files(dataset)], len(dataset)])


def _included(model: PoseDistiller, name: str) -> list[PairedTeacher]:
    """The teacher of a name, or all."""
    return [*model.teachers.values()] if name == COMBINED else [model.teachers[name]]


def _facts_of_teacher(paired: PairedTeacher, keys: Sequence[str]) -> list[Any]:
    teacher, spec = paired.teacher, plain(paired.spec)
    known = teacher_facts(spec, teacher)
    return [teacher.loaded_digest, known, repr(teacher.input), str(teacher.dtype), getattr(teacher, 'heatmaps', None),
            {key: spec.get(key) for key in keys}]


def teacher_batch_size(runner: Runner) -> int:
    """That of the training, for which there is memory, but not so many that the limit of seconds means nothing."""
    return min(int(getattr(runner.train_dataloader, 'batch_size', None) or 16), 32)
