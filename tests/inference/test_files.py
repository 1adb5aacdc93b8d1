"""Predicting files: what is found, written, counted and refused; COCO results have the AP of the test."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import METRICS

from distilpose.apis import PosePredictions, load_model, predict
from distilpose.engine import evaluate
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.host.xtcoco import COCO, COCOeval
from distilpose.inference.files import predict_files
from distilpose.inference.inputs import find_inputs, read_ahead
from distilpose.inference.results import Scoring, coco_people, is_whole_body
from tests.datasets import odd_images
from tests.evaluation import whole_body_people


@pytest.fixture(scope='module')
def model(config: Path, checkpoint: Path) -> Any:
    return load_model(config, checkpoint)


def people(data: Path) -> Path:
    return data / 'annotations' / 'people.json'


def coco_figures(truth: Path, results: Path) -> np.ndarray:
    known = COCO(str(truth))
    evaluation = COCOeval(known, known.loadRes(str(results)), 'keypoints')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return np.asarray(evaluation.stats)


def test_coco_results_have_the_figures_of_the_test(config: Path, checkpoint: Path, model: Any, data: Path,
                                                   tmp_path: Path) -> None:
    """Of annotations among which one person is a duplicate, and one is a crowd."""
    known = json.loads(people(data).read_text())
    first = known['annotations'][0]
    known['annotations'] += [dict(first, id=101), dict(first, id=102, iscrowd=1), dict(first, id=103, num_keypoints=0)]
    for person in known['annotations']:  # random weights are not that bad
        person['keypoints'] = [value for joint in _near_the_middle(person) for value in joint]
    truth = tmp_path / 'people.json'
    truth.write_text(json.dumps(known))
    options = {f'{entry}.ann_file': str(truth) for entry in ('test_dataloader.dataset', 'test_evaluator')}
    expected = evaluate(config, checkpoint, work_dir=tmp_path / 'test', options=options)
    summary = predict_files(model, [data / 'images'], boxes=truth, out=tmp_path / 'out', batch_size=5)
    assert (summary.images, summary.people) == (12, 13)
    results = json.loads((tmp_path / 'out/results.json').read_text())
    assert len(results) == 12  # without the duplicate
    found = coco_figures(truth, tmp_path / 'out/results.json')
    assert 0.05 < expected['coco/AP'] < 0.95
    np.testing.assert_allclose(found[[0, 1, 2, 5]], [expected[f'coco/{name}'] for name in ('AP', 'AP .5', 'AP .75',
                                                                                            'AR')], atol=1e-6)


def _near_the_middle(person: dict) -> list[list[float]]:
    generator, (x, y, width, height) = np.random.default_rng(person['image_id']), person['bbox']
    middle = np.array([x + width / 2, y + height / 2])
    return [[*(middle + generator.normal(0, 3, 2)).round(1).tolist(), 2] for _ in range(17)]


CONFIGS = dict(lspet='configs/body/2d_kpt_sview_rgb_img/distilpose/lspet/DistilPose_XS_lspet_96x64.py',
               coco_mini='configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_s_v2_coco_256x192.py')


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'annotations', 'images'), [
    ('coco_mini', 'person_keypoints_val2017.json', 'val2017'), ('lspet', 'person_keypoints_val.json', 'images')])
def test_real_people_have_the_figures_of_the_test(name: str, annotations: str, images: str, shared: Path,
                                                  tmp_path: Path) -> None:
    """Of a real network and of annotated boxes; with the flip test of the config."""
    file, data = shared / 'teachers' / 'movenet_lightning.onnx', shared / 'data' / name
    truth = data / 'annotations' / annotations
    if not (file.is_file() and truth.is_file()):
        pytest.skip(f'{file} or {truth} is not on this machine')
    described = {'model.preset': 'movenet-lightning'}
    tested = {'test_evaluator.ann_file': str(truth), 'test_dataloader.dataset.bbox_file': None}
    expected = evaluate(CONFIGS[name], file, data_root=data, work_dir=tmp_path / 'test',
                        options={**described, **tested})
    model = load_model(CONFIGS[name], file, options=described)
    predict_files(model, [data / images], boxes=truth, out=tmp_path / 'out')
    found = coco_figures(truth, tmp_path / 'out/results.json')
    assert found[0] == pytest.approx(expected['coco/AP'], abs=1e-4) and found[0] > 0.3


@pytest.mark.slow
@pytest.mark.parametrize('with_names', [True, False])
def test_results_of_a_detector_have_the_figures_of_the_test(with_names: bool, shared: Path, tmp_path: Path) -> None:
    """Also with numbers of images in the place of names."""
    file, data = shared / 'teachers' / 'movenet_lightning.onnx', shared / 'data/mmpose_samples/coco'
    truth, found = data / 'test_coco.json', data / 'test_coco_det_AP_H_56.json'
    if not (file.is_file() and truth.is_file()):
        pytest.skip(f'{file} or {truth} is not on this machine')
    described = {'model.preset': 'movenet-lightning'}
    tested = {'test_evaluator.ann_file': str(truth), 'test_dataloader.dataset.bbox_file': str(found),
              'test_dataloader.dataset.ann_file': truth.name, 'test_dataloader.dataset.data_prefix.img': ''}
    expected = evaluate(CONFIGS['coco_mini'], file, data_root=data, work_dir=tmp_path / 'test',
                        options={**described, **tested})
    model = load_model(CONFIGS['coco_mini'], file, options=described)
    summary = predict_files(model, [data], boxes=found, annotations=truth if with_names else None, out=tmp_path / 'out')
    assert (summary.images, summary.people) == (4, 118)
    figures = coco_figures(truth, tmp_path / 'out/results.json')
    assert figures[0] == pytest.approx(expected['coco/AP'], abs=1e-4) and figures[0] > 0.3


@pytest.mark.parametrize('share', [0.005, 0.02])
def test_whole_body_results_have_the_figures_of_the_test(share: float, shared: Path, tmp_path: Path) -> None:
    people = whole_body_people.read_people(shared / 'data/mmpose_samples/coco/test_coco_wholebody.json')
    with DefaultScope.overwrite_default_scope('mmpose'):
        metric = METRICS.build(dict(type='WholeBodyPartsMetric', ann_file=people.ann_file))
    metric.dataset_meta = people.metainfo
    samples = whole_body_people.answered(map(people.get_data_info, range(len(people))),
                                         whole_body_people.noisy(share))
    metric.process([], samples)
    expected = metric.evaluate(len(people))
    cfg = dict(test_evaluator=dict(type='WholeBodyPartsMetric'))
    assert is_whole_body(cfg, people.metainfo) and not is_whole_body(cfg, dict(num_keypoints=17))
    assert not is_whole_body({}, dict(num_keypoints=133)) and is_whole_body({}, people.metainfo)
    results = [entry for number, of_image in itertools.groupby(samples, lambda sample: sample['img_id'])
               for entry in coco_people(_predictions(list(of_image)), image_id=number, category_id=1, split=True,
                                        scoring=Scoring.of(cfg), sigmas=people.metainfo['sigmas'])]
    assert {len(results[0][name]) for name in ('foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')} == {
        18, 204, 63}
    (tmp_path / 'ours.keypoints.json').write_text(json.dumps(results))
    found = dict(metric._do_python_keypoint_eval(str(tmp_path / 'ours')))
    figures = {name.rpartition('coco-wholebody/')[2]: value for name, value in expected.items()}
    assert found['AP'] > 0.1 and found == pytest.approx(figures, abs=1e-6, nan_ok=True)


def _predictions(samples: list[dict]) -> PosePredictions:
    """Of the people of an image."""
    found, known = ([sample[name] for sample in samples] for name in ('pred_instances', 'gt_instances'))
    return PosePredictions(
        np.concatenate([one['keypoints'] for one in found]), np.concatenate([one['keypoint_scores'] for one in found]),
        np.zeros((len(samples), 4)), np.concatenate([one['bbox_scores'] for one in known]),
        np.concatenate([np.prod(one['bbox_scales'], axis=1) for one in known]))


def test_what_is_written(model: Any, data: Path, tmp_path: Path) -> None:
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'001.png': [[2, 2, 56, 76], [10, 10, 30, 30]], '002.png': []}))
    inputs = [data / 'images' / '001.png', data / 'images' / '002.png']
    expected = predict(model, inputs[0], [[2, 2, 58, 78], [10, 10, 40, 40]])
    for format in ('coco', 'openpose', 'mmpose'):
        summary = predict_files(model, inputs, boxes=boxes, out=tmp_path / format, format=format, draw=True)
        assert (summary.images, summary.people, summary.failed) == (2, 2, {})
        assert not list((tmp_path / format).rglob('*.part*'))
        pictures = [cv2.imread(str(tmp_path / format / f'pictures/{name}.jpg')) for name in ('001', '002')]
        assert all(picture.shape == (80, 60, 3) for picture in pictures)
    described = json.loads((tmp_path / 'coco/images.json').read_text())
    assert [(one['id'], one['file_name'], one['people']) for one in described['images']] == [
        (1, '001.png', 2), (2, '002.png', 0)]
    assert described['categories'][0]['keypoints'][:2] == ['nose', 'left_eye']
    results = json.loads((tmp_path / 'coco/results.json').read_text())
    assert [one['image_id'] for one in results] == [1, 1]

    people = json.loads((tmp_path / 'openpose/openpose/001_keypoints.json').read_text())['people']
    body = np.reshape(people[0]['pose_keypoints_2d'], (18, 3))
    joints = np.column_stack([expected.keypoints[0], expected.scores[0]])
    np.testing.assert_allclose(body[[0, 2, 5, 15]], joints[[0, 6, 5, 1]], atol=1e-3)
    np.testing.assert_allclose(body[1, :2], joints[5:7, :2].mean(axis=0), atol=1e-3)
    assert json.loads((tmp_path / 'openpose/openpose/002_keypoints.json').read_text())['people'] == []

    person = json.loads((tmp_path / 'mmpose/mmpose/001.json').read_text())[1]
    np.testing.assert_allclose(person['keypoints'], expected.keypoints[1], atol=1e-3)
    assert person['bbox'] == [[10, 10, 40, 40]] and len(person['keypoint_scores']) == 17


def test_broken_files_are_counted_and_named(model: Any, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'images'
    (folder / 'below').mkdir(parents=True)
    for number, name in enumerate(('b.png', 'below/b.jpg', 'd.png')):
        cv2.imwrite(str(folder / name), np.full((80, 60, 3), 50 * number, np.uint8))
    for name in ('a.png', 'c.png', 'e.png'):
        (folder / name).write_bytes(b'broken')
    summary = predict_files(model, [folder], out=tmp_path / 'out', batch_size=2)
    assert (summary.images, summary.people) == (3, 3) and list(summary.failed) == ['a.png', 'c.png', 'e.png']
    assert '3 images could not be predicted' in summary.describe() and 'cannot be decoded' in summary.describe()
    described = json.loads((tmp_path / 'out/images.json').read_text())
    assert [one['file_name'] for one in described['images']] == ['b.png', 'below/b.jpg', 'd.png']
    assert list(described['failed']) == ['a.png', 'c.png', 'e.png']
    with pytest.raises(RunFailed, match=r'none of the 1 images .*a\.png'):
        predict_files(model, [folder / 'a.png'], out=tmp_path / 'none')


def test_what_is_predicted_before_an_interruption_is_written(model: Any, data: Path, tmp_path: Path) -> None:
    numbers = iter(range(12))

    def detect(image: np.ndarray) -> np.ndarray:
        if next(numbers) == 6:
            raise KeyboardInterrupt
        return np.array([[5, 5, 50, 70, 0.5]])

    with pytest.raises(KeyboardInterrupt):
        predict_files(model, [data / 'images'], detector=detect, out=tmp_path / 'out', batch_size=2, threads=1)
    assert len(json.loads((tmp_path / 'out/results.json').read_text())) == 6


def test_files_of_any_kind_in_a_folder_that_has_the_output_too(model: Any, tmp_path: Path) -> None:
    """Twice: what was drawn is no input."""
    folder = tmp_path / 'bilder \u00fc \u540d\u524d'
    odd_images.write(folder, {**odd_images.readable(), **odd_images.unreadable()})
    for _ in range(2):
        summary = predict_files(model, [folder], out=folder / 'out', draw=True)
        names = {one['file_name'] for one in json.loads((folder / 'out/images.json').read_text())['images']}
        assert names == set(odd_images.readable()) and summary.images == len(names)
        assert {name.rpartition('/')[2] for name in summary.failed} <= set(odd_images.unreadable())
        assert summary.failed and len(list((folder / 'out/pictures').rglob('*.jpg'))) == len(names)
    pictures = find_inputs([folder / 'out' / 'pictures'], without=folder / 'out')
    assert len(pictures) == len(names)
    assert not find_inputs([str(folder / '**/*.jpg')], without=folder / 'out')[0].path.is_relative_to(folder / 'out')


def test_many_people_and_boxes_of_any_size(model: Any, data: Path, tmp_path: Path) -> None:
    corners = np.random.default_rng(0).uniform(0, 30, (300, 2))
    people = [[*corner, 20, 30] for corner in corners.tolist()]
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'001.png': people, '002.png': [[0, 0, 1e9, 5]], '003.png': [[500, 5, 9, 9]]}))
    summary = predict_files(model, [data / 'images'], boxes=boxes, out=tmp_path / 'out', draw=True, format='mmpose')
    assert (summary.images, summary.people, summary.without_boxes) == (2, 301, 9)
    assert 'outside of the image' in summary.failed['003.png']


def test_inputs_are_files_folders_and_globs(data: Path, tmp_path: Path) -> None:
    images = data / 'images'
    found = find_inputs([images / '003.png', str(images / '00[12].png'), images])
    assert [image.name for image in found] == ['003.png', '001.png', '002.png',
                                               *(f'{number:03}.png' for number in range(4, 13))]
    (tmp_path / 'other').mkdir()
    for name in ('001.png', '001.jpg'):
        (tmp_path / 'other' / name).write_bytes(b'')
    outputs = [str(image.output) for image in find_inputs([images / '001.png', tmp_path / 'other'])]
    assert outputs == ['001', '001_2', '001_3']
    for word, sentence in ((tmp_path / 'absent.png', 'no images'), (str(images / '*.gif'), 'no images'),
                           (data / 'annotations', 'has no images')):
        with pytest.raises(DistilPoseError, match=sentence):
            find_inputs([word])


def test_wrong_input_is_found_before_the_network_runs(model: Any, data: Path, tmp_path: Path) -> None:
    image, boxes = data / 'images/001.png', tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'other.png': [[1, 2, 3, 4]]}))
    with pytest.raises(DistilPoseError, match='name none of the 1 images'):
        predict_files(model, [image], boxes=boxes, out=tmp_path / 'out')
    with pytest.raises(DistilPoseError, match="format is 'xml'"):
        predict_files(model, [image], format='xml', out=tmp_path / 'out')
    with pytest.raises(DistilPoseError, match='--out'):
        predict_files(model, [image], out=boxes)
    assert not (tmp_path / 'out').exists()


def test_reading_ahead_gives_the_items_and_their_error_and_ends() -> None:
    def three(then: type[Exception] | None = None) -> Any:
        yield from range(3)
        if then is not None:
            raise then

    assert list(read_ahead(three(), size=1)) == [0, 1, 2]
    with pytest.raises(OSError):
        list(read_ahead(three(OSError), size=1))
    items = read_ahead(iter(int, 1), size=2)
    assert next(items) == 0
    items.close()


def test_pictures_without_keypoints_are_no_surprise(model: Any, data: Path, tmp_path: Path) -> None:
    """Scores of a regression are all 1."""
    pictures = {}
    for score in (0.3, 1.5):
        summary = predict_files(model, [data / 'images/001.png'], out=tmp_path / 'out', draw=True, draw_score=score)
        pictures[score] = (tmp_path / 'out/pictures/001.jpg').read_bytes()
        assert ('17 of 17 keypoints have a score below 1.5 and are not drawn' in summary.describe()) == (score == 1.5)
    assert pictures[0.3] != pictures[1.5]
    with pytest.raises(DistilPoseError, match='expected a number'):
        predict_files(model, [data / 'images/001.png'], out=tmp_path / 'out', draw=True, draw_score=np.nan)
