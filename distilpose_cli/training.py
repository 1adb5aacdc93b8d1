"""Training and testing: ``distilpose train`` and ``distilpose test``."""

from __future__ import annotations

import argparse

from .command import LAUNCHERS, Command, WrongInput, add_cfg_options, read_options
from .machines import check_descriptors, check_interface
from .paths import require_checkpoint, require_config

DTYPES = ('float32', 'bfloat16', 'float16')
COMPILE_MODES = ('default', 'reduce-overhead', 'max-autotune')
"""Both those of :mod:`distilpose.models.quick`."""
MAY_CHANGE = ('data', 'model', 'optimizer')
"""That of :mod:`distilpose.engine.resuming`."""


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config file, from the current directory or from the project, or distilpose::... or mmpose::...')
    add('--work-dir', help='folder of checkpoints and logs (default: work_dirs/<name of the config>, here)')
    add('--resume', nargs='?', const='last', metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the last one in the work directory, which must be there; with '
             '"auto", start from the beginning where there is none')
    add('--allow-changed', action='append', default=[], metavar='WHAT',
        help=f'with --resume: go on although WHAT is another one than that of the checkpoint; some of '
             f'{", ".join(MAY_CHANGE)}, with commas between them')
    add('--amp', action='store_true', help='train in bfloat16 (or --cfg-options optim_wrapper.dtype=float16)')
    add('--seed', type=int, help='seed of all random numbers')
    add('--deterministic', action='store_true', help='use deterministic algorithms only')
    add('--no-validate', action='store_true', help='do not evaluate during training')
    add('--auto-scale-lr', action='store_true', help='scale the learning rate to the batch size of all processes')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser, 'values to change in the config, such as train_dataloader.batch_size=16 '
                    'model.head.encoder.depth=6')
    add('--launcher', choices=LAUNCHERS, default='none', help='what started the processes')


def _check_train(args: argparse.Namespace) -> None:
    _check_processes(args)
    require_config(args.config)
    if args.resume not in (None, 'auto', 'last'):
        require_checkpoint(args.resume)
    unknown = sorted({word for words in args.allow_changed for word in words.split(',')} - {*MAY_CHANGE})
    if unknown:
        raise WrongInput(f'--allow-changed got {", ".join(map(repr, unknown))}; expected some of '
                         f'{", ".join(MAY_CHANGE)}')


def _train(args: argparse.Namespace) -> None:
    from distilpose.engine import train

    train(args.config, work_dir=args.work_dir, resume=args.resume, allow_changed=args.allow_changed, amp=args.amp,
          seed=args.seed, deterministic=args.deterministic, validate=not args.no_validate,
          auto_scale_lr=args.auto_scale_lr, options=read_options(args), data_root=args.data_root,
          launcher=args.launcher)


def _add_test(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config of the student or of its distillation, from the current directory or from the project')
    add('checkpoint', help='checkpoint file; or an ONNX file, which --cfg-options model.input.mean=... describe')
    add('--work-dir', help='folder of the log (default: work_dirs/<name of the config>/test, here)')
    add('--dump', metavar='FILE.pkl', help='write all predictions')
    add('--out', metavar='FILE.json', help='write the metrics')
    add('--show-dir', metavar='DIR', help='write images with the predictions drawn')
    add('--quick', nargs='?', const='float32', choices=DTYPES,
        help='predict with batch normalisation folded and channels last, and in a shorter type if one is named')
    add('--compile', choices=COMPILE_MODES, metavar='MODE',
        help=f'with --quick: compile it ({", ".join(COMPILE_MODES)}), which takes a while at the start')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser)
    add('--launcher', choices=LAUNCHERS, default='none', help='what started the processes')


def _check_test(args: argparse.Namespace) -> None:
    _check_processes(args)
    require_config(args.config)
    require_checkpoint(args.checkpoint)


def _check_processes(args: argparse.Namespace) -> None:
    check_descriptors()
    if args.launcher != 'none':
        check_interface()


def _test(args: argparse.Namespace) -> None:
    from distilpose.engine import evaluate

    evaluate(args.config, args.checkpoint, work_dir=args.work_dir, dump=args.dump, out=args.out,
             show_dir=args.show_dir, options=read_options(args), data_root=args.data_root, launcher=args.launcher,
             quick=args.quick, compile=args.compile)


TRAIN = Command(
    'Train a pose estimator, with or without a teacher.', script='python tools/train.py', add_arguments=_add_train,
    check=_check_train, run=_train, resume='--resume',
    interrupted='Interrupted. Add --resume to a training command to go on from its last checkpoint.')
TEST = Command(
    'Evaluate a pose estimator; a distilled student needs no teacher.', script='python tools/test.py',
    add_arguments=_add_test, check=_check_test, run=_test, interrupted='Interrupted. Start the test again.')
