"""``tools/benchmark.py``: what it prints, and wrong input as a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest

from distilpose.benchmark import machine
from tests.datasets.test_jpeg import picture
from tests.engine import tiny

DATA_CONFIG = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_fast_coco_256x192.py'


@pytest.fixture
def run_data(tool: Callable[[str], ModuleType], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the tool on two people of one image; gives exit code, stdout and stderr."""
    people = [dict(id=number, image_id=1, category_id=1, bbox=[20, 10, 80, 100], keypoints=[50, 50, 2] * 17,
                   num_keypoints=17, area=8000, iscrowd=0) for number in (1, 2)]
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'train2017').mkdir()
    (tmp_path / 'annotations/person_keypoints_train2017.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='1.jpg', width=160, height=120)], annotations=people,
        categories=[dict(id=1, name='person')])))
    cv2.imwrite(str(tmp_path / 'train2017/1.jpg'), picture(160, 120))

    def call(*arguments: str) -> tuple[int, str, str]:
        options = ['--data-root', str(tmp_path), '--runs', '2', '--batches', '1']
        code = tool('benchmark').main(['data', DATA_CONFIG, *options, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope='module')
def tiny_configs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A student and a distillation, whose teacher has a file; no data are needed."""
    folder = tmp_path_factory.mktemp('configs')
    student, distillation = tiny.write_distillation(folder, folder / 'no_data')
    return dict(student=student, distillation=distillation)


@pytest.fixture
def run(tool: Callable[[str], ModuleType], tiny_configs: dict[str, Path], monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a subcommand on a tiny config with one thread, twice; gives exit code, stdout and stderr."""
    monkeypatch.setattr(machine, '_SIZES', dict(cpu=(64, )))
    monkeypatch.setattr(machine, '_COPIED', dict(cpu=2**16))

    def call(subcommand: str, config: str, *arguments: str) -> tuple[int, str, str]:
        options = ['--runs', '2', '--threads', '1', '--device', 'cpu', '--batch-size', '3']
        code = tool('benchmark').main([subcommand, str(tiny_configs[config]), *options, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_json(run_data) -> None:
    code, out, _ = run_data('--json', '--baseline', '--cfg-options', 'train_dataloader.batch_size=3')
    figures = json.loads(out)
    assert code == 0 and set(figures['per_second']) == {'config', 'plain'}
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in figures['seconds'].values())


def test_text_with_steps(run_data) -> None:
    code, out, _ = run_data('--steps', '--cfg-options', 'train_dataloader.batch_size=3')
    assert code == 0 and 'images/s' in out and 'DecodingTopdownAffine' in out and '(hand-over)' in out


def test_wrong_input_is_a_sentence(run_data) -> None:
    code, out, err = run_data('--split', 'val')
    assert code == 2 and not out and 'val2017' in err


@pytest.mark.parametrize('config', ['student', 'distillation'])
def test_train(run, config: str) -> None:
    code, out, _ = run('train', config, '--baseline', '--parts', '--json')
    figures = json.loads(out)
    assert code == 0 and figures['unit'] == 'images' and figures['compared_with'] == 'published'
    assert set(figures['per_second']) == {'config', 'published'} and min(figures['per_second'].values()) > 0
    assert set(figures['times_as_fast']) == {'config'}
    parts = {'images', 'student', 'backward', 'optimizer', *(['teacher', 'terms'] if config == 'distillation' else [])}
    assert set(figures['milliseconds_of_parts']['config']) == parts
    assert figures['flops']['config'] == figures['flops']['published']
    assert all(share > 0 for share in figures['share_of_matmul_ceiling'].values())
    assert figures['ceilings']['copy_bytes_per_second'] > 0


def test_train_in_bfloat16_as_text(run) -> None:
    code, out, _ = run('train', 'distillation', '--amp', '--baseline')
    assert code == 0 and 'images/s' in out and '% of the ceiling' in out
    assert 'published: float32, channels first, drawn simulated heatmaps' in out


@pytest.mark.parametrize('arguments, words', [
    (('--device', 'tpu'), 'expected cpu, cuda or cuda:N'), (('--batch-size', '0'), '--batch-size is 0'),
    (('--runs', '0'), '--runs is 0'), (('--cfg-options', 'optim_wrapper=None'), 'no optim_wrapper'),
    (('--cfg-options', 'train_dataloader=None'), 'train_dataloader.dataset has no TopdownAffine')])
def test_wrong_input_of_train_is_a_sentence(run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run('train', 'student', *arguments)
    assert code == 2 and not out and words in err


def test_infer(run) -> None:
    code, out, _ = run('infer', 'distillation', '--baseline', '--json', '--dtypes', 'float32', 'bfloat16',
                       '--cfg-options', 'model.student.test_cfg.flip_test=True')
    figures = json.loads(out)
    assert code == 0 and figures['unit'] == 'images'
    assert set(figures['per_second']) == {'float32', 'bfloat16', 'published'}
    assert min(figures['per_second'].values()) > 0 and set(figures['times_as_fast']) == {'float32', 'bfloat16'}
    (of_float32, flops), = figures['flops']['float32'].items()
    assert of_float32 == 'float32' and figures['flops']['bfloat16'] == dict(bfloat16=flops)
    assert 'two forward passes' in figures['notes'][0]


def test_a_flip_test_costs_two_passes(run) -> None:
    flops = [json.loads(run('infer', 'student', '--json', *options)[1])['flops']['float32']['float32']
             for options in ([], ['--cfg-options', 'model.test_cfg.flip_test=True'])]
    assert flops[1] == 2 * flops[0] > 0


def test_loss(run) -> None:
    code, out, _ = run('loss', 'distillation', '--baseline', '--json')
    figures = json.loads(out)
    assert code == 0 and set(figures['per_second']) == {'config', 'published'}
    assert min(figures['per_second'].values()) > 0


@pytest.mark.parametrize('arguments, words', [
    (('infer', 'student', '--dtypes', 'float16'), 'on a CPU use bfloat16'),
    (('infer', 'student', '--batch-size', '0'), '--batch-size is 0'),
    (('loss', 'student'), 'no SimulatedHeatmapTerm'),
    (('loss', 'distillation', '--batch-size', '0'), '--batch-size is 0'),
])
def test_wrong_input_of_infer_and_loss_is_a_sentence(run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2 and not out and words in err
