"""Training on labelled data and unlabelled images at once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope, init_default_scope
from mmpose.datasets.samplers import MultiSourceSampler
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import DATASETS, MODELS, TRANSFORMS

from distilpose.checkpoints import load_file
from distilpose.engine import read_config, train
from distilpose.engine.hooks import SkippedImagesHook
from distilpose.engine.hooks.randomness import NumberedRepeats
from distilpose.errors import DistilPoseError

from . import mixture, tiny
from .processes import run_in_two_processes
from .tiny import assert_close_losses, logged_losses

NUM_LABELLED, NUM_ALL = tiny.NUM_IMAGES, tiny.NUM_IMAGES + len(mixture.FILES)
TRANSFORMS.register_module(name='PackPoseInputsOfOthers', module=PackPoseInputs, force=True)
HEATMAPS = dict(type='HeatmapTerm', labelled_weight=0.5)
"""What the teacher of the tiny data is trained for, so that it can be a student too."""


@pytest.fixture(scope='module')
def parts(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Any]:
    """A distiller between heatmaps in evaluation mode, and the mixed data set."""
    folder = tmp_path_factory.mktemp('parts')
    cfg = read_config(mixture.write(folder, tiny_data))
    teacher = read_config(folder / 'teacher.py')
    cfg.merge_from_dict({'train_dataloader.dataset.pipeline.5': teacher.train_pipeline[5]})
    init_default_scope('mmpose')
    with DefaultScope.overwrite_default_scope('mmpose'):
        torch.manual_seed(1)
        distiller = MODELS.build(dict(cfg.model, student=teacher.model, terms=dict(kd=HEATMAPS), task_weight=0.5))
        return distiller.eval(), DATASETS.build(cfg.train_dataloader.dataset)


def losses(parts: tuple[torch.nn.Module, Any], indices: list[int]) -> dict[str, torch.Tensor]:
    distiller, dataset = parts
    batch = distiller.data_preprocessor(pseudo_collate([dataset[index] for index in indices]))
    return distiller.loss(**batch)


def test_unlabelled_images_cost_what_the_teacher_says_and_nothing_else(parts: tuple[torch.nn.Module, Any]) -> None:
    found = losses(parts, [NUM_LABELLED, NUM_LABELLED + 1])
    assert found['loss_kpt'].item() == 0.0
    assert found['loss_kd'].item() > 0.0
    distiller = parts[0]
    distiller.zero_grad()
    found['loss_kpt'].backward(retain_graph=True)
    assert all(weight.grad is None or not weight.grad.any() for weight in distiller.parameters())
    found['loss_kd'].backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in distiller.head.parameters())


def test_a_mixed_batch_is_the_sum_of_its_parts(parts: tuple[torch.nn.Module, Any],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """FPD: labelled images cost (1 - alpha) task + alpha teacher, others the teacher in full."""
    monkeypatch.setattr(parts[1], 'pipeline', without_chance(parts[1].pipeline))
    labelled, other = [0, 1], [NUM_LABELLED, NUM_LABELLED + 2]
    mixed, one, two = (losses(parts, indices) for indices in (labelled + other, labelled, other))
    for name in ('loss_kpt', 'loss_kd'):
        torch.testing.assert_close(mixed[name], (one[name] + two[name]) / 2)
    distiller = parts[0]
    unweighted = distiller.terms['kd'].labelled_weight
    distiller.terms['kd'].labelled_weight = 1.0
    torch.testing.assert_close(losses(parts, labelled)['loss_kd'], one['loss_kd'] / unweighted)
    torch.testing.assert_close(losses(parts, other)['loss_kd'], two['loss_kd'])
    distiller.terms['kd'].labelled_weight = unweighted


def without_chance(pipeline: Any) -> Any:
    """The steps that draw no numbers."""
    steps = [step for step in pipeline.transforms if not type(step).__name__.startswith('Random')]
    return type(pipeline)(steps)


def test_the_log_counts_what_was_left_out(tiny_data: Path, tmp_path: Path) -> None:
    config = mixture.write(tmp_path, tiny_data, workers=2, sampler=mixture.AS_IT_COMES)
    log = Path(train(config, work_dir=tmp_path / 'run', validate=False).logger.log_file).read_text()
    lines = [line for line in log.splitlines() if 'unlabelled samples are left out' in line]
    assert len(lines) == 1 and '8 of 19' in lines[0] and str(tmp_path / 'unlabelled' / 'half.png') in lines[0]


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('sampler', [mixture.MULTI_SOURCE, mixture.AS_IT_COMES], ids=['shares', 'as_it_comes'])
def test_resumed_run_equals_uninterrupted_one(tiny_data: Path, tmp_path: Path, sampler: str, workers: int) -> None:
    config = mixture.write(tmp_path, tiny_data, workers=workers, sampler=sampler)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    train(config, work_dir=tmp_path / 'parts', validate=False, resume=str(tmp_path / 'whole' / 'epoch_1.pth'))
    assert_equal_runs(tmp_path / 'whole', tmp_path / 'parts')


def assert_equal_runs(one: Path, other: Path) -> None:
    """The losses of the second epoch, and the weights after it."""
    whole, resumed = logged_losses(one), logged_losses(other)
    assert len(whole) == 2 * len(resumed) > 0 and resumed == {step: whole[step] for step in resumed}
    first, second = (load_file(folder / 'epoch_2.pth')['state_dict'] for folder in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


_BY_ITERATION = """
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=8, val_interval=8)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=4))
log_processor = dict(by_epoch=False)
"""


@pytest.mark.parametrize('workers', [0, 2])
def test_resumed_run_by_iterations_equals_uninterrupted_one(tiny_data: Path, tmp_path: Path, workers: int) -> None:
    config = mixture.write(tmp_path, tiny_data, workers=workers)
    (tmp_path / 'by_iteration.py').write_text(f'_base_ = {str(config)!r}\n{_BY_ITERATION}')
    train(tmp_path / 'by_iteration.py', work_dir=tmp_path / 'whole', validate=False)
    train(tmp_path / 'by_iteration.py', work_dir=tmp_path / 'parts', validate=False,
          resume=str(tmp_path / 'whole' / 'iter_4.pth'))
    whole = logged_losses(tmp_path / 'whole')
    assert logged_losses(tmp_path / 'parts') == {step: whole[step] for step in (5, 6, 7, 8)}


def test_losses_do_not_depend_on_the_number_of_workers(tiny_data: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        (tmp_path / str(workers)).mkdir()
        train(mixture.write(tmp_path / str(workers), tiny_data, workers=workers), validate=False,
              work_dir=tmp_path / str(workers) / 'run')
    assert_close_losses(logged_losses(tmp_path / '2' / 'run'), logged_losses(tmp_path / '0' / 'run'))


_TWO_PROCESSES = """
import sys
from pathlib import Path
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
folder = Path(sys.argv[1])
train(folder / 'mixture.py', work_dir=folder / 'whole', validate=False, launcher='pytorch')
train(folder / 'mixture.py', work_dir=folder / 'parts', validate=False, launcher='pytorch',
      resume=str(folder / 'whole' / 'epoch_1.pth'))
