"""Labels from a teacher: what a data set reads back, what is refused, and that a student learns from them."""

from __future__ import annotations

import errno
import json
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.body import CocoDataset
from PIL import Image

from distilpose.apis import load_model, predict
from distilpose.datasets import QuickCocoDataset, WeighByCertainty
from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError, RunFailed
from distilpose.inference import PosePredictions
from distilpose.inference.inputs import InputImage, InputVideo, find_inputs
from distilpose.inference.journal import Journal
from distilpose.inference.labels import SCORES, _Document, as_read_back, label_files, load_teacher_model
from tests import vitpose
from tests.datasets.videos import write_video
from tests.engine import tiny
from tests.inference.videos import damage, write
from tests.onnx_files import write_heatmaps

PIXELS = {'model.input.mean': 127.5, 'model.input.std': 127.5, 'model.input.channel_order': 'rgb',
          'model.outputs.grid': 'i/n'}
KEPT = dict(threshold=None)


def label(model: Any, data: Path, folder: Path, **options: Any) -> Path:
    label_files(model, [data / 'images'], out=folder / 'labels.json', **options)
    return folder / 'labels.json'


@pytest.fixture(scope='module')
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A teacher whose scores differ from joint to joint."""
    file = write_heatmaps(tmp_path_factory.mktemp('onnx') / 'net.onnx')
    return load_teacher_model(file, options={**PIXELS, 'model.keypoints': 'coco'})


@pytest.mark.parametrize('threshold', [None, 0.6])
def test_a_data_set_reads_the_predictions_back(onnx: Any, data: Path, tmp_path: Path, threshold: float | None) -> None:
    file = label(onnx, data, tmp_path, boxes=data / 'annotations/people.json', threshold=threshold)
    dataset = CocoDataset(ann_file=str(file), data_prefix=dict(img=str(data / 'images')))
    assert len(dataset) == tiny.NUM_IMAGES
    shown = 0
    for index in range(len(dataset)):
        person = dataset.get_data_info(index)
        found = predict(onnx, person['img_path'], person['bbox'])
        is_labelled = found.scores[0] >= (threshold or 0)
        np.testing.assert_array_equal(person['keypoints_visible'][0], is_labelled)
        np.testing.assert_allclose(person['keypoints'][0], np.where(is_labelled[:, None], found.keypoints[0], 0),
                                   atol=0.0051)
        np.testing.assert_allclose(person['raw_ann_info'][SCORES], found.scores[0], atol=5.1e-5)
        shown += is_labelled.sum()
    assert 0 < shown < 17 * len(dataset) or threshold is None


@pytest.mark.parametrize('people', ['boxes', 'whole images'])
def test_a_teacher_is_right_on_its_own_labels(config: Path, checkpoint: Path, data: Path, tmp_path: Path,
                                              people: str) -> None:
    boxes = data / 'annotations/people.json' if people == 'boxes' else None
    file = label(load_model(config, checkpoint), data, tmp_path, boxes=boxes)
    options = {f'{entry}.ann_file': str(file) for entry in ('test_dataloader.dataset', 'test_evaluator')}
    found = evaluate(config, checkpoint, work_dir=tmp_path / 'test', options=options)
    assert found['coco/AP'] == pytest.approx(1.0)


def test_boxes_are_those_that_a_data_set_reads() -> None:
    boxes = as_read_back([[-3.123456, 5, 200, 30.987654], [99.4, 0, 120, 50]], (100, 80))
    np.testing.assert_allclose(boxes, [[0, 5, 99, 30.99, 1]], atol=1e-5)


def test_the_file_says_what_coco_says(onnx: Any, tmp_path: Path) -> None:
    """Sizes are those after an EXIF rotation; numbers those of the annotations; broken images are counted."""
    folder = tmp_path / 'photos' / 'deep'
    folder.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 255, (40, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / 'turned.jpg', exif=exif)
    (folder / 'broken.jpg').write_bytes(b'none')
    summary = label_files(onnx, [folder.parent], out=tmp_path / 'labels.json', teacher='net.onnx')
    content = json.loads((tmp_path / 'labels.json').read_text())
    assert content['images'] == [dict(id=1, file_name='deep/turned.jpg', width=40, height=90)]
    assert list(summary.failed) == ['deep/broken.jpg'] and summary.people == 1
    (category,), (person,) = content['categories'], content['annotations']
    assert len(category['keypoints']) == 17 and [16, 14] in category['skeleton']
    assert person['area'] == round(0.53 * 39 * 89, 2) and person['bbox'] == [0, 0, 39, 89]
    assert person['num_keypoints'] == sum(value > 0 for value in person['keypoints'][2::3])
    assert content['info']['images'] == str(folder.parent)


def test_names_of_several_folders_begin_at_the_common_one(onnx: Any, data: Path, tmp_path: Path) -> None:
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / '1.png'), np.zeros((40, 40, 3), np.uint8))
    label_files(onnx, [tmp_path / 'a', tmp_path / 'b/1.png'], out=tmp_path / 'labels.json')
    content = json.loads((tmp_path / 'labels.json').read_text())
    assert [image['file_name'] for image in content['images']] == ['a/1.png', 'b/1.png']


def test_nothing_is_overwritten_or_half_written(onnx: Any, data: Path, tmp_path: Path) -> None:
    file = tmp_path / 'labels.json'
    (tmp_path / 'broken.png').write_bytes(b'none')
    with pytest.raises(RunFailed, match='none of the 1 images could be labelled'):
        label_files(onnx, [tmp_path / 'broken.png'], out=file)
    assert not file.exists()
    file.write_text('mine')
    with pytest.raises(DistilPoseError, match='exists, and labels are not overwritten'):
        label(onnx, data, tmp_path)
    assert file.read_text() == 'mine' and len(list(tmp_path.iterdir())) == 2


def test_a_teacher_that_names_no_keypoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='model.keypoints=SET'):
        load_teacher_model(write_heatmaps(tmp_path / 'net.onnx'), options=PIXELS)


def test_a_folder_of_hugging_face_and_a_config_label(config: Path, checkpoint: Path, data: Path,
                                                     tmp_path: Path) -> None:
    vitpose.write_folder(tmp_path / 'vitpose')
    for place, teacher in enumerate([(tmp_path / 'vitpose', None), (config, checkpoint)]):
        model = load_teacher_model(*teacher)
        file = tmp_path / f'{place}.json'
        assert label_files(model, [data / 'images/001.png'], out=file).people == 1
        assert len(json.loads(file.read_text())['categories'][0]['keypoints']) == 17


@pytest.mark.parametrize('kind', [CocoDataset, QuickCocoDataset])
def test_joints_weigh_their_certainty(onnx: Any, data: Path, tmp_path: Path, kind: type) -> None:
    """Also in a flipped sample, where left and right are exchanged; every head's loss reads these weights."""
    init_default_scope('mmpose')
    file = label(onnx, data, tmp_path, **KEPT)
    codec = dict(type='RegressionLabel', input_size=(48, 64))
    for probability in (0.0, 1.0):
        steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', prob=probability),
                 dict(type='TopdownAffine', input_size=(48, 64)), dict(type='GenerateTarget', encoder=codec)]
        options = dict(ann_file=str(file), data_prefix=dict(img=str(data / 'images')))
        plain, weighed = (kind(**options, pipeline=[*steps, *more, dict(type='PackPoseInputs')])[3]['data_samples']
                          for more in ([], [dict(type='WeighByCertainty')]))
        scores = torch.tensor(json.loads(file.read_text())['annotations'][3][SCORES])
        scores = scores[plain.flip_indices] if probability else scores
        before, after = (sample.gt_instance_labels.keypoint_weights[0] for sample in (plain, weighed))
        assert before.max() == 1 and scores.std() > 0
        torch.testing.assert_close(after, before * scores)


