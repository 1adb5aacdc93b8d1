"""Validation by agreement with the teacher: what is held out, what is measured, saved, resumed and shared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config

from distilpose.apis import predict
from distilpose.check import check_training
from distilpose.datasets.unlabelled_files import held_out, part_of
from distilpose.distillation.teachers.decoding import coordinates_of
from distilpose.engine import train
from distilpose.engine.unwrapped_model import unwrapped_model
from distilpose.errors import DistilPoseError
from distilpose.evaluation import AgreementWithTeacher, TeacherKeypoints
from distilpose.inference.labels import load_teacher_model
from tests.datasets.videos import write_video
from tests.engine import tiny
from tests.engine.processes import run_in_two_processes
from tests.onnx_files import PIXELS, write_heatmaps

_TWO_PROCESSES = """
import sys
from distilpose.engine import train
import tests.engine.tiny
files, work_dir = sys.argv[1:]
train(f'{files}/student.py', teacher=f'{files}/teacher.py', teacher_checkpoint=f'{files}/teacher.pth', seed=0,
      images=f'{files}/photos', validation='agreement', work_dir=work_dir, launcher='pytorch',
      options={'train_cfg.max_epochs': 1, 'optim_wrapper.optimizer.lr': 0.0, 'model.freeze': ('backbone',)})
"""
NAMES = [f'{number:03}.png' for number in range(1, tiny.NUM_IMAGES + 1)]


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Student, teacher and ``photos``; the student's labelled data is ``data``."""
    folder = tmp_path_factory.mktemp('agreement')
    data = tiny.write_data(folder / 'data')
    tiny.write_distillation(folder, data)
    (folder / 'photos').symlink_to(data / 'images')
    return folder


def distil(files: Path, work_dir: Path, *, student: str = 'student.py', **options: Any) -> Any:
    options = dict(dict(images=files / 'photos', validation='agreement', seed=0), **options)
    return train(files / student, teacher=files / 'teacher.py', teacher_checkpoint=files / 'teacher.pth',
                 work_dir=work_dir, **options)


def logged(work_dir: Path) -> list[float]:
    newest = max(work_dir.glob('*/vis_data/scalars.json'), key=lambda file: file.stat().st_mtime_ns)
    lines = [json.loads(line) for line in newest.read_text().splitlines()]
    return [line['agreement/PCK'] for line in lines if 'agreement/PCK' in line]


def test_one_in_ten_is_held_out_and_always_the_same() -> None:
    names = [f'{number}.jpg' for number in range(6000)]
    chosen = held_out(names)
    assert len(chosen) == 500 and chosen == held_out(reversed(names)) and len(held_out(names[:95])) == 10
    assert len(held_out([*names, 'another.jpg']) ^ chosen) <= 2
    assert sorted(part_of(names, 'train') + part_of(names, 'val')) == sorted(names) == sorted(part_of(names, 'all'))
    with pytest.raises(DistilPoseError, match='there is 1 image, and one in 10 is to be held out'):
        part_of(['a.jpg'], 'train')


def test_images_are_not_trained_on_that_are_evaluated(files: Path, tmp_path: Path) -> None:
    runner = distil(files, tmp_path)
    names = [[Path(loader.dataset.get_data_info(index)['img_path']).name for index in range(len(loader.dataset))]
             for loader in (runner.train_dataloader, runner.val_dataloader)]
    assert sorted(names[0] + names[1]) == NAMES and set(names[1]) == held_out(NAMES) and len(names[1]) == 2
    figures = logged(tmp_path)
    assert len(figures) == 2 and all(0 <= figure <= 1 for figure in figures)
    assert len(list(tmp_path.glob('best_agreement_PCK_epoch_*.pth'))) == 1
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Validation is agreement with the teacher on 2 people that are not trained on' in log
    assert 'The teacher was not evaluated: the validation data has no labels' in log and 'coco/AP' not in log


def test_the_figure_is_that_of_the_definition(files: Path, tmp_path: Path) -> None:
    """By hand: decoded maps of the teacher against the predictions of the student, in pixels of the image."""
    runner = distil(files, tmp_path)
    model, correct = unwrapped_model(runner).eval(), []
    for batch in runner.val_dataloader:
        data = model.data_preprocessor(batch, False)
        samples = data['data_samples']
        with torch.no_grad():
            predicted = model(data['inputs'], samples, mode='predict')
            fractions = coordinates_of(model.run_teacher(data['inputs'], samples)).numpy()
        for sample, shown in zip(predicted, fractions, strict=True):
            centre, scale = sample.input_center, sample.input_scale
            offsets = sample.pred_instances.keypoints[0] - (centre - scale / 2 + shown * scale)
            correct.append(np.linalg.norm(offsets, axis=1) <= 0.1 * 79)
    assert runner.val_loop.run()['agreement/PCK'] == pytest.approx(np.mean(correct)) == pytest.approx(
        logged(tmp_path)[-1])


