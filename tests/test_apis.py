"""``load_model``: the plain estimator of any config, ready to be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import inference_topdown

from distilpose.apis import load_model, optimise_for_inference
from distilpose.checkpoints import CheckpointMismatch, MissingCheckpoint
from distilpose.engine import read_config
from distilpose.errors import DistilPoseError
from tests import networks
from tests.checkpoints.made_files import published_names, student_weights, wrapped, write_student_config
from tests.engine import tiny

S = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'
RESNET = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture
def config(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a config in the current directory."""
    monkeypatch.chdir(tmp_path)
    return write_student_config(tmp_path / 'student.py', data).name


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A published file."""
    torch.save(wrapped(published_names(student_weights())), tmp_path / 'published.pth')
    return tmp_path / 'published.pth'


def test_a_distillation_gives_its_student_without_the_teachers_file() -> None:
    model = load_model(S)
    assert type(model).__name__ == 'TopdownPoseEstimator' and type(model.head).__name__ == 'DistilPoseHead'
    assert not model.training and not any(module.training for module in model.modules())
    assert model.dataset_meta['dataset_name'] == 'coco'
    assert model.cfg.model.type == 'TopdownPoseEstimator'


def test_a_quick_copy_can_be_asked_in_its_place(config: str, checkpoint: Path) -> None:
    model = load_model(config, checkpoint)
    image, boxes = np.random.default_rng(0).integers(0, 255, (80, 60, 3), dtype=np.uint8), np.array([[5, 5, 50, 70]])
    found, expected = (inference_topdown(one, image, boxes)[0].pred_instances
                       for one in (optimise_for_inference(model), model))
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-2)


def test_a_config_of_mmpose() -> None:
    assert type(load_model(RESNET).head).__name__ == 'HeatmapHead'


def test_a_published_checkpoint_is_loaded(config: str, checkpoint: Path) -> None:
    found, expected = load_model(config, checkpoint).state_dict(), student_weights()
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_config_in_memory_stays_as_it_is(config: str) -> None:
    cfg = read_config(config)
    before = cfg.dump()
    assert load_model(cfg).cfg is not cfg
    assert cfg.dump() == before


def test_a_bare_model() -> None:
    assert load_model(Config(dict(model=networks.STUDENT))).dataset_meta is None


def test_mmpose_can_ask_it(config: str, checkpoint: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (80, 60, 3), dtype=np.uint8)
    boxes = np.array([[2, 2, 58, 78], [10, 5, 40, 60]], dtype=np.float32)
    model = load_model(config, checkpoint)
    people = inference_topdown(model, image, boxes)
    assert [person.pred_instances.keypoints.shape for person in people] == [(1, 17, 2), (1, 17, 2)]
    first, second = (person.pred_instances.keypoints for person in people)
    assert np.isfinite(first).all() and not np.array_equal(first, second)


def test_wrong_weights_are_refused(config: str, tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpoint, match='nowhere.pth'):
        load_model(config, tmp_path / 'nowhere.pth')
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'other.pth')
    with pytest.raises(CheckpointMismatch, match='does not fit'):
        load_model(config, tmp_path / 'other.pth')


@pytest.mark.parametrize('device', ['gpu', 'cuda:99', ''])
def test_a_wrong_device_is_a_sentence(device: str) -> None:
    with pytest.raises(DistilPoseError, match=f"the device '{device}' cannot be used here"):
        load_model(Config(dict(model=networks.STUDENT)), device=device)


def test_a_wrong_config_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='no config'):
        load_model('configs/nowhere.py')
    with pytest.raises(DistilPoseError, match='defines no model'):
        load_model(Config(dict(data_root='here')))
    with pytest.raises(DistilPoseError, match='NoSuchHead is not in the'):
        load_model(Config(dict(model=dict(networks.STUDENT, head=dict(type='NoSuchHead')))))


def test_it_is_on_the_device(device: torch.device) -> None:
    model = load_model(Config(dict(model=networks.STUDENT)), device=str(device))
    assert next(model.parameters()).device.type == device.type
