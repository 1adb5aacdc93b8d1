"""Models of configs: read from the path of a config or from a model dict, for student and teacher."""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS
from torch import nn

from distilpose.errors import DistilPoseError

from .reading import load_config
from .teacher_crop import crop_of, padding_of
from .walk import dictionaries, is_distillation

PAIRING_OPTIONS = ('keypoints', 'crop', 'view', 'padding', 'heatmap_sigma')
"""Keys of ``model.teacher`` about how a student learns from it, for any kind of teacher."""
SUPERVISION_OPTIONS = ('weight', 'schedule', 'by_epoch', 'joints', 'terms')
"""Keys of a teacher in ``model.teachers`` about its share beside the others."""


@dataclass(frozen=True)
class ModelSource:
    """A plain pose estimator's config and what is known of its keypoints."""

    model: dict
    keypoint_names: tuple[str, ...] | None
    padding: float | None = None
    """Factor of the person's box in its pipelines (``GetBBoxCenterScale``), ``None`` where it has none."""
    udp: bool | None = None
    """Whether its crops are those of UDP (``TopdownAffine.use_udp``), ``None`` where it has no pipeline."""


def read_model_source(spec: Mapping[str, Any], *, entry: str = 'the model', options: Sequence[str] = ()) -> ModelSource:
    """Reads a plain model dict, or ``dict(config=..., ...)`` whose further keys change that config's model.

    They are merged as mmengine merges a config into its base: key by key, a dict with ``_delete_=True`` instead.

    Args:
        spec: ``config`` is a config's path (see :func:`load_config`) or itself a model source.
        entry: where the config has it, for messages.
        options: further keys that the caller has taken out, for messages.

    Raises:
        DistilPoseError: when the config is missing, has no model, or a key is no argument of the model's class.
    """
    base, names = spec.get('config', {}), None
    crop: tuple[float | None, bool | None] = (None, None)
    changes = {key: copy.deepcopy(value) for key, value in spec.items() if key != 'config'}
    if isinstance(base, Mapping):
        nested = read_model_source(base, entry=entry, options=options) if base else ModelSource({}, None)
        config, names = Config(dict(model=nested.model)), nested.keypoint_names
        crop = nested.padding, nested.udp
    else:
        config = load_config(base)
        crop = _read_crop(config)
        if 'model' not in config:
            raise DistilPoseError(f'{base} defines no model')
        if is_distillation(config.model):
            student = {key: value for key, value in config.model.student.to_dict().items() if key != 'checkpoint'}
            nested = read_model_source(student, entry=f'model.student of {base}')
            config.model, names = nested.model, nested.keypoint_names
    config.merge_from_dict(dict(model=changes))
    _check_arguments(changes, config.model, entry=entry, options=options)
    return ModelSource(config.model.to_dict(), names or _keypoint_names(config), *crop)


def source_of(cfg: Config) -> ModelSource:
    """The plain model that a config trains, with the keypoints and the crops of the config."""
    return ModelSource(student_model(cfg) or {}, _keypoint_names(student_config(cfg)), *_read_crop(cfg))


def _read_crop(config: Config) -> tuple[float | None, bool | None]:
    """Padding and UDP of the crops for which a config's model was trained, by the first pipeline that crops."""
    for loader in ('val_dataloader', 'test_dataloader', 'train_dataloader'):
        for steps in ([step for step in value if isinstance(step, Mapping)] for _, node in
                      dictionaries(config.get(loader) or {}, loader) for key, value in node.items()
                      if key == 'pipeline' and isinstance(value, (list, tuple))):
            crop = crop_of(steps)
            if crop is not None:
                return padding_of(steps), bool(crop.get('use_udp', False))
    return None, None


def _check_arguments(changes: Mapping[str, Any], model: Mapping[str, Any], *, entry: str,
                     options: Sequence[str]) -> None:
    """Refuses keys that are no argument of the model's class, as a misspelt one."""
    kind = MODELS.get(model['type']) if isinstance(model.get('type'), str) else model.get('type')
    if kind is None:
        return  # building the model names the unknown type
    check_arguments(kind, changes, entry=entry, options=options)


def check_arguments(kind: type, given: Iterable[str], *, entry: str, options: Sequence[str] = ()) -> None:
    """Refuses keys that are no argument of a class, as a misspelt one.

    Args:
        kind: the class.
        given: the keys; ``type`` and those of mmengine may be among them.
        entry: where the config has them, for messages.
        options: further keys that are taken out before, for messages.

    Raises:
        DistilPoseError: names the first, and what was probably meant.
    """
    arguments = _arguments(kind)
    for key in given:
        if key == 'type' or key.startswith('_') or key in arguments:
            continue
        close = difflib.get_close_matches(key, [*options, *arguments, 'config', 'checkpoint'], n=1)
        raise DistilPoseError(f'{entry} has a key {key!r}, which is no argument of {kind.__name__}'
                              f'{" and no option (" + ", ".join(options) + ")" if options else ""}; '
                              + (f'did you mean {close[0]!r}?' if close else f'expected one of {", ".join(arguments)}'))


def _arguments(kind: type) -> list[str]:
    """Names that the constructors of a class and of its bases take."""
    constructors = [vars(base)['__init__'] for base in kind.__mro__ if base is not object and '__init__' in vars(base)]
    parameters = [parameter for constructor in constructors
                  for parameter in list(inspect.signature(constructor).parameters.values())[1:]]
    return list(dict.fromkeys(parameter.name for parameter in parameters
                              if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)))


def student_config(cfg: Config) -> Config:
    """The config that evaluates the student: of a distillation, without teacher and terms; any other as it is."""
    if not is_distillation(cfg.get('model')):
        return cfg
    result = copy.deepcopy(cfg)
    result.model = student_model(cfg)
    return result


def student_model(cfg: Config) -> dict[str, Any] | None:
    """The plain model that a config trains: a distillation's student, else the config's ``model``."""
    model = cfg.get('model')
    if not is_distillation(model):
        return model
    student = {key: value for key, value in model.student.to_dict().items() if key != 'checkpoint'}
    return read_model_source(student).model


def build_estimator(model: dict) -> nn.Module:
    """Builds a plain pose estimator, also where no Runner has chosen mmpose as the default scope."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(model)


def keypoint_metainfo(config: Config) -> dict | None:
    """Metainfo of a config's keypoints, of the model or the data set; ``None`` without either."""
    metainfo = config.model.get('metainfo')
    for loader in ('val_dataloader', 'test_dataloader', 'train_dataloader'):
        dataset = (config.get(loader) or {}).get('dataset', {})
        if metainfo is None and 'type' in dataset:
            dataset_class = DATASETS.get(dataset['type'])
            metainfo = dataset.get('metainfo') or getattr(dataset_class, 'METAINFO', None)
    return parse_pose_metainfo(copy.deepcopy(dict(metainfo))) if metainfo else None


def _keypoint_names(config: Config) -> tuple[str, ...] | None:
    """Keypoint names in order."""
    metainfo = keypoint_metainfo(config)
    if metainfo is None:
        return None
    names = metainfo['keypoint_id2name']
    return tuple(names[index] for index in sorted(names))
