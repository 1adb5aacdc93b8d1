"""Checkpoint files: no code of theirs runs, our own resume, and weights load completely or not at all."""

from __future__ import annotations

import argparse
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

import distilpose  # noqa: F401
from distilpose.checkpoints import (
    BadCheckpoint,
    CheckpointMismatch,
    MissingCheckpoint,
    UntrustedCheckpoint,
    flatten,
    load_file,
    load_strict,
    restore,
    state_dict_of,
)


class Evil:
    """Pickled, it is a call that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.mark),)


def save(content: Any, folder: Path, **options: Any) -> Path:
    file = folder / 'checkpoint.pth'
    torch.save(content, file, **options)
    return file


# --- reading


class TestReading:
    def test_plain_weights(self, tmp_path: Path) -> None:
        loaded = load_file(save(nn.Linear(2, 3).state_dict(), tmp_path))
        assert list(loaded) == ['weight', 'bias']
        assert type(loaded) is dict

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(MissingCheckpoint, match='nothing.pth does not exist'):
            load_file(tmp_path / 'nothing.pth')
        with pytest.raises(FileNotFoundError):
            load_file(tmp_path / 'nothing.pth')

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(BadCheckpoint, match='is a folder'):
            load_file(tmp_path)

    @pytest.mark.parametrize('zipped', [True, False])
    @pytest.mark.parametrize('part', [0.0, 0.1, 0.5, 0.95])
    def test_truncated(self, tmp_path: Path, part: float, zipped: bool) -> None:
        file = save(nn.Linear(20, 30).state_dict(), tmp_path, _use_new_zipfile_serialization=zipped)
        file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
        with pytest.raises(BadCheckpoint, match=r'bytes\) (cannot be read|is no checkpoint)'):
            load_file(file)

    def test_web_page(self, tmp_path: Path) -> None:
        file = tmp_path / 'page.pth'
        file.write_text('<html>404</html>')
        with pytest.raises(BadCheckpoint, match='is no checkpoint: it is a web page.*download it again'):
            load_file(file)

    def test_not_a_dictionary(self, tmp_path: Path) -> None:
        with pytest.raises(BadCheckpoint, match='a dictionary was expected, and it holds a list'):
            load_file(save([1, 2], tmp_path))


class TestTrust:
    @pytest.mark.parametrize('zipped', [True, False])
    def test_code_does_not_run(self, tmp_path: Path, zipped: bool) -> None:
        file = save(dict(a=Evil(tmp_path / 'mark')), tmp_path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(UntrustedCheckpoint, match='mkdir.*trusted=True.*DISTILPOSE_TRUSTED_CHECKPOINTS'):
            load_file(file)
        assert not (tmp_path / 'mark').exists()
        load_file(file, trusted=True)
        assert (tmp_path / 'mark').exists()

    def test_the_objects_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(UntrustedCheckpoint, match='it holds the objects argparse.Namespace,'):
            load_file(save(dict(options=argparse.Namespace(a=1), values=np.ones(2)), tmp_path))

    def test_listed_in_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = save(dict(options=argparse.Namespace(a=1)), tmp_path)
        for listed in (file, tmp_path, f'/nowhere{os.pathsep}{file}'):
            monkeypatch.setenv('DISTILPOSE_TRUSTED_CHECKPOINTS', str(listed))
            assert load_file(file)['options'].a == 1
        monkeypatch.setenv('DISTILPOSE_TRUSTED_CHECKPOINTS', str(tmp_path / 'other.pth'))
        with pytest.raises(UntrustedCheckpoint):
            load_file(file)


class TestStandIns:
    @pytest.mark.parametrize(
        'value',
        [
            np.arange(6, dtype=np.float32).reshape(2, 3),
            np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            np.array(['left_eye', 'nose']),
            np.array([True, False]),
            np.arange(3, dtype='>i4'),
            np.zeros((0, 3), np.uint8),
            np.array(2.5),
            np.float32(0.25),
            np.int64(-3),
        ],
        ids=lambda value: f'{value.dtype}{list(value.shape)}',
    )
    def test_numpy_values_come_through_exactly(self, tmp_path: Path, value: Any) -> None:
        loaded = load_file(save(dict(nested=[(value,)]), tmp_path))['nested'][0][0]
        assert type(loaded) is type(value)
        assert loaded.dtype == value.dtype
        np.testing.assert_array_equal(loaded, value)

    def test_history(self, tmp_path: Path) -> None:
        history = HistoryBuffer([1.0, 3.0], [1, 2], max_length=7)
        file = save(dict(scalars=OrderedDict(loss=history)), tmp_path)
        with pytest.raises(pickle.UnpicklingError):  # what torch alone says
            torch.load(file, weights_only=True)
        loaded = load_file(file)['scalars']['loss']
        assert isinstance(loaded, HistoryBuffer)
        assert loaded.max_length == 7
        assert loaded.statistics('mean', 2) == history.statistics('mean', 2)

    def test_objects_in_an_array_are_refused(self, tmp_path: Path) -> None:
        mark = tmp_path / 'mark'
        with pytest.raises(UntrustedCheckpoint):
            load_file(save(dict(a=np.array([Evil(mark)], dtype=object)), tmp_path))
        with pytest.raises(UntrustedCheckpoint, match='not plain numbers'):
            load_file(save(dict(a=np.array([None], dtype=object)), tmp_path))
        assert not mark.exists()

    def test_getattr_gives_nothing_away(self, tmp_path: Path) -> None:
        class Getter:
            def __reduce__(self) -> tuple:
                return getattr, (HistoryBuffer, '__init__')

        assert load_file(save(dict(a=Getter()), tmp_path))['a'] is None


# --- our own training checkpoints


def training_checkpoint() -> dict[str, Any]:
    info = dict(sigmas=np.array([0.1, 0.2], np.float32), names=['a', 'b'], links=[(0, np.arange(2))])
    return dict(
        meta=dict(epoch=3, dataset_meta=info),
        state_dict=nn.Linear(2, 2).state_dict(),
        message_hub=dict(
            log_scalars=OrderedDict(loss=HistoryBuffer([1.0, 0.5], [1, 1])), runtime_info=dict(best=np.float64(0.5))
        ),
        optimizer=dict(state={0: dict(step=torch.tensor(1.0))}, param_groups=[dict(lr=0.1, betas=(0.9, 0.999))]),
    )


def test_flatten_makes_plain_data_and_restore_undoes_it(tmp_path: Path) -> None:
    checkpoint = training_checkpoint()
    flatten(checkpoint)
    file = save(checkpoint, tmp_path)
    plain = torch.load(file, weights_only=True)
    assert plain['meta']['dataset_meta']['sigmas'] == pytest.approx([0.1, 0.2])  # a plain list for other readers

    loaded, expected = load_file(file), training_checkpoint()
    assert set(loaded) == set(expected)
    sigmas = loaded['meta']['dataset_meta']['sigmas']
    assert sigmas.dtype == np.float32
    np.testing.assert_array_equal(sigmas, expected['meta']['dataset_meta']['sigmas'])
    assert loaded['meta']['dataset_meta']['links'][0][1].tolist() == [0, 1]
    assert loaded['message_hub']['log_scalars']['loss'].data[0].tolist() == [1.0, 0.5]
    assert loaded['message_hub']['runtime_info'] == dict(best=0.5)
    assert loaded['optimizer'] == expected['optimizer']
    assert loaded['state_dict']._metadata  # versions of the layers


def test_what_cannot_be_plain_is_left_out(tmp_path: Path) -> None:
    checkpoint = dict(message_hub=dict(kept=Path('a/b'), left_out=argparse.Namespace()), state_dict={})
    flatten(checkpoint)
    assert load_file(save(checkpoint, tmp_path))['message_hub'] == dict(kept='a/b')


def test_restore_leaves_other_checkpoints_alone() -> None:
    for other in (dict(state_dict={}), [1], dict(plain_data='text')):
        assert restore(other) is other


# --- finding the weights


class TestStateDictOf:
    weights = OrderedDict(a=torch.zeros(1), b=torch.zeros(2))

    def test_bare_and_wrapped(self) -> None:
        assert list(state_dict_of(self.weights, source='x')) == ['a', 'b']
        assert list(state_dict_of(dict(state_dict=self.weights, meta={}), source='x')) == ['a', 'b']
        wrapped = {f'module.{name}': value for name, value in self.weights.items()}
        assert list(state_dict_of(dict(model=wrapped), source='x')) == ['a', 'b']

    def test_module_in_some_names_is_a_name(self) -> None:
        mixed = {'module.a': torch.zeros(1), 'b': torch.zeros(1)}
        assert list(state_dict_of(mixed, source='x')) == ['module.a', 'b']

    def test_nothing_is_preferred_silently(self) -> None:
        several = dict(model=self.weights, model_ema=dict(a=torch.ones(1)))
        with pytest.raises(BadCheckpoint, match=r"x.pth holds several sets of weights, \['model', 'model_ema'\]"):
            state_dict_of(several, source='x.pth')
        assert state_dict_of(several, source='x.pth', key='model_ema')['a'] == 1
        with pytest.raises(BadCheckpoint, match="no weights under 'other'"):
            state_dict_of(several, source='x.pth', key='other')

    def test_no_weights(self) -> None:
        with pytest.raises(BadCheckpoint, match=r"x.pth holds no weights.*only \['epoch'\]"):
            state_dict_of(dict(epoch=1), source='x.pth')


# --- loading them


class Renaming(nn.Linear):
    """A layer which knows an older name of its weight."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self._register_load_state_dict_pre_hook(self.rename)

    @staticmethod
    def rename(state_dict: dict, prefix: str, *_: Any) -> None:
        if f'{prefix}kernel' in state_dict:
            state_dict[f'{prefix}weight'] = state_dict.pop(f'{prefix}kernel')


