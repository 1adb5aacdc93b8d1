"""Everything that makes the frozen host stack run on current torch, numpy and Python (seed)."""

from __future__ import annotations

import importlib.machinery
import sys
import types


def _stub(name: str, **members: object) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(members)
    sys.modules[name] = module
    return module


class _MissingOps(types.ModuleType):
    def __getattr__(self, name: str):
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: object, **kwargs: object) -> None:
            raise NotImplementedError(f'mmcv op {name} is not compiled here')
        return missing


def apply() -> None:
    """Apply every remedy that this environment needs; safe to call twice."""
    if 'mmcv._ext' in sys.modules:
        return
    ext = _MissingOps('mmcv._ext')
    ext.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
    sys.modules['mmcv._ext'] = ext
    mmdet = _stub('mmdet')
    mmdet.__path__ = []
    _stub('mmdet.utils', ConfigType=dict, reduce_mean=lambda tensor: tensor)
    import torch
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for key in [k for k in sys.modules if k.startswith('torchvision')]:
            del sys.modules[key]
        library = torch.library.Library('torchvision', 'DEF')
        library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        library.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        globals()['_library'] = library
        import torchvision  # noqa: F401
    import pycocotools
    from pycocotools import coco, cocoeval, mask
    sys.modules['xtcocotools'] = pycocotools
    sys.modules['xtcocotools.coco'] = coco
    sys.modules['xtcocotools.cocoeval'] = cocoeval
    sys.modules['xtcocotools.mask'] = mask
