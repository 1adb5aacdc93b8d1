"""Checkpoints: ``distilpose convert`` and ``distilpose transfer``."""

from __future__ import annotations

import argparse

from .command import Command
from .paths import require_checkpoint, require_config


def _add_convert(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('source', metavar='SRC', help='the published file, .pth or .safetensors')
    add('destination', metavar='DST', help='the file to write; .safetensors for that format')
    add('--config', required=True, help='config of the model, or of its distillation, from the current directory or '
        'from the project; or distilpose::... or mmpose::...')


def _add_transfer(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('source', metavar='SRC', help='the checkpoint of the distillation')
    add('destination', metavar='DST', help='the file to write; .safetensors for that format')
    add('--two_dis', '--two-dis', action='store_true',
        help="the file is of the second stage: the teacher's backbone with the student's head is written")
    add('--config', help="the plain model's config, to compare every name and shape with; or PACKAGE::...")


def _check(args: argparse.Namespace) -> None:
    if args.config is not None:
        require_config(args.config)
    require_checkpoint(args.source)


def _convert(args: argparse.Namespace) -> None:
    from distilpose.export.convert import convert

    print(convert(args.source, args.destination, config=args.config))


def _transfer(args: argparse.Namespace) -> None:
    from distilpose.export.transfer import transfer

    print(transfer(args.source, args.destination, two_dis=args.two_dis, config=args.config))


CONVERT = Command(
    "Write a published checkpoint's weights under this project's names.", script='python tools/convert_checkpoint.py',
    add_arguments=_add_convert, check=_check, run=_convert, interrupted='Interrupted. Nothing was written.',
    details='Testing CONFIG DST evaluates them. The source is recognised by its keys; one that does not fit the config '
    'exactly is refused.')
TRANSFER = Command(
    "Write the weights of a distillation's student as a plain model's checkpoint.",
    script='python tools/pth_transfer.py', add_arguments=_add_transfer, check=_check, run=_transfer,
    interrupted='Interrupted. Nothing was written.',
    details="The source is of DWPose's own training, which keeps student and teacher in one file, or of this project, "
    'which drops the weights of terms.')
