"""``train(student, teacher=...)``: the config that it writes is the one that it trains, and trains alone, too."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from distilpose.config import read_config
from distilpose.config.models import build_estimator
from distilpose.distillation import leaf_config
from distilpose.distillation.teachers import fetching
from distilpose.distillation.teachers.presets import PRESETS, sha256_of
from distilpose.engine import train
from distilpose.engine.distillation_config import write_distillation
from distilpose.errors import DistilPoseError
from tests.engine.processes import run_in_two_processes
from tests.engine.tiny import PROJECT, logged_losses, write_data
from tests.engine.tiny import write_distillation as write_pair
from tests.file_server import serve
from tests.onnx_files import Shows, export, write_heatmaps

_TEACHER = """
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
custom_imports = dict(imports=['distilpose', 'tests.engine.tiny'], allow_failed_imports=False)
dataset = dict(type='CocoDataset')
val_dataloader = dict(dataset=dataset)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='TinyBackbone'),
    head=dict(type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=(8, 8),
              deconv_kernel_sizes=(4, 4), loss=dict(type='KeypointMSELoss', use_target_weight=True), decoder=codec))
"""
_TWO_PROCESSES = """
import sys
from distilpose.distillation import leaf_config
from distilpose.distillation.teachers import fetching
from distilpose.distillation.teachers.presets import PRESETS, sha256_of
from distilpose.engine import train
import tests.engine.tiny
files, work_dir = sys.argv[1:]
train(f'{files}/student.py', teacher=f'{files}/teacher.py', teacher_checkpoint=f'{files}/teacher.pth',
      work_dir=work_dir, seed=0, validate=False, launcher='pytorch')
"""
RTMPOSE = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'
HEATMAPS = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py'


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``student.py``, its ``distillation.py``, ``teacher.py``, ``teacher.pth``, and ``wide.py``."""
    folder = tmp_path_factory.mktemp('distilling')
    write_pair(folder, write_data(folder / 'data'))
    wide = folder / 'wide.py'
    wide.write_text(_TEACHER)
    torch.manual_seed(0)
    torch.save(dict(state_dict=build_estimator(read_config(wide).model.to_dict()).state_dict()), folder / 'wide.pth')
    return folder


def distil(files: Path, work_dir: Path, *, student: str = 'student.py', **options: Any) -> Any:
    return train(files / student, teacher=files / 'teacher.py', teacher_checkpoint=files / 'teacher.pth',
                 work_dir=work_dir, seed=0, **options)


def test_the_written_config_is_the_one_that_is_trained_and_gives_the_same_run_alone(files: Path,
                                                                                    tmp_path: Path) -> None:
    runner = distil(files, tmp_path / 'one')
    leaf = tmp_path / 'one' / 'student_from_teacher.py'
    alone = train(leaf, work_dir=tmp_path / 'alone', seed=0)
    assert runner.cfg.filename == str(leaf)
    first, second = (Config(dict(run.cfg)).to_dict() for run in (runner, alone))
    for changing in ('work_dir', 'experiment_name', 'visualizer', 'filename'):
        first.pop(changing, None), second.pop(changing, None)
    assert first == second
    assert logged_losses(tmp_path / 'one') == pytest.approx(logged_losses(tmp_path / 'alone'), rel=1e-6)
    assert Config.fromfile(leaf).model.to_dict() == runner.cfg.model.to_dict() == dict(
        type='PoseDistiller', student=dict(config=str(files / 'student.py')), task_weight=1.0,
        teacher=dict(config=str(files / 'teacher.py'), checkpoint=str(files / 'teacher.pth')),
        terms=dict(simulated_heatmap=dict(type='SimulatedHeatmapTerm', sigma='learned', masking='intended',
                                          weight=1.0)))


