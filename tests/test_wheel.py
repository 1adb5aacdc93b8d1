"""A wheel, unpacked in an empty folder: complete, trains from any directory, and leaves its own folder as it was."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow

_TRAIN = """
import sys
from pathlib import Path

import torch

from distilpose.apis import load_model
from distilpose.config import build_estimator, read_config
from distilpose.synthetic import make_dataset
from distilpose.engine import train

make_dataset('data/synthetic_people', images=4, seed=0, size=96, val_fraction=0.25)
teacher = read_config('distilpose::quickstart/teacher.py')
weights = Path('work_dirs/quickstart/seed_0/teacher/weights.pth')
weights.parent.mkdir(parents=True)
torch.save(dict(state_dict=build_estimator(teacher.model.to_dict()).state_dict()), weights)
for config in ('distilpose::quickstart/distilled.py', 'configs/quickstart/baseline.py', 'mine.py'):
    runner = train(config, work_dir=f'out/{Path(config).stem}', options={
        'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_cfg': dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2, val_interval=1000),
        'default_hooks.checkpoint': dict(_delete_=True, type='CheckpointHook', interval=2, by_epoch=False)})
    print('trained', config, runner.iter, runner.cfg.data_root)
load_model('distilpose::quickstart/distilled.py', 'out/distilled/iter_2.pth')
print('modules', *(module.__file__ for name, module in sys.modules.items() if name.partition('.')[0] == 'distilpose'))
"""

_MINE = """
_base_ = ['distilpose::quickstart/_base_/people_regression.py', 'distilpose::quickstart/_base_/schedule.py',
          'distilpose::quickstart/_base_/runtime.py']
model = dict(
    type='PoseDistiller', task_weight=1.0, terms=dict(heatmap=None),
    student=dict(config='distilpose::quickstart/baseline.py'),
    teacher=dict(config='distilpose::quickstart/teacher.py',
                 checkpoint='work_dirs/quickstart/seed_0/teacher/weights.pth'))
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'PYTHONHOME')}
    result = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, env={**variables, **environment}, text=True,
                            capture_output=True, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:] + result.stdout[-1000:]
    return result


def contents(folder: Path) -> dict[str, str]:
    """Relative path of every file -> digest."""
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.rglob('*')) if file.is_file()}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    folder = tmp_path_factory.mktemp('wheel')
    run('-m', 'pip', 'wheel', ROOT, '--no-deps', '--no-build-isolation', '--no-index', '-q', '-w', folder, cwd=folder)
    file, = folder.glob('distilpose-*.whl')
    return file


@pytest.fixture(scope='module')
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('unpacked')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_it_holds_the_package_its_configs_and_its_pins(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f'distilpose/.mim/{file.relative_to(ROOT)}' for file in (ROOT / 'configs').rglob('*.py')}
    packages = {str(file.relative_to(ROOT)) for name in ('distilpose', 'distilpose_cli')
                for file in (ROOT / name).rglob('*.py')}
    assert {name for name in names if '.dist-info/' not in name} == (
        configs | packages | {'distilpose/py.typed', 'distilpose/.mim/requirements.txt'})


def test_building_leaves_no_files_beside_the_package(wheel: Path) -> None:
    assert not (ROOT / 'build').exists()
    assert not (ROOT / 'distilpose' / '.mim').exists()


def test_it_trains_from_another_directory_and_stays_as_it_was(unpacked: Path, tmp_path: Path) -> None:
    """Data, teachers and results lie in the current directory; nothing of the checkout is read."""
    (tmp_path / 'run.py').write_text(_TRAIN)
    (tmp_path / 'mine.py').write_text(_MINE)
    before = contents(unpacked)
    environment = dict(PYTHONPATH=str(unpacked), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1')
    result = run('run.py', cwd=tmp_path, **environment)
    lines = [line.split() for line in result.stdout.splitlines()]
    trained = [words[1:] for words in lines if words[:1] == ['trained']]
    names = ('distilpose::quickstart/distilled.py', 'configs/quickstart/baseline.py', 'mine.py')
    assert trained == [[name, '2', f'{tmp_path}/data/synthetic_people/'] for name in names]
    modules = next(words[1:] for words in lines if words[:1] == ['modules'])
    assert len(modules) > 100 and all(Path(file).is_relative_to(unpacked) for file in modules)
    assert not {f'{ROOT}/{name}' for name in ('configs', 'data', 'distilpose')} & set(
        re.findall(f'{re.escape(str(ROOT))}/[a-z]+', result.stdout + result.stderr))
    run('-m', 'distilpose_cli', 'train', 'distilpose::quickstart/baseline.py', '--work-dir', 'out/command',
        '--cfg-options', 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False', cwd=tmp_path, **environment)
    assert (tmp_path / 'out' / 'command' / 'epoch_1.pth').is_file()
    assert contents(unpacked) == before
    assert {path.name for path in tmp_path.iterdir()} == {'run.py', 'mine.py', 'data', 'work_dirs', 'out'}
    for stem in ('distilled', 'baseline', 'mine'):
        assert (tmp_path / 'out' / stem / 'iter_2.pth').is_file()
        dumped = (tmp_path / 'out' / stem / f'{stem}.py').read_text()
        assert '_scope_' not in dumped and str(unpacked) not in dumped
