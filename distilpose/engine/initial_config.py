"""``distilpose init``: the config of a student for annotations of one's own, with what was guessed and from what."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from ..checkpoints.writing import write_atomically
from ..config import check, find_config, read_config
from ..config.keypoints import DEFAULT_SIGMA, make_metainfo, normalised_name, pairs_by_name
from ..config.walk import type_name
from ..datasets.coco_guess import (
    CocoFile,
    count_keypoints,
    find_images,
    find_validation,
    names_and_skeleton,
    read_coco,
    split,
)
from ..datasets.unlabelled_files import PEOPLE
from ..distillation.leaf_config import as_code
from ..errors import DistilPoseError

_BODY = 'distilpose::body/2d_kpt_sview_rgb_img'
STUDENTS = {
    'small': 'distilpose::own_data/resnet18_128x128.py',
    'resnet50': f'{_BODY}/simdr/coco/heatmap_res50_coco_256x192.py',
    'hrnet-w32': f'{_BODY}/simdr/coco/heatmap_hrnet_w32_coco_256x192.py',
    'simdr-resnet50': f'{_BODY}/simdr/coco/simdr_res50_coco_256x192.py',
    'rtmpose-t': f'{_BODY}/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py',
    'rtmpose-s': f'{_BODY}/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py',
    'rtmpose-m': f'{_BODY}/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py',
    'distilpose-s': f'{_BODY}/distilpose/coco/stemnet_coco_256x192.py'}
"""Name -> config; the first starts from random weights, most others from weights that are downloaded."""
_ITERATIONS = 8
"""Of an epoch, at least, as far as batches of :data:`_SMALLEST_BATCH` allow."""
_SMALLEST_BATCH = 4
_WIDTH = 112
"""Of a line of the config, in characters."""
_COCO = dict(from_file='configs/_base_/datasets/coco.py')
_OF_A_CONFIG = re.compile(r' \(named by \w+_(dataloader|evaluator)\S*\)|, or name another one with --cfg-options \S+')


@dataclass(frozen=True)
class InitialConfig:
    """What was written, and what it was made of."""

    file: Path
    written: tuple[Path, ...]
    """The config, and the annotations that were split."""
    guesses: tuple[tuple[str, str], ...]
    """What -> value and source."""
    warnings: tuple[str, ...] = ()
    """What is unusual about the annotations, one sentence a kind."""

    def describe(self) -> str:
        """Every guess in a line, and what to run next."""
        width = max(len(name) for name, _ in self.guesses) + 2
        lines = [f'  {name:{width}}{value}' for name, value in self.guesses]
        others = [f'Wrote {path}.' for path in self.written if path != self.file]
        name = os.path.relpath(self.file)
        name = str(self.file) if name.startswith('..') else name
        steps = [f'distilpose check {name}', f'distilpose train {name}', f'distilpose train {name} --teacher TEACHER']
        unusual = ['Look at this first (distilpose check FILE draws it):', *(f'  {one}' for one in self.warnings)]
        return '\n'.join([f'Wrote {name}; what it says was read or guessed, correct it there:', *lines, *others,
                          *(unusual if self.warnings else []), 'Next:', *(f'  {step}' for step in steps)])


@dataclass(frozen=True)
class _Part:
    """The training or the validation data."""

    file: CocoFile
    path: Path
    images: Path
    source: str

    def describe(self) -> str:
        content = self.file.content
        return (f'{len(self.file.labelled)} annotations with keypoints on {len(content["images"])} images, '
                f'{self.path} ({self.source})')


def write_initial_config(annotations: str | Path, validation: str | Path | None = None, *,
                         out: str | Path | None = None, student: str = 'small', images: str | Path | None = None,
                         names: Sequence[str] | None = None, flip_pairs: Sequence[tuple[str, str]] | None = None,
                         val_fraction: float = 0.2) -> InitialConfig:
    """Reads annotations of COCO's form and writes a config that trains a student on them.

    Args:
        annotations: the JSON file for training; split by image where there is none for validation.
        validation: the JSON file for validation; by default the one beside the first whose name has ``val`` for
            ``train``.
        out: the config; ``<name of the annotations>.py`` here by default. Splits are written beside it.
        student: a key of :data:`STUDENTS`, or a config.
        images: the folder that the names of images start from; looked for beside the annotations by default.
        names: of the K keypoints, where the categories of the file do not say them.
        flip_pairs: what a mirror exchanges; by the names by default.
        val_fraction: of the images, where the file is split.

    Raises:
        DistilPoseError: a file is no such file, something cannot be guessed, a training would refuse the config, or a
            file of that name exists. Nothing is written then.
    """
    source = Path(annotations).expanduser()
    file = Path(out).expanduser() if out else Path(f'{source.stem}.py')
    if file.suffix != '.py':
        raise DistilPoseError(f'--out is {file}; expected the name of a config, which ends with .py')
    if not 0 < val_fraction < 1:
        raise DistilPoseError(f'--val-fraction is {val_fraction:g}; expected a number between 0 and 1')
    base = _Base.read(student)
    data = read_coco(source)
    other = Path(validation).expanduser() if validation else find_validation(source)
    keypoints, guesses = _keypoints(data, names=names, flip_pairs=flip_pairs)
    folder = Path(images).expanduser() if images else None
    found = find_images(data, folder)
    if other is not None:
        second = read_coco(other)
        _check_equal(data, second, names=names)
        parts = (_Part(data, source, found, 'as given'),
                 _Part(second, other, find_images(second, folder), 'as given' if validation else 'by its name'))
    else:
        paths = [file.absolute().parent / f'{source.stem}_{name}.json' for name in ('train', 'val')]
        contents = split(data, val_fraction)
        parts = tuple(_Part(CocoFile(path, content), path, found, 'split by image')  # type: ignore[assignment]
                      for path, content in zip(paths, contents, strict=True))
    new = [part for part in parts if other is None]
    for path in (file, *(part.path for part in new)):
        if path.exists():
            raise DistilPoseError(f'{path} exists, and nothing is overwritten; name another config with --out, or '
                                  'remove it')
    batch = base.batch_size(len(parts[0].file.labelled))
    warnings = _try(base, keypoints, parts, batch=batch, new=new, source=source)
    file.absolute().parent.mkdir(parents=True, exist_ok=True)
    for part in new:
        write_atomically(part.path, json.dumps(part.file.content))
    write_atomically(file, _text(base, keypoints, parts, batch=batch, folder=file.absolute().parent))
    folders = ' and '.join(dict.fromkeys(str(part.images) for part in parts))
    return InitialConfig(file, (file, *(part.path for part in new)), (
        *guesses, ('images', f'{folders} ({"as given" if images else "where all of them are"})'),
        ('train', parts[0].describe()), ('val', parts[1].describe() + _shared(parts)),
        ('student', base.describe(student, batch, len(parts[0].file.labelled)))), warnings)


def _shared(parts: Sequence[_Part]) -> str:
    """Says how many images of the validation are trained on."""
    train, val = ({os.path.normpath(part.images.absolute() / image['file_name'])
                   for image in part.file.content['images']} for part in parts)
    count = len(train & val)
    return f'; {count} of its images are trained on as well, so its figures are too good' if count else ''


def _check_equal(data: CocoFile, other: CocoFile, *, names: Sequence[str] | None) -> None:
    counts = [count_keypoints(data), count_keypoints(other)]
    if counts[0] != counts[1]:
        raise DistilPoseError(f'{data.path} has {counts[0]} keypoints and {other.path} has {counts[1]}; expected the '
                              'same for training and validation')
    found = names_and_skeleton(other)[0] if names is None else None
    first = names_and_skeleton(data)[0]
    if found is not None and first is not None and found != first:
        raise DistilPoseError(f'the keypoints of {data.path} are {", ".join(first[:5])}, ..., those of {other.path} '
                              f'{", ".join(found[:5])}, ...; expected the same, in one order')


def _keypoints(data: CocoFile, *, names: Sequence[str] | None,
               flip_pairs: Sequence[tuple[str, str]] | None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """``own_keypoints`` of the config, and where it is from."""
    count = count_keypoints(data)
    known, links = names_and_skeleton(data)
    found = list(names) if names is not None else known
    if found is None:
        raise DistilPoseError(f'no category of {data.path} names its keypoints, and annotations have {count}; name '
                              f'them in their order, with --names and {count} words')
    if len(found) != count:
        where = '--names has' if names is not None else f'the category of {data.path} names'
        raise DistilPoseError(f'{where} {len(found)} keypoints, and annotations have {count} ({3 * count} numbers); '
                              'expected a name for each')
    by_name, alone = pairs_by_name(found)
    if flip_pairs is None and alone:
        raise DistilPoseError(f'{", ".join(alone)} of {data.path} have a side by their names, and no keypoint is on '
                              'the other one; say what a mirror exchanges with --flip-pairs LEFT:RIGHT ..., or '
                              '--flip-pairs none')
    pairs = by_name if flip_pairs is None else list(flip_pairs)
    skeleton = [(found[one], found[other]) for one, other in links]
    sigmas, said = _sigmas(data, found)
    value = dict(names=found, flip_pairs=pairs, skeleton=skeleton, sigmas=sigmas)
    make_metainfo(**value)
    category = 'as given' if names is not None else "from the file's category"
    no_pairs = 'none: no name has a side; a mirror leaves all of them' if flip_pairs is None else 'none, as given'
    return value, [
        ('names', f'{", ".join(found)} ({category})'),
        ('flip pairs', f'{", ".join(f"{one} - {other}" for one, other in pairs)} '
                       f'({"by their names" if flip_pairs is None else "as given"})' if pairs else no_pairs),
        ('skeleton', f'{len(skeleton)} links (from the file)' if skeleton else 'none, so pictures have dots only'),
        ('sigmas', said)]


def _sigmas(data: CocoFile, names: Sequence[str]) -> tuple[Any, str]:
    """COCO's where the keypoints are those of people, else one for all."""
    of_people = all(one.get('name') in PEOPLE for one in data.content['categories'] if one.get('keypoints'))
    coco = parse_pose_metainfo(dict(_COCO))
    known = {name: round(float(coco['sigmas'][index]), 3) for name, index in coco['keypoint_name2id'].items()}
    found = [known.get(normalised_name(name)) if of_people else None for name in names]
    if any(found):
        missing = [name for name, sigma in zip(names, found, strict=True) if sigma is None]
        rest = f', {DEFAULT_SIGMA} for {", ".join(missing)}' if missing else ''
        return [sigma or DEFAULT_SIGMA for sigma in found], f"COCO's by name{rest}"
    return DEFAULT_SIGMA, (f'{DEFAULT_SIGMA} for all, since none were measured; AP depends on it (COCO: 0.025 of an '
                           'eye to 0.107 of a hip)')


