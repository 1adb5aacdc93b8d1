"""All that makes a training faster, by one word."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from distilpose.checkpoints import load_file
from distilpose.config import PROJECT_ROOT, read_config
from distilpose.config.data import with_fast_data
from distilpose.engine import train
from distilpose.engine.fast_training import describe_fast_training, use_fast_training
from distilpose.engine.launch import load_and_change
from distilpose.errors import DistilPoseError
from distilpose.models import fast_settings
from distilpose_cli import command

from . import tiny

BODY = 'configs/body/2d_kpt_sview_rgb_img'
S = f'{BODY}/distilpose/coco/DistilPose_S_coco_256x192.py'
DWPOSE = 'configs/wholebody_2d_keypoint/dwpose/ubody/s1_dis/dwpose_l_dis_m_coco-ubody-256x192.py'
FAST_LEAVES = sorted(str(path.relative_to(PROJECT_ROOT)) for path in (PROJECT_ROOT / 'configs').rglob('*_fast_*.py'))


@pytest.fixture(params=[True, False], ids=['bfloat16', 'float32'])
def is_fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the machine multiplies bfloat16 fast."""
    monkeypatch.setattr(fast_settings, 'has_fast_bfloat16', lambda device_type: request.param)
    return request.param


def small(**options: object) -> Config:
    return Config(dict(model=dict(type='TopdownPoseEstimator'), optim_wrapper=dict(optimizer=dict(type='Adam', lr=1.)),
                       **options))


def test_words_are_those_of_the_command_line() -> None:
    assert command.FAST == fast_settings.FAST


def test_auto_follows_the_machine(is_fast: bool) -> None:
    cfg = read_config(S)
    use_fast_training(cfg, 'auto', device_type='cpu')
    assert cfg.optim_wrapper.get('dtype') == ('bfloat16' if is_fast else None)
    assert cfg.model.teacher.get('dtype') == ('bfloat16' if is_fast else None)
    assert cfg.optim_wrapper.optimizer.fused and cfg.default_hooks.layout.type == 'ChannelsLastHook'
    line, = describe_fast_training(cfg)
    precision = 'forward pass in bfloat16, teacher in bfloat16' if is_fast else 'float32'
    assert line == (f'Fast training (auto): {precision}, convolutions channels-last, fused Adam, images decoded at the '
                    'crop.')


@pytest.mark.parametrize(('kind', 'dtype'), [('MovingAverageTeacher', 'bfloat16'), ('OnnxTeacher', None)])
def test_a_moving_average_predicts_in_the_same_type(kind: str, dtype: str | None) -> None:
    cfg = small()
    cfg.model = dict(type='PoseDistiller', teacher=dict(type=kind))
    use_fast_training(cfg, 'bfloat16', device_type='cpu')
    assert cfg.model.teacher.get('dtype') == dtype


def test_data_are_those_of_the_function_for_config_files() -> None:
    base, cfg = read_config(S), read_config(S)
    use_fast_training(cfg, 'float32')
    for name, change in zip(('train', 'val', 'test'), with_fast_data(base)[2:], strict=True):
        base.merge_from_dict({f'{name}_dataloader': change})
        assert cfg[f'{name}_dataloader'] == base[f'{name}_dataloader']


@pytest.mark.parametrize('path', FAST_LEAVES)
def test_leaves_are_the_plain_recipe_with_the_option(path: str) -> None:
    plain, _ = load_and_change(path.replace('_fast_', '_'), fast='auto')
    fast, _ = load_and_change(path)
    assert fast.to_dict() == plain.to_dict() and describe_fast_training(fast)
    assert load_and_change(path, fast='off')[0].to_dict() == dict(
        load_and_change(path.replace('_fast_', '_'))[0].to_dict(), fast='off')


def test_switched_pipelines_change_too() -> None:
    cfg = read_config(DWPOSE)
    use_fast_training(cfg, 'float32')
    switched = next(hook for hook in cfg.custom_hooks if 'switch_pipeline' in hook).switch_pipeline
    for pipeline in (cfg.train_dataloader.dataset.pipeline, switched):
        kinds = [step['type'] for step in pipeline]
        assert 'LoadImage' not in kinds and 'DecodingTopdownAffine' in kinds and kinds[-1] == 'PackTrainingInputs'


