"""Launching a run: config, Runner and end of a training, a test or a check."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from distilpose.config import (
    adapt_to_workers,
    check_networks,
    load_config,
    merge_options,
    misspelt_entries,
    project_path,
    read_config,
    set_data_root,
    set_own_keypoints,
)

from ..config.building import building_as_sentences
from ..errors import DistilPoseError
from ..renamed import forward_names
from .default_hooks import DEFAULT_HOOKS
from .device_options import device_options
from .distillation_config import write_distillation
from .environment import end_workers
from .failures import failures_as_sentences
from .failures.downloads import downloads_as_sentences
from .fast_training import use_fast_training
from .hooks import ProgressHook, SignalHook
from .runner import ConciseRunner
from .work_dir import disk_errors_as_sentences

__getattr__ = forward_names(__name__, {
    'check_training': 'distilpose.check.check_training', 'evaluate': 'distilpose.engine.testing.evaluate',
    'train': 'distilpose.engine.training.train', 'use_autocast': 'distilpose.engine.mixed_precision.use_autocast'})


def log_and_train(notes: Sequence[str], runner: Runner) -> Any:
    for note in notes:
        runner.logger.info(note)
    return Runner.train(runner)


def load_and_change(config: str | Path | Config, *, options: Mapping[str, Any] | None = None,
                    data_root: str | Path | None = None, fast: str | None = None) -> tuple[Config, list[str]]:
    """Reads a config and applies what the command line changes.

    Args:
        config: as for :func:`~distilpose.engine.train`.
        options: dotted key -> value.
        data_root: folder of the data, instead of the config's.
        fast: of :func:`~distilpose.engine.fast_training.use_fast_training`.

    Returns:
        The config, and warnings to be logged.
    """
    cfg = copy.deepcopy(config) if isinstance(config, Config) else read_config(config)
    if not cfg.get('model'):
        raise DistilPoseError(f'{name_of(cfg)} defines no model')
    if isinstance(config, Config):  # mmengine may have read it
        set_own_keypoints(cfg, load_config)
    options = dict(options or {})
    folder = options.pop('data_root', None) if data_root is None else data_root
    if folder is not None:
        set_data_root(cfg, folder)
    notes = [*misspelt_entries(cfg), *merge_options(cfg, options, hooks=DEFAULT_HOOKS)]
    adapt_to_workers(cfg, options=options)
    if isinstance(cfg.get('load_from'), str) and '://' not in cfg.load_from:
        cfg.load_from = str(project_path(cfg.load_from))
    use_fast_training(cfg, fast)
    return cfg, notes


def with_teacher(config: str | Path | Config, teacher: str | Path | None, *, method: str, validation: str,
                  options: Mapping[str, Any] | None, work_dir: str | Path | None, launcher: str,
                  data_root: str | Path | None, every: int | None, **files: str | Path | None
                  ) -> tuple[str | Path | Config, Mapping[str, Any] | None, list[str]]:
    """The config and options of a distillation of a student's config, and what to log; the same without a teacher."""
    if teacher is not None:
        return write_distillation(config, teacher, options=options, work_dir=work_dir, launcher=launcher,
                                  method=method, validation=validation, data_root=data_root, every=every, **files)
    if method != 'auto' or every is not None or any(value is not None for value in files.values()):
        raise DistilPoseError('--teacher-checkpoint, --method, --images, --boxes and --every are about a distillation, '
                              'and no teacher is named; add --teacher, or set them in the config if that has one')
    return config, options, []


def require_training(cfg: Config) -> None:
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if not cfg.get(name):
            raise DistilPoseError(f'{name_of(cfg)} cannot be trained: it has no {name}')
    check_networks(cfg)


def work_dir_of(cfg: Config, work_dir: str | Path | None, subfolder: str = '') -> Path:
    if work_dir is not None:
        return Path(work_dir).expanduser().absolute()
    if cfg.get('work_dir'):
        return Path(cfg.work_dir).expanduser().absolute() / subfolder
    return Path('work_dirs', Path(cfg.filename or 'run').stem, subfolder).absolute()


def set_randomness(cfg: Config, *, seed: int | None, deterministic: bool) -> None:
    cfg.randomness = dict(cfg.get('randomness') or dict(seed=None))
    if seed is not None:
        cfg.randomness.seed = seed
    if deterministic:
        cfg.randomness.deterministic = True
    found = cfg.randomness.get('seed')
    if found is not None and not (isinstance(found, int) and 0 <= found < 2**32):
        raise DistilPoseError(f'the seed is {found!r}; it must be a whole number from 0 to 2**32 - 1')


def run(cfg: Config, notes: list[str], action: Callable[[Any], Any], *, returns_result: bool = False,
         runner_type: type[Runner] | None = None) -> Any:
    """Runs, with errors of the disk as sentences."""
    with disk_errors_as_sentences(Path(cfg.work_dir)), device_options(cfg):
        return _build_and_run(cfg, notes, action, returns_result=returns_result, runner_type=runner_type)


def _build_and_run(cfg: Config, notes: list[str], action: Callable[[Any], Any], *, returns_result: bool,
                   runner_type: type[Runner] | None) -> Any:
    """Builds the runner, logs the notes, and gives the terminal back whatever happens."""
    with building_as_sentences(cfg), downloads_as_sentences(cfg):
        if runner_type is None and 'runner_type' in cfg:
            runner = RUNNERS.build(cfg)
        else:
            runner = (runner_type or ConciseRunner).from_cfg(cfg)
    for note in notes:
        print_log(note, 'current', logging.WARNING)
    try:
        with building_as_sentences(cfg), failures_as_sentences(runner), downloads_as_sentences(cfg):
            result = action(runner)
    finally:
        end_workers(runner)
        runner.visualizer.close()
        for hook in runner.hooks:
            if isinstance(hook, (ProgressHook, SignalHook)):
                hook.close()
    return result if returns_result else runner


def name_of(cfg: Config) -> str:
    return str(cfg.filename or 'the config')
