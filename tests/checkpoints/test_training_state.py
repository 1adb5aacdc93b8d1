"""What a checkpoint from elsewhere says of its training is compared with what resuming reads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from distilpose.checkpoints import BadCheckpoint, check_training_state, flatten, load_file
from distilpose.engine.resuming import set_resume
from distilpose.errors import DistilPoseError
from distilpose.host.checkpoint_loading import load_from_local


def training() -> dict[str, Any]:
    return dict(
        meta=dict(epoch=3, iter=30, seed=0, cfg='a = 1', dataset_meta=dict(sigmas=np.array([0.1, 0.2], np.float32))),
        message_hub=dict(log_scalars=dict(loss=HistoryBuffer([1., 2.], [1, 1])), runtime_info={}, resumed_keys={}),
        optimizer=dict(state={}, param_groups=[]), param_schedulers=[dict(last_step=3)],
        state_dict=dict(weight=torch.ones(2)))


CHANGES: dict[str, tuple[str, Any, str]] = dict(
    meta=('meta', [1], 'meta is a list, and a dictionary'),
    epoch=('meta.epoch', '3', "meta.epoch is '3', and a number"),
    negative=('meta.iter', -1, 'meta.iter is -1'), huge=('meta.iter', 2**70, 'meta.iter is 11805916'),
    seed=('meta.seed', 'abc', "meta.seed is 'abc', and a seed"), none=('meta.epoch', None, 'meta.epoch is a NoneType'),
    hub=('message_hub', 'text', "message_hub is 'text'"),
    scalars=('message_hub.log_scalars', [1], 'message_hub.log_scalars is a list'),
    weights=('state_dict', dict(a=1), 'state_dict is a dict, and a dictionary of tensors'),
    averages=('moving_average', dict(teacher=dict(state_dict=dict(a=torch.ones(1)), updates='3')),
              'moving_average is a dict, and averages of the student, by teacher'),
    schedulers=('param_schedulers', [1], 'param_schedulers is a list, and a list of dictionaries'),
    optimizer=('optimizer', torch.ones(1), 'optimizer is a Tensor'))


@pytest.mark.parametrize('name', CHANGES)
def test_an_entry_of_another_kind_is_a_sentence(name: str, tmp_path: Path) -> None:
    place, value, words = CHANGES[name]
    checkpoint = training()
    *above, key = place.split('.')
    (checkpoint[above[0]] if above else checkpoint)[key] = value
    torch.save(checkpoint, tmp_path / 'a.pth')
    cfg = Config(dict(work_dir=str(tmp_path), randomness={}, train_cfg=dict(max_epochs=9)))
    with pytest.raises(BadCheckpoint, match=words):
        set_resume(cfg, tmp_path / 'a.pth')


def test_a_missing_entry_and_weights_only(tmp_path: Path) -> None:
    checkpoint = training()
    del checkpoint['meta']['iter']
    with pytest.raises(BadCheckpoint, match=r'a\.pth cannot be resumed from: its entry meta\.iter is missing'):
        check_training_state(checkpoint, source='a.pth')
    with pytest.raises(DistilPoseError, match='it holds no meta, message_hub, optimizer'):
        check_training_state(dict(state_dict={}), source='a.pth')
    save_file(dict(weight=torch.ones(2)), tmp_path / 'a.safetensors')
    cfg = Config(dict(work_dir=str(tmp_path), randomness={}, train_cfg=dict(max_epochs=9)))
    with pytest.raises(DistilPoseError, match='a safetensors file, which holds weights only. To start'):
        set_resume(cfg, tmp_path / 'a.safetensors')


def test_what_a_training_saves_passes() -> None:
    checkpoint = training()
    check_training_state(checkpoint, source='x')
    checkpoint['param_schedulers'] = dict(backbone=[dict(last_step=1)], head=[])
    checkpoint['moving_average'] = dict(teacher=dict(state_dict=dict(a=torch.ones(1)), updates=3))
    check_training_state(checkpoint, source='x')


def test_a_program_in_the_checkpoint_does_not_run(tmp_path: Path) -> None:
    """mmengine's Runner gives the text to Config.fromstring(), which runs it."""
    torch.save(dict(meta=dict(config='raise SystemExit', cfg='a = 1'), state_dict={}), tmp_path / 'a.pth')
    assert load_from_local(str(tmp_path / 'a.pth'), 'cpu')['meta'] == dict(cfg='a = 1')


def damaged(change: Callable[[dict[str, Any], dict[Any, Any]], object]) -> dict[str, Any]:
    checkpoint = copy.deepcopy(training())
    flatten(checkpoint)
    change(checkpoint, checkpoint['plain_data'])
    return checkpoint


SIGMAS, LOSS = ('meta', 'dataset_meta', 'sigmas'), ('message_hub', 'log_scalars', 'loss')
PLAIN_DATA: dict[str, tuple[Callable[[dict[str, Any], dict[Any, Any]], object], str]] = dict(
    no_type=(lambda _, table: table[SIGMAS].pop('dtype'), 'meta.dataset_meta.sigmas'),
    objects=(lambda _, table: table[SIGMAS].update(dtype='O'), 'the type object'),
    structured=(lambda _, table: table[SIGMAS].update(dtype='i4,i4'), 'the type'),
    unknown=(lambda _, table: table[SIGMAS].update(dtype='nonsense'), 'data type'),
    wide=(lambda _, table: table[SIGMAS].update(dtype='U400000000'), 'bytes, and at most'),
    shape=(lambda _, table: table[SIGMAS].update(shape=[3]), '2 values for the shape'),
    negative=(lambda _, table: table[SIGMAS].update(shape=[-1, -2]), 'meta.dataset_meta.sigmas'),
    text=(lambda _, table: table[SIGMAS].update(shape='ab'), 'meta.dataset_meta.sigmas'),
    values=(lambda checkpoint, _: checkpoint['meta']['dataset_meta'].update(sigmas={'a': 1}), 'of a dict'),
    words=(lambda checkpoint, _: checkpoint['meta']['dataset_meta'].update(sigmas=['a', 'b']), 'could not convert'),
    history=(lambda checkpoint, _: checkpoint['message_hub']['log_scalars'].update(loss=[1]), 'log_scalars.loss'),
    counts=(lambda checkpoint, _: checkpoint['message_hub']['log_scalars']['loss'].update(count=torch.ones(3)),
            'differ in number'),
    length=(lambda checkpoint, _: checkpoint['message_hub']['log_scalars']['loss'].update(max_length='x'), 'loss'),
    emptied=(lambda checkpoint, _: checkpoint['message_hub']['log_scalars'].update(loss={}), "'log'"))


@pytest.mark.parametrize('name', PLAIN_DATA)
def test_plain_data_that_does_not_fit_is_a_sentence(name: str, tmp_path: Path) -> None:
    change, words = PLAIN_DATA[name]
    torch.save(damaged(change), tmp_path / 'a.pth')
    with pytest.raises(BadCheckpoint) as caught:
        load_file(tmp_path / 'a.pth')
    message = str(caught.value)
    assert words in message and message.startswith(f'{tmp_path / "a.pth"} is whole, but its entry ')


def test_an_empty_array_of_very_many_lists_is_refused(tmp_path: Path) -> None:
    """Which a list of them would make."""
    torch.save(dict(a=np.zeros((10**12, 0))), tmp_path / 'a.pth')
    with pytest.raises(DistilPoseError, match='very many lists'):
        load_file(tmp_path / 'a.pth')
