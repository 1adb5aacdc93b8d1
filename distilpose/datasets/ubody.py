"""UBody data set, read from its published files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.logging import MessageHub, print_log
from mmpose.datasets.datasets.wholebody import CocoWholeBodyDataset
from mmpose.registry import DATASETS

from distilpose.errors import DistilPoseError

from .ubody_files import Frame, read_scene, read_test_videos

SPLITS = ('train', 'val')


@DATASETS.register_module()
class UBodyDataset(CocoWholeBodyDataset):
    """People of UBody with the 133 keypoints of COCO-WholeBody, of one scene or of several.

    The annotations are read as they were published, so that no converted copy is needed (mmpose's converter keeps one
    person of a frame only). Images lie in ``images/SCENE/VIDEO/FRAME.png``, as ``tools/extract_ubody_frames.py`` puts
    them there. As in the published code every tenth image is used, and valid people are those of COCO's rules.

    Frames that the annotations name beyond the end of an extracted video are left out, with their number in the log; a
    video that was not extracted is an error. With several scenes the ids of the later ones are raised, so that none is
    used twice; a metric without ``ann_file`` gets its ground truth from here.

    Args:
        scenes: names of folders in ``annotations`` and ``images``.
        split: ``'train'``, or ``'val'`` for the videos of the test list.
        split_file: the test list, from ``data_root``.
        sample_interval: images whose id is a multiple of it are used.
        ann_file: the folder of the annotations, from ``data_root``.
        data_prefix: ``img`` is the folder of the images, from ``data_root``.
        options: further ones of ``CocoWholeBodyDataset``; it has no detected boxes.

    Raises:
        DistilPoseError: an argument or a file is not what it should be (when the annotations are loaded).
    """

    METAINFO: dict = dict(from_file='configs/_base_/datasets/ubody2d.py')

    def __init__(self, *, scenes: Sequence[str], split: str = 'train',
                 split_file: str = 'splits/intra_scene_test_list.npy', sample_interval: int = 10,
                 ann_file: str = 'annotations', data_prefix: dict | None = None, **options: Any) -> None:
        if split not in SPLITS:
            raise DistilPoseError(f'split of UBodyDataset is {split!r}; expected one of {", ".join(SPLITS)}')
        if isinstance(scenes, str) or not scenes or len(set(scenes)) < len(scenes):
            raise DistilPoseError(f'scenes of UBodyDataset is {scenes!r}; expected a list of different names, such as '
                                  "['Speech', 'TalkShow']")
        if options.get('bbox_file'):
            raise DistilPoseError(f'bbox_file of UBodyDataset is {options["bbox_file"]!r}; UBody has annotated boxes '
                                  'only: leave it out')
        self.scenes, self.split, self.split_file = tuple(scenes), split, split_file
        super().__init__(ann_file=ann_file, sample_interval=sample_interval,
                         data_prefix=dict(img='images') if data_prefix is None else data_prefix, **options)
        if self.test_mode:  # mmpose's metrics would read the folder as a file
            MessageHub.get_current_instance().update_info(f'{self.metainfo["dataset_name"]}_ann_file', None)

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        self._metainfo['CLASSES'] = [dict(id=1, name='person', supercategory='person')]
        frames = self._on_disk([frame for frame, is_test in self._frames() if is_test == (self.split == 'val')])
        images = [dict(frame.image, img_id=frame.image['id'], img_path=self._image(frame)) for frame in frames]
        people = [self.parse_data_info(dict(raw_ann_info=person, raw_img_info=image))
                  for image, frame in zip(images, frames, strict=True) for person in frame.people]
        return people, images

    def _frames(self) -> Iterator[tuple[Frame, bool]]:
        """Frames of all scenes, with ids and file names that are unique, and whether the test list names them."""
        listed = read_test_videos(Path(self.data_root or '') / self.split_file)
        is_any_listed = False
        first_image = first_person = 0
        for scene in self.scenes:
            frames = read_scene(Path(self.ann_file) / scene / 'keypoint_annotation.json',
                                sample_interval=self.sample_interval)
            for frame in frames:
                is_any_listed |= frame.video in listed
                yield _numbered(frame, scene, first_image=first_image, first_person=first_person), frame.video in listed
            first_image += 1 + max((frame.image['id'] for frame in frames), default=0)
            first_person += 1 + max((person['id'] for frame in frames for person in frame.people), default=0)
        if not is_any_listed:
            print_log(f'UBody: no video of {", ".join(self.scenes)} is in the test list {self.split_file}, which has '
                      f'{len(listed)} others, such as {min(listed)!r}: all of them are for training', 'current',
                      logging.WARNING)

    def _on_disk(self, frames: list[Frame]) -> list[Frame]:
        """Those that are there, without those beyond the end of their video."""
        last_and_all = cache(_last_and_all)
        found = []
        for frame in frames:
            folder, name = Path(self._image(frame)).parent, frame.path.name
            last, names = last_and_all(folder)
            if name not in names and name <= last:
                raise DistilPoseError(f'there is no image {folder / name}, though {folder} has later ones; the '
                                      "video's frames are incomplete: remove the folder and run "
                                      'tools/extract_ubody_frames.py again')
            if not names:
                raise DistilPoseError(f'there are no images in {folder}; the frames of the video must be extracted '
                                      f'first: python tools/extract_ubody_frames.py {self.data_root}')
            if name in names:
                found.append(frame)
        if len(found) < len(frames):
            print_log(f'UBody: {len(frames) - len(found)} of {len(frames)} annotated images lie beyond the end of '
                      'their video and are left out', 'current', logging.WARNING)
        return found

    def _image(self, frame: Frame) -> str:
        return str(Path(self.data_prefix['img']) / frame.path)


def _numbered(frame: Frame, scene: str, *, first_image: int, first_person: int) -> Frame:
    """The frame under a name that begins with the scene, with ids counted from given numbers."""
    number = frame.image['id'] + first_image
    people = [dict(iscrowd=0, segmentation=None, category_id=1) | person |
              dict(id=person['id'] + first_person, image_id=number) for person in frame.people]
    return Frame(dict(frame.image, id=number, file_name=f'{scene}/{frame.path}'), people)


def _last_and_all(folder: Path) -> tuple[str, frozenset[str]]:
    """The last name of the images in a folder, and all of them; nothing where there is no such folder."""
    names = frozenset(file.name for file in folder.iterdir() if file.name[0] != '.') if folder.is_dir() else ()
    return max(names, default=''), frozenset(names)
