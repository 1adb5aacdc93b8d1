"""Steps with a teacher's stored answers are the steps of a training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.benchmark.teacher_cache import _batches, measure
from distilpose.distillation import FrozenTeacher
from distilpose.engine import read_config
from distilpose.errors import DistilPoseError
from distilpose_cli.measuring import BENCHMARK
from tests.engine import tiny


@pytest.fixture(scope='module')
def configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of the student and of the distillation."""
    folder = tmp_path_factory.mktemp('benchmark')
    return tiny.write_distillation(folder, tiny.write_data(folder / 'data'))


def arguments(*words: str) -> argparse.Namespace:
    options = ['--threads', '1', '--device', 'cpu', '--batch-size', '3', '--runs', '2']
    return BENCHMARK.build_parser().parse_args(['teacher-cache', 'config.py', *options, *words])


def test_the_teacher_is_asked_in_one_of_both_ways_only(configs: tuple[Path, Path],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    outputs = FrozenTeacher.outputs

    def counted(self: FrozenTeacher, images: torch.Tensor) -> Any:
        asked.append(len(images))
        return outputs(self, images)

    monkeypatch.setattr(FrozenTeacher, 'outputs', counted)
    report = measure(read_config(configs[1]), arguments('--baseline', '--batches', '2'))
    assert list(report.seconds) == ['cached', 'live'] and all(len(runs) == 2 for runs in report.seconds.values())
    assert asked == [1, 1, 3, 3, 3, 3, 3, 3]  # pair, size; two to fill, one to compare; a warm-up and two runs
    assert set(report.details['elapsed']) == {'teacher', 'writing', 'reading'}
    assert min(report.details['elapsed'].values()) > 0
    assert report.notes == ['The cache keeps heatmaps: 1.6 kB an image.']


def test_samples_that_come_again_have_slots_of_their_own(configs: tuple[Path, Path]) -> None:
    cfg = read_config(configs[1])
    batches = _batches(cfg, size=8, count=2)
    slots = [sample.metainfo['teacher_slot'] for batch in batches for sample in batch['data_samples']]
    assert [slot for slot, _ in slots] == list(range(16)) and tiny.NUM_IMAGES < 16
    assert len({tuple(crops.items()) for _, crops in slots}) == 16


@pytest.mark.parametrize('config, words, message', [
    (0, (), 'needs a teacher, and model.type is TopdownPoseEstimator'), (1, ('--batches', '0'), '--batches is 0')])
def test_wrong_input_is_a_sentence(configs: tuple[Path, Path], config: int, words: tuple[str, ...],
                                   message: str) -> None:
    with pytest.raises(DistilPoseError, match=message):
        measure(read_config(configs[config]), arguments(*words))
