"""Training and testing: ``distilpose train`` and ``distilpose test``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from .command import LAUNCHERS, Command, WrongInput, add_cfg_options, add_fast, read_options
from .machines import check_descriptors, check_interface
from .paths import require_checkpoint, require_config

DTYPES = ('float32', 'bfloat16', 'float16')
COMPILE_MODES = ('default', 'reduce-overhead', 'max-autotune')
"""This and ``DTYPES`` are those of :mod:`distilpose.models.optimised`."""
MAY_CHANGE = ('data', 'model', 'optimizer')
"""That of :mod:`distilpose.engine.resuming`."""
VALIDATIONS = ('auto', 'labels', 'agreement')
"""Those of :mod:`distilpose.distillation.leaf_config`."""
METHODS = ('auto', 'fpd', 'simcc', 'dwpose', 'distilpose', 'coordinates', 'attention', 'rkd', 'rkd_joints', 'bones',
           'cwd', 'pixel_kl', 'pkd', 'dist', 'dkd', 'standardised')
"""Those of :mod:`distilpose.distillation.method_rules`."""
LOGS = ('tensorboard', 'wandb', 'mlflow')
"""Those of :mod:`distilpose.engine.log_backends`."""


class _ListAction(argparse.Action):
    """An option with a value; the value ``list`` prints what it may be, and ends the command."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: str | Sequence[Any] | None, option_string: str | None = None) -> None:
        """Keeps the value."""
        if values == 'list':
            print(_list(self.dest))
            parser.exit()
        setattr(namespace, self.dest, values)


def _list(option: str) -> str:
    if option == 'teacher':
        from distilpose.distillation.teachers.presets import list_presets
        return list_presets()
    from distilpose.distillation.method_rules import describe_rules
    return describe_rules()


def _add_distillation(parser: argparse.ArgumentParser, *, images: str = '') -> None:
    add = parser.add_argument_group('distillation', 'The config is that of the student, of this project or of mmpose; '
                                    'a config <student>_from_<teacher>.py is written to the work directory and '
                                    'trained.').add_argument
    add('--teacher', action=_ListAction, metavar='FILE|CONFIG|FOLDER|PRESET',
        help='ONNX file, config, folder of Hugging Face, or preset, which is fetched to teacher_chkpts/; "list" prints '
             'the presets')
    add('--teacher-checkpoint', metavar='FILE', help="weights of the teacher's config, or the file of a preset")
    add('--method', action=_ListAction, metavar='NAME', default='auto',
        help=f'how the student learns: {", ".join(METHODS)} (default: auto, by what both networks show); "list" prints '
             'what fits what')
    add('--images', metavar='FOLDER',
        help=f'learn from these images and videos without annotations instead of the training data{images}')
    add('--every', type=int, metavar='N', help='with --images: of videos every Nth frame (default: 10)')
    add('--validation', choices=VALIDATIONS, default='auto',
        help='with --images: evaluate on the labelled validation data of the config, or compare with the teacher on a '
             'tenth of the images, which is not trained on (default: auto, labels where that data is here)')
    add('--boxes', metavar='FILE.json',
        help='with --images: people on them, {"name.jpg": [[x, y, width, height], ...]}')


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config file, from the current directory or from the project, or distilpose::... or mmpose::...')
    add('--work-dir', help='folder of checkpoints and logs (default: work_dirs/<name of the config>, here)')
    add('--resume', nargs='?', const='last', metavar='CHECKPOINT',
        help='continue from this checkpoint, or from the last one in the work directory, which must be there; with '
             '"auto", start from the beginning where there is none')
    add('--allow-changed', action='append', default=[], metavar='WHAT',
        help=f'with --resume: go on although WHAT is another one than that of the checkpoint; some of '
             f'{", ".join(MAY_CHANGE)}, with commas between them')
    add_fast_training(parser)
    add('--amp', action='store_true', help='train in bfloat16 (or --cfg-options optim_wrapper.dtype=float16); --fast '
        'does more')
    add('--seed', type=int, help='seed of all random numbers')
    add('--deterministic', action='store_true', help='use deterministic algorithms only')
    add('--no-validate', action='store_true', help='do not evaluate during training')
    add('--strict-teacher', action='store_true',
        help='stop before the training where the report on the teacher finds it to be no better than chance, to '
             'exchange keypoints or to be given the wrong images')
    add('--auto-scale-lr', action='store_true', help='scale the learning rate to the batch size of all processes')
    add('--log-to', nargs='+', choices=LOGS, default=[], metavar='WHERE',
        help=f'also log losses, metrics and the config to some of {", ".join(LOGS)}; each needs the package of its '
             'name')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser, 'values to change in the config, such as train_dataloader.batch_size=16 '
                    'model.head.encoder.depth=6')
    add('--launcher', choices=LAUNCHERS, default='none', help='what started the processes')
    _add_distillation(parser)


