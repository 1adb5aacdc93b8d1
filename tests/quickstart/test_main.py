"""The quickstart as a preset of the comparison: its request, and what a stage remembers; no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from rich.console import Console

from distilpose.compare.plans import TEACHER, Plan, make_plans
from distilpose.quickstart import main
from distilpose.quickstart.main import Settings, Stages, write_weights
from distilpose.quickstart.state import RunState


def make_settings(folder: Path, **changes: Any) -> Settings:
    return Settings(**{**dict(seed=0, work_dir=folder / 'work', data=folder / 'data', images=32), **changes})


def test_the_request_has_the_three_configs_of_the_quickstart(tmp_path: Path) -> None:
    plans, notes = make_plans(make_settings(tmp_path, epochs=2, seed=3).request())
    assert [plan.role for plan in plans] == ['teacher', 'baseline', 'distilled'] and not notes
    assert plans[2].needs == {TEACHER: 'teacher'}
    for plan in plans:
        assert plan.cfg.train_dataloader.batch_size == 8
        assert plan.cfg.train_cfg.max_epochs == plan.cfg.param_scheduler[1].end == 2
        assert str(tmp_path / 'data') in plan.cfg.train_dataloader.dataset.data_root


def test_without_options_batch_and_epochs_are_those_of_the_configs(tmp_path: Path) -> None:
    plans, _ = make_plans(make_settings(tmp_path, images=1600).request())
    assert [(plan.cfg.train_cfg.max_epochs, plan.cfg.train_dataloader.batch_size) for plan in plans] == [
        (14, 16), (10, 16), (10, 16)]


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    def write(folder: Path, file: Path) -> None:
        torch.save({}, file)

    monkeypatch.setattr(main, 'write_weights', write)
    settings = make_settings(tmp_path)
    return Stages(settings, RunState(settings.work_dir / 'state.json'), Console(quiet=True))


def test_checkpoints_of_other_settings_are_removed_and_those_of_the_same_are_kept(stages: Stages) -> None:
    folder = stages.settings.work_dir / 'teacher'
    folder.mkdir(parents=True)
    plan = Plan('teacher', 'teacher', 'T.py', {}, Config())
    (folder / 'epoch_1.pth').touch()
    with stages.training(plan, Config(dict(lr=1)), folder):
        assert not (folder / 'epoch_1.pth').exists()  # nothing is known of it
        (folder / 'epoch_2.pth').touch()
    with stages.training(plan, Config(dict(lr=1)), folder):
        assert (folder / 'epoch_2.pth').exists()
        (folder / 'iter_9.pth').touch()  # of an interruption
    with stages.training(plan, Config(dict(lr=2)), folder):
        assert not list(folder.glob('*_*.pth'))


def test_weights_are_those_of_the_newest_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.rand(1, 2, 3, 3).contiguous(memory_format=torch.channels_last)
    torch.save(dict(state_dict=dict(weight=weight), meta={}), tmp_path / 'epoch_2.pth')
    monkeypatch.setattr(main, 'newest_whole_checkpoint', lambda folder: (folder / 'epoch_2.pth', []))
    write_weights(tmp_path, tmp_path / 'weights.pth')
    found = torch.load(tmp_path / 'weights.pth', weights_only=True)
    assert found['weight'].is_contiguous() and torch.equal(found['weight'], weight)


@pytest.mark.parametrize(('text', 'expected'), [('{"gap_closed": {}}', True), ('{"gap_clos', False), ('1', False)])
def test_a_damaged_summary_is_not_taken_for_a_finished_report(tmp_path: Path, text: str, expected: bool) -> None:
    assert not main.is_summary(tmp_path / 'report.json')
    (tmp_path / 'report.json').write_text(text)
    assert main.is_summary(tmp_path / 'report.json') is expected
