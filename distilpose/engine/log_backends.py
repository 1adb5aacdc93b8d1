"""Logging to TensorBoard, Weights & Biases and MLflow, through mmengine's visualization backends."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.visualization.vis_backend import MLflowVisBackend, WandbVisBackend, force_init_env

from ..checkpoints.writing import write_atomically
from ..errors import DistilPoseError

RUNS = 'logged_runs.json'
"""In the work directory: the runs at W&B and MLflow, which a resumed training continues."""
_TYPES = dict(tensorboard='TensorboardVisBackend', wandb='WandbRunVisBackend', mlflow='MLflowRunVisBackend')
LOGS = tuple(_TYPES)
"""What ``--log-to`` takes; each is also the name of the package that it needs."""
_MODULES = dict(tensorboard='torch.utils.tensorboard', wandb='wandb', mlflow='mlflow')


def check_log_backends(names: Sequence[str], *, is_first: bool = True) -> None:
    """Looks for the packages that write logs.

    Args:
        names: some of :data:`LOGS`.
        is_first: whether this process writes; only that one imports them, which takes seconds.

    Raises:
        DistilPoseError: a name is none of them, or its package is missing or broken; names the line that installs it.
    """
    for name in names:
        if name not in LOGS:
            raise DistilPoseError(f'--log-to {name} is none; expected some of {", ".join(LOGS)}')
        if find_spec(name) is None:
            raise DistilPoseError(f'--log-to {name} needs the package {name}, which is not installed: pip install '
                                  f'{name}')
        if is_first:
            try:
                importlib.import_module(_MODULES[name])
            except ImportError as error:
                raise DistilPoseError(f'--log-to {name} needs the package {name}, which is installed and cannot be '
                                      f'imported ({error}); install it again: pip install --force-reinstall '
                                      f'{name}') from error


def add_log_backends(cfg: Config, names: Sequence[str], *, is_resumed: bool) -> None:
    """Adds backends to those of a config's visualizer, in place; one that the config has stays as it is.

    Args:
        cfg: with its work directory.
        names: some of :data:`LOGS`.
        is_resumed: whether the training is resumed, and with it its runs at W&B and MLflow.
    """
    if not names:
        return
    visualizer: dict[str, Any] = dict(cfg.get('visualizer') or dict(type='PoseLocalVisualizer', name='visualizer'))
    backends = [dict(backend) for backend in visualizer.get('vis_backends') or [dict(type='LocalVisBackend')]]
    kept = dict(folder=str(cfg.work_dir), resume=is_resumed)
    for name in dict.fromkeys(names):
        kinds = (_TYPES[name], _TYPES[name].replace('Run', ''))
        if not any(backend['type'] in kinds for backend in backends):
            backends.append(dict(type=_TYPES[name], **({} if name == 'tensorboard' else kept)))
    visualizer['vis_backends'] = backends
    cfg.visualizer = visualizer


@VISBACKENDS.register_module()
class WandbRunVisBackend(WandbVisBackend):
    """mmengine's backend for Weights & Biases whose run a resumed training continues.

    Losses are drawn over iterations. The code in the current directory, which mmengine's uploads, stays here.

    Args:
        save_dir: for the local files of W&B.
        folder: the work directory, which gives the run its name and keeps its number; ``None``: each start is a run.
        resume: continue the run of the folder.
        **kwargs: those of ``WandbVisBackend``; ``init_kwargs`` are those of ``wandb.init``.

    Raises:
        DistilPoseError: W&B refuses to begin, for instance without a login.
    """

    def __init__(self, save_dir: str, *, folder: str | None = None, resume: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault('define_metric_cfg', [dict(name='loss*', step_metric='iter')])
        super().__init__(save_dir, **kwargs)
        self._init_kwargs: dict[str, Any] | None = kwargs.get('init_kwargs')
        self._folder, self._resume = folder, resume

    def _init_env(self) -> None:
        import wandb

        options: dict[str, Any] = dict(project=os.environ.get('WANDB_PROJECT', 'distilpose'))
        if self._folder is not None:
            number = read_run(self._folder, 'wandb') if self._resume else None
            options.update(name=Path(self._folder).name, **(dict(id=number, resume='allow') if number else {}))
        self._init_kwargs = {**options, **(self._init_kwargs or {})}
        try:
            super()._init_env()
        except wandb.errors.Error as error:
            raise DistilPoseError(f'W&B does not begin a run: {error}; log in with wandb login, or keep the run on '
                                  'this machine with WANDB_MODE=offline in the environment') from error
        if self._folder is not None:
            write_run(self._folder, 'wandb', wandb.run.id)

    @force_init_env
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """The values of the config; a resumed run's may be others."""
        self._wandb.config.update(config.to_dict(), allow_val_change=True)


