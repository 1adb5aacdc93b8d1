"""Labelling: ``distilpose label``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import Command, WrongInput, add_cfg_options, add_fast, read_options
from .machines import check_descriptors
from .predicting import add_people, check_people, choose_device, shared_options

THRESHOLD = 0.3
"""That of :mod:`distilpose.inference.labels`."""
EVERY = 10
"""That of :mod:`distilpose.datasets.video_frames`."""
CHECKPOINTS = ('.pth', '.pt', '.tar', '.ckpt', '.safetensors', '.onnx')
"""Those of :mod:`distilpose.distillation.teachers.resolving`, and the file of a preset."""
_CONFIGS = ('.py', '.yml', '.yaml', '.json')


def _add_label(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('teacher', metavar='TEACHER', help='ONNX file, preset ("distilpose train --teacher list"), config, or folder '
                                           'of Hugging Face')
    add('inputs', metavar='[CHECKPOINT] INPUT', nargs='+',
        help="the config's weights, or the file of a preset; then images, videos, folders and globs ('folder/*.jpg')")
    add('--out', metavar='FILE.json', required=True, help='COCO annotations to write; there must be no such file')
    add_people(parser)
    kept = parser.add_mutually_exclusive_group().add_argument
    kept('--threshold', type=float, default=THRESHOLD, metavar='SCORE',
         help=f'joints of a smaller score are not labelled (default: {THRESHOLD})')
    kept('--keep-certainty', action='store_true',
         help='label all joints; in the training WeighByCertainty weighs each by its score')
    add('--every', type=int, default=EVERY, metavar='N',
        help=f'of videos only every Nth frame, which is written beside FILE.json (default: {EVERY})')
    add('--resume', action='store_true', help='continue labels that were interrupted or killed, if there are some')
    add('--device', default='auto', help='cpu, cuda, cuda:1, ... (default: cuda where there is one)')
    add('--batch-size', type=int, help='people in a batch (default: 64 on a GPU, 8 on a CPU)')
    add_fast(parser, 'predict with a copy of the teacher that is optimised for inference')
    add_cfg_options(parser, help="values to change in the teacher's config; of an ONNX file model.input.mean, "
                                 'model.keypoints, ... describe it')


def _split(args: argparse.Namespace) -> tuple[str | None, list[str]]:
    """The checkpoint, of a teacher that has one, and the inputs."""
    if Path(args.inputs[0]).suffix.lower() in CHECKPOINTS:
        return args.inputs[0], args.inputs[1:]
    return None, args.inputs


def _check_label(args: argparse.Namespace) -> None:
    check_descriptors()
    checkpoint, inputs = _split(args)
    if checkpoint is None and ('::' in args.teacher or args.teacher.endswith(_CONFIGS)):
        raise WrongInput(f'{args.teacher} is a config, and the weights of a teacher are needed; expected '
                         f'{args.teacher} CHECKPOINT INPUT...')
    if not inputs:
        raise WrongInput(f'{args.teacher} needs images, and only {checkpoint} is named; expected TEACHER [CHECKPOINT] '
                         'INPUT...')
    check_people(args)
    if not 0 <= args.threshold <= 1:
        raise WrongInput(f'--threshold {args.threshold} is none; expected a score from 0 to 1')
    if Path(args.out).expanduser().exists():
        raise WrongInput(f'--out {args.out} exists, and labels are not overwritten; name another file, or remove it')


def _label(args: argparse.Namespace) -> None:
    from distilpose.inference.labels import label_files, load_teacher_model

    device = choose_device(args.device)
    checkpoint, inputs = _split(args)
    shared = shared_options(args, device)
    model = load_teacher_model(args.teacher, checkpoint, device, options=read_options(args))
    print(label_files(model, inputs, threshold=None if args.keep_certainty else args.threshold, teacher=args.teacher,
                      **shared).describe('info.failed of the file'))


LABEL = Command(
    'Write what a teacher predicts as COCO annotations.', script='python tools/label.py', add_arguments=_add_label,
    check=_check_label, run=_label, intermixed=True,
    interrupted='Interrupted. What was labelled is kept. Add --resume to the same command to go on.',
    details='Boxes of people come from one of --boxes, --detector and --whole-image. An image that cannot be read is '
            'named at the end, and the others are labelled. The exit code is 1 if none could be.')
