"""rtmlib runs what is exported for it: its joints on OpenCV images are ours."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.apis import inference_topdown

from distilpose.apis import load_model
from distilpose.export.onnx import export
from tests.engine.tiny import write_config, write_data
from tests.export.test_onnx import MODELS, write_checkpoint
from tests.networks import INPUT_SIZE

rtmlib = pytest.importorskip('rtmlib')

BOX = (20.0, 24.0, 58.4, 75.2)
"""With rtmlib's padding it has the size of the network's images, so that a pixel is a pixel."""


def image(seed: int) -> np.ndarray:
    """Blobs, blue, green, red."""
    draw = np.random.default_rng(seed).integers(0, 255, (10, 8, 3), dtype=np.uint8)
    return cv2.resize(draw, (80, 100), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize('name', ['distilpose', 'direct', 'rle', 'tokenpose', 'msra', 'dark', 'udp', 'tokenpose_udp',
                                  'simcc', 'simcc_3', 'rtmcc', 'simdr'])
def test_joints(name: str, tmp_path: Path) -> None:
    model = copy.deepcopy(MODELS[name.removesuffix('_3')])
    if name == 'simcc_3':
        model['head']['simcc_split_ratio'] = model['head']['decoder']['simcc_split_ratio'] = 3.0
    checkpoint = write_checkpoint(model, tmp_path)[1]
    extra = f'\nmodel = {model!r}\n'
    if name.endswith('udp'):
        extra += 'val_pipeline[2].update(use_udp=True)\n'
    config = write_config(tmp_path / 'net.py', write_data(tmp_path / 'data'), extra=extra)
    made = export(config, checkpoint, tmp_path / 'net.onnx', runtime='rtmlib')
    assert made.runtime == f'rtmlib.RTMPose({str(made.file)!r}, model_input_size=(48, 64))'
    network, ours = rtmlib.RTMPose(str(made.file), model_input_size=INPUT_SIZE), load_model(config, checkpoint)
    distances = []
    for seed in range(8):
        found = network(image(seed), [list(BOX)])[0][0]
        instances = inference_topdown(ours, image(seed), np.array([BOX]))[0].pred_instances
        inside = ((instances.keypoints[0] > np.array(BOX[:2]) - 4) & (instances.keypoints[0] < BOX[2:])).all(-1)
        distances += [*np.linalg.norm(found - instances.keypoints[0], axis=-1)[inside]]
    share = 0.9 if name == 'udp' else 1.0  # its crop is resampled, and DARK's step is not stable on random heatmaps
    assert np.quantile(distances, share) <= 0.5
