"""The comparison through its command line, tiny: trained, read, resumed, refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from distilpose.engine import train

from ..engine import tiny

Compare = Callable[..., int]
NO_TERM = ('--variant', 'No heatmaps', 'model.terms.simulated_heatmap.weight=0.0')


@pytest.fixture(scope='module', autouse=True)
def unformatted_configs() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, True))
        yield


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Path:
    """Configs of teacher, student and distillation."""
    folder = tmp_path_factory.mktemp('compare')
    tiny.write_distillation(folder, tiny_data)
    (folder / 'teacher.pth').unlink()  # the comparison makes its own teacher
    return folder


@pytest.fixture
def compare(tool: Callable[[str], ModuleType], folder: Path) -> Compare:
    def call(work_dir: Path | str, *arguments: str, **configs: str) -> int:
        named = dict(dict(teacher='teacher', baseline='student', distilled='distillation'), **configs)
        words = [word for role, name in named.items() for word in (f'--{role}', str(folder / f'{name}.py'))]
        return tool('compare').main([*words, '--work-dir', str(folder / work_dir), *arguments])
    return call


@pytest.fixture(scope='module')
def whole(folder: Path) -> Path:
    return folder / 'whole'


@pytest.fixture
def trained(compare: Compare, whole: Path) -> dict:
    """The figures of two seeds with one variant; trained by the first test that asks."""
    if not (whole / 'compare.json').is_file():
        assert compare(whole, '--seeds', '0', '1', *NO_TERM) == 0
    return json.loads((whole / 'compare.json').read_text())


@pytest.mark.slow
def test_everything_is_trained_and_written(trained: dict, whole: Path) -> None:
    roles = ['teacher', 'baseline', 'distilled', 'no_heatmaps']
    for seed in (0, 1):
        assert sorted(path.name for path in (whole / f'seed_{seed}').iterdir()) == sorted(roles)
        assert all((whole / f'seed_{seed}' / role / 'epoch_2.pth').is_file() for role in roles)
    assert list(trained['models']) == roles and trained['seeds'] == [0, 1]
    assert trained['models']['no_heatmaps']['options'] == {'model.terms.simulated_heatmap.weight': 0.0}
    assert trained['command'].startswith('python tools/compare.py --teacher ')
    assert set(trained['versions']) >= {'torch', 'mmpose', 'distilpose'}
    assert {path.name for path in whole.iterdir()} >= {'compare.json', 'compare.md', 'compare.html'}


@pytest.mark.slow
def test_figures_are_consistent(trained: dict) -> None:
    runs = {(run['role'], run['seed']): run for run in trained['runs']}
    assert len(runs) == 8 and {run['iterations'] for run in trained['runs']} == {6}
    for role, ranges in trained['over_seeds'].items():
        for name, found in ranges.items():
            values = [runs[role, seed]['figures'][name] for seed in (0, 1)]
            assert found == dict(mean=pytest.approx(sum(values) / 2), low=min(values), high=max(values))
    means = {role: ranges['mean_oks']['mean'] for role, ranges in trained['over_seeds'].items()}
    gap = trained['gap_closed']['distilled']['mean_oks']
    expected = (means['distilled'] - means['baseline']) / (means['teacher'] - means['baseline'])
    assert gap['value'] == pytest.approx(expected) and gap['low'] <= gap['value'] <= gap['high']
    assert set(gap['by_seed']) == {'0', '1'}
    assert trained['gain']['distilled']['mean_oks']['value'] == pytest.approx(means['distilled'] - means['baseline'])
    assert trained['gap_closed']['distilled']['ap']['value'] is None  # nobody learns anything here


@pytest.mark.slow
def test_a_term_without_weight_changes_nothing(trained: dict) -> None:
    for name in ('ap', 'mean_oks', 'pck'):
        assert trained['gain']['no_heatmaps'][name]['value'] == pytest.approx(0, abs=1e-6)
    assert trained['gap_closed']['no_heatmaps']['mean_oks']['value'] == pytest.approx(0, abs=1e-3)
    assert abs(trained['gain']['distilled']['mean_oks']['value']) > 1e-5


@pytest.mark.slow
def test_the_table_says_what_the_file_says(trained: dict, whole: Path) -> None:
    table = (whole / 'compare.md').read_text()
    for role, model in trained['models'].items():
        mean = f'{100 * trained["over_seeds"][role]["mean_oks"]["mean"]:.1f}'
        assert re.search(rf'^\| {model["title"]} \|.* {re.escape(mean)} [(|]', table, flags=re.MULTILINE)
    assert 'undefined where the teacher is no better' in table and '| left ankle |' in table


@pytest.mark.slow
def test_the_page_needs_nothing_but_itself(trained: dict, whole: Path) -> None:
    page = (whole / 'compare.html').read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) and '@import' not in page and '<script' not in page
    assert page.count('class="person"') == 8 and page.count('class="area ') == 4  # two losses, two students
    for text in ('No heatmaps', 'Every keypoint', 'Shares of the gradient', 'Where it fails', 'Repeat it'):
        assert text in page


@pytest.mark.slow
def test_a_second_call_reads(compare: Compare, trained: dict, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.stat().st_mtime_ns for file in whole.rglob('*.pth')}
    capsys.readouterr()
    assert compare(whole, '--seeds', '0', '1', *NO_TERM, '--out', str(whole / 'again')) == 0
    assert capsys.readouterr().out.count('trained before, read from') == 8 and before
    assert {file: file.stat().st_mtime_ns for file in whole.rglob('*.pth')} == before
    again = json.loads((whole / 'again' / 'compare.json').read_text())
    assert {**again, 'command': ''} == {**trained, 'command': ''}


@pytest.mark.slow
def test_trainings_of_the_ordinary_tool_are_read_and_gone_on_with(
        compare: Compare, trained: dict, folder: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work_dir = folder / 'ordinary'
    train(folder / 'teacher.py', work_dir=work_dir / 'seed_0/teacher', seed=0, validate=False)
    train(folder / 'student.py', work_dir=work_dir / 'seed_0/baseline', seed=0, data_root=tiny_data)
    (work_dir / 'seed_0/baseline/last_checkpoint').write_text(str(work_dir / 'seed_0/baseline/epoch_1.pth'))
    assert compare(work_dir) == 0
    output = capsys.readouterr().out
    assert 'Seed 0, teacher: trained before, read from' in output and 'student alone: trained further' in output
    found = {run['role']: run for run in json.loads((work_dir / 'compare.json').read_text())['runs']}
    assert found == {run['role']: run for run in trained['runs'] if run['seed'] == 0 and run['role'] in found}
    assert compare(work_dir) == 0
    assert capsys.readouterr().out.count('trained before') == 3


@pytest.mark.slow
def test_another_teacher_than_this_seeds_is_told(compare: Compare, trained: dict, whole: Path, folder: Path) -> None:
    work_dir = folder / 'foreign'
    other = whole / 'seed_1' / 'teacher' / 'epoch_2.pth'
    train(folder / 'distillation.py', work_dir=work_dir / 'seed_0/distilled', seed=0,
          options={'model.teacher.checkpoint': str(other)})
    assert compare(work_dir) == 0
    notes = json.loads((work_dir / 'compare.json').read_text())['notes']
    assert notes == ["'student distilled' of seed 0 learned from seed_1/teacher/epoch_2.pth, and not from the last "
                     "weights of this seed's teacher"]


@pytest.mark.slow
def test_what_is_there_must_be_what_is_asked_for(compare: Compare, trained: dict, whole: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(whole, '--cfg-options', 'train_cfg.max_epochs=3', 'optim_wrapper.optimizer.lr=0.02') == 2
    error = capsys.readouterr().err
    assert 'holds a training of another config' in error and 'train_cfg.max_epochs is 2 there and 3 here' in error
    assert 'optim_wrapper.optimizer.lr is 0.01 there and 0.02 here' in error
    (whole / 'seed_5').symlink_to(whole / 'seed_0')
    assert compare(whole, '--seeds', '5') == 2
    assert 'its seed is 0 and not 5' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, expected', [
    (('--variant', 'longer', 'train_cfg.max_epochs=3'), 'max_epochs is 2 and 3'),
    (('--variant', 'bigger', 'train_dataloader.batch_size=2'), 'batch_size is 4 and 2'),
    (('--variant', 'fewer', 'train_dataloader.dataset.indices=6'), 'training_samples is 12 and 6'),
    (('--variant', 'slower', 'param_scheduler.0.end=9'), 'param_scheduler[0].end is 5 and 9'),
    (('--variant', 'same'), 'is the distilled student itself'),
    (('--variant', 'Teacher', 'model.task_weight=0.5'), "which is that of 'teacher'"),
    (('--variant', 'x', 'model.task_weight=1', 'y'), "found 'y'"),
    (('--seeds', '1', '1'), 'expected one or more different numbers'),
    (('--seeds', '-1'), 'not negative'),
    (('--cfg-options', 'val_dataloader.dataset.bbox_file=detections.json'), 'on annotated people'),
])
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(
        compare: Compare, folder: Path, arguments: tuple[str, ...], expected: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert compare('refused', *arguments) == 2
    assert expected in capsys.readouterr().err
    assert not (folder / 'refused').exists()


def test_the_distilled_student_learns_from_this_teacher(compare: Compare, folder: Path,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    assert compare('refused', distilled='student') == 2
    assert 'learns from no teacher' in capsys.readouterr().err
    (folder / 'other_teacher.py').write_text(f'_base_ = {str(folder / "teacher.py")!r}\n')
    assert compare('refused', teacher='other_teacher') == 2
    assert 'name the same config in both' in capsys.readouterr().err


def test_people_must_be_the_same(compare: Compare, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / 'fewer.py').write_text(f'_base_ = {str(folder / "distillation.py")!r}\n'
                                     'val_dataloader = dict(dataset=dict(indices=5))\n')
    assert compare('refused', '--variant', 'fewer', str(folder / 'fewer.py')) == 2
    assert 'validates on 5 people who are not the 12' in capsys.readouterr().err


@pytest.mark.slow
def test_other_weights_to_start_from_are_told(compare: Compare, trained: dict, whole: Path) -> None:
    start = whole / 'seed_0' / 'baseline' / 'epoch_1.pth'
    options = ('--variant', 'warm', f'load_from={start}', '--out', str(whole / 'warm'))
    assert compare(whole, *options) == 0 and compare(whole, *options) == 0
    notes = json.loads((whole / 'warm' / 'compare.json').read_text())['notes']
    assert notes == ["starting_weights is [] for 'student alone' and ['seed_0/baseline/epoch_1.pth'] for 'warm'"]
    assert compare(whole, '--variant', 'warm', f'load_from={start.with_name("epoch_2.pth")}') == 2


@pytest.mark.slow
def test_another_optimizer_is_told(compare: Compare, trained: dict, whole: Path) -> None:
    assert compare(whole, '--variant', 'faster', 'optim_wrapper.optimizer.lr=0.02', '--out', str(whole / 'faster')) == 0
    notes = json.loads((whole / 'faster' / 'compare.json').read_text())['notes']
    assert notes == ["optim_wrapper.optimizer.lr is 0.01 for 'student alone' and 0.02 for 'faster'"]


def test_help_says_how(tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tool('compare').main(['--help'])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ('--teacher', '--variant', '--seeds', '--data-root', 'seed_<seed>'))
