"""Training in several processes on the CPU: starting them, wrapping the model, SyncBN, and ending them.

The Runner needs no option: ``init_dist('pytorch', backend='gloo')`` works, ``nccl`` becomes ``gloo`` (the log says so)
where torch has no CUDA, and a model on the CPU is wrapped without ``device_ids``.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import RunFailed
from .patching import attribute


def allow_processes_without_cuda() -> bool:
    """Starts and wraps models in several processes on the CPU, where each normalises by its own batch.

    mmengine calls ``torch.cuda.set_device``, which a torch without CUDA does not have, and gives
    ``DistributedDataParallel`` a list of CUDA devices for a model on the CPU. It also passes ``broadcast_buffers``,
    which torch 2.13 renamed and warns of; by the new name buffers are the first process's at the start, too, as those
    of mmengine are when weights are initialised.
    """
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel
    from torch.nn.parallel import DistributedDataParallel

    for name in ('_init_dist_pytorch', '_init_dist_mpi', '_init_dist_slurm'):
        setattr(utils, name, _with_or_without_cuda(getattr(utils, name)))
    original = MMDistributedDataParallel.__init__
    is_renamed = 'forward_sync_buffers' in inspect.signature(DistributedDataParallel).parameters

    @functools.wraps(original)
    def initialise(self: Any, module: Any, *args: Any, **kwargs: Any) -> None:
        devices = {parameter.device.type for parameter in module.parameters()}
        if devices == {'cpu'}:
            module = with_plain_normalisation(module)
            if kwargs.get('device_ids') is not None:
                kwargs['device_ids'] = None
        if is_renamed and 'broadcast_buffers' in kwargs:
            kwargs.setdefault('forward_sync_buffers', kwargs.pop('broadcast_buffers'))
        original(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = initialise
    return True


def with_plain_normalisation(model: Any) -> Any:
    """A model whose ``SyncBN``, which trains on GPUs only and networks of RTMPose use, became BN; the log says so.

    The layers are replaced in the modules that contain them, and keep their parameters and statistics.
    """
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
            with _connecting():
                initialise(backend, *args, **kwargs)
            return
        if backend == 'nccl':
            print_log('torch has no CUDA here: the processes talk through gloo instead of nccl.', 'current')
            on_any_device('gloo', *args, **kwargs)
            return
        with attribute(torch.cuda, 'set_device', lambda device: None), _connecting():
            initialise(backend, *args, **kwargs)

    return on_any_device


@contextmanager
def _connecting() -> Iterator[None]:
    """Raises one sentence where this process does not reach the others, or waited for them for too long.

    Raises:
        RunFailed: names the place where they meet.
    """
    try:
        yield
    except RuntimeError as error:  # also all of torch.distributed's own
        name = os.environ.get
        reason = str(error).splitlines()[0]
        raise RunFailed(
            f'process {name("RANK", "?")} of 0 to {int(name("WORLD_SIZE", "1")) - 1} could not join the others at '
            f'{name("MASTER_ADDR")}:{name("MASTER_PORT")} ({reason}). Are all of them running, is the port free (PORT, '
            'or MASTER_PORT for SLURM), and does GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME name the network interface '
            'over which machines reach each other? env_cfg.dist_cfg.timeout is how long to wait, in seconds') from error


def _leave_process_group() -> None:
    """Leaves gloo's group and lets its threads finish, before the interpreter ends.

    A thread which then still holds the last tensors aborts the process ("terminate called without an active
    exception", exit code -6) and torchrun reports a failure: on two busy cores every third run of a plain torch
    script ended so, and none of 20 with the group left and this pause.
    """
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(0.2)
