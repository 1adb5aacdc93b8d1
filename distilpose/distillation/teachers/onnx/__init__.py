"""ONNX files as teachers and as estimators."""

from __future__ import annotations

from .description import OnnxDescription, OnnxInput, OnnxOutputs, describe_file
from .estimator import OnnxEstimator
from .teacher import OnnxTeacher

__all__ = ['OnnxDescription', 'OnnxEstimator', 'OnnxInput', 'OnnxOutputs', 'OnnxTeacher', 'describe_file']
