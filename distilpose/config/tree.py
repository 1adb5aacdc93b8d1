"""The dictionaries of a config, found by one walk that all checks share."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from distilpose.annotations import Findings

from .models import ModelSource, read_model_source
from .walk import Node, dictionaries, is_distillation, type_name

LOADERS = ('train', 'val', 'test')


class ConfigTree:
    """A config as the checks see it: walked once, and its student's config read once.

    Args:
        cfg: the config, with its final values.
        loaders: which of ``'train'``, ``'val'``, ``'test'`` will be used.
    """

    def __init__(self, cfg: Config, loaders: Sequence[str] = LOADERS) -> None:
        self.cfg = cfg
        self.loaders = tuple(loaders)
        self.nodes: list[Node] = list(dictionaries(cfg._cfg_dict, ''))
        self.warnings: list[str] = []
        """What the checks found unusual, one sentence a kind."""
        self.findings: list[Findings] = []
        """What the check of annotations found, file by file."""

    @classmethod
    def of(cls, config: Config | ConfigTree, loaders: Sequence[str] | None = None) -> ConfigTree:
        """The tree of a config; a tree as it is."""
        return config if isinstance(config, ConfigTree) else cls(config, LOADERS if loaders is None else loaders)

    @property
    def model(self) -> Mapping[str, Any]:
        """The config's ``model``, empty without one."""
        return self.cfg.get('model') or {}

    @property
    def is_distillation(self) -> bool:
        """Whether the model is a :class:`~distilpose.distillation.PoseDistiller`."""
        return is_distillation(self.model)

    @functools.cached_property
    def student_source(self) -> ModelSource:
        """The plain model that is trained: the student of a distillation, also where another config defines it."""
        if not self.is_distillation:
            return ModelSource(dict(self.model), None)
        student = self.model['student']
        return read_model_source({key: value for key, value in student.items() if key != 'checkpoint'})

    @property
    def student(self) -> Mapping[str, Any]:
        """The model of :attr:`student_source`."""
        return self.student_source.model

    def below(self, *paths: str) -> list[Node]:
        """The dictionaries at and below these paths, path by path."""
        return [node for path in paths for node in self.nodes
                if node[0].startswith(path) and node[0][len(path):len(path) + 1] in ('', '.', '[')]

    def of_type(self, kind: str, *paths: str) -> list[Node]:
        """The dictionaries of a ``type`` at and below these paths; with or without the scope (``'mmpose.'``) of it."""
        return [(path, node) for path, node in self.below(*paths) if type_name(node.get('type')) == kind]
