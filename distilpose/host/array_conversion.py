"""Conversions that fail in mmpose: of bfloat16, of the radius of a circle, and of keypoints without depth."""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from collections.abc import Sequence
from typing import Any

from .patching import replace_everywhere


def convert_bfloat16_for_numpy() -> bool:
    """Lets mmpose's ``to_numpy``, with which heads measure their accuracy, take bfloat16: it becomes float32."""
    import torch
    from mmpose.utils import tensor_utils

    original = tensor_utils.to_numpy
    try:
        original(torch.zeros(1, dtype=torch.bfloat16))
    except TypeError:
        pass
    else:
        return False

    def is_bfloat16(value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16

    def widen(value: Any) -> Any:
        if is_bfloat16(value):
            return value.float()
        if isinstance(value, Sequence) and any(map(is_bfloat16, value)):
            return (list if isinstance(value, list) else tuple)(widen(entry) for entry in value)
        return value

    @functools.wraps(original)
    def to_numpy(x: Any, *args: Any, **kwargs: Any) -> Any:
        return original(widen(x), *args, **kwargs)

    replace_everywhere(original, to_numpy, 'mmpose')
    return True


def draw_circles_with_numbers() -> bool:
    """Lets mmpose's visualizers draw keypoints with OpenCV: the radius, an array of one element, becomes a number.

    ``int(array)`` of such an array is a TypeError since numpy 2.4.
    """
    import numpy as np
    from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer

    original = OpencvBackendVisualizer.draw_circles
    canvas = types.SimpleNamespace(backend='opencv', _image=np.zeros((1, 1, 3), np.uint8))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)  # numpy 1.25 to 2.3
            inspect.unwrap(original)(canvas, np.zeros(2), np.ones(1), (0, 0, 0))
    except TypeError:
        pass
    else:
        return False

    @functools.wraps(original)
    def draw_circles(self: Any, center: Any, radius: Any, *args: Any, **kwargs: Any) -> Any:
        if self.backend == 'opencv' and np.size(radius) == 1:
            radius = np.asarray(radius).item()
        return original(self, center, radius, *args, **kwargs)

    OpencvBackendVisualizer.draw_circles = draw_circles
    return True


def convert_keypoints_without_depth() -> bool:
    """Lets mmpose's ``KeypointConverter`` take samples of ``CocoWholeBodyDataset``, with ``keypoints_3d=None``."""
    import numpy as np
    from mmpose.datasets.transforms.converting import KeypointConverter

    original = KeypointConverter.transform
    try:
        KeypointConverter(1, [(0, 0)]).transform(dict(keypoints=np.zeros((1, 1, 2)), keypoints_3d=None))
    except AttributeError:
        pass
    else:
        return False

    @functools.wraps(original)
    def transform(self: Any, results: dict) -> dict:
        if 'keypoints_3d' in results and results['keypoints_3d'] is None:
            del results['keypoints_3d']
        return original(self, results)

    KeypointConverter.transform = transform
    return True
