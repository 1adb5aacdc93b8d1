"""mmengine's Runner with a short log: a summary of the run, and all details in a file of their own."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
from collections.abc import Iterator, Sized
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, get_world_size, is_main_process, master_only
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from mmengine.utils.dl_utils import collect_env
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from ..checkpoints.writing import describe, disk_error, replacing
from ..errors import DistilPoseError, printable
from .device_options import describe_device_options
from .hooks import SkippedImagesHook, StrictResumeHook
from .hooks.channels_last import contiguous_while_drawn, has_channels_last, use_channels_last
from .mixed_precision import check_custom_keys
from .summary import describe_data, describe_environment, describe_model, full_config_file
from .unwrapped_model import unwrapped_model
from .workers import prepare_workers

DETAILS = 'details.txt'
_SECOND = '%Y%m%d_%H%M%S'  # mmengine's name of the folder of a run
_ABOUT_MMENGINE_ITSELF = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')


class ConciseRunner(Runner):
    """mmengine's Runner, whose log has a summary where mmengine's has hundreds of lines.

    The environment, the points at which each hook runs, the options of each weight and how it was initialised go to
    ``details.txt`` beside the log. The full config is in the work directory, as mmengine writes it. With
    ``log_level='DEBUG'`` the log is mmengine's.
    """

    def setup_env(self, env_cfg: dict) -> None:
        """As mmengine does; a run that starts in the second of another one in its work directory is a second later.

        Logs lie in a folder that is named by the second, and each run has one of its own.
        """
        super().setup_env(env_cfg)
        names = [_unused(Path(self.work_dir), self.timestamp)]
        broadcast_object_list(names)
        self._timestamp = names[0]

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> Any:
        """mmengine's logger, without warnings of mmengine about its own hooks, and without control characters."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        logger.addFilter(_is_for_users)
        logger.addFilter(_make_printable)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                report_disk_errors_once(handler)
        return logger

    @master_only
    def dump_config(self) -> None:
        """Writes the config into the work directory, as mmengine does, but atomically, and over no config."""
        file = full_config_file(self)
        with replacing(file, suffix=file.suffix) as part:
            self.cfg.dump(part)

    @staticmethod
    def build_dataloader(dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False) -> DataLoader:
        """As mmengine does; workers are not ended by signals to the whole process group, and name a failing sample."""
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        prepare_workers(loader)
        return loader

    def build_train_loop(self, loop: Any) -> BaseLoop:
        """As mmengine does; a loader that makes no batch is refused, and broken images do not end the training.

        Raises:
            DistilPoseError: with the number of people and the batch size, or the images that are broken.
        """
        self._prepare_training_data()
        built = super().build_train_loop(loop)
        require_batches(built.dataloader)
        return built

    def _prepare_training_data(self) -> None:
        """Builds the training data before the loop, which starts worker processes at once if it counts iterations."""
        options: Any = self._train_dataloader  # type: ignore[has-type]
        if isinstance(options, dict):
            self._train_dataloader = self.build_dataloader(
                options, seed=self.seed, diff_rank_seed=self._randomness_cfg.get('diff_rank_seed', False))
            for hook in self.hooks:
                if isinstance(hook, SkippedImagesHook):
                    hook.prepare(self, self._train_dataloader.dataset)

    def _log_env(self, env_cfg: dict) -> None:
        if self._is_verbose:
            super()._log_env(env_cfg)
            return
        with self._details():
            facts = {**collect_env(), **env_cfg, 'seed': self.seed, 'launcher': self._launcher}
            self.logger.info('\n'.join(f'{name}: {value}' for name, value in facts.items()))
        for line in filter(None, (*describe_environment(self), describe_device_options(self.cfg))):
            self.logger.info(line)
        if is_main_process():
            self.logger.info(f'Environment, hooks and initial weights: {Path(self.log_dir, DETAILS)}.')

    def get_hooks_info(self) -> str:
        """The hooks in the order of their priorities; at which points each of them runs is in the details."""
        table = super().get_hooks_info()
        if self._is_verbose:
            return table
        with self._details():
            self.logger.info(f'\n{table}')
        return ', '.join(type(hook).__name__ for hook in self.hooks)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """As mmengine does, with weights in their final memory format, see :class:`ChannelsLastHook`."""
        if has_channels_last(self.cfg):
            use_channels_last(model)
        if self.distributed and not any(parameter.requires_grad for parameter in model.parameters()):
            return model.to(get_device())  # DistributedDataParallel refuses what has nothing to learn
        model = super().wrap_model(model_wrapper_cfg, model)
        if isinstance(model, DistributedDataParallel):
            keep_buckets(model)
        return model

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:
        """As mmengine does; options of single weights are in the details. Those of no weight are a warning."""
        unused = check_custom_keys(unwrapped_model(self), optim_wrapper)
        if unused:
            self.logger.warning('optim_wrapper.paramwise_cfg.custom_keys: no parameter has a name with '
                                f'{", ".join(map(repr, unused))}, so that this changes nothing.')
        with self._details():
            return super().build_optim_wrapper(optim_wrapper)

    def _init_model_weights(self) -> None:
        if not self._has_all_weights_in_checkpoint:
            drawn = contiguous_while_drawn(unwrapped_model(self)) if has_channels_last(self.cfg) else nullcontext()
            with self._details(), drawn:
                super()._init_model_weights()
        for line in (*describe_model(self), *describe_data(self)):
            self.logger.info(line)

    @property
    def _has_all_weights_in_checkpoint(self) -> bool:
        """Whether the run is resumed, and refused where the checkpoint lacks a weight."""
        is_resumed = bool(self._resume and self._load_from)
        return is_resumed and any(isinstance(hook, StrictResumeHook) and hook.is_strict for hook in self.hooks)

    @property
    def _is_verbose(self) -> bool:
        return any(handler.level <= logging.DEBUG for handler in self.logger.handlers)

    @contextmanager
    def _details(self) -> Iterator[None]:
        """While open, the log gets warnings only; all records go to the file of details.

        What mmengine writes into the streams of the logger's file handlers goes there as well.
        """
        if self._is_verbose or not is_main_process():
            yield
            return
        handlers = self.logger.handlers
        details = logging.FileHandler(Path(self.log_dir, DETAILS))
        report_disk_errors_once(details)
        details.setFormatter(logging.Formatter('%(message)s'))
        self.logger.handlers = [details, *map(_warnings_of, handlers)]
        try:
            yield
        finally:
            self.logger.handlers = handlers
            with contextlib.suppress(OSError):  # of a full disk, which was reported
                details.close()


