"""Trainings whose teacher is asked once for every crop."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from distilpose.checkpoints import load_file
from distilpose.distillation.heatmap_grid import HeatmapGrid, HeatmapGrids
from distilpose.distillation.teacher_cache.cache import Cost
from distilpose.engine import train
from distilpose.engine.hooks import TeacherCacheHook
from distilpose.engine.hooks.teacher_cache import check_room, describe_gain
from distilpose.engine.hooks.teacher_cache_checks import _crops, facts_of
from distilpose.errors import DistilPoseError

from .. import mixture, tiny
from ..processes import run_in_two_processes
from ..tiny import assert_close_losses, logged_losses

EPOCHS, VARIANTS = 4, 2
STEPS = EPOCHS * tiny.NUM_IMAGES // 4
_HOOK = 'default_hooks.teacher_cache'


def options(cache: Path | None, **more: Any) -> dict[str, Any]:
    """Options of a run; ``more`` has double underscores for dots."""
    chosen = {'train_cfg.max_epochs': EPOCHS, 'log_processor.window_size': 1}
    if cache is not None:
        chosen |= {f'{_HOOK}.folder': str(cache), f'{_HOOK}.variants': VARIANTS}
    return chosen | {key.replace('__', '.'): value for key, value in more.items()}


def run(config: Path, work_dir: Path, cache: Path | None, *, seed: int | None = None, resume: str | None = None,
        **more: Any) -> Runner:
    return train(config, work_dir=work_dir, validate=False, seed=seed, resume=resume, options=options(cache, **more))


def log_of(runner: Runner) -> str:
    return Path(runner.logger.log_file).read_text()


Filled = namedtuple('Filled', 'config cache work_dir')


@pytest.fixture(scope='module')
def filled(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The config, cache and work directory of a run that began with an empty cache."""
    folder = tmp_path_factory.mktemp('filled')
    config = tiny.write_distillation(folder, tiny_data)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
        run(config, folder / 'empty', folder / 'cache')
    return Filled(config, folder / 'cache', folder / 'empty')