def test_scores_of_other_keypoints_are_refused_and_none_are_left_alone() -> None:
    step = WeighByCertainty()
    results = dict(keypoints=np.zeros((1, 2, 2)), keypoint_weights=np.ones((1, 2)), raw_ann_info={}, img_path='a.jpg')
    assert step.transform(dict(results)) == results
    results['raw_ann_info'] = {SCORES: [0.5, 2.0]}
    np.testing.assert_array_equal(step.transform(dict(results))['keypoint_weights'], [[0.5, 1.0]])
    with pytest.raises(DistilPoseError, match='3 keypoint_scores and 2 keypoints'):
        step.transform(dict(results, raw_ann_info={SCORES: [0.5, 2.0, 1.0]}))


def test_a_student_learns_from_the_labels(onnx: Any, data: Path, tmp_path: Path) -> None:
    label(onnx, data, tmp_path, **KEPT)
    student = tiny.write_config(tmp_path / 'student.py', data, epochs=1, extra=f"""
train_pipeline.insert(-1, dict(type='WeighByCertainty'))
train_dataloader['dataset'].update(ann_file={str(tmp_path / 'labels.json')!r}, pipeline=train_pipeline)
""")
    train(student, work_dir=tmp_path / 'run', validate=False)
    losses = tiny.logged_losses(tmp_path / 'run')
    assert len(losses) == 3 and all(np.isfinite(list(losses.values())))


