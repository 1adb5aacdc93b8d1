"""API for programs: load a model, predict, optimise for inference, export to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from .export.onnx import export
from .inference import PosePredictions, predict, predict_many
from .inference.loading import load_model
from .models.optimised import optimise_for_inference
from .renamed import forward_names

__all__ = ['PosePredictions', 'export_onnx', 'load_model', 'optimise_for_inference', 'predict', 'predict_many']

__getattr__ = forward_names(__name__, {'quickened': 'distilpose.apis.optimise_for_inference'})


def export_onnx(config: str | Path | Config, checkpoint: str | Path | None, file: str | Path,
                **options: Any) -> Any:
    """Exports a network as an ONNX file that describes itself, see :func:`distilpose.export.onnx.export`.

    Raises:
        DistilPoseError: something does not fit, or the outputs of the file differ from those of the network.
    """
    return export(config, checkpoint, file, **options)
