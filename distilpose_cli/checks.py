"""Checks of an installation for ``distilpose doctor``: each uses one part and returns a note, or raises an error."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import io
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

from .machine import processor_module

Check = Callable[[], str]
_PERSON = [8.0 * number for number in range(34)]
_SECONDS = 20
_NEGATION = (b'\x08\x07:2\n\x0b\n\x01x\x12\x01y"\x03Neg\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n'
             b'\x02\x08\x02b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x02B\x04\n\x00\x10\r')
"""An ONNX graph: y (2,) = -x."""


class Unusable(Exception):
    """A part is not there, or gives a wrong result: the reason, for people."""


def _distilpose() -> str:
    import distilpose
    from distilpose.config.models import MODELS

    if MODELS.get('PoseDistiller') is None:
        raise Unusable('distilpose is imported, and PoseDistiller is not in the registry of mmpose')
    return f'{distilpose.__version__}, registered with mmpose'


def _torch() -> str:
    import torch

    product = torch.ones(8, 8) @ torch.ones(8, 8)
    if not bool((product == 8).all()):
        raise Unusable(f'a product of matrices of ones is {product[0, 0]} and not 8')
    return torch.__version__


def _opencv() -> str:
    import cv2
    import numpy as np

    decoded = cv2.imdecode(cv2.imencode('.jpg', np.full((16, 16, 3), 128, np.uint8))[1], cv2.IMREAD_COLOR)
    if decoded is None or decoded.shape != (16, 16, 3) or abs(float(decoded.mean()) - 128) > 2:
        raise Unusable('a grey JPEG file is not decoded as it was encoded')
    return f'{cv2.__version__}, encodes and decodes JPEG'


def _coco_evaluation() -> str:
    return f'a perfect prediction has AP {_evaluate().stats[0]:.3f}, computed by {_evaluate().computed_by}'


@functools.cache
def _evaluate() -> Any:
    """COCO's evaluation of one person who is predicted exactly."""
    import numpy as np

    from distilpose.host.xtcoco import COCO, COCOeval

    keypoints = [float(value) for x, y in zip(_PERSON[::2], _PERSON[1::2], strict=True) for value in (x, y, 2)]
    person = dict(id=1, image_id=1, category_id=1, keypoints=keypoints, num_keypoints=17, area=4000.0, iscrowd=0,
                  bbox=[0.0, 8.0, 264.0, 264.0])
    truth = COCO()
    truth.dataset = dict(images=[dict(id=1)], annotations=[person], categories=[dict(id=1, name='person')])
    with redirect_stdout(io.StringIO()):  # pycocotools prints tables
        truth.createIndex()
        found = truth.loadRes([dict(image_id=1, category_id=1, keypoints=keypoints, score=1.0)])
        evaluation = COCOeval(truth, found, 'keypoints')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    if not np.isclose(evaluation.stats[0], 1):
        raise Unusable(f'a perfect prediction has AP {evaluation.stats[0]:.3f} and not 1')
    return evaluation


def _torchvision() -> str:
    import torch
    import torchvision
    from torchvision.transforms.functional import hflip

    hflip(torch.zeros(3, 4, 4))
    return torchvision.__version__


def _hotcoco() -> str:
    from distilpose.host import hotcoco
    from distilpose.host.switch import SWITCH

    version = _installed('hotcoco')
    if version != hotcoco.COMPARED:
        raise Unusable(f'{version} is installed, and only {hotcoco.COMPARED} was compared with pycocotools: '
                           f'pip install --no-deps hotcoco=={hotcoco.COMPARED}')
    if _evaluate().computed_by == 'hotcoco':
        return f'{version}, computes the metrics of COCO'
    variables = ' '.join(f'{name}={os.environ[name]}' for name in (hotcoco.SWITCH, SWITCH) if name in os.environ)
    return f'{version}, not used ({variables or "xtcocotools itself is installed"})'


def _simplejpeg() -> str:
    import numpy as np
    import simplejpeg

    decoded = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(np.full((16, 16, 3), 128, np.uint8)), 'BGR')
    if decoded.shape != (16, 16, 3):
        raise Unusable(f'a JPEG file of 16 x 16 is decoded as {decoded.shape}')
    return f'{_installed("simplejpeg")}, decodes JPEG'


