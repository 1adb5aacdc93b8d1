"""Training and testing a config, for ``distilpose train`` and ``distilpose test``."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from distilpose.config import (
    ConfigTree,
    adapt_to_workers,
    check,
    check_data_files,
    check_networks,
    load_config,
    merge_options,
    misspelt_entries,
    project_path,
    read_config,
    set_data_root,
    set_own_keypoints,
    student_config,
)

from ..annotations import summaries
from ..checkpoints import load_strict, read_weights
from ..checkpoints.writing import write_atomically
from ..config.building import building_as_sentences
from ..errors import DistilPoseError
from ..models.optimised import check_speed, optimise_for_inference
from . import annotation_sheet
from .checking import CheckingRunner
from .checkpoint_search import out_dir
from .default_hooks import DEFAULT_HOOKS, add_default_hooks
from .distilling import write_distillation
from .downloads import downloads_as_sentences
from .environment import end_workers, follow_the_first, is_first_process, prepare_environment
from .failures import failures_as_sentences
from .hooks import ProgressHook, SignalHook
from .hooks.teacher_report import make_strict
from .log_backends import add_log_backends, check_log_backends
from .onnx_evaluation import check_file, is_onnx_file, onnx_test_config, split_options
from .resuming import pass_on_allowed, read_allowed, set_resume
from .runner import ConciseRunner, FinishedRunner
from .sample_page.page import MOST_PEOPLE
from .teacher_crop import add_teacher_crops
from .teacher_report import TeacherReport
from .unwrapped_model import replace_unwrapped_model, unwrapped_model
from .work_dir import check_writable, disk_errors_as_sentences, prepare_work_dir
from .work_dir_lock import locked

_PLAIN_WRAPPERS = ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper')


def train(config: str | Path | Config, *, work_dir: str | Path | None = None, resume: str | Path | bool | None = None,
          allow_changed: str | Sequence[str] = (), amp: bool = False, seed: int | None = None,
          deterministic: bool = False, validate: bool = True, auto_scale_lr: bool = False,
          options: Mapping[str, Any] | None = None, data_root: str | Path | None = None, launcher: str = 'none',
          teacher: str | Path | None = None, teacher_checkpoint: str | Path | None = None, method: str = 'auto',
          images: str | Path | None = None, boxes: str | Path | None = None, validation: str = 'auto',
          every: int | None = None, strict_teacher: bool = False,
          log_to: Sequence[str] = ()) -> Runner:
    """Trains a config, or with a teacher distils it.

    A distillation is written to ``<student>_from_<teacher>.py`` in the work directory, and that config is trained.

    Args:
        config: a path from the current directory or the project's root, ``distilpose::...``, ``mmpose::...``, or a
            config.
        work_dir: where checkpoints and logs go; else the config's, else ``work_dirs/<name of the config>`` in the
            current directory.
        resume: ``True`` or ``'last'`` goes on from the last checkpoint in the work directory, ``'auto'`` starts from
            the beginning when there is none, a path goes on from that checkpoint. ``None`` leaves it to the config.
        allow_changed: which of ``'data'``, ``'model'``, ``'optimizer'`` a run that is resumed may have others of than
            its checkpoint; without, such a run is refused.
        amp: train in bfloat16 (``optim_wrapper.dtype='float16'`` in options for that instead).
        seed: replaces the config's.
        deterministic: use deterministic algorithms only.
        validate: evaluate during training.
        auto_scale_lr: scale the learning rate to the number of processes and the batch size.
        options: dotted key -> value, put into the config.
        data_root: moves the paths of all data below the config's ``data_root`` here.
        launcher: ``'none'``, ``'pytorch'`` or ``'slurm'``: who started the processes.
        teacher: an ONNX file, a config, a folder of Hugging Face or a preset that teaches the config's student, see
            :func:`~distilpose.distillation.teachers.resolving.resolve_teacher`.
        teacher_checkpoint: weights of the teacher's config, or the file of a preset.
        method: how the student learns, one of :data:`~distilpose.distillation.methods.METHODS`.
        images: a folder or list of images without annotations, which take the place of the training data.
        boxes: a JSON file of people's boxes on them, see :class:`~distilpose.datasets.UnlabelledImages`.
        every: of videos among the images every so manieth frame is taken, see
            :class:`~distilpose.datasets.UnlabelledImages`.
        validation: of a training on images without annotations: ``'labels'`` evaluates on the validation data of the
            config, ``'agreement'`` compares with the teacher on images that are held out
            (:class:`~distilpose.evaluation.AgreementWithTeacher`), ``'auto'`` takes the former where that data is here.
        strict_teacher: refuse a teacher that its report finds to be no better than chance, to exchange keypoints or to
            be given the wrong images, see :class:`~distilpose.engine.hooks.TeacherReportHook`.
        log_to: some of ``'tensorboard'``, ``'wandb'``, ``'mlflow'``, beside what the config logs to, see
            :mod:`~distilpose.engine.log_backends`.

    Returns:
        The runner after training; when there is nothing left to train, with the weights of the end.

    Raises:
        DistilPoseError: wrong input, found before anything was written where that is possible.
        MachineFailed: a dead data worker, no memory, no descriptors, a lost process, a sample that cannot be prepared.
        Interrupted: after a signal; what was trained is saved.
    """
    check_log_backends(log_to, is_first=is_first_process(launcher))
    config, options, said = _with_teacher(config, teacher, options=options, work_dir=work_dir, launcher=launcher,
                                          method=method, teacher_checkpoint=teacher_checkpoint, images=images,
                                          boxes=boxes, validation=validation if validate else 'labels',
                                          data_root=data_root, every=every)
    cfg, notes = load_and_change(config, options=options, data_root=data_root)
    _require_training(cfg)
    if not validate:
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.work_dir = str(_work_dir(cfg, work_dir))
    _set_randomness(cfg, seed=seed, deterministic=deterministic)
    if amp:
        use_autocast(cfg)
    if auto_scale_lr:
        _scale_learning_rate(cfg)
    with locked(Path(cfg.work_dir), by_this_process=is_first_process(launcher)):
        follow_the_first(launcher)
        allowed = read_allowed(allow_changed, is_resumed=bool(cfg.get('resume') if resume is None else resume))
        resumption = set_resume(cfg, resume)
        notes += resumption.notes
        add_default_hooks(cfg)
        pass_on_allowed(cfg, allowed)
        add_teacher_crops(cfg)
        if strict_teacher:
            make_strict(cfg)
        checked = check(cfg, ['train', 'val'] if validate else ['train'])
        notes, said = [*notes, *checked.warnings], [*said, *summaries(checked.findings)]
        notes += prepare_work_dir(Path(cfg.work_dir), out_dir=out_dir(cfg), is_resumed=bool(cfg.resume))
        add_log_backends(cfg, log_to, is_resumed=bool(cfg.resume))
        prepare_environment(cfg, launcher)
        if resumption.is_finished:
            return _run(cfg, notes, FinishedRunner.train, runner_type=FinishedRunner)
        return _run(cfg, notes, partial(_log_and_train, said))


def _log_and_train(notes: Sequence[str], runner: Runner) -> Any:
    for note in notes:
        runner.logger.info(note)
    return Runner.train(runner)


def evaluate(config: str | Path | Config, checkpoint: str | Path, *, work_dir: str | Path | None = None,
             dump: str | Path | None = None, out: str | Path | None = None, show_dir: str | Path | None = None,
             options: Mapping[str, Any] | None = None, data_root: str | Path | None = None,
             launcher: str = 'none', quick: str | None = None, compile: str | None = None) -> dict[str, float]:
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
        quick: ``'float32'``, ``'bfloat16'`` or ``'float16'`` lets a quick copy of the model answer in this type, see
            :func:`~distilpose.models.optimised.optimise_for_inference`.
        compile: of :func:`~distilpose.models.optimised.optimise_for_inference`, for the quick copy.

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
            raise DistilPoseError(f'{_name(cfg)} cannot be tested: it has no {name}')
    if compile is not None and quick is None:
        raise DistilPoseError(f'--compile {compile} compiles the copy that --quick makes, which is not asked for; add '
                              '--quick, or --quick bfloat16')
    dtype = None if quick == 'float32' else quick
    check_speed(dtype=dtype, compile=compile)
    if is_onnx:
        if quick is not None:
            raise DistilPoseError(f'--quick makes a quick copy of a torch network, and {checkpoint} is an ONNX file, '
                                  'which onnxruntime runs; leave it out')
        cfg, more_notes = onnx_test_config(cfg, checkpoint, of_model)
        notes += more_notes
    state = {} if is_onnx else read_weights(checkpoint).state
    cfg = student_config(cfg)
    cfg.work_dir = str(_work_dir(cfg, work_dir, 'test'))
    cfg.load_from, cfg.resume = None, False
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
        if quick is not None:
            replace_unwrapped_model(runner, optimise_for_inference(model, dtype=dtype, compile=compile))
            runner.logger.info(f'A quick copy of the model answers, in {quick}'
                               f'{f", compiled ({compile})" if compile else ""}.')
        return runner.test()

    metrics = _run(cfg, notes, load_and_test, returns_result=True)
    if out is not None and is_main_process():
        write_atomically(Path(out).expanduser(), json.dumps(metrics, indent=2, default=float) + '\n')
    return metrics


def check_training(config: str | Path | Config, *, work_dir: str | Path | None = None,
                   options: Mapping[str, Any] | None = None, data_root: str | Path | None = None,
                   teacher: str | Path | None = None, teacher_checkpoint: str | Path | None = None,
                   method: str = 'auto', images: str | Path | None = None, boxes: str | Path | None = None,
                   validation: str = 'auto', every: int | None = None,
                   browse: int | None = None) -> TeacherReport | None:
    """Checks a config, builds data and networks as a training would, and evaluates its teacher; trains nothing.

    Args:
        config: as for :func:`train`.
        work_dir: where the log, the teacher's report and its pictures go; else ``check`` in the training's default work
            directory, where a training finds the report.
        options: as for :func:`train`.
        data_root: as for :func:`train`.
        teacher: as for :func:`train`, and so are ``teacher_checkpoint``, ``method``, ``images`` and ``boxes``.
        browse: write a page of so many people of each part of the data, as the networks see them, see
            :mod:`~distilpose.engine.sample_page`.

    Returns:
        The teacher's report; ``None`` without a teacher or without labels in the validation data.

    Raises:
        DistilPoseError: wrong input, or a teacher that ``strict_teacher`` would refuse.
    """
    if browse is not None and not 1 <= browse <= MOST_PEOPLE:
        raise DistilPoseError(f'--browse {browse} is a number of people of each part of the data; expected 1 to '
                              f'{MOST_PEOPLE}')
    config, options, said = _with_teacher(config, teacher, options=options, work_dir=work_dir, launcher='none',
                                          method=method, teacher_checkpoint=teacher_checkpoint, images=images,
                                          boxes=boxes, validation=validation, data_root=data_root, every=every)
    cfg, notes = load_and_change(config, options=options, data_root=data_root)
    _require_training(cfg)
    cfg.work_dir = str(_work_dir(cfg, work_dir, 'check'))
    cfg.resume = False
    _set_randomness(cfg, seed=None, deterministic=False)
    add_default_hooks(cfg)
    add_teacher_crops(cfg)
    trees, refused = _check_all(cfg)
    notes = [*notes, *dict.fromkeys(warning for tree in trees for warning in tree.warnings), *refused]
    said = [*said, *dict.fromkeys(line for tree in trees for line in summaries(tree.findings))]
    check_writable(Path(cfg.work_dir), name='--work-dir')
    prepare_environment(cfg, 'none')

    def log_and_check(runner: CheckingRunner) -> Any:
        runner.people_to_browse = browse
        drawn = annotation_sheet.draw_findings(Path(cfg.work_dir, annotation_sheet.FILE), trees)
        pictures = [f'A few annotations that the warnings are about: {drawn}.'] if drawn is not None else []
        return _log_and_train([*said, *pictures], runner)

    return _run(cfg, notes, log_and_check, runner_type=CheckingRunner).report


def _check_all(cfg: Config) -> tuple[list[ConfigTree], list[str]]:
    """Checks a config and its data for a training, and for a test of other data.

    Returns:
        What was checked, and a warning where test data is not here, which a training does without.

    Raises:
        DistilPoseError: a training or a test would be refused.
    """
    trees = [check(cfg, ['train', 'val'])]
    is_other = any(cfg.get(f'test_{part}') != cfg.get(f'val_{part}') for part in ('dataloader', 'evaluator'))
    if not cfg.get('test_dataloader') or not is_other:
        return trees, []
    try:
        check_data_files(cfg, ['test'])
    except DistilPoseError as error:
        return trees, [f'a test would be refused: {error}']
    return [*trees, check(cfg, ['test'])], []


def load_and_change(config: str | Path | Config, *, options: Mapping[str, Any] | None = None,
                    data_root: str | Path | None = None) -> tuple[Config, list[str]]:
    """Reads a config and applies what the command line changes.

    Returns:
        The config, and warnings to be logged.
    """
    cfg = copy.deepcopy(config) if isinstance(config, Config) else read_config(config)
    if not cfg.get('model'):
        raise DistilPoseError(f'{_name(cfg)} defines no model')
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
    return cfg, notes


def use_autocast(cfg: Config) -> None:
    """Makes the optimizer's wrapper one with mixed precision, in place.

    Raises:
        DistilPoseError: when the config has a wrapper of its own.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind not in _PLAIN_WRAPPERS:
        raise DistilPoseError(f'--amp does not go together with optim_wrapper.type={kind!r}; expected one of '
                              f'{", ".join(_PLAIN_WRAPPERS)}')
    wrapper.type = 'AutocastOptimWrapper'
    wrapper.setdefault('dtype', 'bfloat16')
    if isinstance(wrapper.get('loss_scale'), str):
        wrapper.pop('loss_scale')  # mmengine's 'dynamic' is what the scaler does anyway


