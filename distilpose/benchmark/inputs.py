"""Batches of made people, as a config's own pipeline packs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from distilpose.config.models import keypoint_metainfo
from distilpose.engine.hooks.randomness import seed_generators
from distilpose.errors import DistilPoseError

_VISIBLE = 0.8  # share of the joints, about that of COCO's people


def batch_size(cfg: Config, wanted: int | None) -> int:
    """What ``--batch-size`` wants, and without it the batch size of the config's training.

    Raises:
        DistilPoseError: no image in a batch.
    """
    size = (cfg.get('train_dataloader') or {}).get('batch_size', 1) if wanted is None else wanted
    if size < 1:
        raise DistilPoseError(f'--batch-size is {size}; at least one image is needed')
    return size


def made_batch(cfg: Config, *, size: int, split: str = 'train') -> dict[str, Any]:
    """Images of noise with joints anywhere in them, equal at every call.

    What the pipeline of the config does with a crop (distort its colours, make targets, pack) is done to them.

    Args:
        cfg: has a ``<split>_dataloader`` with a top-down pipeline and says which keypoints it is for.
        size: number of images, see :func:`batch_size`.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        What a data loader gives, images in uint8.

    Raises:
        DistilPoseError: nothing tells the size of an image or the keypoints.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    pipeline = (cfg.get(f'{split}_dataloader') or {}).get('dataset', {}).get('pipeline', [])
    crops = [index for index, step in enumerate(pipeline) if step['type'].endswith('TopdownAffine')]
    metainfo = keypoint_metainfo(cfg)
    if not crops or metainfo is None:
        raise DistilPoseError(f'a batch cannot be made up: {split}_dataloader.dataset has no '
                              f'{"metainfo" if crops else "TopdownAffine in its pipeline"}')
    finish = Compose(pipeline[crops[-1] + 1:])
    width, height = pipeline[crops[-1]]['input_size']
    seed_generators((size,), with_torch=False)
    draw = np.random.default_rng(0)
    return pseudo_collate([finish(_crop(draw, (width, height), metainfo, index)) for index in range(size)])


def _crop(draw: np.random.Generator, size: tuple[int, int], metainfo: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A sample right after ``TopdownAffine``, which took the whole of its image."""
    width, height = size
    side = np.array(size, dtype=np.float32)
    keypoints = draw.random((1, metainfo['num_keypoints'], 2), dtype=np.float32) * side
    return dict(
        id=index, img_id=index, img_path='', category_id=1,
        img=draw.integers(256, size=(height, width, 3), dtype=np.uint8), img_shape=(height, width),
        ori_shape=(height, width), input_size=size, input_center=side / 2, input_scale=side,
        bbox=np.array([[0, 0, width, height]], dtype=np.float32), bbox_score=np.ones(1, dtype=np.float32),
        bbox_center=side[None] / 2, bbox_scale=side[None], head_size=side[1:] / 8,
        keypoints=keypoints, transformed_keypoints=keypoints.copy(),
        keypoints_visible=(draw.random(keypoints.shape[:2]) < _VISIBLE).astype(np.float32),
        dataset_keypoint_weights=metainfo['dataset_keypoint_weights'], flip_indices=metainfo['flip_indices'])
