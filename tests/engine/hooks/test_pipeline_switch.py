"""``PipelineSwitchHook`` through a real Runner: every sample from its epoch on, with any workers, and when resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmpose.registry import HOOKS, TRANSFORMS

from distilpose.checkpoints import load_file
from distilpose.engine import check_input_sizes, read_config, train
from distilpose.errors import DistilPoseError
from tests.engine.tiny import assert_close_losses, logged_losses

MakeConfig = Callable[..., Path]
SWITCH = """
def marked(pipeline, by):
    return [*pipeline[:-1], dict(type='Mark', by=by), dict(type='PackPoseInputs', meta_keys=('mark', 'id'))]

train_dataloader['dataset']['pipeline'] = marked(train_pipeline, 'first')
switch_pipeline = marked([step for step in train_pipeline if step['type'] != 'RandomBBoxTransform'], 'second')
custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=switch_pipeline),
                dict(type='RecordMarks')]
log_processor = dict(window_size=1)
"""
COMBINED = """
part = dict(train_dataloader['dataset'], pipeline=[])
train_dataloader['dataset'] = dict(
    type='CombinedDataset', metainfo=dict(from_file='configs/_base_/datasets/coco.py'), datasets=[part, part],
    pipeline=marked(train_pipeline, 'first'))
"""
MARKS: list[str] = []


@TRANSFORMS.register_module(force=True)
class Mark(BaseTransform):
    """Writes into a sample which pipeline it went through."""

    def __init__(self, by: str) -> None:
        self.by = by

    def transform(self, results: dict) -> dict:
        return dict(results, mark=self.by)


@HOOKS.register_module(force=True)
class RecordMarks(Hook):
    """Notes what the model is given."""

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        marks = {sample.metainfo['mark'] for sample in data_batch['data_samples']}
        MARKS.append('+'.join(sorted(marks)))


@pytest.fixture(autouse=True)
def no_marks() -> Iterator[None]:
    MARKS.clear()
    yield
    MARKS.clear()


@pytest.mark.parametrize('workers', [0, 2])
def test_all_samples_from_its_epoch_on(make_config: MakeConfig, tmp_path: Path, workers: int) -> None:
    """With two workers these outlive an epoch and have the first pipeline."""
    runner = train(make_config(workers=workers, epochs=3, extra=SWITCH), work_dir=tmp_path / 'run', validate=False)
    assert MARKS == ['first'] * 3 + ['second'] * 6
    assert 'From epoch 2 on' in Path(runner.logger.log_file).read_text()


def test_workers_do_not_matter_and_resumed_equals_uninterrupted(make_config: MakeConfig, tmp_path: Path) -> None:
    """Resumed before the switch and after it."""
    for workers in (0, 2):
        config = make_config(workers=workers, epochs=3, extra=SWITCH)
        train(config, work_dir=tmp_path / f'whole{workers}', validate=False)
    whole = logged_losses(tmp_path / 'whole2')
    assert len(whole) == 9
    assert_close_losses(whole, logged_losses(tmp_path / 'whole0'))
    for done, marks in ((1, ['second'] * 6), (2, ['second'] * 3)):
        MARKS.clear()
        work_dir = tmp_path / f'resumed{done}'
        train(config, work_dir=work_dir, validate=False, resume=str(tmp_path / 'whole2' / f'epoch_{done}.pth'))
        assert marks == MARKS
        assert logged_losses(work_dir) == {step: value for step, value in whole.items() if step > 3 * done}
        one, other = (load_file(folder / 'epoch_3.pth')['state_dict'] for folder in (tmp_path / 'whole2', work_dir))
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_combined_data(make_config: MakeConfig, tmp_path: Path) -> None:
    train(make_config(epochs=2, extra=SWITCH + COMBINED), work_dir=tmp_path / 'run', validate=False)
    assert MARKS == ['first'] * 6 + ['second'] * 6


def test_mistakes_do_not_wait_for_the_epoch(make_config: MakeConfig, tmp_path: Path) -> None:
    wrong = SWITCH + "custom_hooks[0]['switch_pipeline'] = [dict(type='Marc', by='second')]\n"
    with pytest.raises(DistilPoseError, match=r"type is 'Marc': nothing is registered .*did you mean 'Mark'"):
        train(make_config(extra=wrong), work_dir=tmp_path / 'run', validate=False)
    other_size = SWITCH + "custom_hooks[0]['switch_pipeline'] = [dict(type='TopdownAffine', input_size=(64, 64))]\n"
    with pytest.raises(DistilPoseError, match=r'custom_hooks\[0\]\.switch_pipeline\[0\]\.input_size is 64x64'):
        check_input_sizes(read_config(make_config(extra=other_size)))


@pytest.mark.parametrize(('missing', 'words'), [
    ('GenerateTarget', 'no GenerateTarget, which makes the targets'),
    ('PackPoseInputs', 'no PackPoseInputs, which makes the packed samples')])
def test_a_pipeline_that_lacks_what_the_first_one_makes(make_config: MakeConfig, tmp_path: Path, missing: str,
                                                        words: str) -> None:
    extra = SWITCH + f"switch_pipeline[:] = [step for step in switch_pipeline if step['type'] != {missing!r}]\n"
    with pytest.raises(DistilPoseError, match=f'switch_pipeline of PipelineSwitchHook has {words}'):
        train(make_config(extra=extra), work_dir=tmp_path / 'run', validate=False)


def test_runs_that_have_no_epochs_are_refused(make_config: MakeConfig, tmp_path: Path) -> None:
    extra = SWITCH + """
train_cfg = dict(by_epoch=False, max_iters=2, val_interval=2)
train_dataloader['sampler'] = dict(type='InfiniteSampler')
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2), logger=dict(interval=1))
log_processor = dict(by_epoch=False, window_size=1)
"""
    with pytest.raises(DistilPoseError, match='waits for an epoch, and this run counts iterations'):
        train(make_config(extra=extra), work_dir=tmp_path / 'run', validate=False)