def test_predictions_in_a_program_are_those_of_the_file(config: Path, checkpoint: Path, tmp_path: Path,
                                                        data: Path) -> None:
    """A config's teacher predicts as a model of :func:`load_model` does."""
    file = tmp_path / 'labels.json'
    label_files(load_teacher_model(config, checkpoint), [data / 'images/001.png'], out=file, threshold=None)
    found = predict(load_model(config, checkpoint), data / 'images/001.png', [[0, 0, 59, 79]])
    labels = np.array(json.loads(file.read_text())['annotations'][0]['keypoints']).reshape(-1, 3)
    np.testing.assert_allclose(labels[:, :2], found.keypoints[0], atol=0.0051)


def test_frames_of_videos_are_labelled_as_images(onnx: Any, tmp_path: Path) -> None:
    """Their files are what a data set reads; boxes are of frames; a broken video is counted."""
    folder = tmp_path / 'clips'
    write_video(folder / 'clip.avi')
    (folder / 'broken.mp4').write_bytes(b'none')
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({'clip.avi/000000.jpg': [[2, 3, 40, 50]], 'clip.avi/000015.jpg': [[2, 3, 40, 50]] * 2}))
    file = tmp_path / 'labels.json'
    summary = label_files(onnx, [folder], out=file, boxes=boxes, every=5, threshold=None)
    assert (summary.images, summary.people, summary.without_boxes) == (2, 3, 2)
    assert list(summary.failed) == ['broken.mp4']
    content = json.loads(file.read_text())
    assert [image['file_name'] for image in content['images']] == ['clip.avi/000000.jpg', 'clip.avi/000015.jpg']
    assert content['info']['images'] == str(tmp_path / 'labels_frames')
    dataset = CocoDataset(ann_file=str(file), data_prefix=dict(img=content['info']['images']))
    person = dataset.get_data_info(1)
    found = predict(onnx, person['img_path'], person['bbox'])
    np.testing.assert_allclose(person['keypoints'][0], found.keypoints[0], atol=0.0051)


def test_images_and_videos_share_a_folder(onnx: Any, data: Path, tmp_path: Path) -> None:
    write_video(tmp_path / 'clip.avi')
    label_files(onnx, [tmp_path / 'clip.avi', data / 'images'], out=tmp_path / 'labels.json')
    content = json.loads((tmp_path / 'labels.json').read_text())
    root = Path(content['info']['images'])
    assert len(content['images']) == 14 and all((root / image['file_name']).is_file() for image in content['images'])


def stopping(after: int) -> Any:
    """A detector that one presses Ctrl-C at, after so many images."""
    left = iter(range(after))

    def detect(image: np.ndarray) -> np.ndarray:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return np.array([[1, 2, 40, 50, 0.5]])

    return detect


def test_interrupted_labels_are_resumed(onnx: Any, data: Path, tmp_path: Path) -> None:
    """The file is that of an undisturbed run, also with an image that fails before and one after the interruption."""
    for number in (0, 9):
        (data / f'images/{number:03}_broken.png').write_bytes(b'none')
    try:
        file, journal = tmp_path / 'labels.json', tmp_path / 'labels.json.unfinished.jsonl'
        for after, done in ((5, 1), (4, 5)):
            with pytest.raises(KeyboardInterrupt):
                label(onnx, data, tmp_path, detector=stopping(after), threads=1, batch_size=1, resume=True)
            assert not file.exists() and len(journal.read_text().splitlines()) > done
        with pytest.raises(DistilPoseError, match=r'unfinished\.jsonl has \d+ images .* add --resume'):
            label(onnx, data, tmp_path, detector=stopping(0))
        with journal.open('a') as stream:
            stream.write('{"cut o')  # as a process that was killed leaves it
        summary = label_files(onnx, [data / 'images'], out=file, detector=stopping(9), threads=1, resume=True)
        assert (summary.images, len(summary.failed)) == (tiny.NUM_IMAGES, 2) and not journal.exists()
        (tmp_path / 'whole').mkdir()
        whole = label(onnx, data, tmp_path / 'whole', detector=stopping(99))
        assert file.read_bytes() == whole.read_bytes()
        assert set(json.loads(file.read_text())['info']['failed']) == set(summary.failed)
    finally:
        for broken in (data / 'images').glob('*_broken.png'):
            broken.unlink()