def add_fast_training(parser: argparse.ArgumentParser) -> None:
    """Adds ``--fast`` of a training."""
    add_fast(parser, 'train with mixed precision, an optimised teacher, channels last, a fused optimizer and fast data',
             default=None)


def _check_train(args: argparse.Namespace) -> None:
    _check_processes(args)
    require_config(args.config)
    _check_distillation(args)
    if args.amp and args.fast in ('float32', 'float16'):
        raise WrongInput(f'--amp trains in bfloat16, and --fast {args.fast} does not; leave one of them out')
    if args.resume not in (None, 'auto', 'last'):
        require_checkpoint(args.resume)
    unknown = sorted({name for names in args.allow_changed for name in names.split(',')} - {*MAY_CHANGE})
    if unknown:
        raise WrongInput(f'--allow-changed got {", ".join(map(repr, unknown))}; expected some of '
                         f'{", ".join(MAY_CHANGE)}')


def _check_distillation(args: argparse.Namespace) -> None:
    given = [f'--{name.replace("_", "-")}' for name in ('teacher_checkpoint', 'images', 'boxes', 'every')
             if getattr(args, name) is not None]
    given += ['--method'] * (args.method != 'auto') + ['--validation'] * (args.validation != 'auto')
    if given and args.teacher is None:
        raise WrongInput(f'{" and ".join(given)} of a distillation, and no teacher is named; add --teacher, or set '
                         'them in the config if that has a teacher')
    if args.every is not None and args.every < 1:
        raise WrongInput(f'--every {args.every} is none; expected at least 1')
    if args.method not in METHODS:
        raise WrongInput(f'--method {args.method} is none; expected one of {", ".join(METHODS)}')


def _train(args: argparse.Namespace) -> None:
    from distilpose.engine import train

    train(args.config, work_dir=args.work_dir, resume=args.resume, allow_changed=args.allow_changed, amp=args.amp,
          seed=args.seed, deterministic=args.deterministic, validate=not args.no_validate,
          auto_scale_lr=args.auto_scale_lr, options=read_options(args), data_root=args.data_root,
          launcher=args.launcher, teacher=args.teacher, teacher_checkpoint=args.teacher_checkpoint, method=args.method,
          images=args.images, boxes=args.boxes, validation=args.validation, every=args.every,
          strict_teacher=args.strict_teacher, log_to=args.log_to, fast=args.fast)


def _add_test(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config of the student or of its distillation, from the current directory or from the project')
    add('checkpoint', help='checkpoint file; or an ONNX file, which --cfg-options model.input.mean=... describe')
    add('--work-dir', help='folder of the log (default: work_dirs/<name of the config>/test, here)')
    add('--dump', metavar='FILE.pkl', help='write all predictions')
    add('--out', metavar='FILE.json', help='write the metrics')
    add('--show-dir', metavar='DIR', help='write images with the predictions drawn')
    add_fast(parser, 'predict with a copy of the network that is optimised for inference')
    add('--quick', nargs='?', const='float32', choices=DTYPES, help='--fast with this type (default: float32)')
    add('--compile', choices=COMPILE_MODES, metavar='MODE',
        help=f'with --fast or --quick: compile it ({", ".join(COMPILE_MODES)}), which takes a while at the start')
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
             fast=args.fast, quick=args.quick, compile=args.compile)


