"""Person keys: numbers that stay with a person's box in an image, whatever data set and sampler it comes from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmpose.structures.bbox import bbox_xyxy2cs

from distilpose.errors import DistilPoseError


def box_of(results: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Center and sides, each (1, 2), of a sample's box as ``GetBBoxCenterScale`` takes it, without its padding.

    Raises:
        DistilPoseError: it has none.
    """
    if 'bbox_center' in results and 'bbox_scale' in results:
        return results['bbox_center'].copy(), results['bbox_scale'].copy()
    if 'bbox' not in results:
        raise DistilPoseError(f"the sample of {results.get('img_path')} has no box of a person (bbox), which an "
                              "unaugmented view of a teacher needs; add boxes to the annotations, or set "
                              "model.teacher.view='clean'")
    return bbox_xyxy2cs(results['bbox'], padding=1.0)


def person_key(path: str | None, center: np.ndarray, scale: np.ndarray) -> int:
    """A key of 63 bits: of the image's name, its folder's name, the bytes in its file, and the box.

    So data may be moved, and the key of an image that is replaced by another changes with the size of its file.

    Args:
        path: of the image; ``None`` for one that has no file, whose key is -1.
        center: (1, 2) of the box, see :func:`box_of`.
        scale: (1, 2) its sides.
    """
    if path is None:
        return -1
    folder, name = os.path.split(path)
    text = f'{os.path.basename(folder)}/{name}/{_size_of(path)}/'.encode('utf-8', 'surrogateescape')
    box = np.concatenate([center, scale]).astype('<f4').tobytes()
    return int.from_bytes(hashlib.blake2b(text + box, digest_size=8).digest(), 'little') >> 1


def _size_of(path: str) -> int:
    """In bytes; 0 for a file that is not on a disk of this machine."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
