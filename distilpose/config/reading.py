"""Reading configs, named as the command line names them or as another config does."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.hub import get_config

from distilpose.errors import DistilPoseError
from distilpose.host.config_paths import find_in_mmpose

from .forms import check_forms
from .hugging_face import is_hugging_face, read_hugging_face
from .keypoints import set_own_keypoints
from .paths import IS_INSTALLED, find_config, without_package_folder
from .walk import change_strings


def read_config(path: str | Path) -> Config:
    """Reads a config named from the current directory, the project's root, as ``distilpose::...`` or ``mmpose::...``.

    A folder of Hugging Face is one, too, see :func:`~distilpose.config.hugging_face.read_hugging_face`.

    Raises:
        DistilPoseError: when there is none, or running it fails; names the place.
    """
    return _read(find_config(path, from_here=True), path)


def load_config(path: str | Path) -> Config:
    """Reads a config that another one names; as :func:`read_config`, but not from the current directory of a checkout.

    Raises:
        DistilPoseError: when there is none, or running it fails; names the place.
    """
    return _read(find_config(path), path)


def _read(name: str, given: str | Path) -> Config:
    if is_hugging_face(name):
        return read_hugging_face(name)
    try:
        file = find_in_mmpose(name) if '::' in name else name
        cfg = get_config(name) if file is None else Config.fromfile(file)
        check_forms(cfg)  # imports what a config in the lazy style names
    except DistilPoseError:
        raise
    except (Exception, SystemExit) as error:  # a config is a program: anything may come out of it
        reason = ' '.join(str(error).split()) or 'no further reason'
        if isinstance(error, RecursionError):
            reason = 'a _base_ of it leads back to it, or a function of it calls itself without an end'
        raise DistilPoseError(f'the config {given} cannot be read: {type(error).__name__}: {reason}') from error
    if IS_INSTALLED:
        for key, value in change_strings(cfg.to_dict(), without_package_folder).items():
            cfg[key] = value
    set_own_keypoints(cfg, load_config)
    return cfg
