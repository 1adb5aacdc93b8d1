"""MPII data set with coordinates counted from 0, as the published code reads it."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

import numpy as np
from mmpose.datasets.datasets.body import MpiiDataset
from mmpose.registry import DATASETS

from .mpii_files import head_sizes, read_ground_truth, read_people


@DATASETS.register_module()
class ZeroBasedMpiiDataset(MpiiDataset):
    """MPII, or any data in its form, as the published code reads it: keypoints *and* centres are counted from 0.

    The files count from 1. mmpose's ``MpiiDataset`` shifts only the centres, so that labels lie a pixel too far right
    and down, and its ``MpiiPCKAccuracy`` adds 1 to predictions; with this data set use
    :class:`~distilpose.evaluation.PCKhMetric`, which compares in image pixels. Other differences: people without
    joints (``test.json``) are read, with visibility 0; all people with a box are kept; images may have any name.

    Head sizes for PCKh come from ``headbox_file``, or from a ``headbox`` (left, top, right, bottom, counted from 1)
    of all people in the annotations. As in the published evaluation, the joints of ``headbox_file`` take the place
    of the annotations'.

    Args: those of ``MpiiDataset``, of which ``headbox_file`` may be relative to ``data_root``.

    Raises:
        DistilPoseError: a file is missing or is not what it should be (when the annotations are loaded).
    """

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """mmpose's, with a mark by which metrics distinguish the two data sets."""
        return {**super()._load_metainfo(metainfo), 'keypoints_counted_from': 0}

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        people = read_people(self.ann_file, num_keypoints=self.metainfo['num_keypoints'])
        boxes, keypoints, visible = people.head_boxes, people.keypoints, people.visible
        if self.headbox_file:
            truth = read_ground_truth(Path(self.data_root or '') / self.headbox_file, people)
            boxes = truth.head_boxes
            if truth.keypoints is not None and truth.visible is not None:
                keypoints, visible = truth.keypoints, truth.visible
        half = people.sizes[:, None] / 2
        columns: dict[str, Any] = dict(
            img_id=_image_numbers(people.images),
            img_path=[str(PurePath(self.data_prefix['img'] or '', name)) for name in people.images],
            # No bbox_center and bbox_scale: GetBBoxCenterScale makes the same of the box, without a warning.
            bbox=np.concatenate([people.centres - half, people.centres + half], axis=1).astype(np.float32)[:, None],
            keypoints=keypoints.astype(np.float32)[:, None],
            keypoints_visible=visible.astype(np.float32)[:, None],
            area=(0.53 * people.sizes ** 2).clip(min=1).astype(np.float32)[:, None])
        if np.isfinite(boxes).all():
            columns['head_size'] = head_sizes(boxes)[:, None, None]
        instances = [dict(zip(columns, values, strict=True), id=index, bbox_score=np.ones(1, np.float32),
                          category_id=[1]) for index, values in enumerate(zip(*columns.values(), strict=True))]
        images = {entry['img_id']: {key: entry[key] for key in ('img_id', 'img_path')} for entry in instances}
        return instances, list(images.values())

    @staticmethod
    def _is_valid_instance(data_info: dict) -> bool:
        """All people with a box, as in the published code, also those without joints."""
        left, top, right, bottom = data_info['bbox'][0]
        return bool(right > left and bottom > top)


def _image_numbers(names: list[str]) -> list[int]:
    """The numbers that MPII's images are named by; for other names, places in the order of their appearance."""
    stems = [PurePath(name).stem for name in names]
    if all(stem.isdecimal() for stem in stems):
        return [int(stem) for stem in stems]
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return [places[name] for name in names]
