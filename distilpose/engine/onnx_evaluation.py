"""Evaluating an ONNX file on a config's test data: its estimator, and crops as the file takes them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from mmengine.config import Config
from mmengine.runner import Runner

from ..config import merge_options
from ..config.models import student_model
from ..config.named_teachers import named_teachers
from ..config.teacher_crop import CROP_STEPS, DEFAULT_PADDING
from ..config.walk import dictionaries, type_name
from ..distillation.teachers.keypoints import build_keypoint_map
from ..distillation.teachers.onnx.estimator import open_file
from ..distillation.teachers.onnx.metadata import read_metadata
from ..distillation.teachers.presets import recognise
from ..errors import DistilPoseError
from ..structures import NetworkInput
from .summary import describe_model
from .unwrapped_model import unwrapped_model

_TRAINING = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg',
             'val_evaluator', 'custom_hooks')
_CROP = 'model.crop'
_DESCRIPTION = ('preset', 'keypoints', 'input', 'outputs', 'threads')


def is_onnx_file(checkpoint: str | Path) -> bool:
    """Whether a file is called ``.onnx``."""
    return Path(checkpoint).suffix.lower() == '.onnx'


def split_options(options: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the config, and those of its model, which is the file."""
    given = dict(options or {})
    model = {key: value for key, value in given.items() if key.removeprefix('+').partition('.')[0] == 'model'}
    return {key: value for key, value in given.items() if key not in model}, model


def onnx_test_config(cfg: Config, file: str | Path, options: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """A config that tests an ONNX file on the test data of another.

    The file is described by that config's model where it is an ``OnnxEstimator``, by its ``model.teacher`` where that
    is an ``OnnxTeacher`` (of several teachers by that with a file of the same name), and by options, which have the
    last word; without any of them by its own metadata. Whether there is a flip test is the config's, of a file that
    this project exported all of ``test_cfg``. With the option ``model.crop='student'`` the crops are those of the
    config, resampled to the size of the file, as in a distillation whose ``model.teacher.crop`` is that; else they have
    the file's size and padding.

    Args:
        cfg: of a student, of its distillation, or of an estimator; it stays as it is.
        file: the graph, from the current directory.
        options: ``model.input.mean`` and so on -> value.

    Returns:
        The config, and notes for the log.

    Raises:
        DistilPoseError: the file is not described well enough, or an option does not fit.
    """
    student = student_model(cfg) or {}
    is_estimator = type_name(student.get('type')) == 'OnnxEstimator'
    described = student if is_estimator else _teacher_of(cfg, file)
    known, kind = {}, type_name(described.get('type'))
    if kind in ('OnnxEstimator', 'OnnxTeacher'):
        known = {key: copy.deepcopy(described[key]) for key in _DESCRIPTION if described.get(key) is not None}
    if isinstance(known.get('keypoints'), Mapping) or known.get('keypoints') == 'auto':
        del known['keypoints']  # they map a student's keypoints, and do not name the file's own
    if Path(str(described.get('file', ''))).name != Path(file).name:
        known.pop('preset', None)  # of another file
    path = Path(file).expanduser().absolute()
    exported = read_metadata(path)
    if exported is not None and not is_estimator and (
            kind != 'OnnxTeacher' or Path(str(described.get('file', ''))).name != path.name):
        known = {}  # of another file
    test_cfg = dict(student.get('test_cfg') or {})
    if exported is None:
        test_cfg = dict(flip_test=bool(test_cfg.get('flip_test', False)))
    elif exported.outputs.kind == 'heatmaps':
        test_cfg.setdefault('shift_heatmap', False)  # mmpose's default
    result = copy.deepcopy(cfg)
    for key in _TRAINING:
        result.pop(key, None)
    result.model = dict(type='OnnxEstimator', file=str(path), **known, test_cfg=test_cfg)
    notes = merge_options(result, {key: value for key, value in options.items() if key != _CROP})
    model = {key: value for key, value in result.model.to_dict().items() if key in ('file', *_DESCRIPTION)}
    images = open_file(**model).input
    return result, notes + (_resample_crops if _is_of_student(options) else _fit_crops)(result, images)


def _teacher_of(cfg: Config, file: str | Path) -> Mapping[str, Any]:
    """The options of the only teacher, or of that with a file of this name; empty for none."""
    specs = [spec for _, spec in named_teachers(cfg.model).values()]
    same = [spec for spec in specs if Path(str(spec.get('file', ''))).name == Path(file).name]
    return same[0] if same else specs[0] if len(specs) == 1 else {}


def _is_of_student(options: Mapping[str, Any]) -> bool:
    crop = options.get(_CROP, 'own')
    if crop not in ('own', 'student'):
        raise DistilPoseError(f"{_CROP} is {crop!r}; expected 'own' for crops of the size and the padding of the ONNX "
                              "file, or 'student' for those of the config, resampled to its size")
    return crop == 'student'


def _resample_crops(cfg: Config, images: NetworkInput) -> list[str]:
    """Resamples the crops of the test pipeline to the size of the file, in place; returns notes for the log."""
    steps: list[Any] = [step for _, step in dictionaries(cfg._cfg_dict.test_dataloader, '')
                        if type_name(step.get('type')) in CROP_STEPS]
    width, height = images.size or (0, 0)
    for step in steps:
        own = step['input_size']
        if own[0] * height != own[1] * width:
            raise DistilPoseError(f"the config's crops are of {own[0]}x{own[1]} (width x height) and the ONNX file "
                                  f"takes {width}x{height}, which is another shape; leave out {_CROP}='student', or "
                                  'take a config whose crops have its proportions')
        crop = dict(step)
        step.clear()
        step.update(type='ResampledCrop', crop=crop, size=(width, height))
    return [] if steps else _refuse_pipeline()


def _refuse_pipeline() -> NoReturn:
    raise DistilPoseError('the pipeline of test_dataloader has no TopdownAffine, whose input_size would become '
                          "that of the file; take a config whose people are cropped as mmpose's top-down ones")


def _fit_crops(cfg: Config, images: NetworkInput) -> list[str]:
    """Puts size and padding of the file's crops into the test pipeline, in place; returns notes for the log."""
    crops, notes = 0, []
    step: Any  # a dictionary of the config itself
    for _, step in dictionaries(cfg._cfg_dict.test_dataloader, ''):
        kind = type_name(step.get('type'))
        if kind in CROP_STEPS:
            step.update(input_size=images.size, use_udp=images.udp)
            crops += 1
        elif kind == 'GetBBoxCenterScale' and images.padding is not None:
            step.update(padding=images.padding)
        elif kind == 'GetBBoxCenterScale':
            notes = ['It is unknown with which padding of boxes the ONNX file was trained: its crops have that of the '
                     f'config, {step.get("padding", DEFAULT_PADDING):g}. --cfg-options model.input.padding=1.0 sets '
                     'another']
    return notes if crops else _refuse_pipeline()


def onnx_config(file: str | Path, options: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """A config that predicts with an ONNX file alone: without flip test, in crops of its own size.

    The file is described by the preset that it is, and by options, which have the last word.

    Args:
        file: the graph, from the current directory.
        options: ``model.input.mean`` and so on -> value.

    Returns:
        The config, and notes for the log.

    Raises:
        DistilPoseError: the file is not described well enough, or an option does not fit.
    """
    path = Path(file).expanduser().absolute()
    model: dict[str, Any] = dict(type='OnnxEstimator', file=str(path), test_cfg=dict(flip_test=False))
    recognised = recognise(path)
    if recognised is not None:
        model['preset'] = recognised.preset.name
    steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(1, 1)),
             dict(type='PackPoseInputs')]
    cfg = Config(dict(default_scope='mmpose', model=model, test_dataloader=dict(dataset=dict(pipeline=steps))))
    notes = [] if recognised is None else [recognised.note]
    notes += merge_options(cfg, options)
    described = {key: value for key, value in cfg.model.to_dict().items() if key in ('file', *_DESCRIPTION)}
    return cfg, notes + _fit_crops(cfg, open_file(**described).input)


