"""Resuming: nothing to resume from, what changed since the checkpoint, and trainings that are finished."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from distilpose.checkpoints import CheckpointMismatch, load_file
from distilpose.engine import train
from distilpose.engine.hooks import resume_facts
from distilpose.engine.resuming import describe_end, read_allowed
from distilpose.errors import DistilPoseError
from tests.engine import tiny

SCHEDULES = """
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4),
                   dict(type='CosineAnnealingLR', by_epoch=False, T_max=9, eta_min=1e-3),
                   dict(type='MultiStepLR', by_epoch=True, milestones=[2])]
default_hooks.update(logger=dict(type='LoggerHook', interval=1))
log_processor = dict(window_size=1)
"""
LENGTH = tiny.NUM_IMAGES // 4


def read_log(runner: Runner) -> str:
    return Path(runner.logger.log_file).read_text()


def logged(work_dir: Path, name: str) -> dict[int, float]:
    lines = [json.loads(line) for line in next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    return {line['step']: line[name] for line in lines if name in line}


@pytest.fixture(scope='module')
def trained(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config and beside it the work directory ``run`` of its two epochs."""
    folder = tmp_path_factory.mktemp('trained')
    config = tiny.write_config(folder / 'config.py', tiny_data, extra=SCHEDULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
        train(config, work_dir=folder / 'run', validate=False)
    return config


@pytest.fixture
def resume(trained: Path, tmp_path: Path) -> Callable[..., Runner]:
    """Goes on from the first epoch in a folder of its own, by default to the end of the second."""
    def run(options: dict[str, object] | None = None, **more: object) -> Runner:
        return train(trained, work_dir=tmp_path / 'resumed', validate=False, options=options,
                     **{'resume': str(trained.parent / 'run' / 'epoch_1.pth'), **more})

    return run


@pytest.mark.parametrize('resume', [True, 'last', None])
def test_nothing_to_resume_from_is_an_error(make_config: Callable[..., Path], tmp_path: Path,
                                            resume: bool | str | None) -> None:
    config = make_config(extra='' if resume else 'resume = True\n')
    with pytest.raises(DistilPoseError, match='nothing to resume from: .*--resume auto') as caught:
        train(config, work_dir=tmp_path / 'run', resume=resume)
    assert caught.value.exit_code == 2 and not (tmp_path / 'run').exists()


def test_a_program_may_turn_off_what_a_config_says(make_config: Callable[..., Path], tmp_path: Path) -> None:
    runner = train(make_config(epochs=1, extra='resume = True\n'), work_dir=tmp_path, resume=False, validate=False)
    assert runner.epoch == 1


def test_without_changes_nothing_is_said(resume: Callable[..., Runner]) -> None:
    log = read_log(resume())
    assert 'with changes' not in log and 'Not all was compared' not in log


@pytest.mark.parametrize('options', [
    {'optim_wrapper.optimizer.lr': 0.05},
    {'optim_wrapper.optimizer.lr': 0.05, 'optim_wrapper.paramwise_cfg': {'bias_lr_mult': 2.0}},
    {'param_scheduler': [dict(type='CosineAnnealingLR', T_max=2, convert_to_iter_based=True)]},
    {'train_dataloader.batch_size': 6},
], ids=['rate', 'rate_of_groups', 'schedule', 'length_of_epochs'])
def test_learning_rates_are_those_of_a_whole_run(trained: Path, tmp_path: Path, options: dict[str, object]) -> None:
    """That has the new config from its beginning."""
    more = {key: value for key, value in options.items() if 'paramwise' in key}
    train(trained, work_dir=tmp_path / 'before', validate=False, options={'train_cfg.max_epochs': 1, **more})
    train(trained, work_dir=tmp_path / 'whole', validate=False, options=options)
    runner = train(trained, work_dir=tmp_path / 'parts', validate=False, options=options,
                   resume=tmp_path / 'before' / 'epoch_1.pth')
    expected = logged(tmp_path / 'whole', 'lr')
    first = runner.max_iters // 2 + 1
    assert logged(tmp_path / 'parts', 'lr') == {step: rate for step, rate in expected.items() if step >= first}
    whole, parts = (load_file(tmp_path / name / 'epoch_2.pth') for name in ('whole', 'parts'))
    assert whole['param_schedulers'] == parts['param_schedulers']
    rates = [[group['initial_lr'] for group in file['optimizer']['param_groups']] for file in (whole, parts)]
    assert rates[0] == rates[1]
    assert 'Resuming with changes' in read_log(runner)


def test_what_may_change_is_applied_and_said(resume: Callable[..., Runner], tmp_path: Path) -> None:
    runner = resume({'optim_wrapper.optimizer.weight_decay': 0.25, 'optim_wrapper.optimizer.lr': 0.125,
                     'train_dataloader.batch_size': 6, 'train_dataloader.num_workers': 1}, seed=7)
    line = next(line for line in read_log(runner).splitlines() if 'Resuming with changes' in line)
    assert 'WARNING' in line
    for words in ('train_dataloader.batch_size 4 -> 6', 'train_dataloader.num_workers 0 -> 1', 'seed 0 -> 7',
                  'weight_decay 0 -> 0.25', 'initial_lr 0.01 -> 0.125'):
        assert words in line
    checkpoint = load_file(tmp_path / 'resumed' / 'epoch_2.pth')
    group = checkpoint['optimizer']['param_groups'][0]
    assert (group['weight_decay'], group['initial_lr'], checkpoint['meta']['seed']) == (0.25, 0.125, 7)
    assert runner.iter == 2 * tiny.NUM_IMAGES // 6


def test_moments_are_kept_when_the_rate_changes(resume: Callable[..., Runner], trained: Path, tmp_path: Path) -> None:
    resume({'optim_wrapper.optimizer.lr': 0.5})
    state = load_file(tmp_path / 'resumed' / 'epoch_2.pth')['optimizer']['state']
    assert all(entry['step'] == 2 * LENGTH for entry in state.values())


REFUSED = {
    'model': ({'model.backbone.type': 'TinyTwin'}, "model.backbone.type 'TinyBackbone' -> 'TinyTwin'"),
    'optimizer': ({'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.1)},
                  "optim_wrapper.optimizer.type 'Adam' -> 'SGD'"),
    'data': ({'train_dataloader.dataset.indices': 8}, 'number of samples 12 -> 8'),
}


@tiny.MODELS.register_module()
class TinyTwin(tiny.TinyBackbone):
    """The same weights under another name."""


@pytest.mark.parametrize('what', REFUSED)
def test_what_must_not_change_is_refused_unless_it_is_allowed(resume: Callable[..., Runner], tmp_path: Path,
                                                              what: str) -> None:
    options, words = REFUSED[what]
    others = [name for name in REFUSED if name != what]
    with pytest.raises(DistilPoseError, match=f'another {what}: .*{words}.*--allow-changed {what}') as caught:
        resume(options, allow_changed=others)
    assert caught.value.exit_code == 2 and not list((tmp_path / 'resumed').glob('*.pth'))
    runner = resume(options, allow_changed=what)
    assert runner.epoch == 2 and words in read_log(runner)
    if what == 'optimizer':
        assert 'The optimizer starts anew' in read_log(runner)


def test_other_contents_of_an_annotation_file_are_refused(trained: Path, tiny_data: Path, tmp_path: Path) -> None:
    """The data may lie elsewhere, and not be others."""
    moved = shutil.copytree(tiny_data, tmp_path / 'moved')
    file = trained.parent / 'run' / 'epoch_1.pth'
    train(trained, work_dir=tmp_path / 'same', validate=False, resume=file, data_root=moved)
    annotations = json.loads((moved / 'annotations/people.json').read_text())
    annotations['annotations'][0]['keypoints'][0] += 1
    (moved / 'annotations/people.json').write_text(json.dumps(annotations))
    with pytest.raises(DistilPoseError, match=r'another data: SHA-256 of annotation file 1 \w{16} \(people.json\) -> '):
        train(trained, work_dir=tmp_path / 'other', validate=False, resume=file, data_root=moved)


def test_another_teacher_or_other_terms_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    train(config, work_dir=tmp_path / 'run', validate=False, options={'train_cfg.max_epochs': 1})
    file = tmp_path / 'run' / 'epoch_1.pth'
    with pytest.raises(DistilPoseError, match=r'another model: model.terms.simulated_heatmap.weight 1.0 -> 2.0'):
        train(config, work_dir=tmp_path / 'a', resume=file, options={'model.terms.simulated_heatmap.weight': 2.0})
    weights = torch.load(tmp_path / 'teacher.pth')
    weights['state_dict']['head.final_layer.bias'] += 1
    torch.save(weights, tmp_path / 'teacher.pth')
    with pytest.raises(DistilPoseError, match=r"another model: SHA-256 of the teacher's weights \w+ -> \w+"):
        train(config, work_dir=tmp_path / 'b', resume=file)


def test_how_a_student_runs_is_no_other_model() -> None:
    before = dict(model=dict(student=dict(head=dict(loss_weight=1.)), teacher=dict(dtype='bfloat16')))
    now = Config(dict(model=dict(before['model'], compile_student='default', teacher=dict(dtype='auto'))))
    assert not list(resume_facts._changed_model(before, now, has_facts=True))
    assert [change.where for change in resume_facts._changed_options(before, now)] == [
        'model.compile_student', 'model.teacher.dtype']


@tiny.MODELS.register_module()
class WiderBackbone(tiny.TinyBackbone):
    """One layer more."""

    def __init__(self) -> None:
        super().__init__()
        self.layers.append(nn.BatchNorm2d(16))


def test_an_allowed_network_takes_what_fits(resume: Callable[..., Runner]) -> None:
    options = {'model.backbone.type': 'WiderBackbone'}
    with pytest.raises(CheckpointMismatch, match='names are missing.*--allow-changed model'):
        resume(options)
    runner = resume(options, allow_changed='model')
    log = read_log(runner)
    assert '11 of the 16 tensors of the model were taken' in log and '5 keep the values' in log
    assert 'backbone.layers.5.weight' in log
    assert 'The optimizer starts anew' in log and runner.epoch == 2 and 'do not match exactly' not in log


def test_checkpoints_without_facts_are_compared_as_far_as_they_go(trained: Path, tmp_path: Path) -> None:
    """Those of older versions and of plain mmpose."""
    checkpoint = torch.load(trained.parent / 'run' / 'epoch_1.pth', weights_only=False)
    for name in ('resume_facts', 'cfg'):
        del checkpoint['meta'][name]
    torch.save(checkpoint, tmp_path / 'old.pth')
    runner = train(trained, work_dir=tmp_path / 'a', validate=False, resume=tmp_path / 'old.pth',
                   options={'optim_wrapper.optimizer.lr': 0.125})
    assert 'initial_lr 0.01 -> 0.125' in read_log(runner)
    assert 'holds no checksums of its data and teacher and no config of plain values' in read_log(runner)
    with pytest.raises(DistilPoseError, match='another optimizer'):
        train(trained, work_dir=tmp_path / 'b', resume=tmp_path / 'old.pth',
              options={'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.1)})


def checksums(folder: Path) -> dict[str, str]:
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob('*') if file.is_file()}


@pytest.mark.parametrize('epochs, more', [(2, 4), (1, 3)])
def test_a_finished_training_says_so_and_what_to_raise(trained: Path, tmp_path: Path, epochs: int, more: int) -> None:
    work_dir = shutil.copytree(trained.parent / 'run', tmp_path / 'run')
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_2.pth'))
    before = checksums(work_dir)
    runner = train(trained, work_dir=work_dir, resume=True, options={'train_cfg.max_epochs': epochs})
    log = read_log(runner)
    assert f'This training is finished: {work_dir}/epoch_2.pth was written after epoch 2' in log
    assert f'train_cfg.max_epochs is {epochs}' in log and f'train_cfg.max_epochs={more}' in log
    assert 'Epoch(val)' not in log
    after = checksums(work_dir)
    assert {name: after[name] for name in before} == before
    state = load_file(work_dir / 'epoch_2.pth')['state_dict']
    assert all(torch.equal(value, state[name]) for name, value in runner.model.state_dict().items())
    assert (runner.epoch, runner.iter) == (2, 2 * LENGTH)


def test_a_finished_training_names_schedules_that_end_with_it(make_config: Callable[..., Path], tmp_path: Path) -> None:
    config = make_config(epochs=1, extra="param_scheduler = [dict(type='MultiStepLR', milestones=[1], end=1)]\n")
    train(config, work_dir=tmp_path / 'run', validate=False)
    log = read_log(train(config, work_dir=tmp_path / 'run', resume='last', validate=False))
    assert 'It ends with param_scheduler[0].end: raise that as well' in log
    runner = train(config, work_dir=tmp_path / 'run', resume='last', validate=False,
                   options={'train_cfg.max_epochs': 2})
    assert runner.epoch == 2


@pytest.mark.parametrize('done, is_finished', [(9, False), (10, True), (11, True)])
def test_the_end_of_a_run_that_counts_iterations(done: int, is_finished: bool) -> None:
    cfg = Config(dict(train_cfg=dict(by_epoch=False, max_iters=10),
                      param_scheduler=[dict(type='LinearLR', by_epoch=False, end=5),
                                       dict(type='CosineAnnealingLR', by_epoch=False, T_max=10)]))
    end = describe_end(cfg, dict(epoch=0, iter=done), file='last.pth')
    assert (end is not None) == is_finished
    if end is not None:
        assert f'after iter {done}, and train_cfg.max_iters is 10' in end and 'param_scheduler[1].T_max' in end


def test_words_of_allow_changed() -> None:
    assert read_allowed('model,data', is_resumed=True) == read_allowed(['model', 'data'], is_resumed=True)
    with pytest.raises(DistilPoseError, match='got date; expected some of data, model, optimizer'):
        read_allowed('date', is_resumed=True)
    with pytest.raises(DistilPoseError, match='add --resume'):
        read_allowed(['data'], is_resumed=False)