def _with_teacher(config: str | Path | Config, teacher: str | Path | None, *, method: str, validation: str,
                  options: Mapping[str, Any] | None, work_dir: str | Path | None, launcher: str,
                  data_root: str | Path | None, every: int | None, **asked: str | Path | None
                  ) -> tuple[str | Path | Config, Mapping[str, Any] | None, list[str]]:
    """The config and options of a distillation of a student's config, and what to say; the same without a teacher."""
    if teacher is not None:
        return write_distillation(config, teacher, options=options, work_dir=work_dir, launcher=launcher,
                                  method=method, validation=validation, data_root=data_root, every=every, **asked)
    if method != 'auto' or every is not None or any(value is not None for value in asked.values()):
        raise DistilPoseError('--teacher-checkpoint, --method, --images, --boxes and --every are about a distillation, '
                              'and no teacher is named; add --teacher')
    return config, options, []


def _require_training(cfg: Config) -> None:
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if not cfg.get(name):
            raise DistilPoseError(f'{_name(cfg)} cannot be trained: it has no {name}')
    check_networks(cfg)


def _work_dir(cfg: Config, work_dir: str | Path | None, subfolder: str = '') -> Path:
    if work_dir is not None:
        return Path(work_dir).expanduser().absolute()
    if cfg.get('work_dir'):
        return Path(cfg.work_dir).expanduser().absolute() / subfolder
    return Path('work_dirs', Path(cfg.filename or 'run').stem, subfolder).absolute()


def _set_randomness(cfg: Config, *, seed: int | None, deterministic: bool) -> None:
    cfg.randomness = dict(cfg.get('randomness') or dict(seed=None))
    if seed is not None:
        cfg.randomness.seed = seed
    if deterministic:
        cfg.randomness.deterministic = True
    found = cfg.randomness.get('seed')
    if found is not None and not (isinstance(found, int) and 0 <= found < 2**32):
        raise DistilPoseError(f'the seed is {found!r}; it must be a whole number from 0 to 2**32 - 1')


def _scale_learning_rate(cfg: Config) -> None:
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise DistilPoseError('--auto-scale-lr needs to know which batch size the learning rate was chosen for; add '
                              'auto_scale_lr = dict(base_batch_size=...) to the config')
    cfg.auto_scale_lr.enable = True


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


def _run(cfg: Config, notes: list[str], action: Callable[[Any], Any], *, returns_result: bool = False,
         runner_type: type[Runner] | None = None) -> Any:
    """Runs, with errors of the disk as sentences."""
    with disk_errors_as_sentences(Path(cfg.work_dir)):
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


def _name(cfg: Config) -> str:
    return str(cfg.filename or 'the config')