def check_file(runner: Runner) -> None:
    """Logs what was read of the file, and matches its keypoints with those of the test data.

    Raises:
        DistilPoseError: as :func:`match_keypoints`.
    """
    for line in describe_model(runner):
        runner.logger.info(line)
    note = match_keypoints(unwrapped_model(runner), runner.test_dataloader.dataset.metainfo)
    if note is not None:
        runner.logger.info(note)


def match_keypoints(model: Any, metainfo: Mapping[str, Any]) -> str | None:
    """Lets an estimator of an ONNX file predict the keypoints of a data set, by their names.

    Args:
        model: an ``OnnxEstimator``.
        metainfo: mmpose's, of the data.

    Returns:
        What was done, for the log; ``None`` where nothing had to be.

    Raises:
        DistilPoseError: the file does not name its keypoints and has another number, or none has a partner.
    """
    network = model.network
    by_index = metainfo['keypoint_id2name']
    names = [by_index[index] for index in sorted(by_index)]
    if network.keypoint_names is None:
        if network.reading.keypoints != len(names):
            raise DistilPoseError(f'{network.file} shows {network.reading.keypoints} keypoints, and the test data has '
                                  f'{len(names)}; name those of the file with --cfg-options model.keypoints=SET '
                                  '(coco, wholebody, halpe26, mpii, ...), so that they are matched')
        return (f'{network.name} does not name its keypoints; they are taken for those of the data, in its '
                'order.')
    matched = build_keypoint_map('auto', student_names=names, student_count=lambda: len(names),
                                 teacher_names=network.keypoint_names, simcc_beta=network.simcc_beta)
    if matched is None or matched.is_identity(network.reading.keypoints):
        return None
    model.map_keypoints(matched)
    return f'{network.name} has other keypoints than the data. {matched.describe()}'
