"""The ground-truth file of MPII's evaluation, which holds joints and head boxes of all people."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from scipy.io import savemat

from .landmarks import MPII_JOINTS
from .scene import PersonView


def ground_truth_mat(views: Sequence[PersonView]) -> bytes:
    """The bytes of a ``.mat`` file with ``dataset_joints``, ``jnt_missing``, ``pos_gt_src`` and ``headboxes_src``.

    Args:
        views: N people, in the order of the annotation file. Positions are stored counted from 1:
            joints (16, 2, N), corners of the heads' rectangles (2, 2, N).
    """
    names = np.empty((1, len(MPII_JOINTS)), dtype=object)
    names[0] = MPII_JOINTS
    joints = np.stack([view.mpii for view in views], axis=-1) + 1
    heads = np.stack([view.head_box for view in views], axis=-1) + 1
    missing = np.stack([~view.mpii_visibility for view in views], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    savemat(buffer, dict(dataset_joints=names, jnt_missing=missing, pos_gt_src=joints, headboxes_src=heads))
    content = buffer.getvalue()
    return b'MATLAB 5.0 MAT-file, synthetic people'.ljust(116) + content[116:]  # without the time of writing
