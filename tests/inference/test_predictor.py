"""Predictions in a program: mmpose's own numbers, in batches, from threads, and sentences for wrong input."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from mmpose.models import BottomupPoseEstimator

from distilpose.apis import PosePredictions, load_model, predict, predict_many
from distilpose.errors import DistilPoseError, RunFailed
from tests import networks
from tests.engine import tiny
from tests.onnx_files import write_heatmaps

BOXES = np.array([[2, 2, 58, 78], [10, 5, 40, 60], [-4, 30, 30, 90]], dtype=np.float32)
FLIPPED = "model['test_cfg'] = dict(flip_test=True)\n"


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


@pytest.fixture(scope='module')
def distillation(data: Path) -> Path:
    """Without the teacher's file."""
    _, config = tiny.write_distillation(data.parent, data)
    (data.parent / 'teacher.pth').unlink()
    return config


@pytest.fixture(scope='module')
def model(data: Path) -> Any:
    torch.manual_seed(0)
    return load_model(tiny.write_config(data.parent / 'flipped.py', data, extra=FLIPPED))


def images(data: Path) -> list[Path]:
    return sorted((data / 'images').glob('*.png'))


def assert_same(found: PosePredictions, expected: PosePredictions) -> None:
    """Batches of other sizes may add in another order."""
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    assert np.array_equal(found.boxes, expected.boxes) and np.array_equal(found.box_scores, expected.box_scores)


def test_predictions_are_those_of_mmpose(model: Any, data: Path) -> None:
    image = images(data)[0]
    found = predict(model, image, BOXES)
    expected = [person.pred_instances for person in inference_topdown(model, str(image), BOXES)]
    assert found.keypoints.shape == (3, 17, 2) and found.scores.shape == (3, 17) and len(found) == 3
    np.testing.assert_allclose(found.keypoints, np.concatenate([one.keypoints for one in expected]), atol=1e-3)
    np.testing.assert_allclose(found.scores, np.concatenate([one.keypoint_scores for one in expected]), atol=1e-5)
    assert found.keypoints.dtype == found.scores.dtype == np.float32


def test_without_boxes_the_image_is_one_person_and_an_empty_list_is_nobody(model: Any, data: Path) -> None:
    image = images(data)[0]
    assert predict(model, image).boxes.tolist() == [[0, 0, 60, 80]]
    nobody = predict(model, image, [])
    assert nobody.keypoints.shape == (0, 17, 2) and nobody.scores.shape == (0, 17) and len(nobody) == 0


@pytest.mark.parametrize('batch_size', [1, 2, 64, None])
def test_batches_reach_across_images(model: Any, data: Path, batch_size: int | None,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    step = type(model).test_step
    monkeypatch.setattr(type(model), 'test_step',
                        lambda self, batch: sizes.append(len(batch['inputs'])) or step(self, batch))
    boxes = [BOXES, [], BOXES[:1], None, [[5, 5, 50, 70, 0.5]]]
    found = predict_many(model, images(data)[:5], boxes, batch_size=batch_size)
    assert sizes == {1: [1] * 6, 2: [2] * 3, 64: [6], None: [6]}[batch_size]
    assert [len(one) for one in found] == [3, 0, 1, 1, 1] and found[4].box_scores.tolist() == [0.5]
    for one, image, of_image in zip(found, images(data), boxes, strict=False):
        assert_same(one, predict(model, image, of_image))


def test_threads_share_a_model(model: Any, data: Path) -> None:
    files = images(data)
    expected = [predict(model, file, BOXES) for file in files]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda file: predict(model, file, BOXES), files * 4))
    for one, other in zip(found, expected * 4, strict=True):
        assert np.array_equal(one.keypoints, other.keypoints) and np.array_equal(one.scores, other.scores)


def test_wrong_input_is_a_sentence(model: Any, data: Path) -> None:
    with pytest.raises(DistilPoseError, match=r'boxes\[1\]\[0\] is .*not finite'):
        predict_many(model, images(data)[:2], [None, [[0, 0, np.nan, 5]]])
    with pytest.raises(DistilPoseError, match='boxes of 1 images, and 2 images'):
        predict_many(model, images(data)[:2], [None])
    with pytest.raises(DistilPoseError, match='40000x2 .* at most 32766 pixels'):
        predict(model, np.zeros((2, 40000, 3), np.uint8))
    with pytest.raises(DistilPoseError, match='batch size is 0'):
        predict(model, images(data)[0], batch_size=0)
    with pytest.raises(DistilPoseError, match='has no test_dataloader'):
        predict(load_model(Config(dict(model=networks.STUDENT))), images(data)[0])