@VISBACKENDS.register_module()
class MLflowRunVisBackend(MLflowVisBackend):
    """mmengine's backend for MLflow with a database of its own, whose run a resumed training continues.

    Without ``tracking_uri`` and the variable MLFLOW_TRACKING_URI it writes ``mlflow.db`` and ``mlflow_artifacts`` in
    the folder. Metrics lose the brackets of their names, which MLflow refuses.

    Args:
        save_dir: of the log, which is an artifact at the end.
        folder: the work directory, which gives the run its name and keeps its number; ``None``: that of the log, and
            each start is a run.
        resume: continue the run of the folder.
        **kwargs: those of ``MLflowVisBackend``.

    Raises:
        DistilPoseError: the server does not respond.
    """

    def __init__(self, save_dir: str, *, folder: str | None = None, resume: bool = False, **kwargs: Any) -> None:
        super().__init__(save_dir, **kwargs)
        self._folder, self._resume = folder, resume

    def _init_env(self) -> None:
        import mlflow

        self._mlflow = mlflow
        root = Path(self._folder or self._save_dir).absolute()
        uri, artifacts = self._tracking_uri or os.environ.get('MLFLOW_TRACKING_URI'), self._artifact_location
        if uri is None:
            root.mkdir(parents=True, exist_ok=True)
            uri, artifacts = f'sqlite:///{root / "mlflow.db"}', artifacts or (root / 'mlflow_artifacts').as_uri()
        name = self._exp_name or os.environ.get('MLFLOW_EXPERIMENT_NAME', 'distilpose')
        try:
            mlflow.set_tracking_uri(uri)
            if mlflow.get_experiment_by_name(name) is None:
                mlflow.create_experiment(name, artifact_location=artifacts)
            mlflow.set_experiment(name)
            number = read_run(self._folder, 'mlflow') if self._folder is not None and self._resume else None
            run = mlflow.start_run(run_id=number, run_name=self._run_name or root.name, tags=self._tags)
        except mlflow.exceptions.MlflowException as error:
            raise DistilPoseError(f'MLflow does not begin a run at {uri}: {error}; start its server, or unset '
                                  'MLFLOW_TRACKING_URI for a database in the work directory') from error
        if self._folder is not None:
            write_run(self._folder, 'mlflow', run.info.run_id)
        if self._params:
            mlflow.log_params(self._params)

    @force_init_env
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """The values of the config as parameters, which in MLflow never change, and its text of this start."""
        self.cfg = config
        run = self._mlflow.active_run()
        known = self._mlflow.get_run(run.info.run_id).data.params
        keys = self._tracked_config_keys
        tracked = config.to_dict() if keys is None else {key: config[key] for key in keys}
        params = {_metric_name(key): value for key, value in self._flatten(tracked).items()}
        self._mlflow.log_params({key: value for key, value in params.items() if key not in known})
        self._mlflow.log_text(config.pretty_text, f'config/{Path(self._save_dir).parent.name}.py')

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """One number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any) -> None:
        """All numbers among the values."""
        self._mlflow.log_metrics({_metric_name(name): float(value) for name, value in scalar_dict.items()
                                  if isinstance(value, Real)}, step)

    def close(self) -> None:
        """Ends the run with the log as an artifact; a second time it does nothing."""
        if not hasattr(self, '_mlflow') or self._mlflow.active_run() is None:
            return
        for file in sorted(Path(self._save_dir).parent.glob('*.log')):
            self._mlflow.log_artifact(str(file), 'log')
        self._mlflow.end_run()


def read_run(folder: str | Path, name: str) -> str | None:
    """The run of a work directory at a service, ``None`` where there is none."""
    return _runs(Path(folder)).get(name)


def write_run(folder: str | Path, name: str, number: str) -> None:
    """Keeps the run of a work directory at a service."""
    runs = {**_runs(Path(folder)), name: number}
    write_atomically(Path(folder, RUNS), json.dumps(runs, indent=2) + '\n')


def _runs(folder: Path) -> dict[str, str]:
    file = folder / RUNS
    try:
        runs = json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}
    except ValueError as error:
        raise DistilPoseError(f'{file} is no JSON ({error}); remove it, and the training begins new runs') from error
    if not isinstance(runs, Mapping) or not all(isinstance(number, str) for number in runs.values()):
        raise DistilPoseError(f'{file} holds no numbers of runs; remove it, and the training begins new ones')
    return dict(runs)


def _metric_name(name: str) -> str:
    """Without the characters that MLflow refuses in a name."""
    return re.sub(r'[^\w\-. :/]', '', name)