class TestLoadStrict:
    def network(self) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))

    def test_everything_is_loaded(self) -> None:
        source, target = self.network(), self.network()
        load_strict(target, source.state_dict(), source='x')
        for name, value in target.state_dict().items():
            assert torch.equal(value, source.state_dict()[name])

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (lambda w: w.pop('0.bias'), '1 of 7 names are missing from it: 0.bias'),
            (lambda w: w.update({'head.a': torch.zeros(1)}), '1 of its names are unknown to the network: head.a'),
            (
                lambda w: w.update({'0.weight': torch.zeros(3, 5)}),
                r'1 have another shape: 0.weight \(3, 5\) instead of \(3, 2\)',
            ),
            (lambda w: [w.update({f'x{i}': torch.zeros(1)}) for i in range(9)], 'x0, x1, x2, x3, x4 and 4 more'),
        ],
        ids=['missing', 'unknown', 'shape', 'many'],
    )
    def test_a_mismatch_names_the_keys_and_loads_nothing(self, change: Any, message: str) -> None:
        network = self.network()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        weights = self.network().state_dict()
        change(weights)
        with pytest.raises(CheckpointMismatch, match=f'teacher.pth does not fit Sequential: .*{message}') as caught:
            load_strict(network, weights, source='teacher.pth')
        assert isinstance(caught.value, ValueError)
        for name, value in network.state_dict().items():
            assert torch.equal(value, before[name])

    def test_ignored_prefixes(self) -> None:
        network, weights = self.network(), self.network().state_dict()
        weights['extra.a'] = torch.zeros(1)
        del weights['1.weight']
        before = network[1].weight.clone()
        load_strict(network, weights, source='x', ignore_prefixes=('extra.', '1.'))
        assert torch.equal(network[0].weight, weights['0.weight'])
        assert torch.equal(network[1].weight, before)

    def test_older_names_that_the_network_knows(self) -> None:
        network, weights = Renaming(), Renaming().state_dict()
        weights['kernel'] = weights.pop('weight')
        load_strict(network, weights, source='x')
        assert torch.equal(network.weight, weights['kernel'])

    def test_other_things_than_tensors(self) -> None:
        with pytest.raises(CheckpointMismatch, match='epoch are no tensors'):
            load_strict(self.network(), dict(epoch=1), source='x')
