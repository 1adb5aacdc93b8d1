"""Teacher of a command line: resolves a file, a folder, a config or the name of a preset."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, NamedTuple

from distilpose.config import find_config, working_root
from distilpose.config.hugging_face import CONFIG, WEIGHTS, is_hugging_face, weights_of
from distilpose.errors import DistilPoseError

from .fetching import fetch
from .preset_table import PRESETS, Preset
from .presets import find_preset, recognise

CHECKPOINTS = ('.pth', '.pt', '.tar', '.ckpt', '.safetensors')
_CONFIGS = ('.py', '.yml', '.yaml', '.json')
_FORMS = ('an ONNX file, a config (with --teacher-checkpoint), a folder of Hugging Face, or a preset (distilpose train '
          '--teacher list)')


class ResolvedTeacher(NamedTuple):
    """A teacher that exists here."""

    spec: dict[str, Any]
    """``model.teacher`` of a config."""
    notes: list[str]
    """For the log."""


def teacher_name(word: str | Path) -> str:
    """What to call a teacher in the name of a file; the same wherever it lies."""
    text = str(word)
    stem = text if text in PRESETS else Path(text.rpartition('::')[2]).name
    return re.sub(r'\W+', '_', re.sub(r'\.(onnx|py)$', '', stem, flags=re.IGNORECASE))


def resolve_teacher(word: str | Path, checkpoint: str | Path | None = None) -> ResolvedTeacher:
    """Finds a teacher, and fetches the file of a preset that is not here yet.

    Args:
        word: an ONNX file, a config, a published checkpoint, or a folder of Hugging Face, looked for in the current
            directory and below the project's root; or the name of a preset.
        checkpoint: the weights of a config; or the file of a preset, where it is at hand under another name.

    Raises:
        DistilPoseError: there is no such teacher, or it has no weights; suggests presets of a similar name.
    """
    text, weights = str(word), None if checkpoint is None else _require_file(checkpoint)
    if not text.strip():
        raise DistilPoseError(f'--teacher is empty; expected {_FORMS}')
    found = find_file(text)
    if found is None and text in PRESETS:
        preset = find_preset(text)
        return ResolvedTeacher(_of_preset(preset, fetch(preset) if weights is None else weights), [])
    if found is not None and found.name in (CONFIG, WEIGHTS) and is_hugging_face(found.parent) and weights is None:
        raise DistilPoseError(f'--teacher {text} is a file in a folder of Hugging Face; name the folder: --teacher '
                              f'{found.parent}')
    if found is not None and found.suffix.lower() == '.onnx':
        if weights is not None:
            raise DistilPoseError(f'--teacher-checkpoint {checkpoint} is for a config, and {found} is an ONNX file, '
                                  'which holds its weights; leave it out')
        known = recognise(found)
        preset_of = {} if known is None else dict(preset=known.preset.name)
        return ResolvedTeacher(dict(type='OnnxTeacher', file=str(found), **preset_of), [known.note] if known else [])
    if found is not None and found.suffix in CHECKPOINTS:
        return _of_checkpoint(found)
    if found is not None and found.is_dir():
        if weights is None and is_hugging_face(found):
            weights_of(found)
        return ResolvedTeacher(dict(config=str(found)) | _checkpoint(weights), [])
    if '::' in text or text.endswith(_CONFIGS):
        return ResolvedTeacher(_of_config(text, weights), [])
    if found is not None:
        raise DistilPoseError(f'--teacher {text} is a file of another kind; expected {_FORMS}')
    close = difflib.get_close_matches(text.lower(), PRESETS, n=3, cutoff=0.5)
    hint = f'did you mean the preset {" or ".join(close)}?' if close else f'expected {_FORMS}'
    raise DistilPoseError(f'there is no teacher {text} (looked from {Path.cwd()} and from {working_root()}); {hint}')


def find_file(path: str | Path) -> Path | None:
    """The absolute path of a file or folder, from the current directory or the project's root; ``None`` without one."""
    for root in (Path.cwd(), working_root()):
        file = root / Path(path).expanduser()
        if file.exists():
            return file.absolute()
    return None


def _require_file(path: str | Path) -> Path:
    found = find_file(path)
    if found is None:
        raise DistilPoseError(f'there is no --teacher-checkpoint {path} (looked from {Path.cwd()} and from '
                              f'{working_root()})')
    if not found.is_file():
        raise DistilPoseError(f'--teacher-checkpoint {path} is a folder, and a file of weights was expected; name it')
    return found


def _checkpoint(file: Path | None) -> dict[str, Any]:
    return {} if file is None else dict(checkpoint=str(file))


def _of_preset(preset: Preset, file: Path) -> dict[str, Any]:
    if preset.config is not None:
        return dict(config=preset.config, checkpoint=str(file))
    return dict(type='OnnxTeacher', file=str(file), preset=preset.name)


def _of_checkpoint(file: Path) -> ResolvedTeacher:
    known = recognise(file)
    if known is None or known.preset.config is None:
        raise DistilPoseError(f'--teacher {file} is a checkpoint of an unknown network; name its config '
                              f'with --teacher CONFIG --teacher-checkpoint {file}')
    return ResolvedTeacher(_of_preset(known.preset, file), [known.note])


def _of_config(text: str, weights: Path | None) -> dict[str, Any]:
    config = text if '::' in text else find_config(text, from_here=True)
    if weights is not None:
        return dict(config=config, checkpoint=str(weights))
    find_config(config)
    preset = next((preset for preset in PRESETS.values() if preset.config == config), None)
    hint = '' if preset is None else f', or take its preset: --teacher {preset.name}'
    raise DistilPoseError(f'--teacher {text} is a config without weights of the teacher; add '
                          f'--teacher-checkpoint FILE{hint}')
