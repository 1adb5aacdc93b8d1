"""ONNX files as teachers and as estimators."""

from __future__ import annotations

from .description import OnnxDescription, OnnxInput, OnnxOutputs, describe_file

__all__ = ['OnnxDescription', 'OnnxInput', 'OnnxOutputs', 'describe_file']
