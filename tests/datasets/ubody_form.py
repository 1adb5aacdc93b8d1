"""A made-up UBody in the layout of the real one: annotations, test list and frames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS

SCENES = {'Speech': ('speech_one', 'speech_two_Trim1'), 'Talk Show': ('talk_one', 'talk_two')}
TEST = ('speech_two', 'talk_one')
WIDTH, HEIGHT = 64, 48
FIELDS = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)


def write_ubody(root: Path, *, scenes: Mapping[str, Sequence[str]] = SCENES, frames: int = 25, people: int = 2,
                extracted: bool = True) -> Path:
    """Writes the layout; in a scene the images are numbered from 1 through all of its videos.

    Args:
        root: a folder to make.
        scenes: names of their videos.
        frames: how many every video has.
        people: how many every frame has.
        extracted: whether there are images, of frames with a number that is a multiple of ten.
    """
    random = np.random.default_rng(0)
    for index, (scene, videos) in enumerate(scenes.items()):
        images, annotations = [], []
        for video in videos:
            for frame in range(1, frames + 1):
                slash = '/' if index == 0 else ''
                images.append(dict(id=len(images) + 1, file_name=f'{slash}{video}/{frame:06}.png', width=WIDTH,
                                   height=HEIGHT))
                annotations += [_person(random, number=len(annotations) + offset, image=len(images))
                                for offset in range(1, people + 1)]
                if extracted and len(images) % 10 == 0:
                    _write_image(root / 'images' / scene / video / f'{frame:06}.png', len(images))
        folder = root / 'annotations' / scene
        folder.mkdir(parents=True)
        (folder / 'keypoint_annotation.json').write_text(json.dumps(dict(images=images, annotations=annotations)))
    (root / 'splits').mkdir()
    np.save(root / 'splits/intra_scene_test_list.npy', np.array(TEST))
    return root


def _person(random: np.random.Generator, *, number: int, image: int) -> dict[str, Any]:
    left, top = random.uniform(0, 20, 2).round(1).tolist()
    person = dict(id=number, image_id=image, category_id=1, iscrowd=0, num_keypoints=17, bbox=[left, top, 30.0, 25.0],
                  segmentation=[])
    for field, count in FIELDS.items():
        points = random.uniform([left, top, 0], [left + 30, top + 25, 0], (count, 3)).round(1)
        points[:, 2] = random.integers(0, 3, count)
        person[field] = points.ravel().tolist()
    return person


def _write_image(file: Path, number: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), np.full((HEIGHT, WIDTH, 3), number, np.uint8))


def read_ubody(root: Path, **options: Any) -> Any:
    """The data set of :func:`write_ubody`'s files."""
    named: dict[str, Any] = dict(scenes=list(SCENES), data_root=str(root))
    with DefaultScope.overwrite_default_scope('mmpose'):
        return DATASETS.build(dict(type='UBodyDataset', **{**named, **options}))
