"""Changing configs from the command line."""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from distilpose.config import PROJECT_ROOT, merge_options, parse_value, read_config, set_data_root
from distilpose.config.option_names import check_names
from distilpose.errors import DistilPoseError

DISTILPOSE = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'


def config(**kwargs: Any) -> Config:
    return Config(dict(model=dict(type='A', head=dict(depth=2)), data_root='/old/coco/', codec=dict(sigma=2), **kwargs))


@pytest.mark.parametrize(('text', 'value'), [
    ('1', 1), ('None', None), ('(1,2)', (1, 2)), ('[x,y]', ['x', 'y']), ('my folder/x', 'my folder/x'), ('True', True),
    ('a=b', 'a=b')])
def test_values_are_read_like_python_and_keep_spaces(text: str, value: Any) -> None:
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


@pytest.mark.parametrize('text', ["[dict(type='X',a=1)]", 'dict(a=1,b=2)'])
def test_dictionaries_are_refused(text: str) -> None:
    with pytest.raises(DistilPoseError, match='is no list of plain values; .* Write dictionaries into a config file'):
        parse_value(text)


def test_unbalanced_brackets_are_refused() -> None:
    with pytest.raises(DistilPoseError, match='unbalanced'):
        parse_value('[1,(2]')


def test_known_options_change_silently() -> None:
    cfg = config(train_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadImage'), dict(type='Flip', prob=0.5)])))
    assert merge_options(cfg, {'model.head.depth': 6, 'train_dataloader.dataset.pipeline.1.prob': 0.1}) == []
    assert cfg.model.head.depth == 6
    assert cfg.train_dataloader.dataset.pipeline[1].prob == 0.1


REFUSED = [
    ('optim_wraper.optimizer.lr', "nothing reads 'optim_wraper' .did you mean 'optim_wrapper'"),
    ('randomnes.seed', "did you mean 'randomness'"),
    ('anything', "nothing reads 'anything'. To add it nevertheless, write .anything="),
    ('env_cfg.cudnn_benchmrk', "did you mean 'cudnn_benchmark'"),
    ('env_cfg.mp_cfg.threads', 'env_cfg.mp_cfg has no .* takes mp_start_method, opencv_num_threads'),
    ('train_cfg.max_epoch', "did you mean 'max_epochs'"),
    ('train_dataloader.batchsize', "did you mean 'batch_size'"),
    ('train_dataloader.dataset.indxes', "CocoDataset has no .*did you mean 'indices'"),
    ('train_dataloader.sampler.shufle', "DefaultSampler has no .*did you mean 'shuffle'"),
    ('train_dataloader.dataset.pipeline.0.foo', 'LoadImage has no .* takes to_float32'),
    ('optim_wrapper.optimizer.learning_rate', 'Adam has no .* takes params, lr'),
    ('optim_wrapper.clip_grad.maxnorm', "did you mean 'max_norm'"),
    ('param_scheduler.0.gama', "LinearLR has no 'gama'"),
    ('val_evaluator.foo', 'CocoMetric has no'),
    ('default_hooks.checkpiont.interval', "did you mean 'checkpoint'"),
    ('default_hooks.mine.interval', 'default_hooks.mine.type='),
    ('model.terms.tokens.weight', "model.terms has no 'tokens'"),
    ('model.hed.depth', 'PoseDistiller has no .* takes student, teacher'),
    ('model.student.head.dept', "DistilPoseHead has no 'dept'"),
    ('model.student.test_cfg.flip_tset', "did you mean 'flip_test'"),
    ('model.teacher.head.dept', "TokenPoseHead has no 'dept'"),
    ('train_pipeline.0.type', 'has no effect: train_pipeline .* used: train_dataloader.dataset.pipeline.0.type'),
    ('codec.sigma', 'has no effect: codec .*pipeline.7.encoder.sigma, model.student.head.decoder.sigma'),
    ('dataset_type', 'has no effect.*train_dataloader.dataset.type'),
]


@pytest.mark.parametrize(('key', 'words'), REFUSED)
def test_names_that_nothing_reads_are_refused(key: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=rf'^--cfg-options {re.escape(key)} .*{words}'):
        merge_options(read_config(DISTILPOSE), {key: 3})


@pytest.mark.parametrize('options', [
    {'optim_wrapper.clip_grad.max_norm': 1, 'optim_wrapper.dtype': 'float16', 'optim_wrapper.accumulative_counts': 2},
    {'optim_wrapper.optimizer.fused': True, 'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult': 0.1},
    {'default_hooks.layout.type': 'ChannelsLastHook', 'default_hooks.visualization': None},
    {'default_hooks.stop.type': 'EarlyStoppingHook', 'default_hooks.stop.monitor': 'AP'},
    {'train_dataloader.dataset.indices': 8, 'train_dataloader.prefetch_factor': 4, 'train_dataloader.sampler.seed': 1},
    {'randomness.deterministic': True, 'env_cfg.dist_cfg.timeout': 60, 'compile': True, 'find_unused_parameters': True},
    {'param_scheduler.0.verbose': True, 'train_cfg.val_begin': 3, 'val_evaluator.nms_thr': 0.8, 'visualizer.alpha': 1},
    {'model.teacher.dtype': 'bfloat16', 'model.teacher.compile': 'reduce-overhead', 'model.terms.score': None},
    {'model.teacher.keypoints': 'auto', 'model.terms.score.certainty': 0.2},
    {'model.teacher.keypoints.left_hip': 'left_hip', 'model.teacher.head.hidden_dim': 2},
    {'model.student.test_cfg.shift_coords': False, 'model.student.head.loss.loss_weight': 2.0},
    {'model.student.head._delete_': True, 'custom_hooks': None, 'auto_scale_lr': None},
])
def test_new_names_that_something_reads_are_taken(options: dict[str, Any]) -> None:
    cfg = read_config(DISTILPOSE)
    assert merge_options(cfg, options) == []
    for key, value in options.items():
        if '_delete_' not in key:
            assert functools.reduce(lambda node, part: node[int(part) if part.isdigit() else part], key.split('.'), cfg
                                    ) == value


def test_how_a_student_learns_is_an_option_of_any_teacher() -> None:
    teacher = dict(type='OnnxTeacher', file='a.onnx')
    cfg = Config(dict(model=dict(type='PoseDistiller', student={}, teacher=teacher, terms={})))
    assert merge_options(cfg, {'model.teacher.keypoints': 'coco', 'model.teacher.crop': 'own'}) == []
    with pytest.raises(DistilPoseError, match="OnnxTeacher has no 'keypoint'"):
        merge_options(cfg, {'model.teacher.keypoint': 'coco'})


TOKENPOSE = 'configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/tokenpose_s_v1_coco_256x192.py'


def several_teachers() -> Config:
    """A distillation with an estimator and an ONNX file as teachers."""
    cfg = read_config(DISTILPOSE)
    cfg.model.pop('teacher')
    cfg.model.teachers = dict(
        body=dict(config=TOKENPOSE, checkpoint='a.pth', terms=dict(score=dict(type='ScoreTerm'))),
        hands=dict(type='OnnxTeacher', file='a.onnx', weight=0.5))
    return cfg


@pytest.mark.parametrize('options', [
    {'model.teachers.body.weight': 0.5, 'model.teachers.hands.weight': 0.25, 'model.combine': 'expert'},
    {'model.teachers.body.joints': 'body', 'model.teachers.hands.joints': ['hands'],
     'model.teachers.hands.crop': 'own'},
    {'model.teachers.body.schedule': 'warmup', 'model.teachers.hands.schedule.type': 'window',
     'model.teachers.hands.by_epoch': True},
    {'model.teachers.body.terms.score.weight': 0.1, 'model.teachers.body.head.hidden_dim': 2},
    {'model.teachers.hands.terms.tokens.type': 'TokenTerm', 'model.teachers.body.terms.score': None},
    {'model.teachers.hands': None, 'model.teachers.body.keypoints.left_hip': 'left_hip'},
    {'model.teachers.face.config': str(PROJECT_ROOT / TOKENPOSE), 'model.teachers.face.checkpoint': 'b.pth'},
])
def test_options_of_several_teachers_are_taken(options: dict[str, Any]) -> None:
    cfg = several_teachers()
    assert merge_options(cfg, options) == []
    for key, value in options.items():
        assert functools.reduce(lambda node, part: node[part], key.split('.'), cfg) == value


@pytest.mark.parametrize(('key', 'words'), [
    ('model.teachers.bdy.weight', "model.teachers has no 'bdy' .did you mean 'body'"),
    ('model.teachers.feet.weight', "model.teachers has no 'feet', only 'body', 'hands'.* model.teachers.feet.config"),
    ('model.teachers.hands.joint', "OnnxTeacher has no 'joint' .did you mean 'joints'"),
    ('model.teachers.body.head.dept', "TokenPoseHead has no 'dept'"),
    ('model.teachers.body.terms.scor.weight', "model.teachers.body.terms has no 'scor' .did you mean 'score'"),
    ('model.teachers.body.terms.score.indx', "ScoreTerm has no 'indx' .did you mean 'index'"),
    ('model.teachers.hands.terms.score.weight', "model.teachers.hands.terms has no 'score'"),
    ('model.combin', "PoseDistiller has no 'combin' .did you mean 'combine'"),
])
def test_misspelt_options_of_several_teachers_are_named(key: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=rf'^--cfg-options {re.escape(key)} .*{words}'):
        merge_options(several_teachers(), {key: 3})


@pytest.mark.parametrize(('changes', 'words'), [
    (dict(type='ScoreTrem'), "model.teachers.body.terms.score.type is 'ScoreTrem'"),
    (dict(type='ScoreTerm', wieght=1), "model.teachers.body.terms.score has a key 'wieght' .*did you mean 'weight'")])
def test_terms_of_a_teacher_are_checked_as_those_of_the_model(changes: dict[str, Any], words: str) -> None:
    cfg = several_teachers()
    check_names(cfg)
    cfg.model.teachers.body.terms = dict(score=changes)
    with pytest.raises(DistilPoseError, match=words):
        check_names(cfg)


def test_a_plus_adds_what_nothing_reads() -> None:
    cfg = read_config(DISTILPOSE)
    notes = merge_options(cfg, {'+mine.depth': 3, '+model.student.head.mine': 4})
    assert len(notes) == 2 and 'without a check' in notes[0]
    assert cfg.mine.depth == 3 and cfg.model.student.head.mine == 4


@pytest.mark.parametrize('key', ['model.type.name', 'steps.7.lr', 'steps.first.lr'])
def test_options_that_do_not_fit_are_refused(key: str) -> None:
    with pytest.raises(DistilPoseError, match='does not fit the config'):
        merge_options(config(steps=[dict(lr=1)]), {key: 1})


def test_files_that_options_name_are_found_from_the_current_directory(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'teacher.pth').touch()
    monkeypatch.chdir(tmp_path)
    cfg = config()
    merge_options(cfg, {'+model.checkpoint': 'teacher.pth', 'load_from': 'elsewhere.pth'})
    assert cfg.model.checkpoint == str(tmp_path / 'teacher.pth')
    assert cfg.load_from == 'elsewhere.pth'


def test_data_root_moves_every_path_below_it() -> None:
    cfg = config(
        train_dataloader=dict(dataset=dict(data_root='/old/coco/', ann_file='annotations/a.json')),
        val_dataloader=dict(dataset=dict(bbox_file='/old/coco/boxes.json', other='/old/coco2/x')),
        val_evaluator=[dict(ann_file='/old/coco/annotations/b.json')])
    set_data_root(cfg, '/new/place/')
    assert cfg.data_root == '/new/place/'
    assert cfg.train_dataloader.dataset.to_dict() == dict(data_root='/new/place/', ann_file='annotations/a.json')
    assert cfg.val_dataloader.dataset.bbox_file == '/new/place/boxes.json'
    assert cfg.val_dataloader.dataset.other == '/old/coco2/x'
    assert cfg.val_evaluator[0].ann_file == '/new/place/annotations/b.json'


def test_data_root_is_taken_from_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cfg = config()
    set_data_root(cfg, 'coco')
    assert cfg.data_root == f'{tmp_path}/coco/'


def test_data_root_of_a_config_without_one_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='no top-level data_root'):
        set_data_root(Config(dict(model=dict())), '/new')