def test_the_written_config_stays_and_the_full_one_lies_beside_it(files: Path, tmp_path: Path) -> None:
    distil(files, tmp_path, options={'train_cfg.max_epochs': 1})
    leaf = tmp_path / 'student_from_teacher.py'
    assert leaf.read_text().startswith(f'# distilpose train {files / "student.py"} --teacher {files / "teacher.py"} '
                                       f'--teacher-checkpoint {files / "teacher.pth"}\n')
    assert len(leaf.read_text().splitlines()) < 16
    assert Config.fromfile(tmp_path / 'student_from_teacher_full.py').train_cfg.max_epochs == 1
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Method distilpose: simulated_heatmap. Without score: the student predicts no scores.' in log
    assert f'The config of this distillation is {leaf}' in log


def test_the_rest_of_the_students_recipe_stays(files: Path, tmp_path: Path) -> None:
    written = write_distillation(files / 'student.py', files / 'teacher.py', options={}, work_dir=tmp_path,
                                 launcher='none', teacher_checkpoint=files / 'teacher.pth')
    student, leaf = (Config.fromfile(file).to_dict() for file in (files / 'student.py', written.config))
    assert {key: value for key, value in leaf.items() if key != 'model'} == {
        key: value for key, value in student.items() if key != 'model'}


def test_a_distillation_gets_another_teacher(files: Path, tmp_path: Path) -> None:
    config = distil(files, tmp_path, student='distillation.py').cfg
    assert config.filename == str(tmp_path / 'distillation_from_teacher.py')
    assert config.model.student.config == str(files / 'distillation.py')
    assert list(config.model.terms) == ['simulated_heatmap']


def test_options_of_the_teacher_are_in_the_written_config(files: Path, tmp_path: Path) -> None:
    written = write_distillation(
        files / 'student.py', files / 'teacher.py', work_dir=tmp_path, launcher='none',
        options={'model.teacher.dtype': 'bfloat16', 'model.teacher.head.deconv_out_channels': (8,),
                 'train_cfg.max_epochs': 1},
        teacher_checkpoint=files / 'teacher.pth')
    assert written.options == {'train_cfg.max_epochs': 1}
    first = written.config.read_text().splitlines()[0]
    assert first.endswith("--cfg-options model.teacher.dtype=bfloat16 'model.teacher.head.deconv_out_channels=(8,)'")
    teacher = Config.fromfile(written.config).model.teacher
    assert (teacher.dtype, teacher.head.to_dict()) == ('bfloat16', dict(deconv_out_channels=(8,)))


