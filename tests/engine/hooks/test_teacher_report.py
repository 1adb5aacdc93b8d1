import json
import logging

import pytest
import torch
from mmpose.registry import TRANSFORMS

from distilpose.check import check_training
from distilpose.config import read_config
from distilpose.distillation.teacher_report import TeacherReport
from distilpose.engine import train
from distilpose.engine.hooks import TeacherReportHook
from distilpose.errors import DistilPoseError
from tests.engine.processes import run_in_two_processes
from tests.engine.tiny import logged_losses, write_config, write_data, write_distillation


@TRANSFORMS.register_module()
class RGBAsIs:
    """A step of another package."""

    def __call__(self, results):
        return results


OFF = {'default_hooks.teacher_report.enabled': False}


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    return write_distillation(folder, write_data(folder / 'data'))


def weights(work_dir):
    return torch.load(work_dir / 'epoch_1.pth', weights_only=False)['state_dict']


def log_of(work_dir):
    return '\n'.join(file.read_text() for file in sorted(work_dir.glob('*/*.log')))


@pytest.mark.parametrize('workers', [0, 2])
def test_the_training_is_bit_equal_with_and_without(configs, tmp_path, workers):
    options = {'train_dataloader.num_workers': workers, 'train_dataloader.persistent_workers': workers > 0,
               'train_cfg.max_epochs': 1,
               'default_hooks.randomness': None}  # which would seed again after the report
    for name, more in (('with', {}), ('without', OFF)):
        train(configs[1], work_dir=tmp_path / name, seed=3, options={**options, **more})
    one, other = weights(tmp_path / 'with'), weights(tmp_path / 'without')
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert logged_losses(tmp_path / 'with') == logged_losses(tmp_path / 'without')
    assert (tmp_path / 'with/teacher_report.json').is_file()
    assert not (tmp_path / 'without/teacher_report.json').exists()


def test_the_log_and_the_file_have_the_figures_and_a_resumed_run_reads_them(configs, tmp_path, monkeypatch):
    train(configs[1], work_dir=tmp_path, seed=3, options={'train_cfg.max_epochs': 1})
    report = json.loads((tmp_path / 'teacher_report.json').read_text())
    assert report['figures']['people'] == 12 and report['findings'][0]['kind'] == 'chance'
    assert 'The teacher on 12 validation people (204 labelled joints)' in log_of(tmp_path)
    assert 'TEACHER: The teacher is no better than the mean pose' in log_of(tmp_path)

    from distilpose.engine.hooks import teacher_report
    monkeypatch.setattr(teacher_report, 'make_report', None)  # is not called
    train(configs[1], work_dir=tmp_path, seed=3, resume=True, options={'train_cfg.max_epochs': 2})
    assert log_of(tmp_path).count('The teacher on 12 validation people') == 2
    # other options are another report
    with pytest.raises(DistilPoseError, match='the hook TeacherReportHook fails at the start of the run: TypeError'):
        train(configs[1], work_dir=tmp_path, seed=3, options={'default_hooks.teacher_report.people': 4})


def test_trainings_share_reports(configs, tmp_path, monkeypatch):
    options = {'train_cfg.max_epochs': 1, 'default_hooks.teacher_report.shared': str(tmp_path / 'shared')}
    train(configs[1], work_dir=tmp_path / 'one', seed=3, options=options)
    from distilpose.engine.hooks import teacher_report
    with monkeypatch.context() as patch:
        patch.setattr(teacher_report, 'make_report', None)  # is not called
        train(configs[1], work_dir=tmp_path / 'two', seed=4, options=options)
    assert figures_of(tmp_path / 'two') == figures_of(tmp_path / 'one')
    train(configs[1], work_dir=tmp_path / 'three', seed=4,
          options={**options, 'default_hooks.teacher_report.people': 4})
    assert figures_of(tmp_path / 'three')['people'] == 4 and len([*(tmp_path / 'shared').iterdir()]) == 2


def test_a_run_without_validation_says_so(configs, tmp_path):
    train(configs[1], work_dir=tmp_path, seed=3, validate=False, options={'train_cfg.max_epochs': 1})
    assert 'The teacher was not evaluated: this run has no validation data' in log_of(tmp_path)
    with pytest.raises(DistilPoseError, match='--strict-teacher evaluates the teacher .*, and this run has no'):
        train(configs[1], work_dir=tmp_path / 'strict', seed=3, validate=False, strict_teacher=True)


def test_a_strict_training_refuses_before_the_first_iteration(configs, tmp_path):
    with pytest.raises(DistilPoseError, match='no better than the mean pose .*--strict-teacher refuses') as caught:
        train(configs[1], work_dir=tmp_path, seed=3, strict_teacher=True, options=OFF)
    assert caught.value.exit_code == 2
    assert not list(tmp_path.glob('*.pth')) and 'Epoch(train)' not in log_of(tmp_path)


def test_a_strict_training_refuses_to_judge_by_a_few_people(configs, tmp_path):
    options = {'default_hooks.teacher_report.people': 4}
    with pytest.raises(DistilPoseError, match='--strict-teacher evaluates .*4 validation people have joints.*too few'):
        train(configs[1], work_dir=tmp_path, seed=3, strict_teacher=True, options=options)


