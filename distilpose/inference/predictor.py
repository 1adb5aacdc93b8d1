"""Top-down prediction: crops of a config's test pipeline, batches across people and images, keypoints in the image."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmpose.models import BottomupPoseEstimator
from mmpose.registry import TRANSFORMS

from distilpose.errors import DistilPoseError, RunFailed
from distilpose.models.fast_copy import fast_copy

from .boxes import Boxes, check_boxes
from .images import ImageLike, read_image

BATCH_SIZE, BATCH_SIZE_ON_CPU = 64, 8
"""People in a batch on a GPU and on a CPU, whose caches do not hold more, unless another number is given."""
_LARGEST_SIDE = 32766  # of what OpenCV can warp


@dataclass(frozen=True)
class PosePredictions:
    """Poses of the N people of an image.

    Attributes:
        keypoints: (N, K, 2) float32, x and y in image pixels.
        scores: (N, K) float32 confidences of the keypoints.
        boxes: (N, 4) float32, the boxes that were given: left, top, right, bottom in pixels.
        box_scores: (N,) float32, 1 where none were given.
        areas: (N,) float32, square pixels of the image in each crop, with which duplicates are found.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    areas: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass
class PreparedImage:
    """The crops of an image, and what the network predicted for them so far."""

    boxes: Boxes
    samples: list[dict]
    size: tuple[int, int]
    """(width, height)."""
    found: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    """Keypoints (K, 2), scores (K,) and area of every crop that has been predicted."""


class Predictor:
    """Predicts with a model of :func:`distilpose.apis.load_model`; several threads may share it.

    Crops are those of ``test_dataloader.dataset.pipeline``; the flip test is that of ``model.test_cfg``.

    Args:
        model: the estimator, with ``cfg`` and ``dataset_meta``; or its optimised copy.
        batch_size: largest number of people in a batch; ``None`` is 64 on a GPU and 8 on a CPU.

    Raises:
        DistilPoseError: the model is bottom-up, or its config has no pipeline that makes crops.
    """

    def __init__(self, model: Any, *, batch_size: int | None = None) -> None:
        if isinstance(model, BottomupPoseEstimator):
            raise DistilPoseError('the model is a bottom-up estimator, which takes no boxes; predict with '
                                  'mmpose.apis.inference_bottomup, or take a top-down one')
        if batch_size is None:
            tensor = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0))
            batch_size = BATCH_SIZE_ON_CPU if tensor.device.type == 'cpu' else BATCH_SIZE
        if batch_size < 1:
            raise DistilPoseError(f'the batch size is {batch_size}; expected at least 1')
        self.model, self.batch_size = model, batch_size
        self.meta: Mapping[str, Any] = getattr(model, 'dataset_meta', None) or {}
        self.pipeline = Compose([TRANSFORMS.build(dict(step)) for step in _find_pipeline(model)])
        self.num_keypoints = _count_keypoints(model, self.meta)

    def use_fast_copy(self, fast: str) -> str:
        """Predicts with :func:`~distilpose.models.fast_copy.fast_copy` from here on; returns the name of its type."""
        self.model, dtype = fast_copy(self.model, fast)
        return dtype

    def prepare(self, image: ImageLike, boxes: Sequence[Any] | np.ndarray | None = None, *,
                name: str = 'boxes') -> PreparedImage:
        """Reads an image and makes its crops; no network runs.

        Args:
            image: see :func:`~distilpose.inference.read_image`.
            boxes: see :func:`~distilpose.inference.check_boxes`.
            name: of the boxes, for messages.

        Raises:
            DistilPoseError: wrong image or boxes.
        """
        pixels = read_image(image)
        size = pixels.shape[1], pixels.shape[0]
        if max(size) > _LARGEST_SIDE:
            raise DistilPoseError(f'the image is of {size[0]}x{size[1]} (width x height), and crops can be cut from '
                                  f'images with sides of at most {_LARGEST_SIDE} pixels; scale it down, or cut it')
        found = check_boxes(boxes, size, name=name)
        samples = [self.pipeline({**self.meta, 'img': pixels, 'bbox': box[None], 'bbox_score': score[None]})
                   for box, score in zip(found.corners, found.scores, strict=True)]
        return PreparedImage(found, samples, size)

    def run(self, images: Iterable[PreparedImage]) -> Iterator[PosePredictions]:
        """Predicts images in their order, in batches that reach across images.

        Raises:
            RunFailed: a prediction is not finite.
        """
        waiting: deque[PreparedImage] = deque()
        crops: list[tuple[PreparedImage, dict]] = []
        for image in images:
            waiting.append(image)
            crops += ((image, sample) for sample in image.samples)
            while len(crops) >= self.batch_size or (crops and len(waiting) > self.batch_size):  # without people
                self._forward(crops[:self.batch_size])
                del crops[:self.batch_size]
            yield from self._complete(waiting)
        if crops:
            self._forward(crops)
        yield from self._complete(waiting)

    def _complete(self, waiting: deque[PreparedImage]) -> Iterator[PosePredictions]:
        while waiting and len(waiting[0].found) == len(waiting[0].boxes.scores):
            yield self._gather(waiting.popleft())

    def _forward(self, crops: Sequence[tuple[PreparedImage, dict]]) -> None:
        with torch.no_grad():
            people = self.model.test_step(pseudo_collate([sample for _, sample in crops]))
        for (image, _), person in zip(crops, people, strict=True):
            keypoints = np.asarray(person.pred_instances.keypoints[0], np.float32)[:, :2]
            scores = np.asarray(person.pred_instances.keypoint_scores[0], np.float32)
            if not (np.isfinite(keypoints).all() and np.isfinite(scores).all()):
                raise RunFailed('the network predicts keypoints or scores that are not finite; check its weights')
            image.found.append((keypoints, scores, float(np.prod(person.gt_instances.bbox_scales[0]))))
        for image, _ in crops:
            image.samples = []  # of no more use, and large

    def _gather(self, image: PreparedImage) -> PosePredictions:
        keypoints = [one for one, _, _ in image.found] or np.zeros((0, self.num_keypoints, 2))
        scores = [one for _, one, _ in image.found] or np.zeros((0, self.num_keypoints))
        return PosePredictions(np.asarray(keypoints, np.float32), np.asarray(scores, np.float32), *image.boxes,
                               areas=np.array([area for _, _, area in image.found], np.float32))


