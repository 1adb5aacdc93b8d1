"""Process group, launcher and logs of a run: what depends on the machine that it starts on."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch.distributed import TCPStore

from ..errors import DistilPoseError, LostProcess
from .workers import deaths_of_workers_ignored

LAUNCHERS = ('none', 'pytorch', 'slurm')
_VARIABLES = {
    'pytorch': ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
}
_RUNS = itertools.count()
_DESCRIPTORS, _DESCRIPTORS_OF_A_WORKER = 64, 8
_SECONDS_FOR_THE_FIRST = 600


def prepare_environment(cfg: Config, launcher: str = 'none') -> None:
    """Chooses the processes' backend and the logs' backends, in place.

    Raises:
        DistilPoseError: when the launcher and the process's environment contradict each other.
    """
    check_launcher(launcher)
    _check_descriptors(cfg)
    cfg.launcher = launcher
    env_cfg = dict(cfg.get('env_cfg') or {})
    has_cuda = torch.cuda.is_available()
    env_cfg['dist_cfg'] = {'backend': 'nccl' if has_cuda else 'gloo', **(env_cfg.get('dist_cfg') or {})}
    if not has_cuda:
        env_cfg['dist_cfg']['backend'] = 'gloo'
    cfg.env_cfg = env_cfg
    _choose_log_backends(cfg)
    _use_fresh_names(cfg)


def check_launcher(launcher: str) -> None:
    """Compares the launcher with the environment variables about processes.

    Raises:
        DistilPoseError: when the launcher's variables are missing, one was forgotten, or GPUs are too few.
    """
    if launcher not in LAUNCHERS:
        raise DistilPoseError(f'the launcher {launcher!r} is unknown; choose one of {", ".join(LAUNCHERS)}')
    missing = [name for name in _VARIABLES.get(launcher, ()) if name not in os.environ]
    if missing:
        script = 'dist' if launcher == 'pytorch' else 'slurm'
        raise DistilPoseError(f'--launcher {launcher} needs the variables {", ".join(missing)}, which are not set; '
                              f'start through tools/{script}_train.sh or tools/{script}_test.sh, or leave out '
                              '--launcher for a single process')
    if launcher == 'slurm':
        _check_slurm()
    if launcher == 'none' and 'TORCHELASTIC_RUN_ID' in os.environ and int(os.environ.get('WORLD_SIZE', '1')) > 1:
        raise DistilPoseError(f'torchrun started {os.environ["WORLD_SIZE"]} processes, and each would train alone into '
                              'the same folder; add --launcher pytorch')
    local = int(os.environ.get('LOCAL_WORLD_SIZE', '1')) if launcher == 'pytorch' else 1
    if torch.cuda.is_available() and local > torch.cuda.device_count():
        raise DistilPoseError(f'{local} processes were started on a machine where torch sees '
                              f'{torch.cuda.device_count()} GPUs; start as many processes as there are GPUs')


def _check_descriptors(cfg: Config) -> None:
    """Compares how many files a process may open with what its loaders' workers need: pipes, and tensors on their way.

    Raises:
        DistilPoseError: names the limit and the workers.
    """
    workers = sum((cfg.get(f'{name}_dataloader') or {}).get('num_workers', 0) for name in ('train', 'val'))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _DESCRIPTORS + _DESCRIPTORS_OF_A_WORKER * workers
    if 0 <= limit < needed:
        raise DistilPoseError(f'a process may open {limit} files here, and one with {workers} workers that load data '
                              f'needs about {needed}; raise the limit (ulimit -n 4096), or lower num_workers of '
                              'train_dataloader and val_dataloader')


def _check_slurm() -> None:
    """Raises for variables that are no numbers, and where SLURM's own program for the first machine's name is missing.

    Raises:
        DistilPoseError: names the variable.
    """
    for name in ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'MASTER_PORT'):
        if not os.environ.get(name, '0').isdecimal():
            raise DistilPoseError(f'the variable {name} is {os.environ[name]!r}; expected a whole number, as srun sets')
    rank, count = int(os.environ['SLURM_PROCID']), int(os.environ['SLURM_NTASKS'])
    if rank >= count:
        raise DistilPoseError(f'SLURM_PROCID is {rank}, and of SLURM_NTASKS={count} processes the last has {count - 1};'
                              ' start through tools/slurm_train.sh or tools/slurm_test.sh')
    if 'MASTER_ADDR' not in os.environ and shutil.which('scontrol') is None:
        raise DistilPoseError('scontrol, which names the first machine, is not on the PATH; set MASTER_ADDR '
                              'to the address of that machine')


def is_first_process(launcher: str) -> bool:
    """Whether this is the only process of a run, or its first; known before processes are connected."""
    name = _VARIABLES.get(launcher, ('', ))[0]
    return os.environ.get(name, '0') == '0'


def follow_the_first(launcher: str, *, step: str = 'locked') -> None:
    """Lets the other processes of torchrun continue when the first has come here, which holds the lock of the folder.

    Before, they would read checkpoints that another training deletes. Where the first is refused, it ends them.

    Args:
        launcher: what started the processes.
        step: the name of this place, where they meet once.

    Raises:
        LostProcess: the first did not come, or the launcher is gone.
    """
    if launcher != 'pytorch' or os.environ.get('TORCHELASTIC_USE_AGENT_STORE') != 'True':
        return  # without the launcher's store they meet later
    key = f'distilpose/{step}/{os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")}'
    timeout = timedelta(seconds=_SECONDS_FOR_THE_FIRST)
    try:
        store = TCPStore(os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']), is_master=False, timeout=timeout)
        if is_first_process(launcher):
            store.set(key, '1')
        else:
            store.wait([key], timeout)
    except RuntimeError as error:
        raise LostProcess('the first process of this run did not begin with the training, or the launcher ended; its '
                          'own message has the cause') from error


def end_workers(runner: Runner) -> None:
    """Ends the loaders' worker processes, which a loader starts again when it is used again.

    Left to Python's garbage collection, each of them keeps the process waiting for five seconds, because the queue
    through which it would be ended is collected first.
    """
    with deaths_of_workers_ignored():
        for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
            for owner in (getattr(loop, 'dataloader', None), getattr(loop, 'dataloader_iterator', None)):
                end_workers_of(owner)


def end_workers_of(owner: Any) -> None:
    """Ends the workers of one loader, or of what iterates over it, if there are any."""
    iterator: Any = getattr(owner, '_iterator', None)
    if hasattr(iterator, '_shutdown_workers'):
        iterator._shutdown_workers()
        owner._iterator = None


def _choose_log_backends(cfg: Config) -> None:
    """Adds TensorBoard's files to the plain ones where the package is installed; a config's own choice stays."""
    visualizer: dict[str, Any] = dict(cfg.get('visualizer') or dict(type='PoseLocalVisualizer', name='visualizer'))
    kinds = [backend['type'] for backend in visualizer.get('vis_backends') or [dict(type='LocalVisBackend')]]
    if kinds == ['LocalVisBackend']:
        kinds += ['TensorboardVisBackend'] * has_tensorboard()
        visualizer['vis_backends'] = [dict(type=kind) for kind in kinds]
    cfg.visualizer = visualizer


def has_tensorboard() -> bool:
    """Whether files for TensorBoard can be written here."""
    if find_spec('tensorboard') is None:
        return False
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except ImportError:  # installed and broken
        return False
    return True


def _use_fresh_names(cfg: Config) -> None:
    """Keeps a second run in this process from writing into the first one's log and visualizer, found by name."""
    number = next(_RUNS)
    if number and not cfg.get('experiment_name'):
        stem = os.path.splitext(os.path.basename(cfg.filename or 'run'))[0]
        cfg.experiment_name = f'{stem}_{number}'
    name = cfg.visualizer.get('name')
    if name and Visualizer.check_instance_created(name):
        cfg.visualizer.name = f'{name}_{number}'
