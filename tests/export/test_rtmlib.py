"""rtmlib runs what is exported for it: its joints on OpenCV images are ours."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from distilpose.apis import load_model, predict
from distilpose.distillation.teachers.onnx.metadata import read_metadata
from distilpose.export.onnx import export
from tests.engine.tiny import write_config, write_data
from tests.export.test_onnx import MODELS, write_checkpoint
from tests.networks import INPUT_SIZE

rtmlib = pytest.importorskip('rtmlib')

BOX = (20.0, 24.0, 58.4, 75.2)
"""With rtmlib's padding it has the size of the network's images, so that a pixel is a pixel."""

NAMES = ['distilpose', 'direct', 'rle', 'tokenpose', 'msra', 'dark', 'udp', 'tokenpose_udp', 'simcc', 'simcc_3',
         'rtmcc', 'simdr', 'distilpose_padding', 'rtmcc_padding', 'msra_padding']


def image(seed: int) -> np.ndarray:
    """Blobs, blue, green, red."""
    draw = np.random.default_rng(seed).integers(0, 255, (10, 8, 3), dtype=np.uint8)
    return cv2.resize(draw, (80, 100), interpolation=cv2.INTER_CUBIC)


def write_network(name: str, folder: Path) -> tuple[Path, Path]:
    """A config with crops of its codec, and a checkpoint."""
    model = copy.deepcopy(MODELS[name.removesuffix('_3').removesuffix('_padding')])
    if name == 'simcc_3':
        model['head']['simcc_split_ratio'] = model['head']['decoder']['simcc_split_ratio'] = 3.0
    extra = f'\nmodel = {model!r}\n'
    if name.endswith('udp'):
        extra += 'val_pipeline[2].update(use_udp=True)\n'
    if name.endswith('padding'):
        extra += 'val_pipeline[1].update(padding=1.0)\n'
    return write_config(folder / 'net.py', write_data(folder / 'data'), extra=extra), write_checkpoint(model, folder)[1]


def assert_same_joints(config: Path, checkpoint: Path, images: list[np.ndarray], boxes: list[np.ndarray],
                       folder: Path, *, share: float = 1.0) -> None:
    """rtmlib's joints of a box in each image are ours, within half a pixel of the network's images."""
    made = export(config, checkpoint, folder / 'net.onnx', runtime='rtmlib')
    size = read_metadata(made.file).input.size  # type: ignore[union-attr]
    assert made.runtime == f'rtmlib.RTMPose({str(made.file)!r}, model_input_size={size})'
    network, ours = rtmlib.RTMPose(str(made.file), model_input_size=size), load_model(config, checkpoint)
    distances = []
    for pixels, box in zip(images, boxes, strict=True):
        found = network(pixels, [list(box)])[0][0]
        expected = predict(ours, pixels, [box]).keypoints[0]
        is_inside = ((expected > box[:2] - (box[2:] - box[:2]) / 10) & (expected < box[2:])).all(-1)
        side = max(1.25 * (box[2] - box[0]) / INPUT_SIZE[0], 1.25 * (box[3] - box[1]) / INPUT_SIZE[1])
        distances += [*np.linalg.norm(found - expected, axis=-1)[is_inside] / side]
    assert len(distances) > 20
    assert np.quantile(distances, share) <= 0.5


@pytest.mark.parametrize('name', NAMES)
def test_joints(name: str, tmp_path: Path) -> None:
    config, checkpoint = write_network(name, tmp_path)
    assert_same_joints(config, checkpoint, [image(seed) for seed in range(8)], [np.array(BOX)] * 8, tmp_path,
                       share=_share(name))


@pytest.mark.parametrize('name', NAMES)
def test_joints_on_photographs(name: str, tmp_path: Path, shared: Path) -> None:
    """People of any size, as OpenCV reads them."""
    folder = shared / 'data' / 'lspet'
    found = json.loads((folder / 'annotations' / 'person_keypoints_val.json').read_text())
    names = {one['id']: one['file_name'] for one in found['images']}
    people = found['annotations'][:16]
    pixels = [cv2.imread(str(folder / 'images' / names[one['image_id']])) for one in people]
    if name == 'udp':  # DARK's step on the maps of random weights magnifies what interpolation of aliased crops changes
        pixels = [cv2.GaussianBlur(one, (0, 0), 3) for one in pixels]
    boxes = [np.array(one['bbox']) + [0, 0, *one['bbox'][:2]] for one in people]
    config, checkpoint = write_network(name, tmp_path)
    assert_same_joints(config, checkpoint, pixels, boxes, tmp_path, share=_share(name))


def _share(name: str) -> float:
    """Of the joints; a flat map of random weights has no peak that interpolated pixels would leave in its place."""
    return 0.95 if name == 'udp' else 1.0
