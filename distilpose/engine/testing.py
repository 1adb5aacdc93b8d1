"""Evaluation of a checkpoint or an ONNX file on test data: ``distilpose test``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from distilpose.config import check, student_config

from ..annotations import summaries
from ..checkpoints import load_strict, read_weights
from ..checkpoints.writing import write_atomically
from ..errors import DistilPoseError
from ..models.fast_copy import fast_copy
from ..models.fast_settings import check_fast
from ..models.optimised import check_speed
from .default_hooks import complete_default_hooks
from .environment import prepare_environment
from .launch import load_and_change, name_of, run, work_dir_of
from .onnx_evaluation import check_file, is_onnx_file, onnx_test_config, split_options
from .unwrapped_model import replace_unwrapped_model, unwrapped_model
from .work_dir import check_writable


def evaluate(config: str | Path | Config, checkpoint: str | Path, *, work_dir: str | Path | None = None,
             dump: str | Path | None = None, out: str | Path | None = None, show_dir: str | Path | None = None,
             options: Mapping[str, Any] | None = None, data_root: str | Path | None = None,
             launcher: str = 'none', quick: str | None = None, compile: str | None = None,
             fast: str = 'off') -> dict[str, float]:
    """Evaluates a checkpoint on a config's test data.

    A distillation config is evaluated as its student's; the teacher is not needed. From the checkpoint of a training
    with averaged weights (EMA) those are taken.

    Args:
        config: as for :func:`train`.
        checkpoint: of the student: from a plain training or a distillation, exported, or a published file; or an ONNX
            file, see :func:`~distilpose.engine.onnx_evaluation.onnx_test_config`.
        work_dir: where the log goes; else ``test`` in the training's default work directory.
        dump: a pickle file for all predictions.
        out: a JSON file for the metrics.
        show_dir: a folder for images with the predictions drawn.
        options: as for :func:`train`; with an ONNX file ``model.input.mean`` and so on describe the file.
        data_root: as for :func:`train`.
        launcher: as for :func:`train`.
        quick: a type, as ``fast``.
        compile: of :func:`~distilpose.models.optimised.optimise_for_inference`, for the copy of ``fast``.
        fast: predicts with an optimised copy, see :func:`~distilpose.models.fast_copy.fast_copy`.

    Returns:
        The metrics by name.

    Raises:
        DistilPoseError: wrong input.
    """
    is_onnx = is_onnx_file(checkpoint)
    options, of_model = split_options(options) if is_onnx else (options, {})
    cfg, notes = load_and_change(config, options=options, data_root=data_root)
    for name in ('test_dataloader', 'test_evaluator'):
        if not cfg.get(name):
            raise DistilPoseError(f'{name_of(cfg)} cannot be tested: it has no {name}')
    fast = _chosen_fast(fast, quick, compile)
    if is_onnx:
        if fast != 'off':
            raise DistilPoseError(f'--fast and --quick optimise a torch network, and {checkpoint} is an ONNX file, '
                                  'which onnxruntime runs; leave it out')
        cfg, more_notes = onnx_test_config(cfg, checkpoint, of_model)
        notes += more_notes
    state = {} if is_onnx else read_weights(checkpoint).state
    cfg = student_config(cfg)
    cfg.work_dir = str(work_dir_of(cfg, work_dir, 'test'))
    cfg.load_from, cfg.resume = None, False
    complete_default_hooks(cfg)
    checked = check(cfg, ['test'])
    notes += checked.warnings
    _prepare_outputs(cfg, dump=dump, out=out, show_dir=show_dir)
    prepare_environment(cfg, launcher)

    def load_and_test(runner: Runner) -> dict[str, float]:
        for line in summaries(checked.findings):
            runner.logger.info(line)
        model = unwrapped_model(runner)
        if is_onnx:
            check_file(runner)
            return runner.test()
        load_strict(model, state, source=str(checkpoint), ignore_prefixes=('distillation.', ))
        runner.logger.info(f'Loaded all {len(model.state_dict())} weights from {checkpoint}.')
        if fast != 'off':
            replace_unwrapped_model(runner, fast_copy(model, fast, compile=compile)[0])
        return runner.test()

    metrics = run(cfg, notes, load_and_test, returns_result=True)
    if out is not None and is_main_process():
        write_atomically(Path(out).expanduser(), json.dumps(metrics, indent=2, default=float) + '\n')
    return metrics


def _chosen_fast(fast: str, quick: str | None, compile: str | None) -> str:
    """``fast``, or ``quick`` in its place."""
    if quick is not None:
        if fast != 'off':
            raise DistilPoseError(f'--quick {quick} and --fast {fast} name the type twice; leave out --quick')
        fast = quick
    check_fast(fast)
    if compile is not None and fast == 'off':
        raise DistilPoseError(f'--compile {compile} compiles the copy that --fast makes, which is missing; '
                              'add --fast, or add --quick')
    check_speed(dtype=None, compile=compile)
    return fast


def _prepare_outputs(cfg: Config, *, dump: str | Path | None, out: str | Path | None,
                     show_dir: str | Path | None) -> None:
    """Adds what writes predictions and images, after a check that everything can be written."""
    files = {name: Path(file).expanduser().absolute() for name, file in (('--dump', dump), ('--out', out)) if file}
    if '--dump' in files and files['--dump'].suffix not in ('.pkl', '.pickle'):
        raise DistilPoseError(f'--dump writes a pickle file; name it .pkl or .pickle, not {files["--dump"].name}')
    for name, file in files.items():
        if file.is_dir():
            raise DistilPoseError(f'{name} {file} is a folder, and a file was expected; name a file in it')
        check_writable(file.parent, name=name)
    check_writable(Path(cfg.work_dir), name='--work-dir')
    if '--dump' in files:
        evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
        cfg.test_evaluator = [*evaluators, dict(type='DumpPredictions', out_file_path=str(files['--dump']))]
    if show_dir is not None:
        folder = Path(show_dir).expanduser().absolute()
        check_writable(folder, name='--show-dir')
        hooks = cfg.setdefault('default_hooks', {})
        hooks['visualization'] = dict(type='PoseVisualizationHook', enable=True, out_dir=str(folder), interval=1)
