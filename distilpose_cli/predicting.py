"""Predicting: ``distilpose predict``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from .command import Command, WrongInput, add_cfg_options, add_fast, read_options
from .machines import check_descriptors
from .paths import require_checkpoint, require_config

FORMATS = ('coco', 'openpose', 'mmpose')
"""Those of :mod:`distilpose.inference.results`."""
KINDS = ('yolox', 'rtmdet')
"""Those of :mod:`distilpose.inference.detector`."""

DRAW_SCORE = 0.3
"""That of :mod:`distilpose.inference.drawing`."""


def add_people(parser: argparse.ArgumentParser) -> None:
    """Adds the options for boxes of people."""
    add = parser.add_argument
    people = parser.add_mutually_exclusive_group(required=True).add_argument
    people('--boxes', metavar='FILE.json',
           help='people on the images: {"name.jpg": [[x, y, width, height], ...]}, annotations as in COCO, or '
                "a detector's results as in COCO")
    people('--detector', metavar='FILE.onnx', help='find people with this YOLOX or RTMDet')
    people('--whole-image', action='store_true', help='every image is one person')
    add('--annotations', metavar='FILE.json', help='of --boxes that are results: names the images of their numbers '
                                                   '(default: the numbers at the end of the file names)')
    add('--detector-kind', choices=KINDS, help='of --detector, where its file does not show it')
    add('--detector-size', type=int, metavar='PIXELS', help='side of the input of --detector, where its file leaves it '
                                                            'open')
    add('--detector-score', type=float, default=0.3, metavar='SCORE',
        help='boxes of --detector with a smaller score are left out (default: 0.3)')


def _add_predict(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add('model', metavar='CONFIG|ONNX', help='config file, from the current directory or from the project, or '
                                             'distilpose::... or mmpose::...; or an ONNX file, a preset or described '
                                             'with --cfg-options')
    add('inputs', metavar='CHECKPOINT INPUT', nargs='+',
        help="the config's weights, which may be an ONNX file (none after an ONNX file); then images, videos, "
             "folders and globs ('folder/*.jpg'), or a camera: 0, 1, camera:0")
    add_people(parser)
    add('--out', metavar='DIR', default='predictions', help='folder of the results (default: predictions, here)')
    add('--format', choices=FORMATS, default='coco',
        help='coco: one results.json; openpose and mmpose: one file an image (default: coco)')
    add('--draw', action='store_true', help='draw pictures and videos too')
    add('--draw-score', type=float, default=DRAW_SCORE, metavar='SCORE',
        help=f'of --draw: joints with a smaller score are not drawn (default: {DRAW_SCORE})')
    add('--every', type=int, default=1, metavar='N', help='of videos only every Nth frame')
    add('--resume', action='store_true', help='continue a run that was interrupted or killed, if --out has one')
    add('--device', default='auto', help='cpu, cuda, cuda:1, ... (default: cuda where there is one)')
    add('--batch-size', type=int, help='people in a batch (default: 64 on a GPU, 8 on a CPU)')
    add_fast(parser, 'predict with a copy of the network that is optimised for inference', default='auto')
    add_cfg_options(parser, help='values to change in the config; of an ONNX file model.input.mean, model.keypoints, '
                                 '... describe it')


def _split(args: argparse.Namespace) -> tuple[str | None, list[str]]:
    """The checkpoint, which an ONNX file does not have, and the inputs."""
    if Path(args.model).suffix.lower() == '.onnx':
        return None, args.inputs
    return args.inputs[0], args.inputs[1:]


def _check_predict(args: argparse.Namespace) -> None:
    check_descriptors()
    checkpoint, inputs = _split(args)
    if checkpoint is None:
        require_checkpoint(args.model)
    else:
        require_config(args.model)
        require_checkpoint(checkpoint)
    if not inputs:
        raise WrongInput(f'{args.model} needs a checkpoint and images, and only {checkpoint} is named; expected '
                         'CONFIG CHECKPOINT INPUT..., or FILE.onnx INPUT...')
    check_people(args)
    if not math.isfinite(args.draw_score):
        raise WrongInput(f'--draw-score {args.draw_score} is none; expected a number, for instance 0.3')


def check_people(args: argparse.Namespace) -> None:
    """Refuses options of people, frames and batches that cannot be meant."""
    if args.detector is None and (args.detector_kind or args.detector_size):
        raise WrongInput('--detector-kind and --detector-size are about a detector, and none is named; add --detector')
    if args.detector_size is not None and args.detector_size < 1:
        raise WrongInput(f'--detector-size {args.detector_size} is none; expected pixels, for instance 640')
    if args.every < 1:
        raise WrongInput(f'--every {args.every} is none; expected at least 1')
    if args.batch_size is not None and args.batch_size < 1:
        raise WrongInput(f'--batch-size {args.batch_size} is none; expected at least 1')
    if args.annotations is not None and args.boxes is None:
        raise WrongInput('--annotations names the images of --boxes, and there are no --boxes; leave it out')
    for option, file in (('--boxes', args.boxes), ('--annotations', args.annotations), ('--detector', args.detector)):
        if file is not None and not Path(file).expanduser().is_file():
            raise WrongInput(f'{option} {file} does not exist (looked from {Path.cwd()})')


def _predict(args: argparse.Namespace) -> None:
    from distilpose.apis import load_model
    from distilpose.inference.files import predict_files

    device = choose_device(args.device)
    checkpoint, inputs = _split(args)
    shared = shared_options(args, device)
    model = load_model(args.model, checkpoint, device, options=read_options(args))
    print(predict_files(model, inputs, format=args.format, draw=args.draw, draw_score=args.draw_score,
                        **shared).describe())


def choose_device(name: str) -> str:
    """The device of this name; of ``auto`` a GPU where there is one."""
    import torch

    return ('cuda' if torch.cuda.is_available() else 'cpu') if name == 'auto' else name


def shared_options(args: argparse.Namespace, device: str) -> dict[str, Any]:
    """Arguments of predicting and of labelling that their options have in common."""
    return dict(out=args.out, boxes=args.boxes, annotations=args.annotations, detector=_build_detector(args, device),
                batch_size=args.batch_size, every=args.every, resume=args.resume, fast=args.fast)


def _build_detector(args: argparse.Namespace, device: str) -> Any:
    """What finds people, ``None`` where no file is named."""
    if args.detector is None:
        return None
    from distilpose.inference.detector import OnnxDetector

    side = args.detector_size
    return OnnxDetector(args.detector, kind=args.detector_kind, size=None if side is None else (side, side),
                        threshold=args.detector_score, device=device)


PREDICT = Command(
    "Predict people's poses on images, in videos and of a camera.", script='python tools/predict.py',
    add_arguments=_add_predict, check=_check_predict, run=_predict, intermixed=True,
    interrupted='Interrupted. What was predicted is written. Add --resume to the same command to go on.',
    details='Boxes of people come from one of --boxes, --detector and --whole-image. An image that cannot be read is '
            'named at the end, and the others are predicted. The exit code is 1 if none could be.')
