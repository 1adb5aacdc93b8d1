"""Student checkpoints: weights of the plain student from those of a distillation, as DWPose's ``pth_transfer.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from distilpose.checkpoints import BadCheckpoint, load_file, load_strict, state_dict_of
from distilpose.checkpoints.published.dwpose import holds_two_models, stage_of, student_of
from distilpose.errors import DistilPoseError
from distilpose.inference.loading import load_model

from .convert import Conversion, check_destination, write_checkpoint

_TERMS = 'distillation.'
_SHOWN_KEYS = 3


def transfer(source: str | Path, destination: str | Path, *, two_dis: bool = False,
             config: str | Path | Config | None = None) -> Conversion:
    """Writes the weights of the student alone, under the names of a plain mmpose model.

    A checkpoint of this project is the student's already, and only the weights of its terms are dropped. One of
    DWPose's own training holds two models: after its first stage the student is kept, after the second the teacher's
    backbone with the student's head. Where there are averaged weights (EMA), those are taken, which mmengine saves as
    ``state_dict``.

    Args:
        source: the checkpoint.
        destination: the file to write, or to replace; a safetensors file if it is called ``.safetensors``.
        two_dis: that the checkpoint is of the second stage; only needed where one file holds two models. It is
            compared with the weights, and decides where they do not show it: both models are of one size, and
            there are no averaged weights.
        config: of the plain model, to compare every name and shape with; without one they are taken as they are.

    Raises:
        DistilPoseError: the source is no such checkpoint, or of the other stage, or does not fit the config.
    """
    source, destination = Path(source).expanduser(), Path(destination).expanduser()
    check_destination(source, destination)
    checkpoint = load_file(source)
    state = state_dict_of(checkpoint, source=str(source))
    if holds_two_models(state.keys()):
        found = stage_of(state, _not_averaged(checkpoint))
        _check_flag(source, stage=found, two_dis=two_dis)
        stage = 2 if two_dis else 1
        recognised, student = f"stage {stage} of DWPose's own training", student_of(state, stage=stage)
        if found is None:
            recognised += f' (its weights do not show it: --two_dis was {"" if two_dis else "not "}given)'
    else:
        recognised = 'a plain student, as this project and mmpose save it'
        student = {name: value for name, value in state.items() if not name.startswith(_TERMS)}
    _check_names(source, student)
    if config is not None:
        load_strict(load_model(config), student, source=str(source))
    write_checkpoint(dict(state_dict=student, meta=dict(converted_from=source.name, recognised=recognised)),
                     destination)
    return Conversion(recognised, len(student), destination)


def _not_averaged(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of the last iteration, where the others are averaged; mmengine puts a prefix before their names."""
    weights = checkpoint.get('ema_state_dict') or {}
    return {name.removeprefix('module.'): value for name, value in weights.items()}


def _check_flag(source: Path, *, stage: int | None, two_dis: bool) -> None:
    if two_dis and stage == 1:
        raise DistilPoseError(f"{source} is of DWPose's first stage: its student's backbone was trained, or is another "
                              "one than its teacher's. Leave out --two_dis")
    if not two_dis and stage == 2:
        raise DistilPoseError(f"{source} is of DWPose's second stage: student and teacher are of one size, and the "
                              "student's own backbone was not trained. Add --two_dis to get the teacher's backbone "
                              "with the student's head")


def _check_names(source: Path, student: Mapping[str, Tensor]) -> None:
    parts = {name.partition('.')[0] for name in student}
    if not {'backbone', 'head'} <= parts or parts - {'backbone', 'neck', 'head'}:
        keys = ', '.join(list(student)[:_SHOWN_KEYS]) or 'none of a student'
        raise BadCheckpoint(f'{source} is no checkpoint of a distillation: its weights should be those of a backbone, '
                            f'perhaps a neck, and a head, plain or below student. and teacher., and they are called '
                            f'{keys}')