def _onnxruntime() -> str:
    names = ('onnxruntime', 'onnxruntime-gpu', 'onnxruntime-directml')
    found = {one.metadata['Name']: one.version for name in names for one in importlib.metadata.distributions(name=name)}
    if len(found) > 1:
        raise Unusable(f'{" and ".join(found)} are installed, which overwrite each other: uninstall both, then install '
                       'the one that you need')
    if importlib.util.find_spec('onnxruntime') is None:
        raise Unusable('not installed: pip install onnxruntime, or onnxruntime-gpu for CUDA')
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(_NEGATION, providers=['CPUExecutionProvider'])
    if session.run(None, dict(x=np.array([1, 2], np.float32)))[0].tolist() != [-1, -2]:
        raise Unusable('a graph that negates two numbers does not negate them')
    providers = ', '.join(name.removesuffix('ExecutionProvider') for name in onnxruntime.get_available_providers())
    return f'{onnxruntime.__version__} ({providers}), for teachers that are ONNX files'


def _tensorboard() -> str:
    version = _installed('tensorboard')
    from torch.utils.tensorboard import SummaryWriter  # noqa: F401

    return version


def _compiler() -> str:
    """Of C++, which ``torch.compile`` calls on a CPU."""
    name = processor_module().cpp_compiler()
    if shutil.which(name) is None:
        raise Unusable(f'no C++ compiler ({name}), which torch.compile needs on a CPU')
    done = subprocess.run([name, '--version'], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return f'{done.stdout.splitlines()[0]}, for torch.compile on a CPU'


def _ffmpeg() -> str:
    if shutil.which('ffmpeg') is None:
        raise Unusable('not on the PATH; only extracting the frames of videos needs it')
    done = subprocess.run(['ffmpeg', '-version'], capture_output=True, text=True, timeout=_SECONDS, check=True)
    return done.stdout.splitlines()[0]


def _gloo() -> str:
    """Processes on a CPU; a group of this one alone is joined and left."""
    import torch
    from torch import distributed

    if not (distributed.is_available() and distributed.is_gloo_available()):
        raise Unusable('torch was built without it, so that only one process can train on a CPU')
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1,
                                   timeout=timedelta(seconds=_SECONDS))
    try:
        distributed.all_reduce(torch.ones(1))
    finally:
        distributed.destroy_process_group()
    return 'processes on a CPU can be connected'


def _bfloat16() -> str:
    import torch

    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(64, 64, generator=generator) for _ in range(2))
    difference = float(((one.bfloat16() @ other.bfloat16()).float() - one @ other).abs().max())
    if not difference < 1:  # of values around 8, of which bfloat16 keeps eight bits
        raise Unusable(f'a product of matrices differs by {difference} from that in float32')
    if processor_module().has_fast_bfloat16():
        return 'matrix products on the CPU, faster than those in float32'
    return 'matrix products on the CPU, not faster than in float32; that needs avx512_bf16, amx_bf16 or, on ARM, bf16'


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise Unusable('torch finds no CUDA device')
    for index in range(torch.cuda.device_count()):
        torch.ones(8, 8, device=f'cuda:{index}').matmul(torch.ones(8, 8, device=f'cuda:{index}')).sum().item()
    return f'{torch.cuda.device_count()} devices multiply matrices'


def _installed(package: str) -> str:
    if importlib.util.find_spec(package) is None:
        raise Unusable(f'not installed: pip install {package}')
    return importlib.metadata.version(package)


REQUIRED: dict[str, Check] = {
    'torch': _torch, 'OpenCV': _opencv, 'distilpose': _distilpose, 'torchvision': _torchvision,
    'COCO evaluation': _coco_evaluation,
}
"""Torchvision comes after ``distilpose``, which repairs it where it does not fit torch."""
OPTIONAL: dict[str, Check] = {
    'hotcoco': _hotcoco, 'simplejpeg': _simplejpeg, 'onnxruntime': _onnxruntime,
    'tensorboard': _tensorboard, 'C++ compiler': _compiler,
    'ffmpeg': _ffmpeg, 'gloo': _gloo, 'bfloat16': _bfloat16, 'CUDA': _cuda,
}
