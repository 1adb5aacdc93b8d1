"""Images that two annotation files share, such as those of training and validation."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from distilpose.errors import DistilPoseError, as_option

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
                   f'are trained on as well ({train.path}): metrics on them do not hold for other images', count)


def check_evaluated_images(predicted: Collection[int], names: Mapping[int, str], evaluated: Mapping[int, str], *,
                           data_set: str | Path, evaluator: str | Path, named_by: str) -> None:
    """Checks that an evaluator has the images whose people are predicted, when it reads another file.

    Args:
        predicted: ids of the images with people of the data set.
        names: of its images by id.
        evaluated: names of the evaluator's images by id.
        data_set: its annotations.
        evaluator: the annotations of the evaluator.
        named_by: the place of the latter in the config, for messages.

    Raises:
        DistilPoseError: an image is missing there, or most images of the same id have other names.
    """
    known = set(predicted) & names.keys()
    missing, common = sorted(known - evaluated.keys()), sorted(known & evaluated.keys())
    others = [number for number in common if evaluated[number] and (
        os.path.basename(names[number]) != os.path.basename(evaluated[number]))]
    if missing:
        found = (f'has no image {missing[0]}, {names[missing[0]]!r:.60}, whose people are predicted; {len(missing):,} '
                 f'of {len(known):,} images with people are missing')
    elif 2 * len(others) > len(common):
        found = (f'calls image {others[0]} {evaluated[others[0]]!r:.60}, which is {names[others[0]]!r:.60} in the data '
                 f'set; {len(others):,} of {len(common):,} images have other names')
    else:
        return
    raise DistilPoseError(f'{evaluator} (named by {named_by}) {found}; expected the annotations of the data set: '
                          f'--cfg-options {as_option(named_by)}={data_set}')
