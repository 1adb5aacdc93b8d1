"""Trainings whose teacher runs once for every person, whatever the augmentation, the seed and the sampler are."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from distilpose.config import read_config
from distilpose.datasets.transforms import cuts
from distilpose.distillation.teachers import FrozenTeacher
from distilpose.engine import train
from distilpose.engine.hooks.person_caches import keys_of
from distilpose.errors import DistilPoseError

from .. import mixture, tiny
from ..processes import run_in_two_processes
from ..test_fast_data_runs import FAST
from ..tiny import assert_close_losses, logged_losses

EPOCHS = 3
Filled = namedtuple('Filled', 'config cache work_dir')


def run(config: Path, work_dir: Path, cache: Path | None, *, seed: int | None = None, resume: str | None = None,
        **more: Any) -> Runner:
    """A training; ``more`` has double underscores for dots."""
    chosen = {'model.teacher.view': 'unaugmented', 'model.teacher.padding': 1.0, 'log_processor.window_size': 1,
              'default_hooks.teacher_cache.folder': None if cache is None else str(cache)}
    if 'train_cfg' not in more:
        chosen['train_cfg.max_epochs'] = EPOCHS
    chosen |= {key.replace('__', '.'): value for key, value in more.items()}
    return train(config, work_dir=work_dir, validate=False, seed=seed, resume=resume, options=chosen)


def log_of(runner: Runner) -> str:
    return Path(runner.logger.log_file).read_text()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that the teacher runs on; not those of one image, on which networks are compared."""
    sizes: list[int] = []
    plain = FrozenTeacher.outputs

    def outputs(teacher: FrozenTeacher, images: torch.Tensor, **options: Any) -> Any:
        sizes.append(len(images))
        return plain(teacher, images, **options)

    monkeypatch.setattr(FrozenTeacher, 'outputs', outputs)
    return sizes


