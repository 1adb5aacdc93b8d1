"""Result files of a plan: one JSON file a training, with its figures, their bootstrap draws and what it was made from.

They are small and hold no paths, so that they can be committed and a plan continued where the work directories are
gone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device

from distilpose.checkpoints.integrity import sha256_of
from distilpose.checkpoints.writing import write_atomically
from distilpose.config.differences import differences
from distilpose.engine.fingerprints import digest
from distilpose.errors import DistilPoseError
from distilpose.processor import processor_name

from .history import read_history, read_metrics
from .measure import FIGURES, Measured
from .runs import MAY_DIFFER, Run, what_decides, with_names_of_files
from .statistics import Estimate, mean_over_seeds

_DRAWN = ('pck', 'ap', 'mean_oks')
_DIGITS = 6
_LONGEST = 20
_NEEDED = ('model', 'seed', 'figures', 'draws')


def settings_of(cfg: Config, *, fast: str) -> dict[str, Any]:
    """What decides about weights and figures, as JSON; long lists are a number and a digest.

    Args:
        cfg: read with ``fast='off'``, so that it is the same on every processor.
        fast: the word that it is trained with.
    """
    values = cfg.to_dict()
    return dict(_shortened(dict(what_decides(values, cfg), custom_hooks=values.get('custom_hooks'),
                                val_dataloader=with_names_of_files(values.get('val_dataloader')), fast=fast)))


def options_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a training with names instead of absolute paths; long lists are a number and a digest."""
    return dict(_shortened(options))


def _shortened(node: Any) -> Any:
    """Nested values as JSON has them, with names instead of absolute paths."""
    if isinstance(node, Mapping):
        return {str(key): _shortened(value) for key, value in node.items() if key not in MAY_DIFFER}
    if isinstance(node, (list, tuple)):
        values = [_shortened(value) for value in node]
        return values if len(values) <= _LONGEST else f'{len(values)} values, {digest(values)}'
    if isinstance(node, str) and Path(node).is_absolute():
        return Path(node).name
    is_plain = node is None or isinstance(node, (str, bool, int, float))
    return node if is_plain and not (isinstance(node, float) and not math.isfinite(node)) else str(node)


def facts_of(run: Run) -> dict[str, Any]:
    """Length, duration and machine of a training."""
    return dict(epochs=run.cfg.train_cfg.get('max_epochs'), iterations=run.iterations,
                seconds=training_seconds(run.folder), **machine(), torch=torch.__version__)


def machine() -> dict[str, str]:
    """The processor, and the device that trains: ``cpu``, or the name of the GPU."""
    device = get_device()
    return dict(processor=processor_name(), device=torch.cuda.get_device_name() if device == 'cuda' else device)


def is_of_this_machine(result: Mapping[str, Any]) -> bool:
    """Whether the seconds of a training were measured on such a machine."""
    return dict(processor=result.get('processor'), device=result.get('device', 'cpu')) == machine()


def figures_of(found: Measured, names: Sequence[str]) -> dict[str, Any]:
    """Figures, draws, keypoints and cost of a model.

    Args:
        found: what was measured.
        names: of the keypoints.
    """
    return dict(
        figures=dict(zip(FIGURES, rounded([found.evaluation.figures[name] for name in FIGURES]), strict=True)),
        draws={name: rounded(found.estimates[name].draws) for name in _DRAWN},
        keypoints=dict(pck=dict(zip(names, rounded(found.keypoints['pck']), strict=True))),
        parameters=found.parameters, macs=round(found.macs), checkpoint_sha256=sha256_of(found.run.checkpoint))


def held_out(folder: Path, metric: str | None) -> list[list[float]]:
    """A metric of the validations during a training: its epochs, or iterations, and values.

    Args:
        folder: of the training.
        metric: its name; ``coco/AP`` where it was not logged.
    """
    found = read_metrics(folder)
    name = metric if metric in found else 'coco/AP'
    if name not in found:
        return []
    return [[int(step), value] for step, value in zip(found[name].steps, rounded(found[name].values), strict=True)]


def training_seconds(folder: Path) -> float | None:
    """Seconds of all iterations of a training as they were logged, without validations; ``None`` without a log."""
    found = read_history(folder).get('time')
    if found is None:
        return None
    return round(float(np.sum(found.values * np.diff(found.steps, prepend=0))), 3)


def write_json(file: Path, values: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Writes a file atomically; numbers that are none are ``null``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(_without_nan(values), indent=indent, allow_nan=False) + '\n')


def check_plain(options: Mapping[str, Any], *, where: str) -> None:
    """Looks whether options can be written, before a training that they are of.

    Raises:
        DistilPoseError: one cannot.
    """
    for name, value in options.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise DistilPoseError(f'{where} has the option {name}={value!r:.60}, which a result file cannot hold; '
                                  'expected numbers, texts, lists and dictionaries, such as list(range(10))') from error


def _without_nan(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _without_nan(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_without_nan(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


def rounded(values: Any) -> list[Any]:
    """Numbers, or lists of them, with the digits of result files."""
    return np.round(np.asarray(values, dtype=float), _DIGITS).tolist()


def read_json(file: Path, *, needed: Sequence[str] = _NEEDED) -> dict[str, Any]:
    """Reads a file of :func:`write_json`.

    Raises:
        DistilPoseError: it is damaged, or another file.
    """
    try:
        values = json.loads(file.read_text(encoding='utf-8'))
        missing = [name for name in needed if name not in values]
        if missing:
            raise ValueError(f'it has no {", ".join(missing)}')
        return dict(values)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DistilPoseError(f'{file} is no result of a training ({error}); move it away to make it again') from error


def check_settings(result: Mapping[str, Any], settings: Mapping[str, Any], *, file: Path) -> None:
    """Compares what a result was made from with the plan.

    Raises:
        DistilPoseError: names what differs.
    """
    found = list(differences(result.get('settings', {}), dict(settings)))
    if found:
        words = '; '.join(f'{place} is {one} there and {other} in the plan' for place, one, other in found[:5])
        more = f'; and {len(found) - 5} more' if len(found) > 5 else ''
        raise DistilPoseError(f'{file} is the result of another training: {words}{more}. Restore the plan or the '
                              'config, name another --results, or move the file away to train again')


def estimates(result: Mapping[str, Any]) -> dict[str, Estimate]:
    """Figures with their draws, as far as a result has draws."""
    return {name: Estimate(_number(result['figures'].get(name)), np.array([_number(value) for value in draws]))
            for name, draws in result['draws'].items()}


def mean_of(results: Sequence[Mapping[str, Any]], figure: str) -> Estimate | None:
    """The mean of a figure over results of several seeds, with its draws; ``None`` where one has no draws of it."""
    found = [estimates(result) for result in results]
    return mean_over_seeds([entry[figure] for entry in found]) if found and all(figure in entry for entry in found) \
        else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
