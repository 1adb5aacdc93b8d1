"""Distillation configs in mmpose's inference functions: they build the student."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from .patching import replace_everywhere


def predict_with_students() -> None:
    """Lets ``init_model`` and the inferencers take distillation configs; the teacher is not built."""
    from mmengine.config import Config
    from mmengine.infer.infer import BaseInferencer
    from mmpose.apis import inference

    init_original, infer_original = inference.init_model, BaseInferencer._init_model

    @functools.wraps(init_original)
    def init_model(config: Any, *args: Any, **kwargs: Any) -> Any:
        config = Config.fromfile(config) if isinstance(config, (str, Path)) else config
        return init_original(_of_student(config), *args, **kwargs)

    @functools.wraps(infer_original)
    def _init_model(self: Any, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        return infer_original(self, _of_student(cfg), *args, **kwargs)

    replace_everywhere(init_original, init_model, 'mmpose')
    BaseInferencer._init_model = _init_model


def _of_student(cfg: Any) -> Any:
    """The config of a distillation's student, with keypoints of one's own where they belong; else as it is."""
    model = cfg.get('model') if hasattr(cfg, 'get') else None
    if not model:
        return cfg
    from ..config import load_config, set_own_keypoints, student_config  # of a layer above, which is there by then

    set_own_keypoints(cfg, load_config)
    return student_config(cfg)
