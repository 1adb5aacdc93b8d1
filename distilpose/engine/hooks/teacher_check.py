"""Verifies that teacher weights did not change, and that teacher and data define the same keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...config.named_teachers import entry_of, errors_named, of_teacher, title_of
from ...distillation.teachers.keypoint_map import ENTRY, HINT
from ...errors import DistilPoseError
from ...structures import ONLY_TEACHER
from ..unwrapped_model import unwrapped_model
from .moving_average import MovingAverageHook, moving_averages


@HOOKS.register_module()
class TeacherCheckHook(Hook):
    """Verifies that the weights of frozen teachers did not change: at the start, before each checkpoint and at the end.

    It also compares the keypoints of each teacher with those of the training data. Without a teacher, and with one
    that is made of the student, it does nothing.
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self._active: tuple[str, ...] | None = None

    def before_train(self, runner: Runner) -> None:
        """Logs which teachers there are.

        Raises:
            DistilPoseError: when the data's keypoints are not a teacher's, in its order, or when the weights that
                the run starts from replaced those that the teacher shares with the student.
        """
        _require_updates(runner)
        is_shared = bool(getattr(unwrapped_model(runner), 'shared', ()))
        for name, paired in _teachers(runner).items():
            teacher, title = paired.teacher, title_of(name)
            if is_shared and teacher.digest() != teacher.loaded_digest:
                raise DistilPoseError('student and teacher share a backbone, and the checkpoint that this run starts '
                                      'from has another one than model.teacher.checkpoint; resume with the teacher of '
                                      'that run, or start without load_from')
            _verify(name, teacher)
            runner.logger.info(f'{title} has the weights {teacher.loaded_digest} (SHA-256).')
            for doubt in getattr(teacher, 'doubts', ()):
                runner.logger.warning(f'{_heading(name)}: {doubt}.')
            if paired.keypoint_map is not None:
                runner.logger.info(f'{_prefix(name)}{paired.keypoint_map.describe()}')
            _compare_with_data(runner, name, paired)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Logs which of several teachers are active and how much each weighs, at the start and when one starts or ends.
        """
        teachers = getattr(unwrapped_model(runner), 'teachers', {})
        if len(teachers) < 2:
            return
        factors = {name: paired.factor() for name, paired in teachers.items()}
        active = tuple(name for name, factor in factors.items() if factor != 0)
        if active != self._active:
            self._active = active
            shares = ', '.join(f'{name} {factors[name]:.3g}' for name in active) or 'none'
            runner.logger.info(f'Active teachers from iteration {runner.iter + 1} on, with their weights: {shares}.')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Verifies the weights before anything is written.

        Raises:
            DistilPoseError: when they changed; no checkpoint of such a training is saved.
        """
        for name, paired in _teachers(runner).items():
            _verify(name, paired.teacher)

    def after_train(self, runner: Runner) -> None:
        """Verifies the weights and logs their digests; in train mode the running statistics do change.

        Raises:
            DistilPoseError: when the weights changed.
        """
        for name, paired in _teachers(runner).items():
            teacher, entry = paired.teacher, entry_of(name)
            _verify(name, teacher)
            runner.logger.info(f'T{of_teacher(name, "weights")[1:]} are bit-identical to the loaded ones '
                               f'({teacher.loaded_digest}).')
            if teacher.mode == 'train':
                runner.logger.info(f"{title_of(name)} ran in train mode ({entry}.mode='train'): running "
                                   'statistics that it has are no longer the loaded ones.')


def _heading(name: str) -> str:
    return 'TEACHER' if name == ONLY_TEACHER else f'TEACHER {name}'


def _prefix(name: str) -> str:
    return '' if name == ONLY_TEACHER else f'{title_of(name)}: '


def _verify(name: str, teacher: Any) -> None:
    digest = teacher.digest()
    if digest != teacher.loaded_digest:
        raise DistilPoseError(
            f"{of_teacher(name, 'weights')} changed during training: they were {teacher.loaded_digest} and "
            f'are {digest} (SHA-256); nothing but PoseDistiller may hold the teacher, nothing may train it, and no '
            'process may replace its file')


def _compare_with_data(runner: Runner, name: str, paired: Any) -> None:
    """Compares the keypoints of a teacher, or those of the student that it has a map for, with the training data's."""
    keypoint_map = paired.keypoint_map
    names = paired.teacher.keypoint_names if keypoint_map is None else keypoint_map.student_names
    metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', None) or {}
    owner = 'teacher' if keypoint_map is None else 'student'
    if names is None or 'keypoint_id2name' not in metainfo:
        runner.logger.info(f'{_prefix(name)}The order of keypoints was not compared: the '
                           f'{owner if names is None else "training data"} does not name them.')
        return
    by_index = metainfo['keypoint_id2name']
    with errors_named(name):
        compare_keypoints([by_index[index] for index in sorted(by_index)], names, owner=owner)


def compare_keypoints(data: Sequence[str], expected: Sequence[str], *, owner: str = 'teacher') -> None:
    """Compares two definitions of keypoints.

    Args:
        data: names of the training data's keypoints.
        expected: names of the teacher's, or of the student's of a keypoint map.
        owner: whose ``expected`` are, ``'teacher'`` or ``'student'``.

    Raises:
        DistilPoseError: names the first difference.
    """
    remedy = (f'choose a teacher that was trained on this definition of keypoints. {HINT}' if owner == 'teacher' else
              f"{ENTRY} is for the keypoints of the student's config: let it name those of the training data")
    for index, (found, name) in enumerate(zip(data, expected, strict=False)):
        if found != name:
            raise DistilPoseError(f'keypoint {index} is {found!r} in the training data and {name!r} for the '
                                  f'{owner} (of {len(data)} and {len(expected)} keypoints); {remedy}')
    if len(data) != len(expected):
        raise DistilPoseError(f'the training data has {len(data)} keypoints and the {owner} has {len(expected)}; '
                              f'{remedy}')


def _require_updates(runner: Runner) -> None:
    """Refuses a moving average that stays what it is."""
    if not any(isinstance(hook, MovingAverageHook) for hook in runner.hooks):
        for name in moving_averages(unwrapped_model(runner)):
            raise DistilPoseError(f'nothing updates the teacher {name!r}, a moving average of the student; leave '
                                  "default_hooks.moving_average as it is, or add dict(type='MovingAverageHook')")


def _teachers(runner: Runner) -> dict[str, Any]:
    """Those with weights of their own."""
    teachers = getattr(unwrapped_model(runner), 'teachers', {})
    return {name: paired for name, paired in teachers.items() if paired.teacher.is_frozen}
