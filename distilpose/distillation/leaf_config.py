"""Leaf config of a distillation: written from a command line with a student, a teacher, a method and images."""

from __future__ import annotations

import logging
import shlex
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import DATASETS

from distilpose.checkpoints.writing import write_atomically
from distilpose.config import (
    build_estimator,
    find_config,
    merge_options,
    project_path,
    read_config,
    read_model_source,
)
from distilpose.config.models import keypoint_metainfo
from distilpose.config.walk import is_distillation, type_name
from distilpose.datasets.unlabelled_files import list_images, read_boxes
from distilpose.datasets.video_frames import is_video
from distilpose.errors import DistilPoseError
from distilpose.models.losses.simcc import SimCCLoss

from .image_adapter import input_size
from .methods import Network, Recipe, choose_method
from .own_crop import choose_crop
from .pairing import student_outputs
from .teachers import PAIRING_OPTIONS, build_teacher, read_teacher_source
from .teachers.keypoint_map import keypoint_count
from .teachers.keypoint_names import define
from .teachers.keypoints import build_keypoint_map
from .teachers.onnx.graph import read_graph
from .teachers.resolving import find_file, resolve_teacher, teacher_name

_DEFAULT_SIZE = (192, 256)
"""(width, height) of the probe image for a network without an input size."""


VALIDATIONS = ('auto', 'labels', 'agreement')
"""How images without annotations are validated: with the validation data of the student's config, or by agreement with
the teacher on images that are held out; ``'auto'``: with the former where they are on this machine."""


@dataclass(frozen=True)
class Distillation:
    """The options of a command line for a distillation."""

    student: str
    """A config's path, or ``mmpose::...``."""
    teacher: str
    """See :func:`~distilpose.distillation.teachers.resolving.resolve_teacher`."""
    teacher_checkpoint: str | None = None
    method: str = 'auto'
    images: str | None = None
    """A folder or list of images without annotations, in the place of the student's training data."""
    boxes: str | None = None
    """A JSON file of people's boxes on them."""
    every: int | None = None
    """Of videos among them every so manieth frame is an image; ``None``: as of ``UnlabelledImages``."""
    teacher_options: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key -> value: further entries of ``model.teacher``."""
    validation: str = 'labels'
    """One of :data:`VALIDATIONS` but ``'auto'``."""

    @property
    def name(self) -> str:
        """Of the config that it becomes: ``<student>_from_<teacher>``."""
        return f'{Path(self.student.rpartition("::")[2]).stem}_from_{teacher_name(self.teacher)}'

    @property
    def command(self) -> str:
        """The command line that describes it, without the options of its training."""
        method = None if self.method == 'auto' else self.method
        options = {'teacher': self.teacher, 'teacher-checkpoint': self.teacher_checkpoint, 'method': method,
                   'images': self.images, 'boxes': self.boxes,
                   'every': None if self.every is None else str(self.every),
                   'validation': self.validation if self.images and self.validation == 'agreement' else None}
        words = ['distilpose', 'train', self.student]
        words += [word for name, value in options.items() if value is not None for word in (f'--{name}', value)]
        if self.teacher_options:
            words += ['--cfg-options', *(f'model.teacher.{key}={value}' for key, value in self.teacher_options.items())]
        return shlex.join(words).replace('\n', ' ')


def write_leaf_config(distillation: Distillation, folder: Path, *,
                      check: Callable[[Config], Any] | None = None) -> tuple[Path, list[str]]:
    """Writes the config of a distillation, which trains alone, too.

    Args:
        distillation: the options.
        folder: of the file ``<student>_from_<teacher>.py``.
        check: is given the config before the file is written, and may refuse it.

    Returns:
        The file, and what to log: which preset, kinds and terms were found.

    Raises:
        DistilPoseError: student, teacher, method or images do not exist or do not fit.
    """
    path = find_config(distillation.student, from_here=True)
    config = read_config(path)
    if not config.get('model'):
        raise DistilPoseError(f'{path} defines no model')
    teacher, notes = resolve_teacher(distillation.teacher, distillation.teacher_checkpoint)
    teacher = _merged(teacher, distillation.teacher_options)
    data = _unlabelled_data(config, distillation, frames=folder / 'frames')
    with _without_traces():
        student, names = probe_student(config, path)
        probed, teacher_names = probe_teacher(teacher, teacher_name(distillation.teacher))
    has_labels = not data and type_name(_dataset(config).get('type')) != 'UnlabelledImages'
    recipe = choose_method(distillation.method, student, probed, has_labels=has_labels)
    if 'keypoints' not in teacher and None not in (names, teacher_names) and names != teacher_names:
        teacher['keypoints'] = 'auto'
    _check_pairing(teacher, student, probed, names=names, teacher_names=teacher_names)
    sentence = recipe.describe(student, probed)
    text = _code(path, config, distillation, recipe=recipe, teacher=recipe.teacher | teacher, has_labels=has_labels,
                 head=sentence) + data
    if check is not None:
        with tempfile.TemporaryDirectory() as place:
            tried = Path(place, f'{distillation.name}.py')
            tried.write_text(text, encoding='utf-8')
            check(read_config(tried))
    file = folder / f'{distillation.name}.py'
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text)
    return file, [*notes, sentence, f'The config of this distillation is {file}; it trains alone, too.']


def _check_pairing(teacher: Mapping[str, Any], student: Network, probed: Network, *,
                   names: Sequence[str] | None, teacher_names: Sequence[str] | None) -> None:
    """Checks the options of a pair: keypoints and crop."""
    found = build_keypoint_map(teacher.get('keypoints'), student_names=names,
                               student_count=lambda: keypoint_count(student.outputs), teacher_names=teacher_names)
    if found is not None:
        found.check_count(keypoint_count(probed.outputs))
    choose_crop(teacher, student=student.size, teacher=probed.size)


def probe_student(config: Config, path: str) -> tuple[Network, tuple[str, ...] | None]:
    """Outputs of a config's student for an empty image, with random weights, and the names of its keypoints."""
    source = read_model_source(dict(config=path))
    model: Any = build_estimator(source.model)
    size = input_size(model)
    loss = getattr(model.head, 'loss_module', None)
    network = Network(type(model.head).__name__, _on_empty_image(model, size), size,
                      beta=float(getattr(loss, 'beta', 1.0)), sums_joints=isinstance(loss, SimCCLoss),
                      sums_people=type(loss) is KLDiscretLoss, skeleton=_skeleton(config, source.keypoint_names))
    return network, source.keypoint_names