@dataclass(frozen=True)
class _Base:
    """The config below."""

    name: str
    cfg: Config

    @classmethod
    def read(cls, student: str) -> _Base:
        if student in STUDENTS:
            name = STUDENTS[student]
        elif '/' not in student and not student.endswith('.py') and '::' not in student:
            raise DistilPoseError(f'--student is {student!r}; expected {", ".join(STUDENTS)}, or a config')
        else:
            name = student if '::' in student else find_config(student, from_here=True)
        cfg = read_config(name)
        if (cfg.get('model') or {}).get('type') == 'PoseDistiller':
            raise DistilPoseError(f'--student {student} is a distillation; name the config of its student, and the '
                                  'teacher in the training: distilpose train CONFIG --teacher TEACHER')
        for key in ('train_dataloader', 'val_dataloader', 'val_evaluator'):
            if not cfg.get(key):
                raise DistilPoseError(f'--student {student} has no {key}; expected a config that trains on COCO')
        return cls(name, cfg)

    def batch_size(self, people: int) -> int:
        """Of the config, or the power of two that gives :data:`_ITERATIONS` an epoch."""
        largest = max(_SMALLEST_BATCH, 1 << (max(people // _ITERATIONS, 1).bit_length() - 1))
        return min(int(self.cfg.train_dataloader.batch_size), largest)

    def describe(self, student: str, batch: int, people: int) -> str:
        epochs = (self.cfg.get('train_cfg') or {}).get('max_epochs', '?')
        others = ', '.join(name for name in STUDENTS if name != student)
        return (f'{student}, {self.name.rpartition("/")[2]}: {epochs} epochs of {-(-people // batch)} batches of '
                f'{batch} (others: {others}, or any top-down config, with --student)')

    def loader(self, name: str, changes: Mapping[str, str]) -> str:
        """The dataset of a loader as code; that of a base which reads another form is replaced."""
        dataset = self.cfg[f'{name}_dataloader']['dataset']
        entries = ', '.join(f'{key}={value}' for key, value in changes.items())
        if type_name(dataset.get('type')) in ('CocoDataset', 'QuickCocoDataset'):
            return f'dict(\n    {entries})'
        mode = '' if name == 'train' else ' test_mode=True,'
        return (f"dict(\n    _delete_=True, type='CocoDataset', data_mode='topdown',{mode}\n    {entries},\n"
                f'    pipeline=_base_.{name}_dataloader.dataset.pipeline)')

    def evaluator(self, file: str, *, has_areas: bool) -> str:
        found = self.cfg.val_evaluator
        is_coco = isinstance(found, Mapping) and type_name(found.get('type')) == 'CocoMetric'
        area = '' if has_areas else ', use_area=False'
        start = '' if is_coco and 'gt_converter' not in found else "_delete_=True, type='CocoMetric', "
        return f'dict({start}ann_file={file}{area})'

    def more(self) -> str:
        """The best checkpoint is by a figure that there is."""
        best = str(((self.cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best', 'auto'))
        if best == 'auto' or best.startswith('coco/'):
            return ''
        return "default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))\n"


def _text(base: _Base, keypoints: Mapping[str, Any], parts: Sequence[_Part], *, batch: int, folder: Path) -> str:
    """The config; paths below its folder start from there, others are absolute."""
    root = Path(os.path.commonpath([path for part in parts
                                    for path in (part.path.absolute().parent, part.images.absolute())]))
    inner = os.path.relpath(root, folder)
    place = str(root) if inner.startswith('..') else ('{{ fileDirname }}' + (f'/{inner}' if inner != '.' else ''))

    def dataset(name: str, part: _Part) -> str:
        annotations, images = (os.path.relpath(path.absolute(), root) for path in (part.path, part.images))
        changes = dict(data_root='data_root', ann_file=repr(annotations),
                       data_prefix=f'dict(img={"" if images == "." else images + "/"!r})')
        return base.loader(name, changes if name == 'train' else {**changes, 'bbox_file': 'None'})

    own = ',\n    '.join(_wrapped(key, value) for key, value in keypoints.items())
    annotations = f'data_root + {os.path.relpath(parts[1].path.absolute(), root)!r}'
    return f"""# The keypoints are said here, and data, model, flip test and evaluator take them from here.
_base_ = {base.name!r}
own_keypoints = dict(
    {own})
data_root = {place + '/'!r}
train_dataloader = dict(batch_size={batch}, dataset={dataset('train', parts[0])})
val_dataloader = dict(dataset={dataset('val', parts[1])})
test_dataloader = val_dataloader
val_evaluator = {base.evaluator(annotations, has_areas=parts[1].file.has_areas)}
test_evaluator = val_evaluator
{base.more()}"""


def _wrapped(key: str, value: Any) -> str:
    """An argument as code, with a line break before the item of a list that would be beyond the line."""
    if not isinstance(value, list):
        return f'{key}={as_code(value)}'
    lines = [f'{key}=[']
    for index, item in enumerate(value):
        code = as_code(item) + (', ' if index + 1 < len(value) else '')
        if len(lines[-1]) + len(code) > _WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(' ' * 8)
        lines[-1] += code
    return '\n'.join(lines) + ']'


def _try(base: _Base, keypoints: Mapping[str, Any], parts: Sequence[_Part], *, batch: int,
         new: Sequence[_Part], source: Path) -> tuple[str, ...]:
    """Checks the config and its data as a training would, in a folder of its own, before anything is written.

    Returns:
        Warnings, of each kind the first; not that images are trained on as well, which is said of the validation.
    """
    with tempfile.TemporaryDirectory() as place:
        names: dict[str, str] = {}
        tried = []
        for part in parts:
            path = part.path
            if part in new:
                path = Path(place, part.path.name)
                path.write_text(json.dumps(part.file.content), encoding='utf-8')
                names[str(path)] = str(source)
            tried.append(_Part(part.file, path, part.images, part.source))
        file = Path(place, 'config.py')
        file.write_text(_text(base, keypoints, tried, batch=batch, folder=Path(place)), encoding='utf-8')
        try:
            tree = check(read_config(file), ['train', 'val'])
        except DistilPoseError as error:
            raise DistilPoseError(_renamed(str(error), names)) from error
    about_annotations = {one.sentence: one.kind for findings in tree.findings for one in findings.warnings}
    kinds = {about_annotations.get(sentence, sentence): _renamed(sentence, names)
             for sentence in reversed(tree.warnings)}
    kinds.pop('image in training and evaluation', None)
    return tuple(reversed(kinds.values()))


def _renamed(sentence: str, names: Mapping[str, str]) -> str:
    """A sentence that names files by the second name, and no entry of a config that is not yet written."""
    for temporary, name in names.items():
        sentence = sentence.replace(temporary, name)
    return re.sub(_OF_A_CONFIG, '', sentence)
