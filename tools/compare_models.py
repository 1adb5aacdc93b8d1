"""Compare any models: ``python tools/compare_models.py --model NAME CFG --model NAME CFG ... [--seeds 0 1 2] ...``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

EPILOG = """Trainings lie in WORK_DIR/seed_<seed>/<name>, those of the first model in WORK_DIR/seed_<seed>/baseline. One
that is there, from this tool or from tools/train.py CONFIG --work-dir ... --seed ..., is read; one that was interrupted
goes on; all others are made. For a teacher and its student use tools/compare.py."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(description='Compare models that are trained for the same budget.', epilog=EPILOG)
    add = parser.add_argument
    add('--model', nargs='+', action='append', required=True, metavar=('NAME', 'CFG KEY=VALUE'),
        help='a model: its name, its config, and values to change in it; repeated, the first is what others are '
        'compared with')
    add('--seeds', nargs='+', type=int, default=[0], metavar='SEED', help='train all once for each (default: 0)')
    add('--work-dir', metavar='DIR', default='work_dirs/compare_models',
        help='folder of the trainings and of models.{json,md} (default: work_dirs/compare_models, here)')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the configs')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='values to change in every config')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Compares; returns the exit code."""
    from distilpose.compare import ModelsRequest, compare_models
    from distilpose.engine import run_tool

    arguments = sys.argv[1:] if arguments is None else arguments
    args = build_parser().parse_args(arguments)
    request = ModelsRequest(
        models=args.model, seeds=args.seeds, work_dir=Path(args.work_dir).expanduser().absolute(),
        options=args.cfg_options or {}, data_root=args.data_root,
        command=shlex.join(['python', 'tools/compare_models.py', *arguments]))
    return run_tool(lambda: compare_models(request), to_go_on='What is trained is kept: the same command goes on.')


if __name__ == '__main__':
    sys.exit(main())