"""


@pytest.mark.slow
def test_two_processes_resume_alike(tiny_data: Path, tmp_path: Path) -> None:
    mixture.write(tmp_path, tiny_data)
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, tmp_path)
    assert_equal_runs(tmp_path / 'whole', tmp_path / 'parts')
    assert 'unlabelled samples are left out' in output


def test_a_batch_size_for_the_loader_alone_is_refused(tiny_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='sampler.batch_size is 4; they must be equal'):
        train(mixture.write(tmp_path, tiny_data), work_dir=tmp_path / 'run',
              options={'train_dataloader.batch_size': 2})
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('key', ['data_root', 'images', 'boxes'])
def test_missing_images_are_named_with_an_option_that_helps(tiny_data: Path, tmp_path: Path, key: str) -> None:
    option = f'train_dataloader.dataset.datasets.1.{key}'
    with pytest.raises(DistilPoseError, match=f'no /nowhere .*--cfg-options {option}=...'):
        train(mixture.write(tmp_path, tiny_data), work_dir=tmp_path / 'run', options={option: '/nowhere'})


def test_images_that_are_all_broken_are_named(tiny_data: Path, tmp_path: Path) -> None:
    config = mixture.write(tmp_path, tiny_data)
    for name in mixture.FILES:
        (tmp_path / 'unlabelled' / name).write_bytes(b'')
    with pytest.raises(DistilPoseError, match='19 of 19 unlabelled samples are left out'):
        train(config, work_dir=tmp_path / 'run', validate=False)


def sampler(ratio: list[int], batch_size: int = 4) -> MultiSourceSampler:
    dataset = object.__new__(DATASETS.get('CombinedDataset'))
    dataset.datasets, dataset._lens, dataset._len = [range(3), range(10)], [3, 10], 13
    return MultiSourceSampler(dataset, batch_size, ratio, seed=0)


def test_repeats_are_numbered_within_an_epoch() -> None:
    plain, numbered = sampler([3, 1]), NumberedRepeats(sampler([3, 1]), length=13)
    for _ in range(2):
        expected, found = list(plain), list(numbered)
        assert [index % 13 for index in found] == expected
        assert len(set(found)) == len(found) > len(set(expected))
    assert {index // 13 for index in found if index % 13 < 3} == {0, 1, 2, 3}


def test_processes_number_repeats_differently() -> None:
    repeats = []
    for rank in range(2):
        source = sampler([3, 1])
        source.rank, source.world_size = rank, 2
        repeats.append({index for index in NumberedRepeats(source, length=13) if index >= 13})
    assert repeats[0] and repeats[1] and not repeats[0] & repeats[1]


def test_skipped_images_are_logged_when_there_are_more() -> None:
    class Images(DATASETS.get('UnlabelledImages')):  # type: ignore[misc]
        def __init__(self) -> None:
            self.skipped = torch.zeros(3, dtype=torch.uint8)

        def describe_skipped(self, skipped: torch.Tensor) -> str:
            return f'{skipped.tolist()}'

    lines: list[str] = []
    dataset = Images()
    runner = SimpleNamespace(logger=SimpleNamespace(warning=lines.append),
                             train_dataloader=SimpleNamespace(dataset=SimpleNamespace(datasets=[[], dataset])))
    hook = SkippedImagesHook()
    for index in (None, 1, None, 0):
        if index is not None:
            dataset.skipped[index] = 1
        hook.after_train_epoch(runner)
    hook.after_train(runner)
    assert lines == ['[0, 1, 0]; others took their places.', '[1, 1, 0]; others took their places.']


SWITCH = """
switched = [*_base_.train_pipeline[:-1], dict(type={packing!r})]
unlabelled = dict(type='UnlabelledImages', data_root={images!r}, metainfo=metainfo, pipeline=switched)
train_dataloader['dataset'] = dict(
    unlabelled, _delete_=True, pipeline=[*_base_.train_pipeline[:-1], dict(type='PackMixedPoseInputs')])
