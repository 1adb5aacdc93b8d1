"""Finding and reading the keypoint definitions (metainfo files) that mmpose names by paths inside its own package."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

_FOLDER = 'configs/_base_/datasets/'


@functools.cache
def _read(file: Path) -> dict[str, Any]:
    from mmengine.config import Config

    return Config.fromfile(file).dataset_info


def read_packaged_definition(file: Path) -> dict[str, Any] | None:
    """The ``dataset_info`` of a file in mmpose's package, read once a process; ``None`` for any other file.

    Only for reading: all callers share it.
    """
    import mmpose

    file = file.absolute()
    is_packaged = file.parent == Path(mmpose.__file__).parent / '.mim' / _FOLDER and file.is_file()
    return _read(file) if is_packaged else None


def find_metainfo_of_mmpose() -> None:
    """Resolves paths such as ``configs/_base_/datasets/coco.py``, which mmpose's data sets name, before mmpose does.

    mmpose looks in the current directory first and warns when it then takes the file of its package. Here that file is
    taken without a warning, and read once; a file in the current directory still comes first, and any other missing
    file warns.
    """
    import mmpose
    from mmpose.datasets.datasets import utils

    from .patching import replace_everywhere

    original, package = utils.parse_pose_metainfo, Path(mmpose.__file__).parent / '.mim'

    @functools.wraps(original)
    def parse_pose_metainfo(metainfo: dict[str, Any]) -> dict[str, Any]:
        named = metainfo.get('from_file')
        if not isinstance(named, str):
            return original(metainfo)
        is_theirs = named.startswith(_FOLDER) and not Path(named).is_file()
        return original(read_packaged_definition(package / named if is_theirs else Path(named)) or metainfo)

    replace_everywhere(original, parse_pose_metainfo, 'mmpose')