def test_only_the_same_labels_are_resumed_and_by_one_run(onnx: Any, data: Path, tmp_path: Path) -> None:
    def seen(image: np.ndarray) -> np.ndarray:
        with pytest.raises(DistilPoseError, match=r'another run is writing .*labels\.json\.unfinished'):
            label(onnx, data, tmp_path, detector=stopping(0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(onnx, data, tmp_path, detector=seen)
    with pytest.raises(DistilPoseError, match='not of the same inputs'):
        label_files(onnx, [data / 'images/001.png'], out=tmp_path / 'labels.json', detector=stopping(9), resume=True)
    label(onnx, data, tmp_path, detector=stopping(99))
    assert [file.name for file in tmp_path.iterdir()] == ['labels.json']


def test_labels_of_another_onnx_file_are_not_resumed(data: Path, tmp_path: Path) -> None:
    """Its weights are in no state dict."""
    options: dict[str, Any] = {**PIXELS, 'model.keypoints': 'coco'}
    for stride, message in ((4, None), (8, 'not of the same model'), (4, None)):
        teacher = load_teacher_model(write_heatmaps(tmp_path / 'net.onnx', stride=stride), options=options)
        with pytest.raises(KeyboardInterrupt if message is None else DistilPoseError, match=message):
            label(teacher, data, tmp_path, detector=stopping(0), resume=True)


def test_a_full_disk_is_a_sentence_that_names_the_file(onnx: Any, data: Path, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the file fails too."""
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    opened, count = Journal.add, iter(range(3))

    def add(self: Journal, entry: Any) -> None:
        if next(count, None) is None:
            close = self._stream.close
            self._stream = SimpleNamespace(write=full, flush=full, close=lambda: (close(), full()))
        opened(self, entry)

    monkeypatch.setattr(Journal, 'add', add)
    with pytest.raises(RunFailed, match=r'labels\.json\.unfinished\.jsonl .*No space left.* --resume'):
        label(onnx, data, tmp_path)
    monkeypatch.undo()
    assert label(onnx, data, tmp_path, resume=True).is_file()


def test_videos_of_one_name_are_two(onnx: Any, tmp_path: Path) -> None:
    for number, folder in enumerate('ab'):
        write_video(tmp_path / folder / 'clip.avi', count=10 + 10 * number)
    for file in ('labels.json', 'again.json'):
        videos = [tmp_path / 'a/clip.avi', tmp_path / 'b/clip.avi', tmp_path / 'a/../a/clip.avi'][:2]
        label_files(onnx, videos, out=tmp_path / file, every=5)
        images = json.loads((tmp_path / file).read_text())['images']
        names = [f'{folder}clip.avi/{number:06}.jpg' for folder, count in (('', 10), ('b/', 20))
                 for number in range(0, count, 5)]
        assert [image['file_name'] for image in images] == names


def test_a_damaged_video_has_the_frames_of_predict(onnx: Any, tmp_path: Path) -> None:
    """Decoders go on after a frame that they refuse."""
    video = damage(write(tmp_path / 'clip.mp4', 40), 0.3, 0.6)
    (found,) = find_inputs([video])
    assert isinstance(found, InputVideo)
    numbers = [int(frame.path.name) for frame in found.read() if frame.pixels is not None]
    label_files(onnx, [video], out=tmp_path / 'labels.json', every=1)
    images = json.loads((tmp_path / 'labels.json').read_text())['images']
    assert [int(Path(image['file_name']).stem) for image in images] == numbers
    assert numbers[-1] >= len(numbers)  # some are missing, and not at the end


@pytest.mark.parametrize(('scores', 'remark'), [
    ([[0.1, 0.2], [0.9, 0.2]], '1 of 2 people have no joint with a score from 0.5'),
    ([[1, 1], [1, 1]], 'this teacher has no certainty'), ([[0.6, 7], [1, 3]], 'Scores reach from 0.6 to 7'),
    ([[0.6, 0.7], [1, 1.0001]], None)])
def test_what_scores_do_not_say_is_said(scores: list[list[float]], remark: str | None, tmp_path: Path) -> None:
    document = _Document(tmp_path, {}, 0.5, ids={})
    for one in np.array(scores, np.float32)[:, None]:
        found = PosePredictions(np.ones((1, 2, 2), np.float32), one, np.array([[0, 0, 9, 9.]]), np.ones(1), np.ones(1))
        document.add(InputImage(tmp_path / 'a.jpg', 'a.jpg', PurePosixPath('a')), found, (10, 10))
    remarks = document.remarks()
    assert (remark is None and not remarks) or (remark is not None and len(remarks) == 1 and remark in remarks[0])