def test_a_bottom_up_estimator_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='takes no boxes'):
        predict(BottomupPoseEstimator.__new__(BottomupPoseEstimator), np.zeros((4, 4, 3), np.uint8))


def test_predictions_that_are_not_finite_are_refused(data: Path) -> None:
    broken = load_model(data.parent / 'flipped.py')
    torch.nn.init.constant_(broken.head.fc.bias, torch.nan)
    with pytest.raises(RunFailed, match='not finite'):
        predict(broken, images(data)[0])


def test_a_distillation_predicts_without_its_teacher(distillation: Path, data: Path) -> None:
    """By us, by mmpose's ``init_model`` and by its inferencer."""
    torch.manual_seed(0)
    model = load_model(distillation)
    checkpoint = distillation.parent / 'student.pth'
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    expected = predict(model, images(data)[0]).keypoints
    for options in (None, dict(work_dir='elsewhere')):
        other = init_model(str(distillation), str(checkpoint), device='cpu', cfg_options=options)
        assert type(other).__name__ == 'TopdownPoseEstimator'
        np.testing.assert_allclose(predict(other, images(data)[0]).keypoints, expected, atol=1e-3)
    inferencer = MMPoseInferencer(str(distillation), str(checkpoint), det_model='whole_image', device='cpu')
    found = next(inferencer(str(images(data)[0])))['predictions'][0][0]
    np.testing.assert_allclose(found['keypoints'], expected[0], atol=1e-3)


BODY = 'configs/body/2d_kpt_sview_rgb_img'
DISTILLATIONS = [f'{BODY}/distilpose/lspet/DistilPose_XS_lspet_96x64.py',
                 f'{BODY}/fpd/lspet/fpd_hourglass_2x64_to_1x32_lspet_64x64.py',
                 'configs/wholebody_2d_keypoint/dwpose/synthetic/dwpose_xs_dis_xxs_synthetic-128x96.py',
                 'configs/wholebody_2d_keypoint/dwpose/synthetic/dwpose_xxs-xxs_synthetic-128x96.py']


@pytest.mark.parametrize('config', DISTILLATIONS)
def test_published_distillations_predict_with_mmpose(config: str, tmp_path: Path, data: Path) -> None:
    """Without any file of a teacher, and with the student's predictions."""
    file = str(tiny.PROJECT / config)
    torch.manual_seed(0)
    model = load_model(file)
    checkpoint = str(tmp_path / 'student.pth')
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    expected = predict(model, images(data)[0], BOXES[:1]).keypoints
    found = inference_topdown(init_model(file, checkpoint, device='cpu'), str(images(data)[0]), BOXES[:1])
    np.testing.assert_allclose(found[0].pred_instances.keypoints, expected, atol=1e-3)
    inferencer = MMPoseInferencer(pose2d=file, pose2d_weights=checkpoint, det_model='whole_image', device='cpu')
    shown = next(inferencer(str(images(data)[0])))['predictions'][0][0]
    np.testing.assert_allclose(shown['keypoints'], predict(model, images(data)[0]).keypoints[0], atol=1e-3)


INPUT = {'model.input.mean': [127.5], 'model.input.std': [127.5], 'model.input.channel_order': 'bgr',
         'model.outputs.grid': 'i/n'}


def test_an_onnx_file_is_a_model(data: Path, tmp_path: Path) -> None:
    """With a config, which names the keypoints, and alone; the options say what the graph does not."""
    file = write_heatmaps(tmp_path / 'net.onnx')
    with_config = load_model(data.parent / 'flipped.py', file, options=INPUT)
    assert with_config.dataset_meta['num_keypoints'] == 17 and with_config.test_cfg['flip_test']
    alone = load_model(file, options={**INPUT, 'model.keypoints': 'coco', 'model.input.padding': 1.25})
    assert alone.dataset_meta['dataset_name'] == 'coco'
    unflipped = load_model(data.parent / 'flipped.py', file, options={**INPUT, 'model.test_cfg.flip_test': False})
    found, expected = (predict(one, images(data)[0], BOXES) for one in (alone, unflipped))
    assert found.keypoints.shape == (3, 17, 2)
    assert_same(found, expected)
    with pytest.raises(DistilPoseError, match='which holds its weights'):
        load_model(file, 'some.pth')
    with pytest.raises(DistilPoseError, match=r'mean'):
        load_model(file)