def _add_check(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', metavar='CONFIG|FILE',
        help='config file, from the current directory or from the project, or distilpose::... or mmpose::...; or a '
             'JSON file of annotations (COCO, MPII) or of the boxes of a detector, which needs no config')
    add('--work-dir', '--out', help='folder of the log, the report and the pictures (default: work_dirs/<name of the '
                                    'config or file>/check, here)')
    add('--annotations', metavar='FILE', help='with a file of boxes: the annotations that have its images')
    add('--browse', nargs='?', const=8, type=int, metavar='N',
        help='also write samples.html: N people of each part of the data (default: 8) as the networks see them, with '
             'keypoints, targets, flips, and what the teacher predicts')
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser)
    _add_distillation(parser, images='; with a file of data, the folder that the names of its images start from')


def _check_check(args: argparse.Namespace) -> None:
    if _is_file(args.config):
        _check_file_options(args)
        return
    check_descriptors()
    if args.annotations is not None:
        raise WrongInput(f'--annotations goes with a file of boxes, and {args.config} is a config; leave it out')
    require_config(args.config)
    _check_distillation(args)


def _is_file(name: str) -> bool:
    """Whether a name is that of data, not of a config; a config is Python, or a folder."""
    return '::' not in name and (name.lower().endswith('.json') or (
        os.path.isfile(name) and not name.lower().endswith('.py')))


def _check_file_options(args: argparse.Namespace) -> None:
    others = [f'--{name.replace("_", "-")}' for name in (
        'teacher', 'teacher_checkpoint', 'boxes', 'every', 'browse', 'data_root', 'cfg_options')
        if getattr(args, name) is not None]
    if others:
        raise WrongInput(f'{" and ".join(others)} go with a config, and {args.config} is a file of data; leave them '
                         'out, or name the config')
    for name in filter(None, (args.config, args.annotations)):
        if not os.path.isfile(os.path.expanduser(name)):
            raise WrongInput(f'there is no file {name} (looked from {os.getcwd()})')


def _check(args: argparse.Namespace) -> int | None:
    if _is_file(args.config):
        return _check_data_file(args)
    from distilpose.check import check_training

    check_training(args.config, work_dir=args.work_dir, options=read_options(args), data_root=args.data_root,
                   teacher=args.teacher, teacher_checkpoint=args.teacher_checkpoint, method=args.method,
                   images=args.images, boxes=args.boxes, validation=args.validation, every=args.every,
                   browse=args.browse)
    return None


def _check_data_file(args: argparse.Namespace) -> int:
    from distilpose.check import check_file

    report = check_file(args.config, images=args.images, annotations=args.annotations, work_dir=args.work_dir)
    print(report.describe())
    return 2 if report.errors else 0


TRAIN = Command(
    'Train a pose estimator, with or without a teacher.', script='python tools/train.py', add_arguments=_add_train,
    check=_check_train, run=_train, resume='--resume',
    interrupted='Interrupted. Add --resume to a training command to go on from its last checkpoint.')
TEST = Command(
    'Evaluate a pose estimator; a distilled student needs no teacher.', script='python tools/test.py',
    add_arguments=_add_test, check=_check_test, run=_test, interrupted='Interrupted. Start the test again.')
CHECK = Command(
    'Check a config before its training and how good its teacher is, or a file of annotations or boxes.',
    script='python tools/check.py', add_arguments=_add_check, check=_check_check, run=_check,
    interrupted='Interrupted. Start the check again.',
    details='Builds data and networks as a training would, evaluates the teacher on validation people in the crops of '
            'the student, and draws some of them. --browse writes a page of samples. Of a JSON file it prints what is '
            'in it, all errors and warnings, and draws some of the annotations concerned; --images names the folder of '
            'its images. The exit code is 2 if something is wrong.')