@pytest.fixture
def moved(filled: Filled, tmp_path: Path, tiny_data: Path) -> Path:
    """A config as that of ``filled``; its data, teacher and full cache are copies in the test's own folder."""
    shutil.copytree(filled.cache, tmp_path / 'cache')
    return tiny.write_distillation(tmp_path, Path(shutil.copytree(tiny_data, tmp_path / 'data')))[1]


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = (load_file(folder / f'epoch_{EPOCHS}.pth')['state_dict'] for folder in (one, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_full_cache_gives_the_same_training_without_asking(filled: Filled, tmp_path: Path) -> None:
    again = run(filled.config, tmp_path, filled.cache)
    losses = logged_losses(filled.work_dir)
    assert len(losses) == STEPS and logged_losses(tmp_path) == losses
    assert_equal_weights(tmp_path, filled.work_dir)
    assert f'run on 0 of {EPOCHS * tiny.NUM_IMAGES} crops' in log_of(again)


def test_worker_processes_make_no_difference(filled: Filled, tmp_path: Path) -> None:
    run(filled.config, tmp_path, filled.cache, train_dataloader__num_workers=2,
        train_dataloader__persistent_workers=True)
    assert_close_losses(logged_losses(tmp_path), logged_losses(filled.work_dir))


def test_it_differs_by_rounding_from_a_training_without(filled: Filled, tmp_path: Path) -> None:
    """Stored outputs lie in memory in another order than those of the network, and so may sums over them be rounded."""
    run(filled.config, tmp_path / 'none', None, train_cfg__max_epochs=VARIANTS)
    run(filled.config, tmp_path / 'exact', tmp_path / 'cache', train_cfg__max_epochs=VARIANTS, **{
        'default_hooks__teacher_cache__dtype': 'float32'})
    none, exact = (logged_losses(tmp_path / name) for name in ('none', 'exact'))
    assert len(none) == STEPS // EPOCHS * VARIANTS and exact == pytest.approx(none, rel=1e-6)
    rounded = logged_losses(filled.work_dir)
    assert {step: rounded[step] for step in none} == pytest.approx(none, rel=1e-4)
    names = [load_file(folder / f'epoch_{VARIANTS}.pth')['state_dict'].keys()
             for folder in (tmp_path / 'none', filled.work_dir)]
    assert names[0] == names[1]


def test_the_log_says_what_it_costs(filled: Filled, tmp_path: Path) -> None:
    runner = run(filled.config, tmp_path, tmp_path / 'cache', train_cfg__max_epochs=VARIANTS)
    log = log_of(runner)
    assert 'keeps heatmaps of 12 samples: 1.63 kB each, 19.6 kB a variant, 39.2 kB in all, of which 0 bytes' in log
    assert 'Augmentations repeat every 2 epochs, so' in log
    assert 'the teacher runs in 2 of 2 epochs at most: nothing repeats in this run' in log
    assert 'A crop takes the teacher' in log
    assert 'run on 24 of 24 crops' in log
    assert runner.model.teacher_cache is None


def test_a_run_that_was_killed_in_a_batch_goes_on_as_if_it_had_not_been(filled: Filled, tmp_path: Path) -> None:
    """Of the second epoch some slots are missing, as its first batches and a part of a later one were written."""
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    marks = np.fromfile(cache / 'marks.bin', np.uint64)
    assert marks.all() and len(marks) == VARIANTS * tiny.NUM_IMAGES
    marks[tiny.NUM_IMAGES + 5:] = 0
    marks.tofile(cache / 'marks.bin')
    runner = run(filled.config, tmp_path / 'parts', cache, resume=str(filled.work_dir / 'epoch_1.pth'))
    assert f'run on {tiny.NUM_IMAGES - 5} of {(EPOCHS - 1) * tiny.NUM_IMAGES}' in log_of(runner)
    resumed = logged_losses(tmp_path / 'parts')
    assert len(resumed) == STEPS - STEPS // EPOCHS
    assert resumed == {step: logged_losses(filled.work_dir)[step] for step in resumed}
    assert_equal_weights(tmp_path / 'parts', filled.work_dir)


def test_more_variants_extend_a_cache(filled: Filled, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    runner = run(filled.config, tmp_path / 'run', cache, default_hooks__teacher_cache__variants=3)
    assert f'run on {tiny.NUM_IMAGES} of' in log_of(runner)
    losses, former = logged_losses(tmp_path / 'run'), logged_losses(filled.work_dir)
    assert [losses[step] == former[step] for step in range(1, STEPS + 1)] == [True] * 6 + [False] * 6


def test_runs_with_other_seeds_share_a_cache(filled: Filled, tmp_path: Path) -> None:
    runner = run(filled.config, tmp_path, filled.cache, seed=1, default_hooks__teacher_cache__augmentation_seed=0)
    assert 'run on 0 of' in log_of(runner)
    losses, others = logged_losses(tmp_path), logged_losses(filled.work_dir)
    assert losses.keys() == others.keys() and not set(losses.values()) & set(others.values())


def test_averages_and_gradient_shares_read_it_too(filled: Filled, tmp_path: Path) -> None:
    hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5),
             dict(type='GradientShareHook', interval=2)]
    runner = run(filled.config, tmp_path, filled.cache, custom_hooks=hooks)
    assert logged_losses(tmp_path) == logged_losses(filled.work_dir)
    assert 'run on 0 of' in log_of(runner)
    saved = load_file(tmp_path / f'epoch_{EPOCHS}.pth')
    assert not any('teacher' in name for key in ('state_dict', 'ema_state_dict') for name in saved[key])


def test_data_with_images_without_annotations(tiny_data: Path, tmp_path: Path) -> None:
    config = mixture.write(tmp_path, tiny_data, sampler=mixture.AS_IT_COMES)
    for name in ('empty', 'full'):
        log = log_of(run(config, tmp_path / name, tmp_path / 'cache', train_cfg__max_epochs=2))
    assert 'run on 0 of' in log
    assert logged_losses(tmp_path / 'empty') == logged_losses(tmp_path / 'full')


_TWO_PROCESSES = """
import json
import sys
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)  # as the fixture unformatted_configs
config, folder, options = sys.argv[1:]
for name in ('empty', 'full'):
    runner = train(config, work_dir=f'{folder}/{name}', validate=False, launcher='pytorch', options=json.loads(options))
"""


@pytest.mark.slow
def test_two_processes_fill_one_cache(filled: Filled, tmp_path: Path) -> None:
    chosen = json.dumps(options(tmp_path / 'cache', train_cfg__max_epochs=VARIANTS))
    run_in_two_processes(_TWO_PROCESSES, tmp_path, filled.config, tmp_path, chosen)
    marks, alone = (np.fromfile(folder / 'marks.bin', np.uint64) for folder in (tmp_path / 'cache', filled.cache))
    assert marks.all() and np.array_equal(marks >> np.uint64(32), alone >> np.uint64(32)), 'the same crops'
    losses = logged_losses(tmp_path / 'empty')
    assert len(losses) == VARIANTS * 2 and logged_losses(tmp_path / 'full') == losses
    full = next((tmp_path / 'full').glob('*/*.log')).read_text()
    assert f'run on 0 of {VARIANTS * tiny.NUM_IMAGES // 2} crops of this process' in full


@pytest.mark.parametrize('change, words', [
    (dict(seed=1), r'seed of the augmentation \(0 0 there, 1 0 here\)'),
    (dict(train_dataloader__dataset__pipeline__3__rotate_factor=10.0), 'training pipeline'),
    (dict(model__teacher__dtype='bfloat16'), "teacher's config"),
])
def test_a_cache_for_something_else_is_refused(filled: Filled, tmp_path: Path, change: dict, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'the teacher cache .* was made with a different {words}'):
        run(filled.config, tmp_path, filled.cache, **change)


def _other_weights(folder: Path) -> None:
    saved = torch.load(folder / 'teacher.pth')
    saved['state_dict']['backbone.layers.0.bias'][0] += 1e-6
    torch.save(saved, folder / 'teacher.pth')


def _other_annotation(folder: Path) -> None:
    file = folder / 'data' / 'annotations' / 'people.json'
    people = json.loads(file.read_text())
    people['annotations'][3]['bbox'][2] -= 1
    file.write_text(json.dumps(people))


def _other_image(folder: Path) -> None:
    images = sorted((folder / 'data' / 'images').iterdir())
    shutil.copyfile(images[0], images[5])


def _other_answer(folder: Path) -> None:
    """A whole record that the teacher never gave."""
    from distilpose.distillation.teacher_cache import header, store
    layout, salt = header.agree_on_header(
        folder / 'cache', json.loads((folder / 'cache' / 'header.json').read_text())['facts'],
        header.RecordLayout(()))
    slots = np.arange(tiny.NUM_IMAGES)
    opened = store.SlotStore(folder / 'cache', slots=len(slots), values=layout.values, dtype='float16', salt=salt)
    crops = (np.fromfile(folder / 'cache' / 'marks.bin', np.uint64) >> np.uint64(32)).astype(np.int64)
    opened.write(slots, crops[slots], opened.records * 1.02)


@pytest.mark.parametrize('change, words', [
    (_other_weights, "a different teacher's weights"),
    (_other_annotation, 'a different annotation file'),
    (_other_image, 'the outputs for another crop in slot 5'),
    (_other_answer, 'contradicts the teacher: its heatmaps in slot .* are 0.02 away'),
])
def test_what_changed_on_disk_is_noticed(moved: Path, tmp_path: Path, change: Callable[[Path], None],
                                         words: str) -> None:
    change(tmp_path)
    with pytest.raises(DistilPoseError, match=words):
        run(moved, tmp_path / 'run', tmp_path / 'cache', train_cfg__max_epochs=1)


def test_cache_data_and_teacher_may_be_moved(moved: Path, tmp_path: Path) -> None:
    assert 'run on 0 of' in log_of(run(moved, tmp_path / 'run', tmp_path / 'cache', train_cfg__max_epochs=1))


def test_the_grid_of_a_students_heatmaps_is_a_fact_unless_it_is_the_common_one(filled: Filled, tmp_path: Path) -> None:
    runner = run(filled.config, tmp_path, filled.cache, train_cfg__max_epochs=1)
    known = facts_of(runner, runner.model.only_teacher(), dtype='float16')
    udp = HeatmapGrid('udp', (48, 64))
    runner.model.grids = HeatmapGrids(udp, udp, udp)
    assert facts_of(runner, runner.model.only_teacher(), dtype='float16') == {
        **known, "grid of the teacher's heatmaps": 'udp (48, 64)'}


def test_labels_of_another_student_are_no_other_pipeline() -> None:
    crop = dict(type='TopdownAffine', input_size=(48, 64))
    one, other = (dict(data_root=root, pipeline=[crop, dict(type='GenerateTarget', encoder=codec)])
                  for root, codec in (('a', 'heatmaps'), ('b', 'simcc')))
    assert _crops(one) == _crops(other) == dict(pipeline=[dict(crop, input_size=[48, 64])])


_SWITCH = [dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=[])]


