"""The one way from a checkpoint file, ours or published, to weights under our names."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import NamedTuple

from mmengine.logging import print_log
from torch import Tensor

from ..errors import DistilPoseError
from .finite import require_finite
from .published import PublishedSource, recognise, to_our_names
from .published.dwpose import holds_two_models
from .safe_loading import BadCheckpoint, load_file, state_dict_of


class Weights(NamedTuple):
    """The weights of a file."""

    state: Mapping[str, Tensor]
    """By name: ours, which are mmpose's for its networks."""
    source: PublishedSource | None
    """What the file was recognised as; ``None`` when its names are taken as they are."""


def read_weights(path: str | os.PathLike[str]) -> Weights:
    """Reads the weights of a checkpoint file without running code that it carries.

    Takes files of this project, of mmpose, and the published ones of :mod:`distilpose.checkpoints.published`; the
    log says what a published file was recognised as.

    Raises:
        DistilPoseError: there is no such file, it is damaged or unsafe, it holds no weights or two networks, or some
            of its weights are not finite.
    """
    state = state_dict_of(load_file(path), source=str(path))
    if holds_two_models(state.keys()):
        raise BadCheckpoint(f'{path} holds a student and its teacher, as DWPose saves them during training; '
                            f'python tools/pth_transfer.py {path} DST [--two_dis] writes the plain model')
    require_finite(state, source=str(path))
    source = recognise(state.keys())
    if source is not None:
        print_log(f'{path} is {source.name}; its weights get our names.', 'current', logging.INFO)
        if source.takes_bgr:
            print_log(f'{path} was trained on BGR images: its config needs model.data_preprocessor.bgr_to_rgb=False, '
                      'or it predicts worse than published, without an error.', 'current', logging.WARNING)
    try:
        return Weights(to_our_names(state), source)
    except DistilPoseError as error:
        raise DistilPoseError(f'{path}: {error}') from error