def predict(model: Any, image: ImageLike, boxes: Sequence[Any] | np.ndarray | None = None, *,
            batch_size: int | None = None) -> PosePredictions:
    """Predicts the poses of the people of an image; several threads may share a model.

    Crops are those of the config's test pipeline, and so is the flip test.

    Args:
        model: of :func:`distilpose.apis.load_model`.
        image: a path, a numpy array in BGR, or a PIL image; grey, with transparency, and of 16 bits as well.
        boxes: (N, 4) left, top, right, bottom in pixels, or (N, 5) with a score; N may be 0. Without them the whole
            image is one person.
        batch_size: largest number of people in a batch, see :class:`Predictor`.

    Raises:
        DistilPoseError: a wrong image, boxes that are not finite or outside of it.
        RunFailed: the network predicts values that are not finite.
    """
    return predict_many(model, [image], [boxes], batch_size=batch_size)[0]


def predict_many(model: Any, images: Iterable[ImageLike],
                 boxes: Iterable[Sequence[Any] | np.ndarray | None] | None = None, *,
                 batch_size: int | None = None) -> list[PosePredictions]:
    """:func:`predict` for several images, in batches that reach across them.

    Args:
        model: of :func:`distilpose.apis.load_model`.
        images: as for :func:`predict`.
        boxes: those of every image; without, each image is one person.
        batch_size: largest number of people in a batch, see :class:`Predictor`.

    Returns:
        The predictions of every image, in their order.

    Raises:
        DistilPoseError: as :func:`predict`, or there are boxes of another number of images.
        RunFailed: as :func:`predict`.
    """
    predictor, images = Predictor(model, batch_size=batch_size), list(images)
    of_images = [None] * len(images) if boxes is None else list(boxes)
    if len(of_images) != len(images):
        raise DistilPoseError(f'there are boxes of {len(of_images)} images, and {len(images)} images; expected one '
                              'entry of boxes for every image')
    return list(predictor.run(
        predictor.prepare(image, found, name='boxes' if len(images) == 1 else f'boxes[{index}]')
        for index, (image, found) in enumerate(zip(images, of_images, strict=True))))


def _find_pipeline(model: Any) -> list[Mapping[str, Any]]:
    cfg = getattr(model, 'cfg', None) or {}
    for loader in ('test_dataloader', 'val_dataloader'):
        pipeline = ((cfg.get(loader) or {}).get('dataset') or {}).get('pipeline')
        if pipeline:
            return list(pipeline)
    raise DistilPoseError('it is unknown how people are cropped for the model: its config has no '
                          'test_dataloader.dataset.pipeline; load it with distilpose.apis.load_model from a config '
                          'with test data')


def _count_keypoints(model: Any, meta: Mapping[str, Any]) -> int:
    """K of an image without people."""
    chosen = (getattr(model, 'test_cfg', None) or {}).get('output_keypoint_indices')
    if chosen is not None:
        return len(chosen)
    reading = getattr(getattr(model, 'network', None), 'reading', None)  # of an ONNX file
    if reading is not None and not meta.get('num_keypoints'):
        return int(reading.keypoints)
    head = getattr(model, 'head', None)
    found = (getattr(head, name, None) for name in ('num_joints', 'num_keypoints', 'out_channels'))
    return int(meta.get('num_keypoints') or next((count for count in found if isinstance(count, int)), 0))
