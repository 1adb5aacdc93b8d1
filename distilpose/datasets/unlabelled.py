"""Unlabelled images: a data set of images without annotations, supervised by a teacher alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from distilpose.crop_store import CropStore
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.host.image_paths import check_inside
from distilpose.image_files import LARGEST_SIDE, read_image

from .unlabelled_files import PARTS, list_images, match_names, part_of, read_boxes
from .video_frames import EVERY, extract_frames, is_video

_UNREADABLE, _WRONG_SIZE = 1, 2
_ATTEMPTS = 100
_THREADS = 4


@DATASETS.register_module()
class UnlabelledImages(BaseCocoStyleDataset):
    """A folder or list of images without annotations, to be mixed with labelled data for a distillation.

    A sample is a box, or the whole image where no boxes are given. It has the keypoints of the labelled data, at 0 with
    visibility 0, so that every codec gives them the weight 0, and ``labelled=False``, which
    :class:`~distilpose.datasets.PackMixedPoseInputs` packs for the distiller. The image is decoded when the pipeline
    begins, as ``LoadImage`` would, which leaves it alone, so that any pipeline of labelled data serves.

    An image that cannot be read or is too small is replaced by another, drawn with numpy's generator, and marked in
    ``skipped``; no image ends a training.

    Of videos every N-th frame is an image (``every``), called ``clip.mp4/000120.jpg``. They are decoded once, into
    files (:func:`~distilpose.datasets.video_frames.extract_frames`).

    Args:
        images: a folder, searched recursively, or a list of files (``.json``, or text with a name a line), or a video,
            from ``data_root``.
        metainfo: the keypoints of the labelled data: ``dict(from_file='configs/_base_/datasets/coco.py')``.
        data_root: the folder that other paths begin at.
        boxes: a JSON file of people's boxes, from ``data_root``, see :func:`~.unlabelled_files.read_boxes`. Names are
            those of the list, or in the folder, or begin at another folder, see :func:`~.unlabelled_files.match_names`;
            an image that the file does not name is taken whole, and one that it names without a box is left out.
        pipeline: transforms.
        min_side: fewest pixels of a box's side within the image, or of the image's where there are no boxes.
        indices: how many samples to take, from the beginning, or which.
        lazy_init: do not look for images yet.
        part: ``'val'`` has the images that are held out for validation (:func:`~.unlabelled_files.held_out`), of them
            those that can be used; ``'train'`` all others.
        every: of videos, 1 for all frames.
        frames: the folder for frames of videos; by default beside ``images``, named ``<images>_frames``.

    Raises:
        DistilPoseError: there are no images, none of them can be used, or a file is not what it should be.
    """

    def __init__(self, images: str = '', *, metainfo: dict, data_root: str = '', boxes: str | None = None,
                 pipeline: Sequence[dict | Callable] = (), min_side: int = 32,
                 indices: int | Sequence[int] | None = None, lazy_init: bool = False, part: str = 'all',
                 every: int = EVERY, frames: str | None = None) -> None:
        if part not in PARTS:
            raise DistilPoseError(f'UnlabelledImages has part={part!r}; expected one of {", ".join(PARTS)}')
        if not (images or data_root):
            raise DistilPoseError('UnlabelledImages needs images, or a data_root that is a folder of images')
        self.boxes = boxes
        self.min_side = min_side
        self.part = part
        self.every, self.frames = every, frames
        self.skipped = torch.zeros(0, dtype=torch.uint8)
        self.crops: CropStore | None = None
        self._usable = -1
        super().__init__(metainfo=metainfo, data_root=data_root, data_prefix=dict(img=images), pipeline=list(pipeline),
                         indices=indices, lazy_init=lazy_init)

    def full_init(self) -> None:
        """Lists the samples and finds a first one that can be used."""
        if self._fully_initialized:
            return
        super().full_init()
        # In shared memory for all worker processes: why a sample is left out, 0 for a usable one.
        self.skipped = torch.zeros(len(self), dtype=torch.uint8).share_memory_()
        if self.part == 'val':
            self._keep_usable()
        self._usable = next((index for index in range(len(self)) if self._read(index) is not None), -1)
        if self._usable < 0:
            remedy = ('no image is left to train on; change images or data_root, or take UnlabelledImages out of the '
                      'config') if self.part != 'val' else (
                'these are all that are held out for validation; remove or mend them, or train without validation '
                '(--no-validate)')
            raise DistilPoseError(f'{self.describe_skipped(self.skipped)}, and {remedy}')

    def _keep_usable(self) -> None:
        """Leaves out for good what cannot be used, so that all processes evaluate the same samples."""
        with ThreadPoolExecutor(_THREADS) as readers:
            is_usable = list(readers.map(lambda index: self._read(index) is not None, range(len(self))))
        if all(is_usable) or not any(is_usable):
            return
        print_log(f'{self.describe_skipped(self.skipped)}; the validation does without.', 'current', logging.WARNING)
        self.get_subset_([index for index, usable in enumerate(is_usable) if usable])
        self.skipped = torch.zeros(len(self), dtype=torch.uint8).share_memory_()

    def load_data_list(self) -> list[dict]:
        """One entry for every box, or whole image."""
        source = Path(self.data_prefix['img'])
        folder, names = list_images(source, Path(self.data_root or ''), videos=True)
        frames = Path(self.frames) if self.frames else source.absolute().with_name(f'{source.absolute().name}_frames')
        names = [name for name in names if frames not in (folder / name).parents]
        check_inside({os.path.join(folder, name): name for name in names}, roots=[folder], source=str(source))
        found = [pair for name in names for pair in self._images_of(folder, name, frames)]
        if not found:
            raise DistilPoseError(f'no video of {source} can be read; convert them, or name images')
        names, places = [name for name, _ in found], dict(found)
        boxes = self._load_boxes(places, names) if self.boxes else {}
        names = part_of(names, self.part)
        samples = [dict(img_id=number, img_path=str(places[name]), box=box)
                   for number, name in enumerate(names) for box in boxes.get(name, [None])]
        whole = sum(name not in boxes for name in names) if boxes else 0
        if whole:
            print_log(f'{whole} of {len(names)} images have no entry in {self.boxes} and are taken whole, each as one '
                      'person; an image without people has an empty list there.', 'current', logging.WARNING)
        if not samples and self.part == 'val':
            raise DistilPoseError(f'{self.boxes} has no box of any of the {len(names)} images that are held out for '
                                  'validation; leave out images without people, or train without validation '
                                  '(--no-validate)')
        if not samples:
            raise DistilPoseError(f'{self.boxes} has no box of any image; take boxes out of the config to use whole '
                                  'images')
        return [dict(sample, id=index) for index, sample in enumerate(samples)]

    def _images_of(self, folder: Path, name: str, frames: Path) -> Iterator[tuple[str, Path]]:
        """Names and files of an image, or of the frames of a video."""
        if not is_video(name):
            yield name, folder / name
            return
        try:
            found = extract_frames(folder / name, frames, name=name, every=self.every)
        except RunFailed:
            raise
        except DistilPoseError as error:
            if frames.joinpath(name).exists():  # frames of another training, which are not to be mixed with these
                raise
            print_log(f'{error}. It is left out.', 'current', logging.WARNING)
            return
        if found.broken:
            print_log(f'{found.broken} of the frames of {folder / name} cannot be read and are left out.', 'current',
                      logging.WARNING)
        yield from ((one, frames / one) for one in found.names)

    def _load_boxes(self, places: Mapping[str, Path], names: list[str]) -> dict[str, np.ndarray]:
        """Boxes by the names of the images; an image that the file does not name has none."""
        file = Path(self.data_root or '', self.boxes or '')
        boxes = read_boxes(file)
        matched = match_names(boxes, [(name, places[name].absolute()) for name in names], source=file)
        found = {name: boxes[other] for name, other in zip(names, matched, strict=True) if other is not None}
        unknown = boxes.keys() - set(matched)
        if unknown == boxes.keys():
            raise DistilPoseError(f'no name in the boxes {file} is one of the {len(names)} images: the former has '
                                  f'{sorted(boxes)[:1]}, the latter {names[:1]}')
        if unknown:
            print_log(f'{len(unknown)} of the {len(boxes)} images in {file} are not among those of '
                      f'{self.data_prefix["img"]}, such as {min(unknown)}', 'current', logging.WARNING)
        return found

    def prepare_data(self, idx: int) -> Any:
        """The sample after the pipeline, or another sample in the place of one that cannot be used."""
        for _ in range(_ATTEMPTS):
            info = self._read(idx)
            if info is not None:
                return self.pipeline(info)
            if self.part == 'val':
                break
            idx = self._rand_another()
        info = None if self.part == 'val' else self._read(self._usable)
        if info is None:
            raise DistilPoseError(f'the unlabelled images of {self.data_prefix["img"]} could be read when the run '
                                  'began, and cannot be any more')
        return self.pipeline(info)

    def describe_skipped(self, skipped: torch.Tensor) -> str:
        """Samples that are left out and why, a sentence without its full stop.

        Args:
            skipped: (N,) as the attribute of this name, or gathered from several processes.
        """
        reasons = {_UNREADABLE: 'not readable as images',
                   _WRONG_SIZE: f'with a side of less than {self.min_side} or more than {LARGEST_SIDE} pixels'}
        clauses = []
        for reason, words in reasons.items():
            found = (skipped == reason).nonzero().flatten().tolist()
            if found:
                names = ', '.join(self.get_data_info(index)['img_path'] for index in found[:5])
                clauses.append(f'{len(found)} {words} ({names}{", ..." if len(found) > 5 else ""})')
        return (f'{int(skipped.count_nonzero())} of {len(skipped)} unlabelled samples are left out: '
                f'{" and ".join(clauses)}')

    @staticmethod
    def corners(box: Sequence[float] | None, width: int, height: int) -> np.ndarray:
        """(4,) left, top, right, bottom of a sample, within its image.

        Args:
            box: left, top, width, height; ``None`` for the whole image.
            width: of the image.
            height: of the image.
        """
        left, top, *sides = (0, 0, width, height) if box is None else box
        corners = np.array([left, top, left + sides[0], top + sides[1]], dtype=np.float64)
        corners = corners.clip(0, [width - 1, height - 1, width - 1, height - 1])
        return corners.astype(np.float32)  # as mmpose clips and rounds those of COCO, to the bit

    def _read(self, idx: int) -> dict | None:
        """The input of the pipeline, or ``None`` if the sample cannot be used."""
        if self.skipped[idx]:
            return None
        info = self.get_data_info(idx)
        stored = None if self.crops is None else self.crops.find(idx, info['img_path'])
        image = read_image(info['img_path']) if stored is None else stored.placeholder
        if image is None:
            self.skipped[idx] = _UNREADABLE
            return None
        height, width = image.shape[:2]
        bbox = self.corners(info.pop('box'), width, height)
        if (bbox[2:] - bbox[:2] + 1).min() < self.min_side or max(width, height) > LARGEST_SIDE:
            self.skipped[idx] = _WRONG_SIZE
            return None
        count = self._metainfo['num_keypoints']
        encoded = {} if stored is None else dict(encoded_img=stored)
        return dict(info, **encoded, img=image, bbox=bbox[None], bbox_score=np.ones(1, np.float32), labelled=False,
                    keypoints=np.zeros((1, count, 2), np.float32), keypoints_visible=np.zeros((1, count), np.float32))
