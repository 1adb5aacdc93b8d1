"""Writes the initial config: finds annotations and images, checks the config as for a training, then writes it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints.writing import write_atomically
from ..config import check, read_config
from ..datasets.coco_guess import CocoFile, find_images, find_validation, read_coco, split
from ..errors import DistilPoseError
from .keypoints import check_equal, keypoints_of
from .text import BaseConfig, DataPart, config_text

_OF_A_CONFIG = re.compile(r' \(named by \w+_(dataloader|evaluator)\S*\)|, or name another one with --cfg-options \S+')


@dataclass(frozen=True)
class InitialConfig:
    """What was written, and where each value comes from."""

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
        return '\n'.join([f'Wrote {name}; its values were read or guessed, correct them there:', *lines, *others,
                          *(unusual if self.warnings else []), 'Next:', *(f'  {step}' for step in steps)])


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
        names: of the K keypoints, where the categories of the file do not name them.
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
    base = BaseConfig.read(student)
    data = read_coco(source)
    other = Path(validation).expanduser() if validation else find_validation(source)
    keypoints, guesses = keypoints_of(data, names=names, flip_pairs=flip_pairs)
    folder = Path(images).expanduser() if images else None
    found = find_images(data, folder)
    if other is not None:
        second = read_coco(other)
        check_equal(data, second, names=names)
        parts = (DataPart(data, source, found, 'as given'),
                 DataPart(second, other, find_images(second, folder), 'as given' if validation else 'by its name'))
    else:
        paths = [file.absolute().parent / f'{source.stem}_{name}.json' for name in ('train', 'val')]
        contents = split(data, val_fraction)
        parts = tuple(DataPart(CocoFile(path, content), path, found, 'split by image')  # type: ignore[assignment]
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
    write_atomically(file, config_text(base, keypoints, parts, batch=batch, folder=file.absolute().parent))
    folders = ' and '.join(dict.fromkeys(str(part.images) for part in parts))
    return InitialConfig(file, (file, *(part.path for part in new)), (
        *guesses, ('images', f'{folders} ({"as given" if images else "where all of them are"})'),
        ('train', parts[0].describe()), ('val', parts[1].describe() + _shared(parts)),
        ('student', base.describe(student, batch, len(parts[0].file.labelled)))), warnings)


def _shared(parts: Sequence[DataPart]) -> str:
    """How many images of the validation are in the training too, as the end of a sentence."""
    train, val = ({os.path.normpath(part.images.absolute() / image['file_name'])
                   for image in part.file.content['images']} for part in parts)
    count = len(train & val)
    return f'; {count} of its images are trained on as well, so its figures are too good' if count else ''


def _try(base: BaseConfig, keypoints: Mapping[str, Any], parts: Sequence[DataPart], *, batch: int,
         new: Sequence[DataPart], source: Path) -> tuple[str, ...]:
    """Checks the config and its data as a training would, in a folder of its own, before anything is written.

    Returns:
        Warnings, of each kind the first; not that images are trained on as well, which the line of the validation has.
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
            tried.append(DataPart(part.file, path, part.images, part.source))
        file = Path(place, 'config.py')
        file.write_text(config_text(base, keypoints, tried, batch=batch, folder=Path(place)), encoding='utf-8')
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
