"""Finding the keypoint definitions (metainfo files) that mmpose names by paths inside its own package."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

_FOLDER = 'configs/_base_/datasets/'


def find_metainfo_of_mmpose() -> None:
    """Resolves paths such as ``configs/_base_/datasets/coco.py``, which mmpose's data sets name, before mmpose does.

    mmpose looks in the current directory first and warns when it then takes the file of its package. Here that file is
    taken without a warning; a file in the current directory still comes first, and any other missing file warns.
    """
    import mmpose
    from mmpose.datasets.datasets import utils

    from .patching import replace_everywhere

    original, package = utils.parse_pose_metainfo, Path(mmpose.__file__).parent / '.mim'

    @functools.wraps(original)
    def parse_pose_metainfo(metainfo: dict[str, Any]) -> dict[str, Any]:
        named = metainfo.get('from_file')
        is_theirs = isinstance(named, str) and named.startswith(_FOLDER) and (package / named).is_file()
        if is_theirs and not Path(str(named)).is_file():
            metainfo = {**metainfo, 'from_file': str(package / str(named))}
        return original(metainfo)

    replace_everywhere(original, parse_pose_metainfo, 'mmpose')
