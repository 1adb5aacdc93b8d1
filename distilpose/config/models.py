"""Finding a model: by a config's path, or written out as a model dict."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS
from torch import nn

from distilpose.errors import DistilPoseError

from .reading import load_config


@dataclass(frozen=True)
class ModelSource:
    """A plain pose estimator's config and what is known of its keypoints."""

    model: dict
    keypoint_names: tuple[str, ...] | None


def read_model_source(spec: dict) -> ModelSource:
    """Reads a plain model dict, or ``dict(config=path, ...)`` whose further keys change that config's model.

    They are merged as mmengine merges a config into its base: key by key, a dict with ``_delete_=True`` instead.

    Raises:
        DistilPoseError: when the config is missing, has no model, or its model is itself a distiller.
    """
    if 'config' not in spec:
        config = Config(dict(model=copy.deepcopy(dict(spec))))
        return ModelSource(config.model.to_dict(), _keypoint_names(config))
    config = load_config(spec['config'])
    if 'model' not in config:
        raise DistilPoseError(f"{spec['config']} defines no model")
    changes = {key: copy.deepcopy(value) for key, value in spec.items() if key != 'config'}
    if config.model.get('type') == 'PoseDistiller':
        nested = read_model_source(config.model.student)
        config.model = nested.model
        names = nested.keypoint_names
    else:
        names = None
    config.merge_from_dict(dict(model=changes))
    return ModelSource(config.model.to_dict(), names or _keypoint_names(config))


def student_config(cfg: Config) -> Config:
    """The config that evaluates the student: of a distillation, without teacher and terms; any other as it is."""
    if cfg.get('model', {}).get('type') != 'PoseDistiller':
        return cfg
    result = copy.deepcopy(cfg)
    result.model = student_model(cfg)
    return result


def student_model(cfg: Config) -> dict[str, Any] | None:
    """The plain model that a config trains: a distillation's student, else the config's ``model``."""
    model = cfg.get('model')
    if not model or model.get('type') != 'PoseDistiller':
        return model
    student = {key: value for key, value in model.student.to_dict().items() if key != 'checkpoint'}
    return read_model_source(student).model


def build_estimator(model: dict) -> nn.Module:
    """Builds a plain pose estimator, also where no Runner has chosen mmpose as the default scope."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(model)


def keypoint_metainfo(config: Config) -> dict | None:
    """What mmpose knows of a config's keypoints, by the model's metainfo or the data set; ``None`` without either."""
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
