"""The initial config for your own annotations: ``distilpose init``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import Command, WrongInput


def _add_init(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('annotations', metavar='COCO.json', help="annotations in COCO's form: images, annotations, categories")
    add('validation', metavar='VAL.json', nargs='?',
        help='those for validation (default: the file beside whose name has val for train; else the first is split)')
    add('--out', metavar='FILE.py', help='the config (default: <name of the annotations>.py, here)')
    add('--student', default='small', metavar='STUDENT',
        help='what is trained: small, resnet50, hrnet-w32, simdr-resnet50, rtmpose-t, rtmpose-s, rtmpose-m, '
             'distilpose-s, or a config (default: %(default)s, which starts from random weights)')
    add('--images', metavar='DIR', help='folder of the images (default: looked for beside the annotations)')
    add('--names', nargs='+', metavar='NAME', help='of the keypoints, in their order (default: those of the file)')
    add('--flip-pairs', nargs='+', metavar='LEFT:RIGHT',
        help='keypoints that a mirror exchanges, or none (default: by left and right, l and r, in their names)')
    add('--val-fraction', type=float, default=0.2, metavar='SHARE',
        help='of the images, where the file is split (default: %(default)s)')


def _pairs(values: list[str] | None) -> list[tuple[str, str]] | None:
    if values is None:
        return None
    if values == ['none']:
        return []
    pairs = [tuple(value.split(':')) for value in values]
    for value, pair in zip(values, pairs, strict=True):
        if len(pair) != 2 or not all(pair):
            raise WrongInput(f'--flip-pairs got {value!r}; expected LEFT:RIGHT, such as left_eye:right_eye, or none')
    return [(one, other) for one, other in pairs]


def _check(args: argparse.Namespace) -> None:
    _pairs(args.flip_pairs)
    for file in filter(None, (args.annotations, args.validation)):
        if not Path(file).expanduser().is_file():
            raise WrongInput(f'the annotations {file} do not exist (looked from {Path.cwd()})')


def _init(args: argparse.Namespace) -> None:
    from distilpose.initial_config import write_initial_config

    print(write_initial_config(
        args.annotations, args.validation, out=args.out, student=args.student, images=args.images, names=args.names,
        flip_pairs=_pairs(args.flip_pairs), val_fraction=args.val_fraction).describe())


INIT = Command(
    'Write a config for annotations of your own.', script='python tools/init.py', add_arguments=_add_init,
    check=_check, run=_init, interrupted='Interrupted. Start the command again.',
    details='Reads names and skeleton of the keypoints from the file, guesses flip pairs, images and splits, and '
            'prints each guess. Nothing is overwritten.')
