"""Teacher predictions for the validation people, for a validation by agreement with it."""

from __future__ import annotations

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...distillation import PoseDistiller
from ...distillation.supervision import COMBINED
from ...distillation.teacher_report import title_of_report
from ...distillation.teacher_report.predictions import collect, with_one_teacher
from ...errors import DistilPoseError
from ...evaluation.agreement import AgreementWithTeacher, TeacherKeypoints
from ..unwrapped_model import unwrapped_model
from .teacher_report import teacher_batch_size, validation_data


@HOOKS.register_module()
class AgreementHook(Hook):
    """Gives :class:`~distilpose.evaluation.AgreementWithTeacher` the teacher's predictions of the validation people.

    Before the training, once: in the crop and with the keypoints that the student is given. It draws no random number
    and changes no state. Each process runs the teacher on its own share. Without such a metric it does nothing.
    """

    priority = 'LOW'

    def before_train(self, runner: Runner) -> None:
        """See the class.

        Raises:
            DistilPoseError: there is no teacher, it changes during the training, its crop cannot be cut, or its numbers
                are not finite.
        """
        evaluator = getattr(runner.val_loop, 'evaluator', None)
        metrics = [metric for metric in getattr(evaluator, 'metrics', ()) if isinstance(metric, AgreementWithTeacher)]
        if not metrics:
            return
        model = unwrapped_model(runner)
        if not isinstance(model, PoseDistiller):
            raise DistilPoseError('val_evaluator is AgreementWithTeacher, and the model is no PoseDistiller: there is '
                                  'no teacher to agree with; evaluate with labels')
        names = {metric.name for metric in metrics}
        predictions = {name: self._predict(runner, _chosen(model, name)) for name in names}
        for metric in metrics:
            metric.compare_with(predictions[metric.name])
        total = len(runner.val_loop.dataloader.dataset)
        whose = ' and '.join(dict.fromkeys(_whose(model, metric.name) for metric in metrics))
        figures = ', '.join(f'{metric.prefix}/PCK' for metric in metrics)
        runner.logger.info(f'Validation is agreement with {whose} on {total} people that are not trained on '
                           f'({figures}). It measures how close the student is to the teacher, not how often the '
                           'teacher is right.')

    @staticmethod
    def _predict(runner: Runner, model: PoseDistiller) -> dict[int, TeacherKeypoints]:
        dataset, reason = validation_data(runner)
        if dataset is None:
            raise DistilPoseError(f'the teacher cannot be run on the validation data: {reason}')
        indices = list(runner.val_loop.dataloader.sampler)
        if not indices:
            return {}
        teachers = [paired.teacher for paired in model.teachers.values()]
        for teacher in teachers:
            teacher.train(False)
        try:
            found = collect(model, dataset, indices, batch_size=teacher_batch_size(runner))
        finally:
            for teacher in teachers:
                teacher.train(model.training)
        certainty = np.where(found.mask, found.certainty, -1)
        return {dataset.get_data_info(index)['id']: TeacherKeypoints(*one) for index, *one in
                zip(indices, found.predicted, certainty, strict=True)}


def _chosen(model: PoseDistiller, name: str | None) -> PoseDistiller:
    """The distiller with the teacher of a name only; as it is where its teachers are combined.

    Raises:
        DistilPoseError: there is no such teacher, there are several and no combination, or one of them changes.
    """
    chosen = _named(model, name)
    changing = [(each, paired.teacher) for each, paired in chosen.teachers.items() if not paired.teacher.is_frozen]
    for each, teacher in changing:
        frozen = [other for other, paired in model.teachers.items() if paired.teacher.is_frozen]
        raise DistilPoseError(
            f'val_evaluator is AgreementWithTeacher, and {_whose(model, each)} ({type(teacher).__name__}) is made of '
            'the student and changes with it: what it predicts before the training is nothing to agree with; '
            + (f'set val_evaluator.name to {" or ".join(map(repr, frozen))}' if frozen else 'evaluate with labels'))
    return chosen


def _whose(model: PoseDistiller, name: str | None) -> str:
    if name is None and len(model.teachers) == 1:
        name = next(iter(model.teachers))
    title = title_of_report(COMBINED if name is None else name)
    return f'{title[0].lower()}{title[1:]}'


def _named(model: PoseDistiller, name: str | None) -> PoseDistiller:
    if name is not None and name in model.teachers:
        return with_one_teacher(model, name)
    if name is not None or (model.combination is None and len(model.teachers) > 1):
        reason = f'there is no teacher {name!r}' if name is not None else (
            'no term of model.terms reads the combination of several teachers')
        raise DistilPoseError(f'val_evaluator is AgreementWithTeacher, and {reason}; set val_evaluator.name to one of '
                              f'{", ".join(model.teachers)}')
    return model
