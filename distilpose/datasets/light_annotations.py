"""Light-weight annotations: COCO's people without the fields that only evaluation reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.body import CocoDataset
from mmpose.registry import DATASETS

from distilpose.annotation_store.data_sets import takes_stored_people
from distilpose.annotation_store.stored_people import LightWeight, StoredPeople

from .staged_pipeline import prepare_batch

_OF_THE_DATA_SET = ('dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'dataset_keypoint_weights',
                    'flip_indices', 'skeleton_links')
_FOR_EVALUATION = ('raw_ann_info', 'segmentation')


@DATASETS.register_module()
class QuickCocoDataset(CocoDataset):
    """mmpose's ``CocoDataset`` for training: the same people and samples in less time and memory.

    A person has no outline (``segmentation``) and no ``raw_ann_info``, which top-down training does not use, but its
    ``keypoint_scores`` (:class:`~distilpose.datasets.WeighByCertainty`) where there are some, and shares
    the metainfo of the data set, such as ``flip_indices``, with all others instead of a copy: no step may write
    to it. ``people_in_image`` is the number of people in its image. In test mode people stay as they are.
    Batches are made in stages (:func:`~distilpose.datasets.staged_pipeline.prepare_batch`).

    Args: those of ``CocoDataset``.
    """

    @takes_stored_people
    def load_data_list(self) -> Sequence[dict]:
        """The people of ``CocoDataset`` without the fields for evaluation."""
        people = super().load_data_list()
        if self.test_mode:
            return people
        if isinstance(people, StoredPeople):
            return LightWeight.of(people)
        counts = Counter(person['img_path'] for person in people)
        return [dict({key: value for key, value in person.items() if key not in _FOR_EVALUATION},
                     people_in_image=counts[person['img_path']], **_scores(person)) for person in people]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The entry of a person, a copy, with the metainfo of the data set, which is shared."""
        person = BaseDataset.get_data_info(self, idx)
        person.update((key, self._metainfo[key]) for key in _OF_THE_DATA_SET)
        return person

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The samples of a batch; torch's loader calls this instead of ``__getitem__`` for each."""
        return prepare_batch(self, indices)


def _scores(person: dict) -> dict[str, Any]:
    """The teacher's scores of a person that a teacher labelled."""
    scores = (person.get('raw_ann_info') or {}).get('keypoint_scores')
    return {} if scores is None else dict(keypoint_scores=scores)
