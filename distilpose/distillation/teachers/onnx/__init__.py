"""ONNX files as teachers."""

from __future__ import annotations

from .description import OnnxDescription, OnnxInput, OnnxOutputs, describe_file
from .teacher import OnnxTeacher

__all__ = ['OnnxDescription', 'OnnxInput', 'OnnxOutputs', 'OnnxTeacher', 'describe_file']