def test_a_student_that_is_the_teacher_agrees_and_the_more_it_is_perturbed_the_less(files: Path,
                                                                                  tmp_path: Path) -> None:
    runner = distil(files, tmp_path, student='teacher.py', options={'train_cfg.max_epochs': 1})
    model = unwrapped_model(runner)
    weights = model.teacher.model.state_dict()
    figures = []
    for noise in (0.0, 0.3, 3.0):
        generator = torch.Generator().manual_seed(0)
        model.student.load_state_dict({
            name: value + noise * value.std() * torch.randn(value.shape, generator=generator)
            if value.is_floating_point() and value.dim() > 1 else value for name, value in weights.items()})
        figures.append(runner.val_loop.run()['agreement/PCK'])
    assert figures[0] == 1.0 and 1 > figures[1] > figures[2]


def test_a_run_that_is_resumed_agrees_as_one_in_a_piece(files: Path, tmp_path: Path) -> None:
    whole = distil(files, tmp_path / 'whole')
    distil(files, tmp_path / 'parts', options={'train_cfg.max_epochs': 1})
    resumed = distil(files, tmp_path / 'parts', resume=True)
    assert logged(tmp_path / 'whole')[1:] == logged(tmp_path / 'parts')
    for name, value in unwrapped_model(whole).state_dict().items():
        torch.testing.assert_close(unwrapped_model(resumed).state_dict()[name], value, rtol=0, atol=0)


def test_the_teacher_takes_no_part_in_the_randomness(files: Path, tmp_path: Path) -> None:
    """The losses are those of a training on the same images without validation."""
    runner = distil(files, tmp_path / 'one')
    leaf = tmp_path / 'one' / 'student_from_teacher.py'
    train(leaf, work_dir=tmp_path / 'two', seed=0, validate=False)
    assert tiny.logged_losses(tmp_path / 'one') == tiny.logged_losses(tmp_path / 'two')
    assert runner.iter == 6  # 10 images in batches of 4


@pytest.mark.slow
def test_two_processes_find_the_figure_of_one(files: Path, tmp_path: Path) -> None:
    distil(files, tmp_path / 'one', options={
        'train_cfg.max_epochs': 1, 'optim_wrapper.optimizer.lr': 0.0, 'model.freeze': ('backbone',)})
    run_in_two_processes(_TWO_PROCESSES, tmp_path, files, tmp_path / 'two')
    assert logged(tmp_path / 'two') == logged(tmp_path / 'one')


def test_a_teacher_with_a_crop_of_its_own(files: Path, tmp_path: Path) -> None:
    """Its predictions are those of the file alone, up to the refinement within a cell of 4 pixels of its crop."""
    write_heatmaps(tmp_path / 'square.onnx', size=(64, 64))
    runner = train(files / 'student.py', teacher=tmp_path / 'square.onnx', images=files / 'photos', seed=0,
                   validation='agreement', work_dir=tmp_path / 'run', options={
                       'train_cfg.max_epochs': 1, 'model.teacher.keypoints': 'coco', 'model.teacher.input': PIXELS,
                       'model.teacher.outputs': dict(grid='i/n')})
    metric = runner.val_evaluator.metrics[0]
    assert unwrapped_model(runner).own_crop is not None and len(metric.teacher) == 2
    alone = load_teacher_model(tmp_path / 'square.onnx', options={
        'model.keypoints': 'coco', 'model.input': dict(PIXELS, padding=1.25), 'model.outputs': dict(grid='i/n')})
    cell = 4 / 64 * 1.25 * 79
    for index in range(2):
        info = runner.val_dataloader.dataset.get_data_info(index)
        found = predict(alone, info['img_path'], [[0, 0, 59, 79]])
        is_inside = np.abs(found.keypoints[0, :, 0] - 29.5) < 79 * 1.25 * 48 / 64 / 2 - cell  # of the student's crop
        offsets = np.abs(found.keypoints[0] - metric.teacher[info['id']].keypoints)[is_inside]
        assert len(offsets) > 3 and offsets.max() < 0.5 * cell + 0.1


def test_images_that_cannot_be_read_are_left_out(files: Path, tmp_path: Path) -> None:
    photos = tmp_path / 'photos'
    photos.mkdir()
    for file in (files / 'data/images').iterdir():
        (photos / file.name).write_bytes(b'none' if file.name == min(held_out(NAMES)) else file.read_bytes())
    runner = distil(files, tmp_path / 'run', images=photos)
    assert len(runner.val_dataloader.dataset) == 1 and len(logged(tmp_path / 'run')) == 2
    assert '1 of 2 unlabelled samples are left out' in next((tmp_path / 'run').glob('*/*.log')).read_text()


