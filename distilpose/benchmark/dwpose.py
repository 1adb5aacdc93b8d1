"""mmpose's own distiller of DWPose, with which the benchmark of a training step compares."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmpose.models.distillers import DWPoseDistiller
from torch import nn

from distilpose.config import read_model_source
from distilpose.distillation import PoseDistiller
from distilpose.distillation.teachers import read_teacher_source

_METHODS = dict(FeatureTerm='FeaLoss', SimCCTerm='KDLoss')


def is_dwpose(model: nn.Module) -> bool:
    """Whether a model is a distillation that mmpose's distiller can do: RTMPose from RTMPose with DWPose's terms."""
    if not isinstance(model, PoseDistiller) or not model.terms:
        return False
    heads = [network.head for network in (model.student, getattr(model.teacher, 'model', None)) if network is not None]
    return (all(type(term).__name__ in _METHODS for term in model.terms.values())
            and [type(head).__name__ for head in heads] == ['RTMCCHead'] * 2
            and model.keypoint_map is None and model.own_crop is None)


def as_mmpose_distils(model: PoseDistiller, cfg: Config) -> DWPoseDistiller:
    """mmpose's distiller of the same networks with the same weights, at the first epoch.

    Its teacher follows the student into train mode, as published.

    Args:
        model: for which :func:`is_dwpose` is true.
        cfg: from which it was built.
    """
    student = read_model_source({key: value for key, value in cfg.model.student.to_dict().items()
                                 if key != 'checkpoint'}).model
    networks = dict(student=student, teacher=read_teacher_source(cfg.model.teacher.to_dict()).model)
    methods = [_method(term) for term in model.terms.values()]
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope('mmpose'):
        for name, network in networks.items():
            Path(folder, f'{name}.py').write_text(f'model = {network!r}', encoding='utf-8')
        theirs = DWPoseDistiller(
            teacher_cfg=str(Path(folder, 'teacher.py')), student_cfg=str(Path(folder, 'student.py')),
            two_dis=bool(model.shared), distill_cfg=Config(dict(places=[dict(methods=methods)])).places,
            data_preprocessor=ConfigDict(student['data_preprocessor']))
    theirs.student.load_state_dict(model.student.state_dict())
    theirs.teacher.load_state_dict(model.teacher.model.state_dict())
    hub = MessageHub.get_current_instance()
    for name, value in (('epoch', 0), ('max_epochs', cfg.train_cfg.get('max_epochs', 1))):
        hub.update_info(name, value)
    return theirs


def _method(term: Any) -> dict[str, Any]:
    """A loss of mmpose's distiller."""
    kind = _METHODS[type(term).__name__]
    if kind == 'KDLoss':
        return dict(type=kind, name='loss_logit', use_this=True, weight=term.weight)
    width = getattr(term.projector, 'in_channels', 0), getattr(term.projector, 'out_channels', 0)
    return dict(type=kind, name='loss_fea', use_this=True, student_channels=width[0], teacher_channels=width[1],
                alpha_fea=term.weight)