@pytest.fixture(scope='module')
def filled(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The config, cache and work directory of a run that began with an empty cache."""
    folder = tmp_path_factory.mktemp('filled')
    config = tiny.write_distillation(folder, tiny_data)[1]
    run(config, folder / 'empty', folder / 'cache')
    return Filled(config, folder / 'cache', folder / 'empty')


def test_the_teacher_runs_once_for_each_person(tiny_data: Path, tmp_path: Path, seen: list[int]) -> None:
    config = tiny.write_distillation(tmp_path, tiny_data)[1]
    log = log_of(run(config, tmp_path / 'run', tmp_path / 'cache'))
    assert [size for size in seen if size > 1] == [4, 4, 4]
    assert f'run on {tiny.NUM_IMAGES} of {EPOCHS * tiny.NUM_IMAGES} crops' in log
    assert 'keeps heatmaps of 12 people of this training' in log and 'no augmentation repeats' in log
    assert '1.63 kB each, 19.6 kB in all. 0 of them are in it' in log


def test_a_full_cache_gives_the_same_training_without_the_teacher(filled: Filled, tmp_path: Path) -> None:
    again = run(filled.config, tmp_path, filled.cache)
    losses = logged_losses(filled.work_dir)
    assert len(losses) == 9 and logged_losses(tmp_path) == losses
    assert 'run on 0 of 36 crops' in log_of(again)


def test_it_differs_by_rounding_from_a_training_without(filled: Filled, tmp_path: Path) -> None:
    run(filled.config, tmp_path, None)
    assert_close_losses(logged_losses(tmp_path), logged_losses(filled.work_dir), rel=2e-4)


def test_a_half_filled_cache_gives_the_same_training(filled: Filled, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    marks = np.fromfile(cache / 'marks.bin', np.uint64)
    assert marks.all() and len(marks) == tiny.NUM_IMAGES
    marks[::2] = 0
    marks.tofile(cache / 'marks.bin')
    runner = run(filled.config, tmp_path / 'run', cache)
    assert 'run on 6 of 36' in log_of(runner)
    assert_close_losses(logged_losses(tmp_path / 'run'), logged_losses(filled.work_dir))


def test_a_resumed_run_goes_on_as_if_it_had_not_ended(filled: Filled, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    runner = run(filled.config, tmp_path / 'run', cache, resume=str(filled.work_dir / 'epoch_1.pth'))
    resumed = logged_losses(tmp_path / 'run')
    assert len(resumed) == 6 and resumed == {step: logged_losses(filled.work_dir)[step] for step in resumed}
    assert 'run on 0 of 24' in log_of(runner)


@pytest.mark.parametrize('more', [
    dict(seed=1), dict(train_dataloader__dataset__pipeline__3__rotate_factor=10.0),
    dict(train_dataloader__dataset__pipeline__1__padding=1.5), dict(train_dataloader__dataset__indices=8),
    dict(default_hooks__randomness__type='EmptyCacheHook'), dict(train_dataloader__num_workers=2),
    dict(train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6), param_scheduler=None,
         train_dataloader__sampler__type='InfiniteSampler')],
    ids=['seed', 'augmentation', 'padding', 'fewer', 'unseeded', 'workers', 'iterations'])
def test_other_trainings_share_it(filled: Filled, tmp_path: Path, more: dict) -> None:
    runner = run(filled.config, tmp_path, filled.cache, **more)
    assert 'run on 0 of' in log_of(runner)
    losses = logged_losses(tmp_path)
    assert len(losses) >= 6 and all(np.isfinite(list(losses.values())))


def test_new_people_are_added(filled: Filled, tmp_path: Path) -> None:
    cache = tmp_path / 'cache'
    first = run(filled.config, tmp_path / 'first', cache, train_dataloader__dataset__indices=8)
    second = run(filled.config, tmp_path / 'second', cache)
    assert 'run on 8 of 24' in log_of(first) and 'run on 4 of 36' in log_of(second)
    assert '8 of them are in it' in log_of(second)
    assert_close_losses(logged_losses(tmp_path / 'second'), logged_losses(filled.work_dir))


def test_crops_of_cached_people_are_cut_now_and_then(filled: Filled, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[bool] = []
    plain = cuts.UnaugmentedCut.is_needed

    def is_needed(cut: Any, person: dict) -> bool:
        counts.append(plain(cut, person))
        return counts[-1]

    monkeypatch.setattr(cuts, 'COMPARE_EVERY', 10)
    monkeypatch.setattr(cuts.UnaugmentedCut, 'is_needed', is_needed)
    run(filled.config, tmp_path, filled.cache)
    assert [place for place, needed in enumerate(counts) if needed] == [0, 10, 20, 30]


def test_faster_data_see_the_same_crops(filled: Filled, tmp_path: Path) -> None:
    fast = tmp_path / 'fast.py'
    fast.write_text(f'_base_ = {str(filled.config)!r}\n{FAST.format(together=False)}')
    assert 'run on 0 of' in log_of(run(fast, tmp_path / 'run', filled.cache))


@pytest.mark.parametrize('sampler, workers', [(mixture.MULTI_SOURCE, 1), (mixture.AS_IT_COMES, 0)])
def test_labelled_and_unlabelled_people_in_any_order(tiny_data: Path, tmp_path: Path, sampler: str,
                                                     workers: int) -> None:
    """With images that are replaced by others, whose outputs are those of the others."""
    config = mixture.write(tmp_path, tiny_data, sampler=sampler, workers=workers)
    for name in ('none', 'empty', 'full'):  # in float16, the highest cells of an image of one colour are others
        log = log_of(run(config, tmp_path / name, None if name == 'none' else tmp_path / 'cache',
                         train_cfg__max_epochs=2, default_hooks__teacher_cache__dtype='float32'))
    assert 'run on 0 of' in log
    losses = {name: logged_losses(tmp_path / name) for name in ('none', 'empty', 'full')}
    assert_close_losses(losses['full'], losses['empty'])
    assert_close_losses(losses['none'], losses['empty'], rel=1e-5)


def test_a_switched_pipeline_reads_it_too(filled: Filled, tmp_path: Path) -> None:
    cfg = read_config(filled.config)
    cfg.custom_hooks = [dict(type='PipelineSwitchHook', switch_epoch=1,
                             switch_pipeline=cfg.train_dataloader.dataset.pipeline)]
    options = {'model.teacher.view': 'unaugmented', 'model.teacher.padding': 1.0,
               'default_hooks.teacher_cache.folder': str(filled.cache)}
    assert 'run on 0 of' in log_of(train(cfg, work_dir=tmp_path, validate=False, options=options))


def _other_weights(folder: Path) -> None:
    saved = torch.load(folder / 'teacher.pth')
    saved['state_dict']['backbone.layers.0.bias'][0] += 1e-6
    torch.save(saved, folder / 'teacher.pth')


def _other_pixels(folder: Path) -> None:
    """Another image in a file of as many bytes."""
    import cv2
    for file in (folder / 'data' / 'images').iterdir():
        size = file.stat().st_size
        small = cv2.imencode('.png', np.zeros((80, 60, 3), np.uint8))[1].tobytes()
        file.write_bytes(small.ljust(size, b'\0'))


@pytest.mark.parametrize('change, words', [
    (_other_weights, "a different teacher's weights"), (_other_pixels, 'the outputs for another crop in slot')])
def test_what_changed_on_disk_is_noticed(filled: Filled, tiny_data: Path, tmp_path: Path, change: Any,
                                         words: str) -> None:
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    config = tiny.write_distillation(tmp_path, Path(shutil.copytree(tiny_data, tmp_path / 'data')))[1]
    assert 'run on 0 of' in log_of(run(config, tmp_path / 'moved', cache))
    change(tmp_path)
    with pytest.raises(DistilPoseError, match=words):
        run(config, tmp_path / 'run', cache)


def test_an_image_of_another_size_is_another_person(filled: Filled, tiny_data: Path, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(filled.cache, tmp_path / 'cache'))
    config = tiny.write_distillation(tmp_path, Path(shutil.copytree(tiny_data, tmp_path / 'data')))[1]
    images = sorted((tmp_path / 'data' / 'images').iterdir())
    images[0].write_bytes(images[0].read_bytes() + b'\0')
    assert 'run on 1 of' in log_of(run(config, tmp_path / 'run', cache))


@pytest.mark.parametrize('more, words', [
    (dict(model__teacher__padding=1.1), r"teacher's crop \(48x64, padding 1 there, 48x64, padding 1.1 here\)"),
    (dict(model__teacher__dtype='bfloat16'), "teacher's config"),
    (dict(default_hooks__teacher_cache__dtype='float32'), 'number format')])
def test_a_cache_for_something_else_is_refused(filled: Filled, tmp_path: Path, more: dict, words: str) -> None:
    with pytest.raises(DistilPoseError, match=f'the teacher cache .* was made with a different {words}'):
        run(filled.config, tmp_path, filled.cache, **more)


def test_several_teachers_have_caches_of_their_own_kinds(filled: Filled, tmp_path: Path) -> None:
    """One by person, the other by crop, whose augmentations repeat."""
    cfg = read_config(filled.config)
    teacher = cfg.model.pop('teacher')
    cfg.model.teachers = dict(still=dict(teacher, view='unaugmented', padding=1.0), moved=dict(teacher, crop='own'))
    options = {'default_hooks.teacher_cache.folder': str(tmp_path / 'cache'), 'log_processor.window_size': 1,
               'default_hooks.teacher_cache.variants': 1, 'train_cfg.max_epochs': 2}
    for name in ('empty', 'full'):
        log = log_of(train(cfg.copy(), work_dir=tmp_path / name, validate=False, options=options))
    assert log.count('run on 0 of 24 crops') == 2
    assert logged_losses(tmp_path / 'empty') == logged_losses(tmp_path / 'full')


def test_the_report_of_the_teacher_is_that_of_a_clean_view(filled: Filled, tmp_path: Path) -> None:
    """Validation people are not augmented."""
    views = ('clean', 'unaugmented')
    for name in views:
        train(filled.config, work_dir=tmp_path / name, options={
            'model.teacher.view': name, 'model.teacher.padding': 1.0, 'train_cfg.max_epochs': 1})
    figures = [json.loads((tmp_path / name / 'teacher_report.json').read_text())['figures'] for name in views]
    assert figures[0]['pck'] == pytest.approx(figures[1]['pck'], abs=1e-6) and figures[0]['ap'] == figures[1]['ap']


_TWO_PROCESSES = """
import json, sys
import mmengine.config.config
from distilpose.engine import train
mmengine.config.config.FormatCode = lambda text, **_: (text, True)
config, folder, options = sys.argv[1:]
for name in ('empty', 'full'):
    train(config, work_dir=f'{folder}/{name}', validate=False, launcher='pytorch', options=json.loads(options))
"""


@pytest.mark.slow
def test_two_processes_fill_one_cache(filled: Filled, tmp_path: Path) -> None:
    chosen = json.dumps({'model.teacher.view': 'unaugmented', 'model.teacher.padding': 1.0, 'train_cfg.max_epochs': 2,
                         'default_hooks.teacher_cache.folder': str(tmp_path / 'cache'), 'log_processor.window_size': 1})
    run_in_two_processes(_TWO_PROCESSES, tmp_path, filled.config, tmp_path, chosen)
    assert np.fromfile(tmp_path / 'cache' / 'marks.bin', np.uint64).all()
    assert (tmp_path / 'cache' / 'people.bin').read_bytes() == (filled.cache / 'people.bin').read_bytes()
    assert logged_losses(tmp_path / 'full') == logged_losses(tmp_path / 'empty')


def test_people_that_two_trainings_added_at_once_have_slots(filled: Filled, tmp_path: Path) -> None:
    shutil.copytree(filled.cache, tmp_path / 'cache')
    people = (tmp_path / 'cache' / 'people.bin').read_bytes()
    (tmp_path / 'cache' / 'people.bin').write_bytes(people[:80] * 2 + people[80:])
    log = log_of(run(filled.config, tmp_path / 'run', tmp_path / 'cache', train_cfg__max_epochs=1))
    assert 'run on 2 of 12 crops' in log  # those of the last two, whose slots are others
    assert '10 of them are in it' in log


def test_images_that_have_one_key_are_refused(tmp_path: Path) -> None:
    """Equal names, sizes and boxes in folders of one name, as frames of two cameras may have; one image twice has."""
    class People(torch.utils.data.Dataset):
        def __init__(self, *paths: Path) -> None:
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def get_data_info(self, index: int) -> dict[str, Any]:
            return dict(img_path=str(self.paths[index]), bbox=np.array([[0.0, 0.0, 40.0, 60.0]]))

    files = [tmp_path / camera / 'images' / '1.bmp' for camera in ('left', 'right')]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b'equally long')
    assert len(keys_of(People(files[0], files[0]))) == 2
    with pytest.raises(DistilPoseError, match=r'cannot tell .*right.images.1\.bmp from .*left.images.1\.bmp'):
        keys_of(People(*files))
