"""Conversion of a published checkpoint file into one of this project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from safetensors import SafetensorError

from distilpose.checkpoints import load_strict, read_weights
from distilpose.checkpoints.safetensors_files import SUFFIX, write_safetensors
from distilpose.checkpoints.writing import replacing
from distilpose.errors import DistilPoseError
from distilpose.inference.loading import load_model


@dataclass(frozen=True)
class Conversion:
    """What was converted."""

    recognised: str
    """What the source is."""
    weights: int
    """How many tensors were written, frozen tables and counters included."""
    destination: Path

    def __str__(self) -> str:
        return f'Recognised {self.recognised}. Wrote all {self.weights} weights to {self.destination}'


def convert(source: str | Path, destination: str | Path, *, config: str | Path | Config) -> Conversion:
    """Reads a published checkpoint and writes its weights under the names of a config's model.

    The weights must be exactly those of the model: none missing, none left over, all of the same shape. Fixed tables
    come from the file like all others. The destination appears complete or not at all, with the folders it needs.

    Args:
        source: the file, see :func:`~distilpose.checkpoints.read_weights`.
        destination: the file to write, or to replace; a safetensors file if it is called ``.safetensors``.
        config: of the plain estimator; a distillation's stands for its student. See
            :func:`~distilpose.apis.load_model`.

    Raises:
        DistilPoseError: the source cannot be read or does not fit, or the destination cannot be written.
    """
    source, destination = Path(source).expanduser(), Path(destination).expanduser()
    check_destination(source, destination)
    model = load_model(config)
    weights = read_weights(source)
    load_strict(model, weights.state, source=str(source), ignore_prefixes=('distillation.',))
    recognised = weights.source.name if weights.source else 'names of mmpose 1.x, which stay as they are'
    state = model.state_dict()
    write_checkpoint(dict(state_dict=state, meta=dict(converted_from=source.name, recognised=recognised)), destination)
    return Conversion(recognised, len(state), destination)


def check_destination(source: Path, destination: Path) -> None:
    """Refuses a destination that is a folder, or the source itself.

    Raises:
        DistilPoseError: with its name.
    """
    if destination.is_dir():
        raise DistilPoseError(f'{destination} is a folder; name the file to write, such as {destination / source.name}')
    if destination.exists() and source.exists() and destination.samefile(source):
        raise DistilPoseError(f'{source} and {destination} are the same file, and the source is not overwritten; name '
                              'another file to write')


def write_checkpoint(checkpoint: dict, destination: Path) -> None:
    """Saves beside the destination first, so that an interruption leaves no half of a file under its name.

    Args:
        checkpoint: ``state_dict``, and ``meta`` which describes it.
        destination: ``.safetensors`` is written in that format, any other suffix with torch.save.

    Raises:
        DistilPoseError: it cannot be written there.
    """
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with replacing(destination) as part:
            if destination.suffix == SUFFIX:
                write_safetensors(checkpoint['state_dict'], part, about=checkpoint['meta'])
            else:
                torch.save(checkpoint, part)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch reports a full disk as the second
        raise DistilPoseError(f'{destination} cannot be written: {error}') from error
