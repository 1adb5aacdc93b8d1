"""Trainings that read a crop store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config

from distilpose.config.data import with_fast_data
from distilpose.engine import train
from distilpose.engine.hooks.crop_store import use_crop_store
from distilpose.errors import DistilPoseError
from tests.crop_store import people

from ..tiny import logged_losses, write_config

_FAST = """
from distilpose.config.data import with_fast_data
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_fast_data(
    _base_{crops})
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return people.write(tmp_path_factory.mktemp('people') / 'data')


def run(folder: Path, data: Path, name: str, extra: str = '', **options: Any) -> tuple[dict[int, float], str]:
    """Losses and log of a training."""
    base = write_config(folder / f'{name}_plain.py', data)
    (folder / f'{name}.py').write_text(f'_base_ = {str(base)!r}\nlog_processor = dict(window_size=1)\n{extra}')
    runner = train(folder / f'{name}.py', work_dir=folder / name, validate=False, options=options)
    return logged_losses(folder / name), Path(runner.logger.log_file).read_text()


def test_losses_are_those_of_files(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, while the store is filled and from a full one, which is another training's."""
    files, _ = run(tmp_path, data, 'files', _FAST.format(crops=''))
    first, log = run(tmp_path, data, 'first', _FAST.format(crops=f", crops='{tmp_path}/store'"))
    assert 'for each of 12 people on 5 images, of which 0 bytes are filled' in log
    people.refuse_files(monkeypatch)
    again, log = run(tmp_path, data, 'again', **{'default_hooks.crop_store.folder': str(tmp_path / 'store')})
    assert first == again == files and len(files) == 6
    assert 'of the crop store are filled.' in log


def test_the_config_names_the_folder() -> None:
    steps = [dict(type='LoadImage'), dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]
    base = Config(dict(train_pipeline=steps, val_pipeline=steps, train_dataloader=dict(dataset=dict(type='X'))))
    assert with_fast_data(base, crops='work_dirs/crops')[0][0] == dict(type='LoadEncodedImage', crops='work_dirs/crops')
    assert 'crops' not in with_fast_data(base)[0][0]
    assert np.all(['crops' not in step for step in with_fast_data(base, crops='x')[1]])


def test_a_pipeline_that_needs_whole_images_is_refused_before_the_training() -> None:
    steps = [dict(type='LoadImage'), dict(type='PhotometricDistortion'),
             dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]
    cfg = Config(dict(default_hooks=dict(crop_store=dict(type='CropStoreHook', folder='crops')),
                      train_dataloader=dict(dataset=dict(type='CocoDataset', pipeline=steps))))
    with pytest.raises(DistilPoseError, match='has a folder, and PhotometricDistortion .* may need the whole image'):
        use_crop_store(cfg)