def test_a_data_root_that_is_a_number_is_refused() -> None:
    with pytest.raises(DistilPoseError, match='data_root=3 is no folder; expected its path'):
        set_data_root(config(), 3)  # type: ignore[arg-type]


def test_every_path_of_a_published_config_moves() -> None:
    cfg = read_config(DISTILPOSE)
    set_data_root(cfg, '/new')
    assert str(PROJECT_ROOT / 'data') not in cfg.dump()


@pytest.mark.parametrize(('options', 'is_taken'), [
    ({'default_hooks.mine': None}, True), ({'default_hooks.mine.min_delta': 1}, True),
    ({'default_hooks.mine.min_delt': 1}, False), ({'default_hooks.mne': None}, False),
    ({'default_hooks.checkpoint.interval': 1}, True), ({'default_hooks.checkpoint.minutes': 1}, True),
    ({'default_hooks.checkpoint.minute': 1}, False), ({'default_hooks.checkpoint.foo': 1}, False),
    ({'default_hooks.ema.momentum': 0.1}, True), ({'default_hooks.ema.momentums': 0.1}, False)])
def test_hooks_that_every_training_gets_may_be_named(options: dict[str, Any], is_taken: bool) -> None:
    """Also an argument of the hook that takes the place of the one that the config names."""
    cfg = config(default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=2), ema=dict(type='EMAHook')))
    hooks = dict(mine=dict(type='EarlyStoppingHook'), checkpoint=dict(type='SafeCheckpointHook', interval=1))
    with contextlib.nullcontext() if is_taken else pytest.raises(DistilPoseError, match='would have no effect'):
        merge_options(cfg, options, hooks=hooks)