def test_combined_datasets_without_a_pipeline_are_light_weight() -> None:
    steps = [dict(type=kind) for kind in ('LoadImage', 'TopdownAffine', 'PackMixedPoseInputs')]
    parts = [dict(type='CocoDataset', pipeline=[]), dict(type='CocoDataset', pipeline=[dict(type='LoadImage')]),
             dict(type='UnlabelledImages', images='images/')]
    cfg = small(train_dataloader=dict(dataset=dict(type='CombinedDataset', datasets=parts, pipeline=steps)))
    use_fast_training(cfg, 'float32')
    assert [part.type for part in cfg.train_dataloader.dataset.datasets] == [
        'QuickCocoDataset', 'CocoDataset', 'UnlabelledImages']


def test_twice_is_once() -> None:
    once = read_config(S)
    use_fast_training(once, 'bfloat16')
    twice = Config(once.to_dict())
    use_fast_training(twice)
    assert twice.to_dict() == once.to_dict()


def test_what_the_config_sets_stays() -> None:
    cfg = read_config(S)
    cfg.merge_from_dict({'optim_wrapper.optimizer.fused': False, 'model.teacher.dtype': None})
    use_fast_training(cfg, 'bfloat16')
    assert cfg.optim_wrapper.optimizer.fused is False and cfg.model.teacher.dtype is None
    assert cfg.optim_wrapper.dtype == 'bfloat16'


@pytest.mark.parametrize(('word', 'wrapper'), [
    ('bfloat16', dict(type='AutocastOptimWrapper', dtype='bfloat16')), ('float32', dict(type='OptimWrapper')),
    ('auto', dict(type='AutocastOptimWrapper', dtype='auto'))])
def test_auto_of_a_config_is_what_the_word_says(word: str, wrapper: dict) -> None:
    cfg = small()
    cfg.optim_wrapper.update(type='AutocastOptimWrapper', dtype='auto')
    use_fast_training(cfg, word, device_type='cpu')
    assert {key: value for key, value in cfg.optim_wrapper.items() if key != 'optimizer'} == wrapper


def test_a_step_that_may_need_the_image_keeps_its_pipeline() -> None:
    steps = [dict(type=kind) for kind in ('LoadImage', 'PhotoMetricDistortion', 'TopdownAffine', 'PackPoseInputs')]
    cfg = small(train_dataloader=dict(dataset=dict(type='CocoDataset', pipeline=steps)))
    use_fast_training(cfg, 'float32')
    assert cfg.train_dataloader.to_dict() == dict(dataset=dict(type='CocoDataset', pipeline=steps))
    assert 'Data pipelines stay as they are: PhotoMetricDistortion in a pipeline' in describe_fast_training(cfg)[0]


@pytest.mark.parametrize(('options', 'word', 'message'), [
    ({}, 'float16', 'float16 trains on CUDA devices only'),
    ({}, 'int8', "fast is 'int8'; expected one of auto, off"),
    ({'type': 'ApexOptimWrapper'}, 'bfloat16', '--fast bfloat16 does not go together with .*ApexOptimWrapper'),
    ({'type': 'AutocastOptimWrapper', 'dtype': 'float16'}, 'bfloat16', "optim_wrapper.dtype='float16' name two types"),
])
def test_contradictions_are_sentences(options: dict, word: str, message: str) -> None:
    cfg = small()
    cfg.optim_wrapper.update(options)
    with pytest.raises(DistilPoseError, match=message):
        use_fast_training(cfg, word, device_type='cpu')


def test_a_run_goes_on_with_and_without_it(tmp_path: Path, tiny_data: Path) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    runner = train(config, work_dir=tmp_path / 'run', validate=False, fast='bfloat16',
                   options={'train_cfg.max_epochs': 1})
    assert 'Fast training (bfloat16): forward pass in bfloat16' in Path(runner.logger.log_file).read_text()
    first = load_file(tmp_path / 'run' / 'epoch_1.pth')
    for fast in ('bfloat16', None):
        runner = train(config, work_dir=tmp_path / f'{fast}', validate=False, fast=fast,
                       resume=str(tmp_path / 'run' / 'epoch_1.pth'))
        log = Path(runner.logger.log_file).read_text()
        assert ("fast 'bfloat16' -> 'off'; model.teacher.dtype 'bfloat16' -> absent" in log) == (fast is None)
        assert 'pipeline' not in log.partition('Resuming with changes')[2].partition('\n')[0]
        last = load_file(tmp_path / f'{fast}' / 'epoch_2.pth')
        assert last['state_dict'].keys() == first['state_dict'].keys()
