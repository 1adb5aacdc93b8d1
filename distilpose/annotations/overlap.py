"""Images that two annotation files share, such as those of training and validation."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence

import numpy as np

from .findings import Finding, Findings

_BYTES = 8  # of a digest: of 100,000 x 10,000 pairs of names, two meet by chance once in ten billion


def image_digests(names: Sequence[str], folder: str) -> str:
    """Digests of the paths of images as text that a JSON file can hold, sorted, each once."""
    folder = os.path.abspath(folder)
    paths = sorted({os.path.normpath(f'{folder}/{name}' if name[:1] != '/' else name) for name in names})
    digests = b''.join(hashlib.blake2b(path.encode('utf-8', 'surrogateescape'), digest_size=_BYTES).digest()
                       for path in paths)
    return base64.b64encode(np.unique(np.frombuffer(digests, np.int64)).tobytes()).decode()


def shared_images(train: Findings, other: Findings) -> Finding | None:
    """A finding on the images that are trained on and evaluated on; ``None`` without any."""
    seen, evaluated = (np.frombuffer(base64.b64decode(one.image_digests), np.int64) for one in (train, other))
    count = len(np.intersect1d(seen, evaluated, assume_unique=True))
    if not count:
        return None
    return Finding('image in training and evaluation', f'{count:,} of the {len(evaluated):,} images of {other.path} '
                   f'are trained on as well ({train.path}): figures on them say nothing about other images', count)