train_dataloader['sampler'] = dict(_delete_=True, type='DefaultSampler', shuffle=True)
custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=switched)]
log_processor = dict(window_size=2)
model = dict(task_weight=0.0)
"""


def test_unlabelled_images_teach_after_a_switch(tiny_data: Path, tmp_path: Path) -> None:
    """Packed as labelled ones they would teach exactly 0; that is refused, and named where it is not seen before."""
    file = mixture.write(tmp_path, tiny_data)
    text, images = file.read_text(), str(tmp_path / 'unlabelled')
    file.write_text(text + SWITCH.format(packing='PackPoseInputs', images=images))
    with pytest.raises(DistilPoseError, match=r'custom_hooks\[0\]\.switch_pipeline\[6\] is PackPoseInputs'):
        train(file, work_dir=tmp_path / 'refused', validate=False)
    file.write_text(text + SWITCH.format(packing='PackMixedPoseInputs', images=images))
    train(file, work_dir=tmp_path / 'run', validate=False)
    found = logged_losses(tmp_path / 'run')
    assert len(found) >= 8 and all(value > 0 for value in found.values())
    file.write_text(text + SWITCH.format(packing='PackPoseInputsOfOthers', images=images))
    runner = train(file, work_dir=tmp_path / 'other', validate=False)
    log = Path(runner.logger.log_file).read_text()
    assert log.count('loss_simulated_heatmap was exactly 0 in the last 2 iterations, and its weight is 1') == 1