def test_labels_are_evaluated_where_they_are_and_agreement_where_they_are_not(files: Path, tmp_path: Path) -> None:
    runner = distil(files, tmp_path / 'labels', validation='auto', options={'train_cfg.max_epochs': 1})
    assert type(runner.val_dataloader.dataset).__name__ == 'CocoDataset'
    assert runner.train_dataloader.dataset.part == 'all'
    student = tiny.write_config(tmp_path / 'student.py', tmp_path / 'nowhere')
    runner = train(student, teacher=files / 'teacher.py', teacher_checkpoint=files / 'teacher.pth', seed=0,
                   images=files / 'photos', work_dir=tmp_path / 'run',
                   options={'train_cfg.max_epochs': 1, 'val_dataloader.batch_size': 1})
    assert logged(tmp_path / 'run') and runner.train_dataloader.dataset.part == 'train'
    log = re.sub(r'\s+', ' ', next((tmp_path / 'run').glob('*/*.log')).read_text())
    assert 'Validation is agreement with the teacher on a part of the images, because there is no' in log
    with pytest.raises(DistilPoseError, match='put the data there'):
        train(student, teacher=files / 'teacher.py', teacher_checkpoint=files / 'teacher.pth', validation='labels',
              images=files / 'photos', work_dir=tmp_path / 'refused')


def test_what_cannot_be_compared_is_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='holds out a part of --images, which is missing'):
        distil(files, tmp_path, images=None)
    with pytest.raises(DistilPoseError, match="there is no validation 'ap'; expected one of auto"):
        distil(files, tmp_path, validation='ap')
    distil(files, tmp_path / 'run', options={'train_cfg.max_epochs': 1})
    leaf = tmp_path / 'run' / 'student_from_teacher.py'
    for option, sentence in (
            ({'train_dataloader.dataset.part': 'all'}, "are the same images; set part='val' there and part='train'"),
            ({'val_evaluator.type': 'CocoMetric'}, "or val_evaluator=dict(type='AgreementWithTeacher')"),
            ({'val_evaluator.threshold': 0}, 'has threshold=0')):
        with pytest.raises(DistilPoseError, match=re.escape(sentence)):
            train(leaf, work_dir=tmp_path / 'refused', options=option)
    plain = tmp_path / 'plain.py'
    plain.write_text(f"_base_ = {str(files / 'student.py')!r}\n"
                     "val_evaluator = dict(_delete_=True, type='AgreementWithTeacher')\n")
    with pytest.raises(DistilPoseError, match='the model is no PoseDistiller: there is no teacher'):
        train(plain, work_dir=tmp_path / 'plain')


def test_a_check_says_that_there_are_no_labels(files: Path, tmp_path: Path) -> None:
    assert check_training(files / 'student.py', teacher=files / 'teacher.py', images=files / 'photos',
                          teacher_checkpoint=files / 'teacher.pth', validation='agreement', work_dir=tmp_path) is None
    leaf = Config.fromfile(tmp_path / 'student_from_teacher.py')
    assert leaf.val_evaluator.to_dict() == dict(type='AgreementWithTeacher')


def test_joints_of_which_the_teacher_says_nothing_or_is_unsure_do_not_count() -> None:
    def figure(**options: Any) -> float:
        metric = AgreementWithTeacher(**options)
        metric.compare_with({7: TeacherKeypoints(np.zeros((4, 2)), np.array([0.9, 0.1, -1, 0.9]))})
        predicted = np.array([[[0, 5.0], [0, 5.1], [0, 90], [90, 0]]])
        metric.process([], [dict(id=7, pred_instances=dict(keypoints=predicted),
                                 gt_instances=dict(bboxes=np.array([[10, 10, 30, 60]])))])
        return metric.evaluate(1)['agreement/PCK']
    assert figure() == pytest.approx(1 / 3) and figure(threshold=0.102) == pytest.approx(2 / 3)
    assert figure(certainty=0.5) == 0.5 and np.isnan(figure(certainty=1.0))


def test_videos_teach_and_validate(files: Path, tmp_path: Path) -> None:
    """Frames lie in the work directory; a run that is resumed reads them again."""
    write_video(tmp_path / 'clips/clip.avi')
    options = dict(images=tmp_path / 'clips', every=2)
    whole = distil(files, tmp_path / 'whole', **options)
    distil(files, tmp_path / 'parts', **options, options={'train_cfg.max_epochs': 1})
    distil(files, tmp_path / 'parts', **options, resume=True)
    assert (len(whole.train_dataloader.dataset), len(whole.val_dataloader.dataset)) == (9, 1)
    assert len(list((tmp_path / 'whole/frames/clip.avi').glob('*.jpg'))) == 10
    assert logged(tmp_path / 'whole')[1:] == logged(tmp_path / 'parts')
