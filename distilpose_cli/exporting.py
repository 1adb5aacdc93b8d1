"""Export: ``distilpose export``."""

from __future__ import annotations

import argparse

from .command import Command, WrongInput, add_cfg_options, read_options
from .paths import require_checkpoint, require_config, require_data_root

RUNTIMES = ('rtmlib',)
"""Those of :mod:`distilpose.export.onnx`."""


def _add_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('config', help='config of the model, or of its distillation, from the current directory or from the project, '
        'or distilpose::... or mmpose::...')
    add('checkpoint', help='its weights')
    add('file', metavar='OUT.onnx', help='the file to write')
    add('--dynamic-batch', action='store_true', help='the file takes any number of images at once (default: one)')
    add('--half', action='store_true', help='it computes in float16; input and outputs stay float32')
    add('--with-decoding', action='store_true',
        help='its outputs are coordinates, as fractions of the crop, and scores, whatever the head shows')
    add('--for', dest='runtime', choices=RUNTIMES, help='its input and outputs are those that this library expects')
    add('--evaluate', action='store_true', help="evaluate the file on the config's test data, too")
    add('--data-root', metavar='DIR', help='folder of the data, instead of the data_root of the config')
    add_cfg_options(parser)


def _check(args: argparse.Namespace) -> None:
    require_config(args.config)
    require_checkpoint(args.checkpoint)
    require_data_root(args.data_root)
    if args.runtime and args.with_decoding:
        raise WrongInput(f'--for {args.runtime} and --with-decoding exclude each other: {args.runtime} decodes itself')


def _export(args: argparse.Namespace) -> None:
    from distilpose.export.onnx import export

    print(export(args.config, args.checkpoint, args.file, dynamic_batch=args.dynamic_batch, half=args.half,
                 with_decoding=args.with_decoding, runtime=args.runtime, test=args.evaluate,
                 options=read_options(args), data_root=args.data_root))


EXPORT = Command(
    'Export a network as an ONNX file that describes itself.', script='python tools/export.py',
    add_arguments=_add_export, check=_check, run=_export, interrupted='Interrupted. Nothing was written.',
    details='The file is compared with the network on crops of the validation data, or on random images where there '
    'are none; one whose outputs differ is not written, and the exit code is 1.')
