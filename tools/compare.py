"""Compare students: ``python tools/compare.py --teacher CFG --baseline CFG --distilled CFG [--seeds 0 1 2] ...``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

EPILOG = """Trainings lie in WORK_DIR/seed_<seed>/{teacher,baseline,distilled,<variant>}. One that is there, from this
tool or from tools/train.py CONFIG --work-dir ... --seed ..., is read; one that was interrupted goes on; all others are
made. An ablation: --variant 'no score' model.terms.score=None"""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    from distilpose.engine import OptionsAction

    parser = argparse.ArgumentParser(description='Compare students with and without a teacher.', epilog=EPILOG)
    add = parser.add_argument
    add('--teacher', required=True, metavar='CFG', help='config of the teacher')
    add('--baseline', required=True, metavar='CFG', help='config of the student alone')
    add('--distilled', required=True, metavar='CFG', help='config of its distillation; gets the trained teacher')
    add('--variant', nargs='+', action='append', default=[], metavar=('NAME', 'CFG KEY=VALUE'),
        help='a further student: another config, or the distilled one, with these values changed; may be repeated')
    add('--seeds', nargs='+', type=int, default=[0], metavar='SEED', help='train all once for each (default: 0)')
    add('--work-dir', metavar='DIR', help='folder of the trainings (default: work_dirs/compare/<distilled>, here)')
    add('--out', metavar='DIR', help='folder of compare.{json,md,html} (default: the work directory)')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the configs')
    add('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='values to change in every config')
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Compares; returns the exit code."""
    from distilpose.compare import Request, compare
    from distilpose.engine import run_tool

    arguments = sys.argv[1:] if arguments is None else arguments
    args = build_parser().parse_args(arguments)
    work_dir = Path(args.work_dir or Path('work_dirs', 'compare', Path(args.distilled).stem)).expanduser().absolute()
    request = Request(
        teacher=args.teacher, baseline=args.baseline, distilled=args.distilled, variants=args.variant, seeds=args.seeds,
        work_dir=work_dir, out=Path(args.out).expanduser().absolute() if args.out else work_dir,
        options=args.cfg_options or {}, data_root=args.data_root,
        command=shlex.join(['python', 'tools/compare.py', *arguments]))
    return run_tool(lambda: compare(request), to_go_on='What is trained is kept: the same command goes on.')


if __name__ == '__main__':
    sys.exit(main())
