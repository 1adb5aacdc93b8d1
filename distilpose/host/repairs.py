"""Everything that is odd about the host stack, in one place.

mmpose 1.3.2, mmengine 0.10.7 and mmcv 2.2.0 are the last of their line; torch, numpy and Python moved on. Each
function below is one remedy, states what breaks without it, and does something only where the real thing is missing
or broken. :func:`apply` calls them in order; it runs when ``distilpose`` is imported, before anything of mmpose.

=====================  =====================================================================================
remedy                 without it
=====================  =====================================================================================
installed packages     a missing package is a traceback from the middle of somebody else's code
mmengine packages      ``mmengine`` asks ``pkg_resources``, which setuptools dropped in version 82
mmcv ops               ``import mmcv.ops`` needs a compiled ``mmcv._ext``; mmcv-lite has none
torchvision            PyPI's wheel does not import on a torch without CUDA
xtcocotools            no wheel works with numpy 2; pycocotools serves it (:mod:`distilpose.host.xtcoco`)
bfloat16               ``mmpose``'s heads turn predictions into numpy, which has no bfloat16
CPU processes          ``init_dist`` and ``MMDistributedDataParallel`` insist on CUDA devices
SyncBN                 ``SyncBatchNorm`` refuses to train in several processes on the CPU
safe checkpoints       mmengine unpickles downloads; and refuses its own training checkpoints
mmdet                  ``import mmpose.models`` needs two names of mmdet; ``_scope_='mmdet'`` warns and falls back
circles                numpy 2.4 refuses the radius with which ``mmpose`` draws keypoints (``--show-dir``)
=====================  =====================================================================================

The Runner needs no option for CPU processes: ``init_dist('pytorch', backend='gloo')`` works, ``nccl`` becomes
``gloo`` (the log says so) where torch has no CUDA, and a model on the CPU is wrapped without ``device_ids``.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import logging
import os
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_INSTALL = 'run ./tools/setup_env.sh'
_REQUIRED = {
    'torch': 'pip install torch',
    'mmengine': 'pip install --no-deps mmengine==0.10.7',
    'mmcv': 'pip install --no-deps mmcv-lite==2.2.0',
    'mmpose': 'pip install --no-deps mmpose==1.3.2',
    'torchvision': 'pip install --no-deps torchvision',
    'cv2': 'pip install opencv-python-headless==4.14.0.94',
    'pycocotools': 'pip install pycocotools',
    'six': 'pip install six',
    'scipy': 'pip install scipy',
    'munkres': 'pip install munkres',
    'json_tricks': 'pip install json-tricks',
}
_ONCE: dict[str, Any] = {}


def apply() -> None:
    """Apply every remedy that this environment needs; a second call does nothing."""
    if 'applied' in _ONCE:
        return
    require_packages()
    ask_importlib_for_packages()
    stub_mmcv_ops()
    repair_torchvision()
    serve_xtcocotools()
    convert_bfloat16_for_numpy()
    allow_processes_without_cuda()
    load_checkpoints_safely()
    import_mmpose_without_mmdet()
    draw_circles_with_numbers()
    _ONCE['applied'] = True


def require_packages() -> None:
    """Say in a sentence which package of the stack is missing and how to get it."""
    missing = [name for name in _REQUIRED if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        commands = '; '.join(_REQUIRED[name] for name in missing)
        raise ImportError(
            f'distilpose needs {", ".join(missing)}, which this Python ({sys.executable}) does not have: '
            f'{_INSTALL} for a complete environment, or here: {commands}',
            name=missing[0],
        )


def ask_importlib_for_packages() -> None:
    """Answer mmengine's questions about installed packages without the deprecated ``pkg_resources``.

    ``pkg_resources`` warns at every import since setuptools 67 and is gone since 82.
    """
    if not _is_setuptools_at_least(67) and importlib.util.find_spec('pkg_resources') is not None:
        return
    from mmengine.utils import package_utils

    importlib.import_module('mmengine.hub')  # has one of the two by name
    _replace_everywhere(package_utils.is_installed, _is_installed, 'mmengine')
    _replace_everywhere(package_utils.get_installed_path, _installed_path, 'mmengine')


def _is_setuptools_at_least(major: int) -> bool:
    try:
        return int(importlib.metadata.version('setuptools').split('.')[0]) >= major
    except importlib.metadata.PackageNotFoundError:
        return True


def _is_installed(package: str) -> bool:
    """Whether a distribution or an importable module has this name (as mmengine's function of this name)."""
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(package)
        return spec is not None and spec.origin is not None
    return True


def _installed_path(package: str) -> str:
    """The folder of a package, named by its distribution or its module (as mmengine's function of this name)."""
    names = [package]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        declared = importlib.metadata.distribution(package).read_text('top_level.txt')
        names += (declared or '').split()
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            return os.path.dirname(spec.origin)
    raise importlib.metadata.PackageNotFoundError(package)


class _MissingOps(types.ModuleType):
    """A module with every function that is asked for; calling one says that it was never compiled."""

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


def stub_mmcv_ops() -> None:
    """Let ``import mmcv.ops`` succeed without compiled operations, which only calls of them need."""
    if 'mmcv._ext' in sys.modules or importlib.util.find_spec('mmcv._ext') is not None:
        return
    stub = _MissingOps('mmcv._ext')
    stub.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
    sys.modules['mmcv._ext'] = stub


def repair_torchvision() -> None:
    """Import torchvision on a torch without CUDA, whose libraries its compiled part is linked to.

    The import fails where Python registers shapes for ``torchvision::nms``, which that part would have defined.
    Declaring the operation is enough for all of torchvision except calling it.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if 'torchvision::nms' not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition('.')[0] == 'torchvision']:
            del sys.modules[name]
        library = torch.library.Library('torchvision', 'DEF')
        for operation in ('nms', 'qnms'):
            library.define(f'{operation}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        _ONCE['torchvision'] = library  # the declarations live as long as this object
        importlib.import_module('torchvision')


def serve_xtcocotools() -> None:
    """Serve ``xtcocotools`` by pycocotools where the real one is missing or was compiled for another numpy."""
    try:
        importlib.import_module('xtcocotools.mask')
        importlib.import_module('xtcocotools.cocoeval')
    except (ImportError, ValueError):  # ValueError: numpy.dtype size changed, may indicate binary incompatibility
        for name in [name for name in sys.modules if name.partition('.')[0] == 'xtcocotools']:
            del sys.modules[name]
    else:
        return
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


def convert_bfloat16_for_numpy() -> None:
    """Let mmpose's ``to_numpy``, with which heads measure their accuracy, take bfloat16: it becomes float32."""
    import torch
    from mmpose.utils import tensor_utils

    original = tensor_utils.to_numpy
    try:
        original(torch.zeros(1, dtype=torch.bfloat16))
    except TypeError:
        pass
    else:
        return

    def widen(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.float() if value.dtype == torch.bfloat16 else value
        if type(value) in (list, tuple):
            return type(value)(widen(entry) for entry in value)
        return value

    @functools.wraps(original)
    def to_numpy(x: Any, *args: Any, **kwargs: Any) -> Any:
        return original(widen(x), *args, **kwargs)

    _replace_everywhere(original, to_numpy, 'mmpose')


def allow_processes_without_cuda() -> None:
    """Start and wrap models in several processes on the CPU, where each normalises by its own batch.

    mmengine calls ``torch.cuda.set_device``, which a torch without CUDA does not have, and gives
    ``DistributedDataParallel`` a list of CUDA devices for a model on the CPU.
    """
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel

    for name in ('_init_dist_pytorch', '_init_dist_mpi', '_init_dist_slurm'):
        setattr(utils, name, _with_or_without_cuda(getattr(utils, name)))
    original = MMDistributedDataParallel.__init__

    @functools.wraps(original)
    def initialise(self: Any, module: Any, *args: Any, **kwargs: Any) -> None:
        devices = {parameter.device.type for parameter in module.parameters()}
        if devices == {'cpu'}:
            module = _with_plain_normalisation(module)
            if kwargs.get('device_ids') is not None:
                kwargs['device_ids'] = None
        original(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = initialise


def _with_plain_normalisation(model: Any) -> Any:
    """``SyncBN``, which torch has for GPUs only and networks of RTMPose use, becomes BN; the log says so."""
    import torch
    from mmengine.logging import print_log
    from mmengine.model import revert_sync_batchnorm

    if not any(isinstance(module, torch.nn.SyncBatchNorm) for module in model.modules()):
        return model
    print_log('SyncBN takes statistics over all processes on GPUs only: on the CPU each process normalises by its own '
              'batch, and the running statistics that are saved are those of the first.', 'current', logging.WARNING)
    return revert_sync_batchnorm(model)


def _with_or_without_cuda(initialise: Callable[..., None]) -> Callable[..., None]:
    import torch
    from mmengine.logging import print_log

    @functools.wraps(initialise)
    def on_any_device(backend: str, *args: Any, **kwargs: Any) -> None:
        if backend == 'gloo':
            atexit.register(_leave_process_group)
        if torch.cuda.is_available():
            initialise(backend, *args, **kwargs)
            return
        if backend == 'nccl':
            print_log('torch has no CUDA here: the processes talk through gloo instead of nccl.', 'current')
            on_any_device('gloo', *args, **kwargs)
            return
        with _attribute(torch.cuda, 'set_device', lambda device: None):
            initialise(backend, *args, **kwargs)

    return on_any_device


def _leave_process_group() -> None:
    """Leave gloo's group and let its threads finish, before the interpreter ends.

    A thread which then still holds the last tensors aborts the process ("terminate called without an active
    exception", exit code -6) and torchrun reports a failure: on two busy cores every third run of a plain torch
    script ended so, and none of 20 with the group left and this pause.
    """
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(0.2)


@contextlib.contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def load_checkpoints_safely() -> None:
    """Read every checkpoint that mmengine reads as :mod:`distilpose.checkpoints` does: no code of the file runs.

    mmengine downloads with ``weights_only=False``; and it cannot read its own training checkpoints with
    ``weights_only=True``, which torch 2.6 made the default, because it pickles numpy arrays and history buffers.
    """
    from mmengine.dist import barrier, get_dist_info
    from mmengine.runner import checkpoint

    def load_from_local(filename: str, map_location: Any) -> Any:
        from distilpose.checkpoints.safe_loading import read

        return read(filename, map_location=map_location)

    def load_from_http(
        filename: str, map_location: Any = None, model_dir: str | None = None, progress: bool = os.isatty(0)
    ) -> Any:
        target = _download_path(filename, model_dir)
        if get_dist_info()[0] == 0:
            _download(filename, target, progress)
        barrier()
        _download(filename, target, progress)  # only where the processes share no disk
        return load_from_local(str(target), map_location)

    for function, prefixes in ((load_from_local, ''), (load_from_http, ('http://', 'https://'))):
        setattr(checkpoint, function.__name__, function)
        checkpoint.CheckpointLoader.register_scheme(prefixes=prefixes, loader=function, force=True)


def _download_path(url: str, folder: str | None) -> Path:
    import torch

    directory = Path(folder or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    directory.mkdir(parents=True, exist_ok=True)
    return directory / os.path.basename(url.partition('?')[0])


def _download(url: str, target: Path, progress: bool) -> None:
    import torch

    if not target.is_file():
        torch.hub.download_url_to_file(url, str(target), progress=progress)


def import_mmpose_without_mmdet() -> None:
    """Import ``mmpose.models``, one head of which takes two names from mmdet, and build its ``mmdet`` scopes quietly.

    No released mmdet accepts mmcv 2.2. The stub exists only while that head is imported: afterwards mmdet is as
    absent as before, so that everything which asks for it (detectors, inferencers) says so itself. Configs of RTMPose
    name their CSPNeXt backbone in mmdet's scope; mmpose has the same class and mmengine falls back to it.
    """
    if importlib.util.find_spec('mmdet') is not None:
        return
    package, utils = types.ModuleType('mmdet'), types.ModuleType('mmdet.utils')
    package.__path__ = []
    utils.__dict__.update(ConfigType=_config_type(), reduce_mean=reduce_mean)
    sys.modules.update({'mmdet': package, 'mmdet.utils': utils})
    try:
        importlib.import_module('mmpose.models')
    finally:
        del sys.modules['mmdet'], sys.modules['mmdet.utils']
    _use_mmpose_for_mmdet_scope()


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
    """Take ``_scope_='mmdet'`` for the current scope; mmengine does the same after two warnings at every build."""
    from mmengine.logging import print_log
    from mmengine.registry import Registry

    original = Registry.switch_scope_and_registry

    @functools.wraps(original)
    def switch(self: Registry, scope: str | None) -> Any:
        if scope == 'mmdet':
            print_log('mmdet is not installed: the part is searched in mmpose.', 'current', logging.DEBUG)
            scope = None
        return original(self, scope)

    Registry.switch_scope_and_registry = switch


def draw_circles_with_numbers() -> None:
    """Let mmpose's visualizers draw keypoints with OpenCV: the radius, an array of one element, becomes a number.

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
        return

    @functools.wraps(original)
    def draw_circles(self: Any, center: Any, radius: Any, *args: Any, **kwargs: Any) -> Any:
        if self.backend == 'opencv' and np.size(radius) == 1:
            radius = np.asarray(radius).item()
        return original(self, center, radius, *args, **kwargs)

    OpencvBackendVisualizer.draw_circles = draw_circles


def _replace_everywhere(old: Any, new: Any, package: str) -> None:
    """Replace a function in every imported module of a package that has it by name."""
    for name, module in list(sys.modules.items()):
        if name.partition('.')[0] != package:
            continue
        for attribute, value in list(vars(module).items()):
            if value is old:
                setattr(module, attribute, new)
