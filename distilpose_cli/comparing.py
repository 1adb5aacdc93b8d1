"""Comparisons of trainings: ``distilpose compare``; two scripts compare models without a teacher, and losses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .command import Command, WrongInput, add_cfg_options, read_options
from .paths import require_config, require_data_root
from .results import add_results, check_results, run_results

_ROLES = ('teacher', 'baseline', 'distilled')
_MODEL: dict[str, Any] = dict(nargs='+', action='append', metavar=('NAME', 'CFG KEY=VALUE'))
_EPILOG = """Trainings lie in WORK_DIR/seed_<seed>/{teacher,baseline,distilled,<variant>}. One that is there, from this
command or from training CONFIG with --work-dir ... --seed ..., is read; one that was interrupted is resumed; all others
are made. An ablation: --variant 'no score' model.terms.score=None
A value @NAME is the last checkpoint of that model, which is trained first: teacher, student, second stage and export
--model alone S.py --model teacher T.py --model first D1.py model.teacher.checkpoint=@teacher
--model second D2.py model.teacher.checkpoint=@first --export second
Many trainings with searches, as a plan file names them: --plan PLAN.py --jobs 2; --estimate prints how long it takes"""
_EPILOG_OF_MODELS = """Trainings lie in WORK_DIR/seed_<seed>/<name>, those of the first model in
WORK_DIR/seed_<seed>/baseline. One that is there, from this tool or from tools/train.py CONFIG --work-dir ... --seed
..., is read; one that was interrupted is resumed; all others are made. For a teacher and its student use
tools/compare.py."""
_KEPT = 'Interrupted. What is trained is kept: the same command resumes it.'


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--seeds', nargs='+', type=int, metavar='SEED', help='train all once for each (default: 0)')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the configs')
    add_cfg_options(parser, 'values to change in every config')


def _add_compare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--teacher', metavar='CFG', help='config of the teacher')
    add('--baseline', metavar='CFG', help='config of the student alone')
    add('--distilled', metavar='CFG', help='config of its distillation; gets the trained teacher')
    add('--variant', nargs='+', action='append', default=[], metavar=('NAME', 'CFG KEY=VALUE'),
        help='a further student: another config, or the distilled one, with these values changed; may be repeated')
    add('--model', **_MODEL, default=[], help='instead of these four: any models, repeated; the first is what others '
        'are compared with, and models.{json,md,html} are written to the work directory')
    add('--export', nargs='+', action='extend', default=[], metavar='NAME',
        help='models to export to ONNX at the end, as <name>.onnx in the folders of their trainings')
    add('--runs', nargs='+', metavar='WORK_DIR', help='instead of all these: draw losses, shares of the gradient and '
        'validation metrics from the logs of any trainings, finished or running, as runs.html; nothing is trained')
    add('--work-dir', metavar='DIR', help='folder of the trainings (default: work_dirs/compare/<distilled>, here; '
        'with --model work_dirs/compare_models, with --plan work_dirs/plans/<name>)')
    add('--out', metavar='DIR', help='folder of compare.{json,md,html} (default: the work directory; of runs.html: '
        'here); of cost.json; a file with --figure')
    _add_common(parser)
    _add_plan(parser)
    add_results(parser)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group('a plan of many trainings').add_argument
    add('--plan', metavar='PLAN', help='instead of naming models: a Python file with models, seeds and searches; what '
        'is not done is trained, and a result file for each training and table.{md,json} are written')
    add('--results', metavar='DIR', help="folder of the result files (default: the plan's)")
    add('--jobs', type=int, metavar='N', help='trainings at a time, each in a process of its own (default: 1)')
    add('--only', nargs='+', metavar='MODEL', help='models of the plan, with what they need (default: all)')
    add('--estimate', action='store_true', help='print how long the trainings that are left take, and stop')


def _check_plan(args: argparse.Namespace) -> None:
    unused = [f'--{name}' for name in (*_ROLES, 'variant', 'model', 'export', 'runs', 'out', 'seeds')
              if getattr(args, name)]
    if unused:
        raise WrongInput(f'--plan names models and seeds in a file, and {", ".join(unused)} does not go together with '
                         'it; leave out one or the other')
    if args.jobs is not None and args.jobs < 1:
        raise WrongInput(f'--jobs is {args.jobs}; expected how many trainings run at a time, 1 or more')
    require_config(args.plan)


def _run_plan(args: argparse.Namespace) -> None:
    from distilpose.compare.plan_file import read_plan_file
    from distilpose.compare.plan_main import PlanRequest, run_plan

    file = read_plan_file(args.plan, options=read_options(args), results=args.results)
    run_plan(PlanRequest(
        file, Path(args.work_dir or Path('work_dirs', 'plans', file.name)).expanduser().absolute(), args.data_root,
        jobs=args.jobs or 1, only=args.only or (), is_estimate=args.estimate, command=args.command_line))


def _check_compare(args: argparse.Namespace) -> None:
    require_data_root(args.data_root)
    trains = (*_ROLES, 'variant', 'model', 'export', 'runs', 'seeds', 'plan', 'results', 'jobs', 'estimate')
    if check_results(args, [f'--{name}' for name in trains if getattr(args, name)]):
        return
    if args.plan:
        _check_plan(args)
        return
    without = [f'--{name}' for name in ('results', 'jobs', 'only', 'estimate') if getattr(args, name)]
    if without:
        raise WrongInput(f'{", ".join(without)} is about a plan of many trainings, and there is none; add --plan PLAN')
    given = [f'--{role}' for role in _ROLES if getattr(args, role) is not None]
    if args.runs:
        unused = [*given, *(f'--{name}' for name in ('variant', 'model', 'export') if getattr(args, name))]
        if unused:
            raise WrongInput(f'--runs draws what was logged, and {", ".join(unused)} trains; leave out one or '
                             'the other')
        for folder in args.runs:
            if not Path(folder).expanduser().is_dir():
                raise WrongInput(f'--runs {folder} is no folder; expected work directories of trainings')
        return
    if args.model:
        unused = given + ['--variant'] * bool(args.variant) + ['--out'] * (args.out is not None)
        if unused:
            raise WrongInput(f'--model compares models without a teacher, and {", ".join(unused)} does not go together '
                             'with it; leave out one or the other')
        _check_models(args)
        return
    missing = [f'--{role}' for role in _ROLES if f'--{role}' not in given]
    if missing:
        raise WrongInput(f'the configs of {", ".join(missing)} are missing; expected --teacher CFG --baseline CFG '
                         '--distilled CFG, or --model NAME CFG for every model of a comparison without a teacher')
    for role in _ROLES:
        require_config(getattr(args, role))
    _check_words(args.variant)


def _compare(args: argparse.Namespace) -> None:
    if args.cost or args.figure:
        run_results(args)
        return
    if args.plan:
        _run_plan(args)
        return
    if args.runs:
        _draw_runs(args)
        return
    if args.model:
        _compare_models(args)
        return
    from distilpose.compare import Request, compare

    work_dir = Path(args.work_dir or Path('work_dirs', 'compare', Path(args.distilled).stem)).expanduser().absolute()
    compare(Request(
        teacher=args.teacher, baseline=args.baseline, distilled=args.distilled, variants=args.variant,
        seeds=_seeds(args), work_dir=work_dir, out=Path(args.out).expanduser().absolute() if args.out else work_dir,
        exports=args.export, options=read_options(args), data_root=args.data_root, command=args.command_line))


def _seeds(args: argparse.Namespace) -> list[int]:
    return [0] if args.seeds is None else args.seeds


def _draw_runs(args: argparse.Namespace) -> None:
    from distilpose.compare import compare_runs

    file = compare_runs([Path(folder).expanduser().absolute() for folder in args.runs],
                        out=Path(args.out or '.').expanduser().absolute(), command=args.command_line)
    print(f'Page: {file}')


def _add_models(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('--model', **_MODEL, required=True, help='a model: its name, its config, and values to change in it; repeated, '
        'the first is what others are compared with')
    add('--work-dir', metavar='DIR',
        help='folder of the trainings and of models.{json,md,html} (default: work_dirs/compare_models, here)')
    _add_common(parser)
    parser.set_defaults(export=[])


def _check_models(args: argparse.Namespace) -> None:
    _check_words(args.model)


def _check_words(models: list[list[str]]) -> None:
    """Of ``NAME [CFG] [KEY=VALUE ...]`` the name, which only one has, and the config."""
    names = [words[0] for words in models]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WrongInput(f'the name {twice!r} is given to two models, whose trainings would be one; change '
                         'one of them')
    for words in models:
        if len(words) > 1 and '=' not in words[1]:
            require_config(words[1])


def _compare_models(args: argparse.Namespace) -> None:
    from distilpose.compare import Request, compare

    compare(Request(
        models=args.model, seeds=_seeds(args), options=read_options(args), data_root=args.data_root,
        exports=args.export,
        work_dir=Path(args.work_dir or Path('work_dirs', 'compare_models')).expanduser().absolute(),
        command=args.command_line))


def _add_losses(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config of a training in float32')
    add('--seeds', nargs='+', type=int, default=[0, 1, 2], metavar='SEED', help='train both for each (default: 0 1 2)')
    add('--work-dir', metavar='DIR', default='work_dirs/compare_losses',
        help='a new folder for the trainings and losses.svg (default: work_dirs/compare_losses, here)')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser, 'values to change in the config, such as train_cfg.max_epochs=2')


def _check_losses(args: argparse.Namespace) -> None:
    require_data_root(args.data_root)
    require_config(args.config)


def _compare_losses(args: argparse.Namespace) -> None:
    from distilpose.compare.losses import compare_losses

    print(compare_losses(args.config, seeds=args.seeds, work_dir=Path(args.work_dir).expanduser().absolute(),
                         options=read_options(args), data_root=args.data_root))


COMPARE = Command(
    'Compare students with and without a teacher, or any models, trained for the same budget.',
    script='python tools/compare.py', add_arguments=_add_compare, check=_check_compare, run=_compare,
    interrupted=_KEPT, epilog=_EPILOG)
COMPARE_MODELS = Command(
    'Compare models that are trained for the same budget.', script='python tools/compare_models.py',
    add_arguments=_add_models, check=_check_models, run=_compare_models, interrupted=_KEPT, epilog=_EPILOG_OF_MODELS)
COMPARE_LOSSES = Command(
    'Train a config in float32 and with everything on that makes it fast, and compare the losses.',
    script='python tools/compare_losses.py', add_arguments=_add_losses, check=_check_losses, run=_compare_losses,
    interrupted='Interrupted. Start again with a new --work-dir.')
