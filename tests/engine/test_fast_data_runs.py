"""Training on fast data: as on plain data, with any number of workers, and resumable."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from distilpose.engine import train

from .test_training import EVERY_LOSS
from .tiny import assert_close_losses, logged_losses, write_config

FAST = """
from distilpose.config.data import with_fast_data
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(
    _base_, together={together})
"""


@pytest.fixture(scope='module')
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people on five JPEG images."""
    folder, draw = tmp_path_factory.mktemp('people'), np.random.default_rng(0)
    (folder / 'images').mkdir()
    (folder / 'annotations').mkdir()
    images = [dict(id=number, file_name=f'{number}.jpg', width=64, height=80) for number in range(1, 6)]
    for image in images:
        noise = cv2.resize(draw.integers(0, 255, (10, 8, 3), np.uint8), (64, 80))
        cv2.imwrite(str(folder / 'images' / image['file_name']), noise)
    annotations = [dict(id=number, image_id=1 + number * 7 % 5, category_id=1, bbox=[2, 2, 50, 70], area=3500,
                        iscrowd=0, num_keypoints=17, keypoints=[*draw.integers(5, 60, 2).tolist(), 2] * 17)
                   for number in range(1, 13)]
    (folder / 'annotations' / 'people.json').write_text(json.dumps(dict(
        images=images, annotations=annotations, categories=[dict(id=1, name='person')])))
    return folder


def losses(folder: Path, people: Path, name: str, *, change: str = '', workers: int = 0,
           resume: Path | None = None) -> dict[int, float]:
    """Iteration -> loss of a run on a config that a change turns from plain data to fast ones."""
    base = write_config(folder / f'{name}_plain.py', people, workers=workers, extra=EVERY_LOSS)
    (folder / f'{name}.py').write_text(f'_base_ = {str(base)!r}\n{change}')
    train(folder / f'{name}.py', work_dir=folder / name, validate=False, resume=resume and str(resume))
    return logged_losses(folder / name)


@pytest.mark.parametrize('workers', [0, 2])
def test_training_is_that_on_plain_data(people: Path, tmp_path: Path, workers: int) -> None:
    plain = losses(tmp_path, people, 'plain', workers=workers)
    fast = losses(tmp_path, people, 'fast', change=FAST.format(together=False), workers=workers)
    assert len(plain) == 6
    assert_close_losses(fast, plain, rel=1e-4)  # decoding in part may round a pixel otherwise


def test_people_together_resume_alike_with_any_number_of_workers(people: Path, tmp_path: Path) -> None:
    change = FAST.format(together=True)
    whole = losses(tmp_path, people, 'whole', change=change)
    parts = losses(tmp_path, people, 'parts', change=change, workers=2, resume=tmp_path / 'whole' / 'epoch_1.pth')
    assert len(whole) == 6
    assert_close_losses(parts, {step: whole[step] for step in (4, 5, 6)})
