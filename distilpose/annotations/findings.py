"""Findings of a data check: what is expected of an annotation file, and what was found in it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_EXAMPLES = 20
"""Ids that a finding keeps."""


@dataclass(frozen=True)
class Expected:
    """What a data set or an evaluator reads of an annotation file in COCO format; hashable, and part of a cache key."""

    fields: tuple[tuple[str, tuple[str, ...] | None], ...] = (('keypoints', None), )
    """Lists of keypoints in an annotation and the names of their keypoints, where these are known."""
    is_standard: bool = True
    """Whether people are read as in COCO; another data set may do without some keys."""
    has_people: bool = True
    """Whether the file must have an annotation with a labelled keypoint."""
    image_keys: tuple[str, ...] = ('id', )
    """Of every image."""
    person_keys: tuple[str, ...] = ('id', 'image_id', 'category_id')
    """Of every annotation."""
    keys_with_keypoints: tuple[str, ...] = ('bbox', )
    """Of every annotation that has keypoints."""
    needs_categories: bool = False
    """Whether people are looked for in the categories of the file only."""
    folder: str | None = None
    """Where ``file_name`` begins; ``None``: the images are not opened."""
    roots: tuple[str, ...] = ()
    """Folders that the images must lie in; empty: the current directory."""

    def key(self) -> str:
        """The same text for the same expectations, on every machine."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Finding:
    """Something unusual: one sentence with a count, and where it is."""

    kind: str
    """``'box of no size'``, the same for all files."""
    sentence: str
    """Names the file and the first example, and says what follows."""
    count: int
    image_ids: tuple[Any, ...] = ()
    """Of the first images concerned, at most :data:`MOST_EXAMPLES`."""
    annotation_ids: tuple[Any, ...] = ()
    """Of the first annotations concerned, at most :data:`MOST_EXAMPLES`; in a detection file their places from 0."""


@dataclass(frozen=True)
class Findings:
    """What was found in a file that can be used."""

    path: str
    people: int = 0
    """Annotations, or detections."""
    used: int = 0
    """Of them, those that are trained or evaluated on."""
    images: int = 0
    """Images with somebody who is used."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> how many are not used; people with several reasons count for the first."""
    warnings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data for :func:`json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Findings:
        """What :meth:`to_json` returned, also after ``json.dumps`` and ``json.loads``."""
        return cls(**{**content, 'warnings': tuple(
            Finding(**{**one, 'image_ids': tuple(one['image_ids']), 'annotation_ids': tuple(one['annotation_ids'])})
            for one in content['warnings'])})
