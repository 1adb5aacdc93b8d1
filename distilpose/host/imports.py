"""Imports that fail: mmcv's compiled operations, torchvision without CUDA, xtcocotools, mmdet, albumentations."""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import logging
import sys
import types
from collections.abc import Callable
from typing import Any

from .lazy_imports import when_imported

_KEPT: list[Any] = []
"""Objects whose effect lasts as long as they live."""
_SERVED_FOR_MMDET = {f'mmdet.{name}': f'mmpose.{name}' for name in ('PipelineSwitchHook', 'YOLOXHSVRandomAug')}


class _MissingOps(types.ModuleType):
    """A module that has a function of every name, which raises when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> None:
            import mmcv

            raise NotImplementedError(
                f'The compiled operation {name} of mmcv was called, and mmcv-lite has no compiled operations: '
                f'build the full mmcv=={mmcv.__version__} for this torch to use it.'
            )

        return missing

    @staticmethod
    def get_compiler_version() -> str:
        return 'n/a'

    get_compiling_cuda_version = get_compiler_version


def stub_mmcv_ops() -> bool:
    """Lets ``import mmcv.ops`` succeed without compiled operations, which only calls of them need."""
    if 'mmcv._ext' in sys.modules or importlib.util.find_spec('mmcv._ext') is not None:
        return False
    stub = _MissingOps('mmcv._ext')
    stub.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
    sys.modules['mmcv._ext'] = stub
    return True


def repair_torchvision() -> bool:
    """Lets torchvision be imported on a torch without CUDA, whose libraries its compiled part is linked to.

    The import fails where Python registers shapes for ``torchvision::nms``, which that part would have defined.
    Declaring the operation is enough for all of torchvision except calling it.
    """
    if 'torchvision' in sys.modules:
        return False
    when_imported(['torchvision'], _execute_torchvision)
    return True


def _execute_torchvision(execute: Callable[[types.ModuleType], None], module: types.ModuleType) -> None:
    import torch

    try:
        execute(module)
    except RuntimeError as error:
        if 'torchvision::nms' not in str(error):
            raise
        for name in [name for name in sys.modules if name.startswith('torchvision.')]:
            del sys.modules[name]
        library = torch.library.Library('torchvision', 'DEF')
        for operation in ('nms', 'qnms'):
            library.define(f'{operation}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        _KEPT.append(library)  # the declarations live as long as this object
        execute(module)


def serve_xtcocotools() -> bool:
    """Provides ``xtcocotools`` by pycocotools where the real one is missing or was compiled for another numpy."""
    try:
        importlib.import_module('xtcocotools.mask')
        importlib.import_module('xtcocotools.cocoeval')
    except (ImportError, ValueError):  # ValueError: numpy.dtype size changed, may indicate binary incompatibility
        for name in [name for name in sys.modules if name.partition('.')[0] == 'xtcocotools']:
            del sys.modules[name]
    else:
        return False
    from pycocotools import mask

    from distilpose.host import xtcoco

    package = types.ModuleType('xtcocotools', xtcoco.__doc__)
    package.__path__ = []
    modules = {'coco': xtcoco, 'cocoeval': xtcoco, 'mask': mask}
    for name, module in {'xtcocotools': package, **{f'xtcocotools.{name}': m for name, m in modules.items()}}.items():
        if module is package:
            module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = module
    package.__dict__.update(modules)
    return True


def import_mmpose_without_mmdet() -> bool:
    """Imports ``mmpose.models``, one head of which takes two names from mmdet, and builds its ``mmdet`` scopes quietly.

    No released mmdet accepts mmcv 2.2. The stub exists only while that head is imported: afterwards mmdet is as
    absent as before, so that everything which needs it (detectors, inferencers) has its own error. Configs of RTMPose
    name their CSPNeXt backbone in mmdet's scope; mmpose has the same class and mmengine falls back to it.
    """
    if importlib.util.find_spec('mmdet') is not None:
        return False
    package, utils = types.ModuleType('mmdet'), types.ModuleType('mmdet.utils')
    package.__path__ = []
    utils.__dict__.update(ConfigType=_config_type(), reduce_mean=reduce_mean)
    sys.modules.update({'mmdet': package, 'mmdet.utils': utils})
    try:
        importlib.import_module('mmpose.models')
    finally:
        del sys.modules['mmdet'], sys.modules['mmdet.utils']
    _use_mmpose_for_mmdet_scope()
    _serve_names_of_mmdet()
    return True


def _config_type() -> Any:
    from mmengine.config import ConfigDict

    return ConfigDict | dict


def reduce_mean(tensor: Any) -> Any:
    """Mean of a tensor over all processes, the tensor itself when there is one; as mmdet's function of this name."""
    import torch.distributed

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return tensor
    total = tensor.detach().clone().div_(torch.distributed.get_world_size())
    torch.distributed.all_reduce(total)
    return total


def _use_mmpose_for_mmdet_scope() -> None:
    """Takes ``_scope_='mmdet'`` for the current scope; mmengine does the same after two warnings at every build."""
    from mmengine.logging import print_log
    from mmengine.registry import Registry

    original = Registry.switch_scope_and_registry

    @functools.wraps(original)
    def switch(self: Registry, scope: str | None) -> Any:
        if scope == 'mmdet':
            print_log('mmdet is not installed: the module is looked up in mmpose.', 'current', logging.DEBUG)
            scope = None
        return original(self, scope)

    Registry.switch_scope_and_registry = switch


def _serve_names_of_mmdet() -> None:
    """Looks ``mmdet.PipelineSwitchHook`` and ``mmdet.YOLOXHSVRandomAug`` up in mmpose's registries.

    67 of mmpose's 408 configs name them. The hook is distilpose's, the transform mmpose's copy of mmdet's. All other
    names of mmdet stay unknown: mmpose has transforms of the same names that do something else.
    """
    from mmengine.registry import Registry

    original = Registry.get

    @functools.wraps(original)
    def get(self: Registry, key: str) -> Any:
        return original(self, _SERVED_FOR_MMDET.get(key, key))

    Registry.get = get


def serve_albumentations() -> bool:
    """Lets mmpose's ``Albumentation`` build three transforms without the package, which it looks up in its module.

    The package stays absent for everything else. The stand-in is also used where mmpose cannot use the package:
    ``augmentations.transforms``, which it reads, is gone from albumentations 2.
    """
    from mmpose.datasets.transforms import common_transforms

    from .albumentations import AlbumentationsStandIn

    installed = common_transforms.albumentations
    if hasattr(getattr(installed, 'augmentations', None), 'transforms'):
        return False
    common_transforms.albumentations = AlbumentationsStandIn()
    return True