def _skeleton(config: Config, names: Sequence[str] | None) -> str | tuple[tuple[int, int], ...]:
    """See :attr:`Network.skeleton`."""
    known = define(names) if names else None
    if known is not None and known.set_name and known.skeleton:
        return known.set_name
    with DefaultScope.overwrite_default_scope('mmpose'):
        metainfo = keypoint_metainfo(config) or {}
    return tuple((int(start), int(end)) for start, end in metainfo.get('skeleton_links', ()))


def probe_teacher(spec: Mapping[str, Any], name: str) -> tuple[Network, tuple[str, ...] | None]:
    """Outputs of a teacher for an empty image, without its checkpoint, and the names of its keypoints."""
    if 'type' in spec:
        if spec.get('preset') is not None:
            read_graph(project_path(spec['file']))  # what is no graph is not another network
        with _naming_the_preset(spec):
            teacher = build_teacher(spec)
        width, height = teacher.input.size or _DEFAULT_SIZE
        outputs = teacher.outputs(torch.zeros(1, 3, height, width))
        return Network(name, outputs, teacher.input.size, beta=teacher.simcc_beta), teacher.keypoint_names
    source = read_teacher_source({key: value for key, value in spec.items() if key not in PAIRING_OPTIONS})
    model: Any = build_estimator(source.model)
    beta = float(getattr(getattr(model.head, 'loss_module', None), 'beta', 1.0))
    return Network(name, _on_empty_image(model, input_size(model)), input_size(model), beta=beta), source.keypoint_names


