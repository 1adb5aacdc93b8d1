"""One loaded model answers several threads at once, with the flip test, as it answers one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import inference_topdown
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from distilpose.apis import optimise_for_inference
from tests.host.speedups.test_tta import attributes, estimator
from tests.networks import INPUT_SIZE

THREADS, CALLS = 4, 200
PIPELINE = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=INPUT_SIZE),
            dict(type='PackPoseInputs')]


@pytest.fixture(autouse=True)
def one_torch_thread_and_many_switches() -> Iterator[None]:
    """Threads take turns every 50 us instead of every 5 ms, so that calls interleave in all places."""
    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    torch.set_num_threads(1)
    sys.setswitchinterval(5e-5)
    yield
    torch.set_num_threads(threads)
    sys.setswitchinterval(interval)


def model_of(name: str) -> Any:
    model = estimator(name)
    model.cfg = Config(dict(default_scope='mmpose', test_dataloader=dict(dataset=dict(pipeline=PIPELINE))))
    model.dataset_meta = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
    return model


def images(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 96, 72, 3), dtype=np.uint8))


def predict(model: Any, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = inference_topdown(model, image)[0].pred_instances
    return found.keypoints, found.keypoint_scores


@pytest.mark.parametrize(('name', 'is_optimised'), [
    ('HeatmapHead', False), ('DistilPoseHead', True),
    pytest.param('DistilPoseHead', False, marks=pytest.mark.slow),
    pytest.param('HeatmapHead', True, marks=pytest.mark.slow)])
def test_threads_get_what_one_thread_gets(name: str, is_optimised: bool) -> None:
    """To the bit: a call runs the same operations on the same shapes, whatever other threads do.

    Images come one by one, which a CPU takes with their mirror images as one batch.
    """
    model = optimise_for_inference(model_of(name)) if is_optimised else model_of(name)
    known, before = images(5), attributes(model)
    expected = [predict(model, image) for image in known]
    assert len({keypoints.tobytes() for keypoints, _ in expected}) == len(known)

    def call(number: int) -> bool:
        return all(map(np.array_equal, predict(model, known[number % 5]), expected[number % 5]))

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(call, range(THREADS * CALLS))) == THREADS * CALLS
    assert attributes(model) == before
