"""Versions, processor, devices and environment variables, each read so that a broken package hides nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = Path(__file__).resolve().parent.parent / 'distilpose'
_PACKAGES = ('torch', 'torchvision', 'numpy', 'mmpose', 'mmengine', 'mmcv', 'mmcv-lite', 'mmdet', 'opencv-python',
             'opencv-python-headless', 'pycocotools', 'xtcocotools', 'scipy', 'hotcoco', 'simplejpeg', 'onnxruntime',
             'onnxruntime-gpu', 'onnx', 'tensorboard', 'setuptools')
_FEATURES = {
    'x86': ('avx2', 'avx512f', 'avx512_bf16', 'avx512_vnni', 'amx_tile', 'amx_bf16'),
    'arm': ('bf16', 'i8mm', 'sve'),
}
_VARIABLES = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'CUDA_VISIBLE_DEVICES', 'ATEN_CPU_CAPABILITY', 'ONEDNN_MAX_CPU_ISA')


def version() -> str:
    """That of ``distilpose``, read and not imported."""
    found = re.search(r"__version__ = '(.+?)'", (_PACKAGE / '__init__.py').read_text(encoding='utf-8'))
    return found[1] if found else 'of an unknown version'


def versions() -> dict[str, str]:
    """Name -> version of this package, Python, the system and every package that is installed."""
    found = {
        'distilpose': f'{version()} in {_PACKAGE}',
        'Python': f'{platform.python_version()} ({sys.executable})',
        'system': ' '.join([platform.system(), platform.release(), platform.machine(), *platform.libc_ver()]).strip(),
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> dict[str, Any]:
    """The processor's name, its cores, and which instructions it has."""
    features = _FEATURES['arm' if platform.machine().lower() in ('arm64', 'aarch64') else 'x86']
    reader = processor_module()
    flags = reader.cpu_features()
    known = ', '.join(f'{name} {"yes" if name in flags else "no"}' for name in features) if flags else 'unknown'
    cores = f'{os.cpu_count()}, {reader.usable_cores()} usable'
    return dict(processor=reader.processor_name(), cores=cores, features=known)


def processor_module() -> Any:
    """``distilpose.processor``, read as a file, since the package may be broken."""
    loader = SourceFileLoader('_distilpose_processor', str(_PACKAGE / 'processor.py'))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    return module


def devices() -> dict[str, Any]:
    """What torch finds: threads and instructions on the CPU, CUDA and MPS devices."""
    try:
        import torch
    except Exception as error:  # reported by the check of torch
        return dict(devices=f'torch cannot be imported ({type(error).__name__})')
    found = dict(CPU=f'{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()} instructions')
    if torch.version.cuda is None and torch.version.hip is None:
        found['CUDA'] = 'none: torch was built without it'
    else:
        properties = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        found['CUDA'] = f'{torch.version.cuda or torch.version.hip}; ' + (', '.join(
            f'{one.name} with {one.total_memory / 2**30:.0f} GiB (compute capability {one.major}.{one.minor})'
            for one in properties) or 'no device')
    found['MPS'] = 'yes' if torch.backends.mps.is_available() else 'no'
    return found


def variables() -> dict[str, str]:
    """The environment variables that are set and change what is computed, or how fast."""
    return {name: value for name, value in sorted(os.environ.items())
            if name.startswith('DISTILPOSE_') or name in _VARIABLES}