def test_validation_data_that_cannot_give_the_teacher_a_crop_do_not_end_the_training(configs, tmp_path):
    """A step by another package cannot be replayed, and of two crops it is not known which is the student's."""
    crop = dict(type='TopdownAffine', input_size=(48, 64))
    for name, step, reason in (('colour', dict(type='RGBAsIs'), 'RGBAsIs behind the crop cannot be repeated'),
                               ('crops', crop, 'no validation pipeline has one TopdownAffine')):
        cfg = read_config(configs[1])
        cfg.val_dataloader.dataset.pipeline.insert(3, step)
        cfg.train_cfg.max_epochs, cfg.model.teacher.crop = 1, 'own'
        train(cfg, work_dir=tmp_path / name, seed=3)
        assert 'The teacher was not evaluated: it has a crop of its own, ' in log_of(tmp_path / name)
        assert reason in log_of(tmp_path / name)


def test_a_teacher_in_train_mode_keeps_its_statistics(configs, tmp_path):
    for name, more in (('with', {}), ('without', OFF)):
        train(configs[1], work_dir=tmp_path / name, seed=3, options={
            'train_cfg.max_epochs': 1, 'model.teacher.mode': 'train', **more})
    assert logged_losses(tmp_path / 'with') == logged_losses(tmp_path / 'without')


def test_a_training_without_a_teacher_has_no_report(tmp_path):
    train(write_config(tmp_path / 'plain.py', write_data(tmp_path / 'data')), work_dir=tmp_path / 'run', seed=3,
          strict_teacher=True, options={'train_cfg.max_epochs': 1})
    assert 'The teacher' not in log_of(tmp_path / 'run') and not (tmp_path / 'run/teacher_report.json').exists()


@pytest.mark.parametrize(('options', 'words'), [(dict(people=0), 'people=0'), (dict(seconds=-1), 'seconds=-1')])
def test_options_are_checked(options, words):
    with pytest.raises(DistilPoseError, match=words):
        TeacherReportHook(**options)


def test_check_draws_people_and_refuses_what_a_strict_training_would(configs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DistilPoseError, match='no better than the mean pose'):
        check_training(configs[1])
    folder = tmp_path / 'work_dirs/distillation/check'
    assert (folder / 'teacher_report.png').is_file() and not list(folder.glob('*.pth'))
    assert '12 of these people, with labels and teacher' in log_of(folder)

    from distilpose.engine.hooks import teacher_report
    monkeypatch.setattr(teacher_report, 'make_report', None)  # the training reads what the check wrote
    train(configs[1], seed=3, options={'train_cfg.max_epochs': 1})
    assert 'The teacher on 12 validation people' in log_of(folder.parent)


def test_check_of_a_config_without_a_teacher(tmp_path, caplog):
    config = write_config(tmp_path / 'plain.py', write_data(tmp_path / 'data'))
    with caplog.at_level(logging.INFO):
        assert check_training(config, work_dir=tmp_path / 'check') is None
    assert 'There is no teacher to evaluate' in log_of(tmp_path / 'check')
    assert 'nothing that would stop a training was found' in log_of(tmp_path / 'check')


def test_check_finds_what_a_training_would(configs, tmp_path):
    with pytest.raises(DistilPoseError, match='there is no checkpoint'):
        check_training(configs[1], work_dir=tmp_path, options={'model.teacher.checkpoint': 'missing.pth'})


def figures_of(work_dir):
    figures = json.loads((work_dir / 'teacher_report.json').read_text())['figures']
    return {name: figures[name] for name in ('people', 'joints', 'ap', 'pck')}


def test_a_teacher_with_its_own_crop_is_given_it(configs, tmp_path):
    """Of the same size and padding it is the student's, so that the figures are the same."""
    for crop in ('student', 'own'):
        with pytest.raises(DistilPoseError, match='mean pose'):
            check_training(configs[1], work_dir=tmp_path / crop, options={'model.teacher.crop': crop})
    assert figures_of(tmp_path / 'own') == pytest.approx(figures_of(tmp_path / 'student'), abs=0.011)
    for crop, place in (('student', "the student's crop"), ('own', 'a crop of its own')):
        report = TeacherReport.from_dict(json.loads((tmp_path / crop / 'teacher_report.json').read_text()))
        assert f'in {place}:' in next(report.lines())


_TWO_PROCESSES = """
import sys
from distilpose.engine import train
from distilpose.engine.hooks import teacher_report
from mmengine.dist import get_rank
make = teacher_report.make_report
def counted(*args, **options):
    print(f'asked on {get_rank()}', flush=True)
    return make(*args, **options)
teacher_report.make_report = counted
run = train(sys.argv[1], work_dir=sys.argv[2], seed=1, launcher='pytorch', options={'train_cfg.max_epochs': 1})
hook = next(hook for hook in run.hooks if isinstance(hook, teacher_report.TeacherReportHook))
print(f'read on {get_rank()}: {hook.report.figures["people"]}', flush=True)
"""


@pytest.mark.slow
def test_two_processes_share_one_report(configs, tmp_path):
    output = run_in_two_processes(_TWO_PROCESSES, tmp_path, configs[1], tmp_path / 'run')
    assert 'asked on 0' in output and 'asked on 1' not in output
    assert 'read on 0: 12' in output and 'read on 1: 12' in output
