"""Findings of a data check: what is expected of an annotation file, and what was found in it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_EXAMPLES = 20
"""Ids that a finding keeps."""
_FORMS = re.compile(r'\{([^{}|]*)\|([^{}|]*)\}')


def agree(text: str, count: int) -> str:
    """Chooses the form for a number: ``'{has|have} no area'`` is ``'has no area'`` of one."""
    return _FORMS.sub(lambda found: found[1 if count == 1 else 2], text)


def listed(counts: Mapping[str, int]) -> str:
    """``'3 crowd, 1 box of no size'``, of reason -> how many."""
    return ', '.join(f'{count:,} {reason}' for reason, count in counts.items() if count)


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
    category: int | None = None
    """Of all predictions, where it is fixed: people of others are evaluated against nothing."""
    reads_area: bool = False
    """Whether the area of people is compared with, and computed from the box where it is missing."""
    is_crowd_metric: bool = False
    """Whether those with ``num_keypoints`` 0 are ignored, whatever is labelled, as in CrowdPose."""
    folder: str | None = None
    """Where ``file_name`` begins; ``None``: the images are not opened."""
    roots: tuple[str, ...] = ()
    """Folders that the images must lie in; empty: the current directory."""

    @property
    def opens_images(self) -> bool:
        """Whether this is a data set, and no evaluator."""
        return self.folder is not None

    def key(self) -> str:
        """The same text for the same expectations, on every machine."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Finding:
    """Something unusual: one sentence with a count, and where it is."""

    kind: str
    """``'box of no size'``, the same for all files."""
    sentence: str
    """Names the file, the first example and the consequence."""
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
    """Images with people who are used."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> how many are not used; people with several reasons count for the first."""
    warnings: tuple[Finding, ...] = ()
    image_digests: str = ''
    """Of the paths of all images, see :func:`~distilpose.annotations.overlap.shared_images`."""

    @property
    def is_dataset(self) -> bool:
        """Whether these are the annotations of a data set, not those of an evaluator or boxes."""
        return bool(self.image_digests)

    def summary(self) -> str:
        """``person_keypoints_val2017.json: 63 of 68 people used on 32 images, 5 left out: 5 crowd``."""
        left_out = self.people - self.used
        reasons = listed(self.left_out)
        text = (f'{{person|people}} used on {self.images:,} ' + agree('{image|images}', self.images))
        return (f'{Path(self.path).name}: {self.used:,} of {self.people:,} ' + agree(text, self.people)
                + (f', {left_out:,} left out' if left_out else '') + (f': {reasons}' if reasons else ''))

    def to_json(self) -> dict[str, Any]:
        """As plain data for :func:`json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Findings:
        """What :meth:`to_json` returned, also after ``json.dumps`` and ``json.loads``."""
        return cls(**{**content, 'warnings': tuple(
            Finding(**{**one, 'image_ids': tuple(one['image_ids']), 'annotation_ids': tuple(one['annotation_ids'])})
            for one in content['warnings'])})


def summaries(findings: Iterable[Findings]) -> list[str]:
    """One line for each annotation file of a data set."""
    return list(dict.fromkeys(one.summary() for one in findings if one.is_dataset))