@contextmanager
def _naming_the_preset(spec: Mapping[str, Any]) -> Iterator[None]:
    """Adds to an error about a file that it was taken for a preset."""
    try:
        yield
    except DistilPoseError as error:
        if spec.get('preset') is None:
            raise
        raise DistilPoseError(f'{spec.get("file")} is not the network of the preset {spec["preset"]}, which it was '
                              f'taken for; if it is another one, rename it and describe it. {error}') from error


def _on_empty_image(model: Any, size: tuple[int, int] | None) -> Any:
    width, height = size or _DEFAULT_SIZE
    with torch.no_grad():
        return student_outputs(model, torch.zeros(1, 3, height, width))


@contextmanager
def _without_traces() -> Iterator[None]:
    """Builds networks for a probe: without drawing from the training's random numbers, and without log lines."""
    logger = MMLogger.get_current_instance()
    logger.addFilter(_is_warning)
    try:
        with torch.random.fork_rng(devices=[]), DefaultScope.overwrite_default_scope('mmpose'):
            yield
    finally:
        logger.removeFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _merged(teacher: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    config = Config(dict(model=dict(teacher=dict(teacher))))
    merge_options(config, {f'model.teacher.{key}': value for key, value in options.items()})
    return config.model.teacher.to_dict()


def _code(path: str, config: Config, distillation: Distillation, *, recipe: Recipe, teacher: Mapping[str, Any],
          has_labels: bool, head: str) -> str:
    """The text of the config without its data."""
    student: dict[str, Any] = dict(config=path, **recipe.student)
    if is_distillation(config.model) and config.model.student.get('checkpoint') is not None:
        student['checkpoint'] = config.model.student.checkpoint
    task_weight = recipe.rule.task_weight if has_labels else 0.0
    terms = ',\n'.join(f'        {name}={as_code(term)}' for name, term in recipe.terms.items())
    comment = '\n'.join(textwrap.wrap(head, 120, initial_indent='# ', subsequent_indent='# '))
    return f"""# {distillation.command}
{comment}
_base_ = {path!r}
model = dict(
    _delete_=True,
    type='PoseDistiller',
    student={as_code(student)},
    teacher={as_code(teacher)},
    task_weight={task_weight!r},
    terms=dict(
{terms}))
"""


def _unlabelled_data(config: Config, distillation: Distillation, *, frames: Path) -> str:
    """The lines that put images without annotations in the place of the training data; empty without images."""
    if distillation.images is None:
        if distillation.boxes is not None:
            raise DistilPoseError(f'--boxes {distillation.boxes} are people on the images of --images, which is '
                                  'missing; name their folder')
        return ''
    loader = config.get('train_dataloader') or {}
    entry, dataset = '_base_.train_dataloader.dataset', _dataset(config)
    while type_name(dataset.get('type')) == 'RepeatDataset':
        entry, dataset = f'{entry}.dataset', dataset['dataset']
    pipeline = dataset.get('pipeline')
    if not pipeline:
        raise DistilPoseError(f'--images takes the pipeline of the training data of {distillation.student}, and its '
                              f'{dataset.get("type", "train_dataloader")} has none; write a config with '
                              "train_dataloader.dataset=dict(type='UnlabelledImages', ...)")
    by_agreement = distillation.validation == 'agreement'
    images = _require(distillation.images, '--images')
    names = list_images(images, images.parent, videos=True)[1]
    boxes = {} if distillation.boxes is None else dict(boxes=str(_require(distillation.boxes, '--boxes')))
    if boxes:
        read_boxes(Path(boxes['boxes']))
    place = dict[str, Any](data_root=str(images if images.is_dir() else images.parent))
    if not images.is_dir():
        place['images'] = str(images)
    if any(map(is_video, names)):
        place['frames'] = str(frames)
        place |= {} if distillation.every is None else dict(every=distillation.every)
    keypoints = {} if 'own_keypoints' in config else dict(metainfo=_metainfo(dataset, distillation.student))
    named = dict(place, **boxes, **keypoints)
    options = ',\n        '.join(f'{key}={as_code(value)}' for key, value in
                               dict(named, **(dict(part='train') if by_agreement else {})).items())
    sampler = ("\n    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),"
               if type_name((loader.get('sampler') or {}).get('type')) == 'MultiSourceSampler' else '')
    return f"""train_dataloader = dict({sampler}
    dataset=dict(
        _delete_=True,
        type='UnlabelledImages',
        {options},
        pipeline={_packed(pipeline, f'{entry}.pipeline')}))
{_switched_pipelines(config)}{_agreement(config, distillation, named) if by_agreement else ''}"""


def _agreement(config: Config, distillation: Distillation, named: Mapping[str, Any]) -> str:
    """The lines that validate with the teacher on images that are held out."""
    loader = config.get('val_dataloader') or {}
    if not (loader.get('dataset') or {}).get('pipeline'):
        raise DistilPoseError(f'validation by agreement with the teacher takes the pipeline of the validation data of '
                              f'{distillation.student}, which has no val_dataloader.dataset.pipeline; add one, or '
                              'train without validation (--no-validate)')
    options = ',\n        '.join(f'{key}={as_code(value)}' for key, value in dict(named, part='val').items())
    return f"""val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='UnlabelledImages',
        {options},
        pipeline=_base_.val_dataloader.dataset.pipeline))
val_evaluator = dict(_delete_=True, type='AgreementWithTeacher')
default_hooks = dict(checkpoint=dict(save_best='agreement/PCK', rule='greater'))
"""


def _dataset(config: Config) -> Mapping[str, Any]:
    return (config.get('train_dataloader') or {}).get('dataset') or {}


def _require(path: str, option: str) -> Path:
    found = find_file(path) if path.strip() else None
    if found is None or (option == '--boxes' and not found.is_file()):
        raise DistilPoseError(f'there is no {option} {path or "without a name"}; name ' + (
            'a folder of images or a list of them' if option == '--images' else 'a JSON file'))
    return found


def _metainfo(dataset: Mapping[str, Any], student: str) -> dict[str, Any]:
    """The definition of the student's keypoints."""
    found = dataset.get('metainfo')
    if not found and isinstance(dataset.get('type'), str):
        with DefaultScope.overwrite_default_scope('mmpose'):
            found = getattr(DATASETS.get(dataset['type']), 'METAINFO', None)
    if not found:
        raise DistilPoseError(f'--images needs to know the keypoints of {student}, and its training data has no '
                              "metainfo; add metainfo=dict(from_file='configs/_base_/datasets/coco.py') to it")
    return found.to_dict() if hasattr(found, 'to_dict') else dict(found)


def _packed(pipeline: Sequence[Mapping[str, Any]], entry: str) -> str:
    """A pipeline that packs ``labelled``, as code."""
    if type_name(pipeline[-1].get('type')) != 'PackPoseInputs':
        return entry
    return f"[*{entry}[:-1], dict(type='PackMixedPoseInputs')]"


def _switched_pipelines(config: Config) -> str:
    """Lines that do the same to the pipelines that hooks switch to."""
    lines = ['custom_hooks = _base_.custom_hooks']
    for place, hook in enumerate(config.get('custom_hooks') or ()):
        for key, value in hook.items():
            if key.endswith('pipeline') and value and not key.startswith(('val', 'test')):
                entry = f'custom_hooks[{place}].{key}'
                lines.append(f'{entry} = {_packed(value, entry)}')
    return '\n'.join([*lines, '']) if len(lines) > 1 else ''


def as_code(value: Any) -> str:
    """A value of a config as Python, with ``dict(...)`` where its keys are names."""
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key.isidentifier() for key in value):
            return f'dict({", ".join(f"{key}={as_code(item)}" for key, item in value.items())})'
        return f'{{{", ".join(f"{key!r}: {as_code(item)}" for key, item in value.items())}}}'
    if isinstance(value, tuple):
        return f'({", ".join(map(as_code, value))}{"," * (len(value) == 1)})'
    if isinstance(value, list):
        return f'[{", ".join(map(as_code, value))}]'
    return repr(value)
