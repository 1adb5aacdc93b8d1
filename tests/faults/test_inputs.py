"""Annotations, boxes and options that are wrong: exit code 2 and a sentence before anything is done."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.tiny import write_config
from tests.faults.runs import Run, start_training

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tiny_data: Path, tmp_path: Path) -> Path:
    """Of data of its own, which a test may change."""
    return write_config(tmp_path / 'config.py', Path(shutil.copytree(tiny_data, tmp_path / 'data')))


def assert_refused(run: Run, *words: str) -> None:
    assert run.end() == 2, run.output
    last = run.output.strip().splitlines()[-1]
    assert all(word in last for word in words) and 'Traceback' not in run.output, run.output


@pytest.mark.parametrize('how', ['cut', 'nan', 'option'])
def test_a_training_does_not_begin(config: Path, tmp_path: Path, how: str) -> None:
    file = tmp_path / 'data' / 'annotations' / 'people.json'
    content: dict[str, Any] = json.loads(file.read_text())
    content['annotations'][2]['keypoints'][7] = float('nan')
    changes: dict[str, Callable[[], object]] = dict(
        cut=lambda: file.write_bytes(file.read_bytes()[:5000]), nan=lambda: file.write_text(json.dumps(content)),
        option=lambda: None)
    changes[how]()
    options = ['--cfg-options', 'optim_wraper.optimizer.lr=1'] if how == 'option' else []
    run = start_training(config, tmp_path / 'work', *options)
    assert_refused(run, *dict(cut=['people.json', 'cut off after 5000 bytes'],
                              nan=['people.json', 'y of joint right_eye of annotation 3', 'nan'],
                              option=["did you mean 'optim_wrapper'"])[how])
    assert not (tmp_path / 'work').exists()


class _Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file, )


def test_boxes_in_a_pickle_are_not_unpickled(config: Path, tmp_path: Path) -> None:
    training = start_training(config, tmp_path / 'work', '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1')
    assert training.end() == 0, training.output
    boxes = tmp_path / 'boxes.pkl'
    boxes.write_bytes(pickle.dumps([_Payload(tmp_path / 'executed')]))
    run = Run([sys.executable, 'tools/test.py', config, tmp_path / 'work' / 'epoch_1.pth', '--work-dir',
               tmp_path / 'test', '--cfg-options', f'test_dataloader.dataset.bbox_file={boxes}'], tmp_path / 'test.log')
    assert_refused(run, 'boxes.pkl is a pickle', 'expected JSON')
    assert not (tmp_path / 'executed').exists()