def test_the_folder_is_named_after_both_by_default(files: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = write_distillation(files / 'student.py', files / 'teacher.py', options={}, work_dir=None,
                                 launcher='none', teacher_checkpoint=files / 'teacher.pth')
    assert written.config == tmp_path / 'work_dirs' / 'student_from_teacher' / 'student_from_teacher.py'


def test_the_same_command_resumes(files: Path, tmp_path: Path) -> None:
    whole = distil(files, tmp_path / 'whole')
    distil(files, tmp_path / 'parts', options={'train_cfg.max_epochs': 1})
    resumed = distil(files, tmp_path / 'parts', resume=True)
    assert resumed.iter == whole.iter == 6
    found, expected = logged_losses(tmp_path / 'parts'), logged_losses(tmp_path / 'whole')
    assert found == pytest.approx({step: expected[step] for step in (4, 5, 6)}, rel=1e-6)


@pytest.mark.slow
def test_of_two_processes_the_first_writes_the_config(files: Path, tmp_path: Path) -> None:
    run_in_two_processes(_TWO_PROCESSES, tmp_path, files, tmp_path / 'work')
    assert len(logged_losses(tmp_path / 'work')) == 4
    assert (tmp_path / 'work' / 'student_from_teacher.py').is_file()


def test_a_folder_of_images_teaches_without_labels(files: Path, tmp_path: Path) -> None:
    runner = distil(files, tmp_path, images=files / 'data' / 'images', validate=False)
    assert type(runner.train_dataloader.dataset).__name__ == 'UnlabelledImages'
    assert runner.cfg.model.task_weight == 0.0
    losses = list(logged_losses(tmp_path).values())
    assert losses[-1] < losses[0]


def test_boxes_are_people_on_the_images(files: Path, tmp_path: Path) -> None:
    boxes = tmp_path / 'boxes.json'
    boxes.write_text('{"001.png": [[2, 2, 40, 60], [10, 10, 40, 60]]}')
    written = write_distillation(files / 'student.py', files / 'teacher.py', options={}, work_dir=tmp_path,
                                 launcher='none', teacher_checkpoint=files / 'teacher.pth', boxes=boxes,
                                 images=files / 'data' / 'images')
    dataset = Config.fromfile(written.config).train_dataloader.dataset
    assert (dataset.data_root, dataset.boxes) == (str(files / 'data' / 'images'), str(boxes))


def test_rtmpose_of_mmpose_learns_from_images_alone(files: Path, tmp_path: Path) -> None:
    runner = train(RTMPOSE, teacher=files / 'wide.py', teacher_checkpoint=files / 'wide.pth', work_dir=tmp_path,
                   seed=0, validate=False, images=files / 'data' / 'images', options={
                       'train_dataloader.batch_size': 4, 'train_dataloader.num_workers': 0,
                       'train_dataloader.persistent_workers': False, 'train_cfg.max_epochs': 1,
                       'default_hooks.logger.interval': 1, 'model.student.backbone.init_cfg': None})
    model = runner.cfg.model
    assert model.terms.to_dict() == dict(marginals=dict(type='HeatmapMarginalTerm', beta=10.0, weights='gt',
                                                        weight=1.0))
    switch = next(hook for hook in runner.cfg.custom_hooks if 'switch_pipeline' in hook)
    assert switch.switch_pipeline[-1] == runner.cfg.train_dataloader.dataset.pipeline[-1] == dict(
        type='PackMixedPoseInputs')
    assert len(logged_losses(tmp_path)) == 3


def test_a_heatmap_recipe_of_mmpose_learns_from_labels_and_heatmaps(files: Path, tmp_path: Path) -> None:
    data = {f'train_dataloader.{key}': value for key, value in {
        'batch_size': 4, 'num_workers': 0, 'persistent_workers': False, 'dataset.data_root': f'{files}/data/',
        'dataset.ann_file': 'annotations/people.json', 'dataset.data_prefix.img': 'images/'}.items()}
    runner = train(HEATMAPS, teacher=files / 'wide.py', teacher_checkpoint=files / 'wide.pth', work_dir=tmp_path,
                   seed=0, validate=False, options={**data, 'train_cfg.max_epochs': 1, 'default_hooks.logger.interval':
                                                    1, 'model.student.backbone.init_cfg': None})
    assert (runner.cfg.model.task_weight, list(runner.cfg.model.terms)) == (0.5, ['heatmaps'])
    assert len(logged_losses(tmp_path)) == 3


@pytest.mark.parametrize('teacher', ['MSRAHeatmap', 'UDPHeatmap'])
@pytest.mark.parametrize(('recipe', 'small'), [
    ('td-hm_ViTPose-small_8xb64-210e_coco-256x192', {
        'backbone.arch': dict(embed_dims=24, num_layers=2, num_heads=4, feedforward_channels=48),
        'head.in_channels': 24, 'head.deconv_out_channels': (8, 8)}),
    ('td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192', {
        'backbone.extra': dict(
            stage1=dict(num_blocks=(1,), num_channels=(4,)),
            stage2=dict(num_blocks=(1, 1), num_channels=(4, 8)),
            stage3=dict(num_modules=1, num_blocks=(1, 1, 1), num_channels=(4, 8, 16)),
            stage4=dict(num_modules=1, num_blocks=(1, 1, 1, 1), num_channels=(4, 8, 16, 32))),
        'head.in_channels': 4})])
def test_recipes_of_mmpose_with_udp_learn_from_heatmaps(files: Path, tmp_path: Path, recipe: str,
                                                        small: dict[str, Any], teacher: str) -> None:
    data = {f'train_dataloader.{key}': value for key, value in {
        'batch_size': 4, 'num_workers': 0, 'persistent_workers': False, 'dataset.data_root': f'{files}/data/',
        'dataset.ann_file': 'annotations/people.json', 'dataset.data_prefix.img': 'images/'}.items()}
    student = {f'model.student.{key}': value for key, value in {**small, 'backbone.init_cfg': None}.items()}
    runner = train(f'mmpose::body_2d_keypoint/topdown_heatmap/coco/{recipe}.py', teacher=files / 'wide.py',
                   teacher_checkpoint=files / 'wide.pth', work_dir=tmp_path, seed=0, validate=False,
                   options={**data, **student, 'train_cfg.max_epochs': 1, 'default_hooks.logger.interval': 1,
                            'model.teacher.head.decoder.type': teacher})
    assert (runner.cfg.model.task_weight, list(runner.cfg.model.terms)) == (0.5, ['heatmaps'])
    assert runner.model.grids.student.kind == 'udp'
    assert (runner.model.grids.target == runner.model.grids.student) == (teacher == 'UDPHeatmap')
    assert len(logged_losses(tmp_path)) == 3


@pytest.fixture(scope='module')
def thunder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of MoveNet's name and form, with random weights."""
    pytest.importorskip('onnxruntime')
    return write_heatmaps(tmp_path_factory.mktemp('onnx') / 'movenet_thunder.onnx', size=(256, 256))


def test_an_onnx_file_of_a_preset_teaches_by_its_name_alone(files: Path, tmp_path: Path, thunder: Path) -> None:
    runner = train(files / 'student.py', teacher=thunder, work_dir=tmp_path, seed=0, validate=False)
    teacher = runner.model.teacher
    assert runner.cfg.model.teacher == dict(type='OnnxTeacher', file=str(thunder), preset='movenet-thunder')
    assert (teacher.input.size, teacher.input.mean, teacher.input.rgb) == ((256, 256), (127.5,) * 3, True)
    assert len(logged_losses(tmp_path)) == 6


def test_a_preset_is_fetched_and_teaches(files: Path, tmp_path: Path, thunder: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, 'project_path', lambda path: tmp_path / path)
    with serve({'thunder.onnx': thunder.read_bytes()}) as served:
        monkeypatch.setitem(PRESETS, 'movenet-thunder', dataclasses.replace(
            PRESETS['movenet-thunder'], url=f'{served.url}thunder.onnx', sha256=sha256_of(thunder)))
        for work_dir in ('first', 'second'):
            written = write_distillation(files / 'student.py', 'movenet-thunder', options={}, launcher='none',
                                         work_dir=tmp_path / work_dir)
    assert served.asked == ['thunder.onnx'] and written.config.name == 'student_from_movenet_thunder.py'
    fetched = tmp_path / 'teacher_chkpts' / 'movenet_thunder.onnx'
    runner = train(written.config, work_dir=tmp_path / 'work', seed=0, validate=False)
    assert runner.cfg.model.teacher == dict(type='OnnxTeacher', file=str(fetched), preset='movenet-thunder')
    assert runner.model.teacher.loaded_digest == sha256_of(thunder)


def test_the_keypoints_of_a_preset_are_matched_by_name_where_the_students_are_others(
        files: Path, tmp_path: Path, thunder: Path) -> None:
    mpii = 'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_mobilenetv2_8xb64-210e_mpii-256x256.py'
    for student, keypoints in ((mpii, 'auto'), (files / 'student.py', None)):
        written = write_distillation(student, thunder, options={}, work_dir=tmp_path, launcher='none')
        assert Config.fromfile(written.config).model.teacher.get('keypoints') == keypoints


def test_a_whole_body_classifier_teaches_a_student_of_17_joints(files: Path, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    network = Shows(lambda maps: (maps.flatten(2)[..., :1] * torch.arange(96.0),
                                  maps.flatten(2)[..., 1:2] * torch.arange(128.0)), channels=133)
    file = export(network, tmp_path / 'wholebody.onnx', outputs=['simcc_x', 'simcc_y'])
    options = {f'model.teacher.{key}': value for key, value in {
        'input': dict(mean=127.5, std=127.5, channel_order='rgb'), 'outputs.beta': 10.0,
        'keypoints': 'wholebody'}.items()}
    runner = train(files / 'student.py', teacher=file, work_dir=tmp_path / 'w', seed=0, validate=False, options=options)
    assert runner.cfg.model.teacher.heatmaps == dict(size=(12, 16), sigma=2.0)
    assert runner.model.keypoint_map.partners == tuple((index,) for index in range(17))
    assert len(logged_losses(tmp_path / 'w')) == 6


def test_a_square_classifier_draws_heatmaps_for_an_upright_student(files: Path, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    network = Shows(lambda maps: (maps.flatten(2)[..., :1] * torch.arange(128.0),
                                  maps.flatten(2)[..., 1:2] * torch.arange(128.0)))
    file = export(network, tmp_path / 'square.onnx', outputs=['simcc_x', 'simcc_y'], size=(64, 64))
    options = {'model.teacher.input': dict(mean=127.5, std=127.5, channel_order='rgb'),
               'model.teacher.outputs.beta': 10.0}
    runner = train(files / 'student.py', teacher=file, work_dir=tmp_path / 'w', seed=0, validate=False, options=options)
    assert runner.cfg.model.teacher.heatmaps == dict(size=(16, 16), sigma=2.0)
    assert runner.model.own_crop is not None and len(logged_losses(tmp_path / 'w')) == 6


@pytest.mark.parametrize(('name', 'size', 'keypoints', 'sentence'), [
    ('movenet_lightning.onnx', (256, 256), 17, '192x192'),
    ('movenet_thunder.onnx', (256, 256), 14, '17')])
def test_a_file_of_a_presets_name_with_another_graph_is_refused(
        files: Path, tmp_path: Path, name: str, size: tuple[int, int], keypoints: int, sentence: str) -> None:
    pytest.importorskip('onnxruntime')
    file = write_heatmaps(tmp_path / name, size=size, keypoints=keypoints)
    with pytest.raises(DistilPoseError, match=f'{name} is not the network of the preset .*, which it was taken for; '
                       f'if it is another one, rename it and describe it. .*{sentence}'):
        train(files / 'student.py', teacher=file, work_dir=tmp_path / 'w')
    assert not (tmp_path / 'w').exists()


def test_a_cut_file_of_a_preset_is_not_taken_for_another_network(files: Path, tmp_path: Path, thunder: Path) -> None:
    file = tmp_path / thunder.name
    file.write_bytes(thunder.read_bytes()[:-50])
    with pytest.raises(DistilPoseError, match=r'^\S+ is no ONNX graph, or it is cut short .*get it again$'):
        train(files / 'student.py', teacher=file, work_dir=tmp_path / 'w')


def test_another_onnx_file_says_what_to_add_and_the_command_adds_it(files: Path, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    file = write_heatmaps(tmp_path / 'mine.onnx')
    with pytest.raises(DistilPoseError, match=r'model\.teacher\.input\.mean'):
        train(files / 'student.py', teacher=file, work_dir=tmp_path / 'w')
    options = {'model.teacher.input.mean': 127.5, 'model.teacher.input.std': 127.5,
               'model.teacher.input.channel_order': 'rgb', 'model.teacher.outputs.grid': 'i/n'}
    written = write_distillation(files / 'student.py', file, options=options, work_dir=tmp_path, launcher='none')
    assert Config.fromfile(written.config).model.teacher.input == dict(mean=127.5, std=127.5, channel_order='rgb')


@pytest.mark.parametrize(('options', 'sentence'), [
    (dict(method='fpd'), 'which --method fpd does not fit'),
    (dict(method='fdp'), "no method 'fdp'; expected one of auto"),
    (dict(boxes='boxes.json'), '--boxes boxes.json are people on the images of --images, which is missing'),
    (dict(images='nowhere'), 'there is no --images nowhere; name a folder of images'),
    (dict(images=''), 'there is no --images without a name'),
    (dict(images='data/annotations'), 'annotations has no images'),
    (dict(images='data', boxes='data'), 'there is no --boxes data; name a JSON file'),
    (dict(images='data', boxes='student.py'), 'student.py is not JSON: .*UnlabelledImages names it'),
    (dict(images='data', boxes='nowhere.json'), 'there is no --boxes nowhere.json; name a JSON file')])
def test_what_does_not_fit_is_a_sentence_and_leaves_no_folder(files: Path, tmp_path: Path, options: dict[str, str],
                                                              sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(DistilPoseError, match=sentence):
        distil(files, tmp_path / 'work', **options)
    assert not (tmp_path / 'work').exists()


@pytest.mark.parametrize(('options', 'sentence'), [
    ({'model.teacher': 5}, 'both name a teacher; leave one of them out'),
    ({'model.head.num_joints': 17}, r'is of the student, .*; write model\.student\.head\.num_joints'),
    ({'modle.task_weight': 1}, "nothing reads 'modle'"),
    ({'model.teacher.keypoints': 'cocoo'}, "'cocoo', which is no known set"),
    ({'model.teacher.keypoints': 'mpii'}, 'is for a teacher of 16 keypoints, and this one predicts 17'),
    ({'model.teacher.crop': 'mine'}, r"model\.teacher\.crop is 'mine'; expected one of student, own"),
    ({'model.teacher.crp': 'own'}, "key 'crp', .*did you mean 'crop'"),
    ({'model.teacher.config.x': 5}, 'does not fit the config')])
def test_options_that_do_not_fit_leave_no_folder(files: Path, tmp_path: Path, options: dict[str, Any],
                                                 sentence: str) -> None:
    with pytest.raises(DistilPoseError, match=sentence):
        distil(files, tmp_path / 'work', options=options)
    assert not (tmp_path / 'work').exists()


def test_a_config_in_memory_cannot_be_the_base_of_a_file(files: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='name the latter by its path'):
        train(read_config(files / 'student.py'), teacher=files / 'teacher.py', work_dir=tmp_path)


def test_options_of_a_distillation_need_a_teacher(files: Path, tmp_path: Path) -> None:
    for options in (dict(method='fpd'), dict(images='data'), dict(teacher_checkpoint='teacher.pth')):
        with pytest.raises(DistilPoseError, match='no teacher is named; add --teacher'):
            train(files / 'student.py', work_dir=tmp_path, **options)


def test_images_need_a_pipeline(files: Path, tmp_path: Path) -> None:
    student = tmp_path / 'combined.py'
    student.write_text(f"_base_ = {str(files / 'student.py')!r}\n"
                       "train_dataloader = dict(dataset=dict(_delete_=True, type='CombinedDataset', datasets=[]))\n")
    with pytest.raises(DistilPoseError, match='its CombinedDataset has none; write a config with'):
        train(student, teacher=files / 'teacher.py', teacher_checkpoint=files / 'teacher.pth', work_dir=tmp_path / 'w',
              images=PROJECT)


def test_start_weights_that_cannot_be_downloaded_are_a_sentence(files: Path, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    url = 'http://127.0.0.1:9/start.pth'
    with pytest.raises(DistilPoseError, match=rf'{url} cannot be downloaded .*refused; named by '
                       r'model\.student\.init_cfg\.checkpoint.*put it at .*torch/hub/checkpoints/start\.pth, or start '
                       r'from random weights with --cfg-options model\.student\.init_cfg=None'):
        distil(files, tmp_path / 'w', options={'model.student.init_cfg': dict(type='Pretrained', checkpoint=url)})


def test_bones_are_those_of_the_students_data(files: Path, tmp_path: Path) -> None:
    """By the name of a known set of keypoints, or as pairs of a definition of its own."""
    own = tmp_path / 'own.py'
    keypoints = {index: dict(name=f'point_{index}', id=index, color=[0, 0, 0], type='', swap='') for index in range(17)}
    bones = {index: dict(link=(f'point_{index}', f'point_{index + 1}'), id=index, color=[0, 0, 0]) for index in (0, 1)}
    metainfo = dict(dataset_name='own', keypoint_info=keypoints, skeleton_info=bones, joint_weights=[1.0] * 17,
                    sigmas=[0.1] * 17)
    own.write_text(f'_base_ = {str(files / "student.py")!r}\nmodel = dict(metainfo={metainfo!r})\n')
    for student, expected in ((files / 'student.py', 'coco'), (own, ((0, 1), (1, 2)))):
        assert leaf_config.probe_student(read_config(student), str(student))[0].skeleton == expected