class FinishedRunner(ConciseRunner):
    """Reads the end of a training that is finished, and writes nothing in the place of its files."""

    def dump_config(self) -> None:
        """Leaves the config of the training as it is."""

    def train(self) -> nn.Module:
        """Loads weights, history and position of the end; trains and validates nothing."""
        _ = self.train_loop  # builds it
        self.call_hook('before_run')
        self.resume(self._load_from, resume_optimizer=False, resume_param_scheduler=False)
        self.call_hook('after_run')
        return self.model


def require_batches(loader: DataLoader) -> None:
    """Looks whether a loader of training data makes a batch.

    Raises:
        DistilPoseError: it has no data, or with ``drop_last`` fewer than one batch needs.
    """
    if not isinstance(loader.dataset, Sized) or not isinstance(loader.batch_sampler, Sized) or len(loader) > 0:
        return
    count = len(loader.dataset)
    if count == 0:
        raise DistilPoseError('train_dataloader.dataset has no people to train on; look at its ann_file, data_prefix '
                              'and filter_cfg')
    processes = f' in each of {get_world_size()} processes' if get_world_size() > 1 else ''
    raise DistilPoseError(f'train_dataloader has {count} people, and with drop_last=True a batch needs '
                          f'{loader.batch_size}{processes}, so no batch would be trained; set '
                          'train_dataloader.drop_last=False, or a smaller train_dataloader.batch_size')


def keep_buckets(model: DistributedDataParallel) -> None:
    """Fixes the buckets of gradients now, and not after the first iteration, where results are to be reproducible.

    The place of a gradient in its bucket decides in which order those of more than two processes are added. In the
    first iteration after a resume the buckets would be others than in the same iteration of an uninterrupted run. So
    it is on a CPU, and elsewhere with ``deterministic``; other GPUs, which do not repeat their rounding anyway, keep
    the buckets that torch arranges in the order of the backward pass.
    """
    is_reproducible = torch.are_deterministic_algorithms_enabled() or next(model.parameters()).device.type == 'cpu'
    fix: list[Any] = [getattr(model.reducer, name, None) for name in ('_push_all_rebuilt_params', '_rebuild_buckets')]
    if is_reproducible and get_world_size() > 2 and None not in fix:
        for step in fix:
            step()


def report_disk_errors_once(handler: logging.FileHandler) -> None:
    """Reports a log file that cannot be written in one line; logging prints a traceback for every record.

    The file is opened again for the next record, so that a log continues once there is room.
    """
    def handle_error(record: logging.LogRecord) -> None:
        cause = disk_error(sys.exc_info()[1])
        if cause is None:
            logging.FileHandler.handleError(handler, record)
            return
        if not is_reported:
            is_reported.append(True)
            print(describe(cause, Path(handler.baseFilename)), file=sys.stderr)
        stream, handler.stream, handler.mode = handler.stream, None, 'a'
        if stream is not None:
            with contextlib.suppress(OSError):  # what could not be written is tried again, and lost
                stream.close()

    is_reported: list[bool] = []
    handler.handleError = handle_error  # type: ignore[method-assign]


def _warnings_of(handler: logging.Handler) -> logging.Handler:
    """A handler that is no ``FileHandler`` and passes warnings on to one that may be."""
    passing = MemoryHandler(capacity=1, target=handler)
    passing.setLevel(max(logging.WARNING, handler.level))
    return passing


def _make_printable(record: logging.LogRecord) -> bool:
    """Escapes the control characters of names that files of others brought into a message."""
    record.msg, record.args = printable(record.getMessage()), ()
    return True


def _unused(folder: Path, timestamp: str) -> str:
    """The first second from this one on that names nothing in a folder."""
    start = datetime.strptime(timestamp, _SECOND)
    names = ((start + timedelta(seconds=seconds)).strftime(_SECOND) for seconds in itertools.count())
    return next(name for name in names if not (folder / name).exists())


def _is_for_users(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_ABOUT_MMENGINE_ITSELF)
