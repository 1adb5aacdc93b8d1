"""Says, and makes sure, that the teacher is the one that was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...errors import DistilPoseError
from ..bare_model import bare_model


@HOOKS.register_module()
class TeacherCheckHook(Hook):
    """Compares the teacher with the data before training and with its own file afterwards; idle without a teacher."""

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        """Logs which teacher it is.

        Raises:
            DistilPoseError: when the data's keypoints are not the teacher's, in its order, or when the weights that
                the run starts from replaced those that the teacher shares with the student.
        """
        teacher = _teacher(runner)
        if teacher is None:
            return
        if teacher.digest() != teacher.loaded_digest:
            raise DistilPoseError('student and teacher share a backbone, and the checkpoint that this run starts from '
                                  'has another one than model.teacher.checkpoint; resume with the teacher of that run, '
                                  'or start without load_from')
        runner.logger.info(f'The teacher has the weights {teacher.loaded_digest} (SHA-256).')
        names = teacher.keypoint_names
        metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', None) or {}
        if names is None or 'keypoint_id2name' not in metainfo:
            runner.logger.info('The order of keypoints was not compared: the '
                               f'{"teacher" if names is None else "training data"} does not name them.')
            return
        by_index = metainfo['keypoint_id2name']
        compare_keypoints([by_index[index] for index in sorted(by_index)], names)

    def after_train(self, runner: Runner) -> None:
        """Logs that the teacher did not change; in train mode that is said of its weights only.

        Raises:
            DistilPoseError: when it did.
        """
        teacher = _teacher(runner)
        if teacher is None:
            return
        digest = teacher.digest()
        if digest != teacher.loaded_digest:
            raise DistilPoseError(
                f"the teacher's weights changed during training: they were {teacher.loaded_digest} and are {digest} "
                '(SHA-256); nothing but PoseDistiller.teacher may hold the teacher, and nothing may train it')
        runner.logger.info(f"The teacher's weights are bit-identical to the loaded ones ({digest}).")
        if teacher.mode == 'train':
            runner.logger.info("The teacher answered in train mode (model.teacher.mode='train'): running "
                               'statistics that it has are no longer the loaded ones.')


def compare_keypoints(data: Sequence[str], teacher: Sequence[str]) -> None:
    """Compares two definitions of keypoints.

    Raises:
        DistilPoseError: names the first difference.
    """
    remedy = 'choose a teacher that was trained on this definition of keypoints'
    for index, (found, expected) in enumerate(zip(data, teacher, strict=False)):
        if found != expected:
            raise DistilPoseError(f'keypoint {index} is {found!r} in the training data and {expected!r} for the '
                                  f'teacher (of {len(data)} and {len(teacher)} keypoints); {remedy}')
    if len(data) != len(teacher):
        raise DistilPoseError(f'the training data has {len(data)} keypoints and the teacher knows {len(teacher)}; '
                              f'{remedy}')


def _teacher(runner: Runner) -> Any:
    model = bare_model(runner)
    return getattr(model, 'teacher', None)