@pytest.mark.parametrize('change, words', [
    (dict(model__teacher__mode='train'), r"predicts in train mode.*set model.teacher.mode='eval'"),
    (dict(train_cfg=dict(_delete_=True, by_epoch=False, max_iters=4)), 'this run counts iterations'),
    (dict(default_hooks__randomness__type='EmptyCacheHook'), 'that needs ResumableRandomnessHook'),
    (dict(custom_hooks=_SWITCH), 'PipelineSwitchHook changes the crops'),
    (dict(model__student__data_preprocessor__batch_augments=[]), 'batch_augments change the crops'),
])
def test_trainings_that_do_not_repeat_are_refused(filled: Filled, tmp_path: Path, change: dict, words: str) -> None:
    chosen = options(tmp_path / 'cache', **change)
    if 'train_cfg' in chosen:
        del chosen['train_cfg.max_epochs']
    with pytest.raises(DistilPoseError, match=words):
        train(filled.config, work_dir=tmp_path / 'run', validate=False, options=chosen)
    assert not (tmp_path / 'cache').exists()


def test_repeated_samples_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='MultiSourceSampler draws samples several times'):
        run(mixture.write(tmp_path, tiny_data), tmp_path / 'run', tmp_path / 'cache')


def test_a_plain_training_is_refused(filled: Filled, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='needs a teacher, and the model is a TopdownPoseEstimator'):
        run(filled.config.with_name('student.py'), tmp_path / 'run', tmp_path / 'cache')


def test_a_small_disk_is_refused_before_it_is_full(filled: Filled, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: SimpleNamespace(free=30_000))
    with pytest.raises(DistilPoseError, match='still needs 39.2 kB .12 samples in 2 variants, 1.63 kB each.*'
                                              '30 kB left; variants=1 fits there'):
        run(filled.config, tmp_path / 'run', tmp_path / 'cache')
    full: Any = SimpleNamespace(folder=tmp_path, record_bytes=1632, filled=2 * tiny.NUM_IMAGES)
    check_room(full, samples=tiny.NUM_IMAGES, variants=2)
    with pytest.raises(DistilPoseError, match='not even one variant fits'):
        check_room(SimpleNamespace(**vars(full) | dict(filled=0)), samples=100, variants=2)
    with pytest.raises(DistilPoseError, match='100 samples in 1 variants'):  # others fill it
        check_room(SimpleNamespace(**vars(full) | dict(filled=1000)), samples=100, variants=1, filled=0)


@pytest.mark.parametrize('arguments', [
    dict(variants=0), dict(variants=2.0), dict(dtype='int8'), dict(augmentation_seed=-1)])
def test_arguments_are_checked(arguments: dict) -> None:
    with pytest.raises(DistilPoseError, match='TeacherCacheHook got'):
        TeacherCacheHook('x', **arguments)


@pytest.mark.parametrize('milliseconds, epochs, words', [
    ((10, 1, 1), 8, 'is ahead of one without from epoch 3 of 8 on'),  # 2 epochs of 2 extra, made good by 9
    ((10, 8, 1), 8, 'from epoch 4 of 8 on'),  # 18 extra
    ((10, 1, 1), 2, 'pays in later runs; this one would have to go on beyond epoch 3'),
    ((1, 1, 2), 8, 'does not pay here'),
])
def test_when_it_pays(milliseconds: tuple[float, float, float], epochs: int, words: str) -> None:
    asking, writing, reading = (Cost(value / 1e3, 1) for value in milliseconds)
    cache: Any = SimpleNamespace(forward_cost=asking, write_cost=writing, read_cost=reading)
    assert words in describe_gain(cache, variants=2, epochs=epochs)
